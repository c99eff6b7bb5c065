//! SRC-010: see the check's own explanation.

use super::replication::{needs_no_slot, number};
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::{Action, Cost, Fix, Mode, Step};
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
    let role = facts.source.role.known()?;
    let of_role = role.settings.iter().find_map(|s| s.strip_prefix("statement_timeout="));
    // The value that a new session of the login starts with, in milliseconds.
    let value = number(facts, "statement_timeout")?;
    if value == 0 {
        return Ok(Verdict::Pass);
    }
    let endpoint = &facts.pipeline.source;
    let user = pg_ident(&endpoint.user);
    let role_rules = of_role.and_then(millis) == Some(value);
    // Where the role's own setting is not the one in force, only one for this very database surely goes before it.
    let (scope, from) = if role_rules {
        (format!("ALTER ROLE {user}"), "the role")
    } else {
        let scope = format!("ALTER ROLE {user} IN DATABASE {}", pg_ident(&endpoint.database));
        (scope, "the server, the database, or the role in this database")
    };
    let sql = format!("{scope} SET statement_timeout = 0");
    let back = Action::source(format!("{scope} SET statement_timeout = {value}"));
    let step = Step::new(Cost::None, Action::source(&sql)).undo(back).note("for new connections");
    let finding = Finding::new(
        "statement_timeout",
        format!("The source ends every statement of {user} after {value} ms, a long copy among them"),
    )
    .saw("statement_timeout", format!("{value} ms"))
    .saw("set for", from)
    .fix(Fix::new(Mode::Auto, sql, vec![step]));
    Ok(Verdict::Fail(vec![finding]))
}

/// A duration as PostgreSQL writes it in milliseconds: `30s`, `5min`, `5000`.
fn millis(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
    let number: u64 = digits.parse().ok()?;
    let factor = match text[digits.len()..].trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::{CHECK, millis};
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
    fn durations_are_read_in_every_unit() {
        for (text, value) in [("5000", 5000), ("30s", 30_000), ("5min", 300_000), ("1h", 3_600_000), ("7 ms", 7)] {
            assert_eq!(millis(text), Some(value), "{text}");
        }
        assert_eq!(millis("soon"), None);
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
