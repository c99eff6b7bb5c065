//! SRC-010: see the check's own explanation.

use super::replication::needs_no_slot;
use super::session_limits::limit;
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::pipeline::EngineKind;
use crate::quote::pg_ident;

check! {
    /// # What it looks at
    /// Whether the source ends long statements of the pipeline's login: a `statement_timeout` other than 0, set for the
    /// role, the database or the server. What counts is the value that a new session of the login starts with: the
    /// role's setting for this database goes before the role's own, that before the database's, that before the
    /// server's.
    ///
    /// The engine `direct` sets the timeout to 0 in each session in which it copies rows, so a full load by that engine
    /// alone is not concerned. Its replication session, and every session of AWS DMS, take what the server gives.
    ///
    /// # Why it matters
    /// A `COPY` or `SELECT` of a large table, or the making of a slot that waits for open transactions, is cut off in the
    /// middle: `canceling statement due to statement timeout` (SQLSTATE 57014). DMS starts the table again, and is cut
    /// off again.
    ///
    /// # How to fix it by hand
    /// Take the limit away from this login only. A role may do that for itself:
    ///
    /// ```sql
    /// ALTER ROLE cdc SET statement_timeout = 0;
    /// ```
    ///
    /// It holds for new connections. On a DMS endpoint raise `ExecuteTimeout` as well (60 seconds when not set):
    ///
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --postgre-sql-settings '{"ExecuteTimeout": 3600}'
    /// ```
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a PostgreSQL database as a source"; PostgreSQL documentation, `statement_timeout`.
    /// Tried on PostgreSQL 15, where it ended the making of a slot.
    code: "SRC-010",
    name: "statement-timeout-set",
    area: Src,
    severity: Warning,
    title: "The source ends long statements of the pipeline's login",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    if facts.pipeline.sync.engine != EngineKind::Dms
        && let Some(verdict) = needs_no_slot(facts)
    {
        return Ok(verdict);
    }
    let Some(limit) = limit(facts, "statement_timeout")? else { return Ok(Verdict::Pass) };
    let (value, user) = (limit.value, pg_ident(&facts.pipeline.source.user));
    let finding = Finding::new(
        "statement_timeout",
        format!("The source ends every statement of {user} after {value} ms, a long copy among them"),
    )
    .saw("statement_timeout", format!("{value} ms"))
    .saw("set for", limit.from)
    .fix(limit.fix);
    Ok(Verdict::Fail(vec![finding]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, set, unseen,
    };
    use crate::facts::{Fact, Facts};
    use crate::fixes::Action;
    use crate::pipeline::{EngineKind, SyncMode};

    /// New sessions start with `value` milliseconds, and the role carries `of_role`.
    fn timeout(value: &str, of_role: Option<&str>) -> Facts {
        let mut facts = healthy();
        set(&mut facts, "statement_timeout", value);
        if let Fact::Known(role) = &mut facts.source.role {
            role.settings = of_role.map(|v| format!("statement_timeout={v}")).into_iter().collect();
        }
        facts
    }

    fn sql(facts: &Facts) -> (String, Option<Action>) {
        let fix = finding(&CHECK, facts).fix.unwrap();
        (fix.summary, fix.steps[0].undo.clone())
    }

    #[test]
    fn a_roles_own_timeout_is_changed_at_the_role() {
        let facts = timeout("30000", Some("30s"));
        let (sql, undo) = sql(&facts);
        assert_eq!(sql, r#"ALTER ROLE "cdc" SET statement_timeout = 0"#);
        assert_eq!(undo, Some(Action::source(r#"ALTER ROLE "cdc" SET statement_timeout = 30000"#)));
        assert_eq!(causes(&facts), ["SRC-010"]);
    }

    #[test]
    fn one_from_elsewhere_is_overruled_where_nothing_goes_before_it() {
        for of_role in [None, Some("0")] {
            let facts = timeout("5000", of_role);
            let (sql, undo) = sql(&facts);
            assert_eq!(sql, r#"ALTER ROLE "cdc" IN DATABASE "music" SET statement_timeout = 0"#);
            let back = r#"ALTER ROLE "cdc" IN DATABASE "music" SET statement_timeout = 5000"#;
            assert_eq!(undo, Some(Action::source(back)));
        }
    }

    #[test]
    fn what_is_in_force_counts() {
        assert_pass(&CHECK, &healthy());
        assert_pass(&CHECK, &timeout("0", Some("30s")));
    }

    #[test]
    fn a_full_load_is_concerned_by_way_of_dms_only() {
        let mut facts = timeout("30000", None);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
        facts.pipeline.sync.engine = EngineKind::Dms;
        finding(&CHECK, &facts);
    }

    #[test]
    fn unknown_without_the_role() {
        let mut facts = healthy();
        facts.source.role = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
