//! SRC-009: see the check's own explanation.

use super::session_limits::limit;
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::pipeline::EngineKind;
use crate::quote::pg_ident;

check! {
    /// # What it looks at
    /// Whether the source ends sessions of the pipeline's login that stand still in a transaction: an
    /// `idle_in_transaction_session_timeout` other than 0, set for the role, the database or the server. It applies to
    /// the engine `dms`: the engine `direct` sets it to 0 in each of its sessions.
    ///
    /// # Why it matters
    /// DMS keeps a transaction open while it writes what it has read. Ended in between, the table fails with
    /// `terminating connection due to idle-in-transaction timeout` (SQLSTATE 25P03) and is loaded again.
    ///
    /// # How to fix it by hand
    /// Take the limit away from this login only. A role may do that for itself:
    ///
    /// ```sql
    /// ALTER ROLE cdc SET idle_in_transaction_session_timeout = 0;
    /// ```
    ///
    /// It holds for new connections. Where the endpoint logs in as another role, do it for that one.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a PostgreSQL database as a source"; PostgreSQL documentation,
    /// `idle_in_transaction_session_timeout`.
    code: "SRC-009",
    name: "idle-transactions-are-ended",
    area: Src,
    severity: Warning,
    title: "The source ends sessions that wait within a transaction",
    after: ["AUT-024"],
}

const NAME: &str = "idle_in_transaction_session_timeout";

fn judge(facts: &Facts) -> Judged {
    if facts.pipeline.sync.engine != EngineKind::Dms {
        return Ok(Verdict::NotApplicable("only AWS DMS keeps the server's limit in its sessions"));
    }
    let Some(limit) = limit(facts, NAME)? else { return Ok(Verdict::Pass) };
    let user = pg_ident(&facts.pipeline.source.user);
    let message = format!("The source ends sessions of {user} that wait {} ms within a transaction", limit.value);
    let finding =
        Finding::new(NAME, message).saw(NAME, format!("{} ms", limit.value)).saw("set for", limit.from).fix(limit.fix);
    Ok(Verdict::Fail(vec![finding]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_not_applicable, assert_pass, assert_unknown, finding, healthy, set, unseen};
    use crate::checks::testing_aws::healthy_dms;
    use crate::facts::Fact;

    #[test]
    fn a_limit_of_the_role_is_taken_from_the_role() {
        let mut facts = healthy_dms();
        assert_pass(&CHECK, &facts);
        set(&mut facts, super::NAME, "60000");
        if let Fact::Known(role) = &mut facts.source.role {
            role.settings = vec!["idle_in_transaction_session_timeout=1min".into()];
        }
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!(fix.summary, r#"ALTER ROLE "cdc" SET idle_in_transaction_session_timeout = 0"#);
    }

    #[test]
    fn around() {
        let mut facts = healthy_dms();
        facts.source.role = unseen();
        assert_unknown(&CHECK, &facts);
        assert_not_applicable(&CHECK, &healthy());
    }
}
