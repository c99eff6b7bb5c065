//! AUT-017: see the check's own explanation.

use super::logins::{Logins, has_code, words};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, Refusal};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::quote::my_ident;
use crate::text;

check! {
    /// # What it looks at
    /// Whether the target's database can be used: error 1049 `Unknown database …` or 1044 `Access denied for user … to
    /// database …` at login; and whether every database that `schema_map` names is among those that the login sees.
    ///
    /// # Why it matters
    /// Nothing starts, or the tables of one schema have nowhere to go. In MySQL a database is what PostgreSQL calls a
    /// schema; the identifier of an RDS instance is neither. A login without any right on a database is told 1044
    /// whether the database exists or not.
    ///
    /// # How to fix it by hand
    /// Correct `database` of `[target]` or `schema_map` of `[tables]`, or make the database, as an administrator, with a
    /// character set that holds every character:
    ///
    /// ```sql
    /// SHOW DATABASES;
    /// CREATE DATABASE charts CHARACTER SET utf8mb4;
    /// GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX ON charts.* TO 'cdc'@'%';
    /// ```
    ///
    /// # Source
    /// MySQL documentation, "Server Error Message Reference"; AWS DMS User Guide, "Using a MySQL-compatible database as
    /// a target". Tried on MariaDB 10.11 and MySQL 9.7.
    code: "AUT-017",
    name: "target-database-missing",
    area: Aut,
    severity: Error,
    title: "The target's database does not exist, or its login may not use it",
    after: ["NET-022"],
}

fn judge(facts: &Facts) -> Judged {
    let logins = Logins::target(facts);
    if let Some(refusal) = logins.refused(|r| has_code(r, "1049"))? {
        return Ok(Verdict::Fail(vec![unknown(facts, &facts.pipeline.target.database, Some(refusal))]));
    }
    if let Some(refusal) = logins.refused(|r| has_code(r, "1044"))? {
        return Ok(Verdict::Fail(vec![forbidden(&facts.pipeline.target.database, refusal)]));
    }
    if !logins.configured.accepted() {
        // Refused for a reason of another check.
        return Ok(Verdict::Pass);
    }
    let seen = facts.target.schemas.known()?;
    let folds = facts.target.variables.value().and_then(|v| v.get("lower_case_table_names")).is_some_and(|v| v != "0");
    let is = |a: &str, b: &str| if folds { a.to_lowercase() == b.to_lowercase() } else { a == b };
    let missing = facts.pipeline.target_databases().into_iter().filter(|d| !seen.iter().any(|s| is(&s.name, d)));
    Ok(Verdict::from_findings(missing.map(|d| unknown(facts, d, None)).collect()))
}

/// A database that is not there, or that the login does not see.
fn unknown(facts: &Facts, database: &str, refusal: Option<&Refusal>) -> Finding {
    let existing = facts.target.databases.value().map(Vec::as_slice).unwrap_or_default();
    let mut finding =
        Finding::new(database, format!("The target has no database `{database}` that this login can see"));
    if let Some(refusal) = refusal {
        finding = finding.saw("server", words(refusal));
    }
    finding = match facts.target.databases.known() {
        Ok(names) if names.is_empty() => finding.saw("databases", "none"),
        Ok(names) => finding.saw("databases", names.join(", ")),
        Err(why) => finding.saw("databases", format!("unknown: {}", why.reason)),
    };
    let (key, section) = key_of(facts, database);
    let create = format!("CREATE DATABASE {} CHARACTER SET utf8mb4", my_ident(database));
    match text::nearest(database, existing.iter().map(String::as_str)) {
        Some(near) => {
            let edit = Action::EditPipeline { key: key.clone(), value: near.into(), choices: existing.to_vec() };
            let step = Step::new(Cost::None, edit).undo(Action::edit(key, database));
            finding.fix(Fix::new(Mode::Confirm, format!("write {near} in {section}"), vec![step]).or(create))
        }
        None => {
            // No undo: by then the database may hold rows.
            let step = Step::new(Cost::None, Action::target(&create));
            finding.fix(Fix::new(Mode::Confirm, create, vec![step]).or(format!("name another database in {section}")))
        }
    }
}

