//! SRC-010: see the check's own explanation.

use super::replication::{needs_no_slot, setting};
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::pipeline::EngineKind;
use crate::quote::{pg_ident, pg_literal};

check! {
    /// # What it looks at
    /// Whether the source ends long statements of the pipeline's login: a `statement_timeout` other than 0, set for the
    /// role, the database or the server. The role's setting for one database goes before the role's own, that before
    /// the database's, that before the server's.
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
    let setting = setting(facts, "statement_timeout")?;
    let in_database = setting.source == "database user";
    // A value that this program set for its own session says nothing of the others.
    let own_session = matches!(setting.source.as_str(), "session" | "client");
    let (value, from) = match of_role {
        Some(value) if !in_database => (value.to_owned(), "the role".to_owned()),
        _ if own_session => return Ok(Verdict::Pass),
        _ => {
            let unit = setting.unit.as_deref().unwrap_or("ms");
            (format!("{}{unit}", setting.value), setting.source.clone())
        }
    };
    if value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ') == "0" {
        return Ok(Verdict::Pass);
    }
    let user = &facts.pipeline.source.user;
    let mut scope = format!("ALTER ROLE {}", pg_ident(user));
    if in_database {
        scope = format!("{scope} IN DATABASE {}", pg_ident(&facts.pipeline.source.database));
    }
    let back = match of_role {
        Some(before) if !in_database => format!("{scope} SET statement_timeout = {}", pg_literal(before)),
        _ if in_database => format!("{scope} SET statement_timeout = {}", pg_literal(&value)),
        _ => format!("{scope} RESET statement_timeout"),
    };
    let sql = format!("{scope} SET statement_timeout = 0");
    let step = Step::new(Cost::None, Action::source(&sql)).undo(Action::source(back)).note("for new connections");
    let finding = Finding::new(
        "statement_timeout",
        format!("The source ends every statement of \"{user}\" after {value}, a long copy among them"),
    )
    .saw("statement_timeout", &value)
    .saw("set by", from)
    .fix(Fix::new(Mode::Auto, sql, vec![step]));
    Ok(Verdict::Fail(vec![finding]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, unseen,
    };
    use crate::facts::{Fact, Facts};
    use crate::fixes::Action;
    use crate::pipeline::{EngineKind, SyncMode};

    /// The session sees `value` from `source`, and the role carries `of_role`.
    fn timeout(value: &str, source: &str, of_role: Option<&str>) -> Facts {
        let mut facts = healthy();
        if let Fact::Known(settings) = &mut facts.source.settings {
            let setting = settings.get_mut("statement_timeout").unwrap();
            setting.value = value.into();
            setting.source = source.into();
            setting.unit = Some("ms".into());
        }
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
    fn a_servers_timeout_is_taken_from_the_role() {
        let facts = timeout("30000", "configuration file", None);
        let (sql, undo) = sql(&facts);
        assert_eq!(sql, r#"ALTER ROLE "cdc" SET statement_timeout = 0"#);
        assert_eq!(undo, Some(Action::source(r#"ALTER ROLE "cdc" RESET statement_timeout"#)));
        assert_eq!(causes(&facts), ["SRC-010"]);
    }

    #[test]
    fn a_roles_timeout_is_seen_even_where_this_session_set_its_own() {
        let facts = timeout("0", "client", Some("30s"));
        assert!(finding(&CHECK, &facts).message.contains("after 30s"));
        assert_eq!(sql(&facts).1, Some(Action::source(r#"ALTER ROLE "cdc" SET statement_timeout = '30s'"#)));
    }

    #[test]
    fn a_roles_timeout_for_one_database_is_changed_there() {
        let facts = timeout("5000", "database user", None);
        let (sql, undo) = sql(&facts);
        assert_eq!(sql, r#"ALTER ROLE "cdc" IN DATABASE "music" SET statement_timeout = 0"#);
        assert_eq!(
            undo,
            Some(Action::source(r#"ALTER ROLE "cdc" IN DATABASE "music" SET statement_timeout = '5000ms'"#))
        );
    }

    #[test]
    fn zero_in_any_spelling_passes() {
        for facts in [healthy(), timeout("0", "user", Some("0")), timeout("0", "user", Some("0ms"))] {
            assert_pass(&CHECK, &facts);
        }
    }

    #[test]
    fn a_role_that_is_exempt_passes_whatever_the_server_says() {
        assert_pass(&CHECK, &timeout("30000", "configuration file", Some("0")));
    }

    #[test]
    fn a_full_load_is_concerned_by_way_of_dms_only() {
        let mut facts = timeout("30000", "configuration file", None);
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
