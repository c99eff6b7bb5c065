//! AUT-015: see the check's own explanation.

use super::aut_013_login_limited::is_own_limit;
use super::logins::{Logins, has_code, words};
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Whether the source answers a login with SQLSTATE 53300: `sorry, too many clients already`, or `remaining
    /// connection slots are reserved for …`. A limit of the role or of the database is AUT-013's.
    ///
    /// # Why it matters
    /// No engine gets a session, and no other login does either. Password and rights are not at fault.
    ///
    /// # How to fix it by hand
    /// As a superuser, who has connections reserved, look who holds them, and end what nobody needs:
    ///
    /// ```sql
    /// SELECT usename, application_name, state, count(*) FROM pg_stat_activity GROUP BY 1, 2, 3 ORDER BY 4 DESC;
    /// SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle' AND state_change < now() - '1h'::interval;
    /// ```
    ///
    /// Then lower what the pipeline itself takes (`parallel` in `[sync]`, `MaxFullLoadSubTasks` of a DMS task), or raise
    /// `max_connections`, which needs a restart.
    ///
    /// # Source
    /// PostgreSQL documentation, "Connections and Authentication". Tried on PostgreSQL 15 and 17.
    code: "AUT-015",
    name: "no-connection-left",
    area: Aut,
    severity: Error,
    title: "The source has no connection left for the login",
    after: ["NET-020"],
}

fn judge(facts: &Facts) -> Judged {
    let full = |r: &crate::facts::Refusal| has_code(r, "53300") && !is_own_limit(&r.message);
    let Some(refusal) = Logins::source(facts).refused(full)? else { return Ok(Verdict::Pass) };
    let message = format!("The source has no connection left for \"{}\"", facts.pipeline.source.user);
    let fix = Fix::manual(
        "free connections",
        [
            "As a superuser: SELECT pid, usename, application_name, state FROM pg_stat_activity ORDER BY state_change",
            "End what nobody needs: SELECT pg_terminate_backend(PID)",
            "Where the pipeline itself takes too many: lower parallel in [sync], or MaxFullLoadSubTasks of the task.",
        ],
    );
    let finding = Finding::new("max_connections", message).saw("server", words(refusal));
    Ok(Verdict::Fail(vec![finding.fix(fix.or("raise max_connections, and restart the source"))]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, not_tried, refused};

    #[test]
    fn a_full_server_is_the_only_cause() {
        for words in ["sorry, too many clients already", "remaining connection slots are reserved for superusers"] {
            let mut facts = healthy();
            facts.source.configured = refused("53300", words);
            facts.source.encrypted = facts.source.configured.clone();
            assert!(finding(&CHECK, &facts).evidence[0].1.ends_with(words));
            assert_eq!(causes(&facts), ["AUT-015"]);
        }
    }

    #[test]
    fn passes_and_is_unknown() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.configured = refused("53300", r#"too many connections for role "cdc""#);
        assert_pass(&CHECK, &facts);
        facts.source.configured = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