/// The key of the pipeline file that names the database, and where a person finds it.
fn key_of(facts: &Facts, database: &str) -> (String, &'static str) {
    let pipeline = &facts.pipeline;
    match pipeline.tables.schema_map.iter().find(|(_, to)| *to == database) {
        Some((schema, _)) if pipeline.target.database != database => {
            (format!("tables.schema_map.{schema}"), "schema_map of [tables]")
        }
        _ => ("target.database".to_owned(), "[target]"),
    }
}

/// A database that the login may not use.
fn forbidden(database: &str, refusal: &Refusal) -> Finding {
    // The message names the account with its host pattern: … for user 'cdc'@'%' to database …
    let account = refusal.message.split_once("for user ").and_then(|(_, rest)| rest.split_once(" to database"));
    let account = account.map_or("the account", |(account, _)| account);
    let grant = format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX ON {}.* TO {account}",
        my_ident(database)
    );
    Finding::new(database, format!("The target's login may not use the database `{database}`, or there is none"))
        .saw("server", words(refusal))
        .fix(Fix::manual(
            format!("let the login use `{database}`"),
            [
                format!("As an administrator: {grant}"),
                format!(
                    "If SHOW DATABASES has no {database}: CREATE DATABASE {} CHARACTER SET utf8mb4",
                    my_ident(database)
                ),
            ],
        ))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_pass, assert_unknown, causes, finding, healthy, not_tried, refused, set_variable, unseen,
    };
    use crate::facts::{Fact, Facts};
    use crate::fixes::{Action, Mode};
    use crate::pipeline::TlsMode;

    fn unknown_database(name: &str) -> Facts {
        let mut facts = healthy();
        facts.pipeline.target.database = name.into();
        facts.target.configured = refused("1049", &format!("Unknown database '{name}'"));
        facts.target.schemas = unseen();
        facts
    }

    #[test]
    fn a_missing_database_is_made() {
        let facts = unknown_database("music");
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!(fix.mode, Mode::Confirm);
        assert_eq!(fix.steps[0].action, Action::target("CREATE DATABASE `music` CHARACTER SET utf8mb4"));
        assert_eq!(fix.steps[0].undo, None);
        assert_eq!(causes(&facts), ["AUT-017"]);
    }

    #[test]
    fn a_near_miss_is_corrected_in_the_file() {
        let fix = finding(&CHECK, &unknown_database("chart")).fix.unwrap();
        let Action::EditPipeline { key, value, .. } = &fix.steps[0].action else { panic!("{fix:?}") };
        assert_eq!((key.as_str(), value.as_str()), ("target.database", "charts"));
        assert!(fix.alternatives[0].starts_with("CREATE DATABASE"));
    }

    #[test]
    fn a_forbidden_one_is_granted_to_the_account_that_the_server_names() {
        let mut facts = healthy();
        facts.target.configured = refused("1044", "Access denied for user 'cdc'@'%' to database 'charts'");
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert!(fix.steps[0].action.describe().ends_with("ON `charts`.* TO 'cdc'@'%'"));
        assert_eq!(causes(&facts), ["AUT-017"]);
    }

    #[test]
    fn it_is_seen_behind_the_demand_for_tls() {
        let mut facts = unknown_database("music");
        facts.target.encrypted = facts.target.configured.clone();
        facts.pipeline.target.tls = TlsMode::Disable;
        facts.target.configured = facts.target.plaintext.clone();
        assert_eq!(causes(&facts), ["TLS-004", "AUT-017"]);
    }

    #[test]
    fn every_mapped_database_must_be_there() {
        let mut facts = healthy();
        facts.pipeline.tables.schema_map.insert("shop".into(), "shop_copy".into());
        let found = finding(&CHECK, &facts);
        assert_eq!(found.subject, "shop_copy");
        facts.target.databases = Fact::Known(vec!["charts".into(), "shopcopy".into()]);
        let fix = finding(&CHECK, &facts).fix.unwrap();
        let Action::EditPipeline { key, .. } = &fix.steps[0].action else { panic!("{fix:?}") };
        assert_eq!(key, "tables.schema_map.shop");
    }

    #[test]
    fn case_counts_unless_the_server_folds_it() {
        let mut facts = healthy();
        facts.pipeline.target.database = "Charts".into();
        facts.pipeline.tables.schema_map.clear();
        finding(&CHECK, &facts);
        set_variable(&mut facts, "lower_case_table_names", "1");
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn passes_with_all_databases_and_is_unknown_without_a_look() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.target.schemas = unseen();
        assert_unknown(&CHECK, &facts);
        facts.target.configured = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
