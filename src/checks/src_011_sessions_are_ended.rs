//! SRC-011: see the check's own explanation.

use super::session_limits::limit;
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Unknown};
use crate::pipeline::EngineKind;
use crate::quote::pg_ident;

check! {
    /// # What it looks at
    /// Limits of the source that end or refuse the sessions of the pipeline's login: `lock_timeout`,
    /// `idle_session_timeout` (since PostgreSQL 14) and `transaction_timeout` (since 17), set for the role, the database
    /// or the server. The engine `direct` sets them to 0 in its own sessions.
    ///
    /// # Why it matters
    /// A full load is one long transaction, which `transaction_timeout` ends in the middle (SQLSTATE 25P04). Sessions
    /// that wait for work are ended by `idle_session_timeout` (57P05). `lock_timeout` ends a read that waits for a
    /// change of the table's definition (55P03).
    ///
    /// # How to fix it by hand
    /// Take the limit away from this login only. A role may do that for itself:
    ///
    /// ```sql
    /// ALTER ROLE cdc SET transaction_timeout = 0;
    /// ```
    ///
    /// # Source
    /// PostgreSQL documentation, "Client Connection Defaults".
    code: "SRC-011",
    name: "sessions-are-ended",
    area: Src,
    severity: Warning,
    title: "The source ends sessions or transactions of the pipeline's login",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    let names: &[&str] = match facts.pipeline.sync.engine {
        EngineKind::Dms => &["lock_timeout", "idle_session_timeout", "transaction_timeout"],
        EngineKind::Direct => {
            return Ok(Verdict::NotApplicable("engine direct sets these limits to 0 in its own sessions"));
        }
        EngineKind::S3 => return Ok(Verdict::NotApplicable("engine s3 opens no long session on the source")),
    };
    let found: Result<Vec<Option<Finding>>, Unknown> = names.iter().map(|name| finding(facts, name)).collect();
    Ok(Verdict::from_findings(found?.into_iter().flatten().collect()))
}

fn finding(facts: &Facts, name: &str) -> Result<Option<Finding>, Unknown> {
    let Some(limit) = limit(facts, name)? else { return Ok(None) };
    let (user, value) = (pg_ident(&facts.pipeline.source.user), limit.value);
    let message = match name {
        "lock_timeout" => format!("The source lets {user} wait {value} ms for a lock, and no longer"),
        "idle_session_timeout" => format!("The source ends sessions of {user} that are idle for {value} ms"),
        _ => format!("The source ends transactions of {user} after {value} ms, a full load among them"),
    };
    let finding = Finding::new(name, message).saw(name, format!("{value} ms")).saw("set for", limit.from);
    Ok(Some(finding.fix(limit.fix)))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_not_applicable, assert_pass, assert_unknown, findings, healthy, set, unseen};
    use crate::checks::testing_aws::healthy_dms;

    #[test]
    fn each_limit_is_told_with_its_own_remedy() {
        let mut facts = healthy_dms();
        for name in ["lock_timeout", "idle_session_timeout", "transaction_timeout"] {
            set(&mut facts, name, "5000");
        }
        let found = findings(&CHECK, &facts);
        assert_eq!(found.len(), 3);
        let sql = r#"ALTER ROLE "cdc" IN DATABASE "music" SET transaction_timeout = 0"#;
        assert_eq!(found[2].fix.as_ref().unwrap().summary, sql);
    }

    #[test]
    fn passes_is_unknown_and_does_not_concern_the_engine_direct() {
        let mut facts = healthy_dms();
        assert_pass(&CHECK, &facts);
        facts.source.role = unseen();
        assert_unknown(&CHECK, &facts);
        let mut facts = healthy();
        set(&mut facts, "transaction_timeout", "5000");
        assert_not_applicable(&CHECK, &facts);
    }
}
