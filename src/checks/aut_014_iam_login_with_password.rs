//! AUT-014: see the check's own explanation.

use super::aws_parts::Part;
use super::logins::{Logins, words};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Refusal};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `PAM authentication failed` among the refusals of the source, here and in the endpoint's last connection test.
    ///
    /// # Why it matters
    /// On RDS and Aurora a member of the role `rds_iam` logs in with a signed token only. Its password, even the right
    /// one, is refused with these words and not with `password authentication failed`.
    ///
    /// # How to fix it by hand
    /// Make a login of its own for the pipeline, which is not a member of `rds_iam`: `REVOKE rds_iam FROM "cdc"` takes
    /// the membership away. Or log in by token: here with `password = { rds_iam = true }`, in DMS with
    /// `AuthenticationMethod=iam` and a role that allows `rds-db:connect`.
    ///
    /// # Source
    /// Amazon RDS User Guide, "IAM database authentication"; AWS DMS API Reference, `PostgreSQLSettings`.
    code: "AUT-014",
    name: "iam-login-with-password",
    area: Aut,
    severity: Error,
    title: "The source's login takes an IAM token, and was given something else",
    after: ["NET-020"],
}

const SAID: &str = "PAM authentication failed";

fn judge(facts: &Facts) -> Judged {
    let here = Logins::source(facts).refused(|r: &Refusal| r.message.contains(SAID))?;
    let there = Part::of(facts).and_then(|part| {
        let endpoint = part.source().ok().flatten()?;
        part.failure_of(endpoint).filter(|failure| failure.contains(SAID))
    });
    let user = &facts.pipeline.source.user;
    let fix = || {
        let revoke = format!("Or take the membership away, in psql: REVOKE rds_iam FROM \"{user}\"");
        Fix::manual("log in by token, or leave rds_iam", [
            "Here: password = { rds_iam = true } in [source]. In DMS: AuthenticationMethod=iam, with a role that allows rds-db:connect.".to_owned(),
            revoke,
        ])
    };
    let refused = |by: &str, said: String| {
        let message = format!("{by} is refused: the login is a member of rds_iam, which takes signed tokens only");
        Finding::new("source.user", message).saw("server", said).fix(fix())
    };
    let mut found = Vec::new();
    found.extend(here.map(|r| refused(&format!("The login of \"{user}\" from here"), words(r))));
    found.extend(there.map(|said| refused("The login of DMS", said.to_owned())));
    Ok(Verdict::from_findings(found))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, not_tried, refused};
    use crate::checks::testing_aws::{healthy_dms, source_connection};

    const SAID: &str = r#"PAM authentication failed for user "cdc""#;

    #[test]
    fn a_password_for_a_member_of_rds_iam() {
        let mut facts = healthy();
        facts.source.configured = refused("28000", SAID);
        facts.source.encrypted = facts.source.configured.clone();
        assert!(finding(&CHECK, &facts).message.contains("member of rds_iam"));
        assert_eq!(causes(&facts), ["AUT-014"]);
    }

    #[test]
    fn dms_alone_is_refused() {
        let mut facts = healthy_dms();
        let connection = source_connection(&mut facts);
        (connection.status, connection.failure) = ("failed".into(), Some(format!("FATAL: {SAID}")));
        assert!(finding(&CHECK, &facts).message.starts_with("The login of DMS"));
        assert_eq!(causes(&facts), ["AUT-014"]);
    }

    #[test]
    fn passes_with_a_session_and_is_unknown_without_a_try() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.configured = not_tried();
        facts.source.encrypted = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
