//! AUT-005: see the check's own explanation.

use super::databases::{Missing, evidence, identifier_likeness, missing, pick};
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// Whether the source says `database "…" does not exist` (SQLSTATE 3D000), on any try to log in: a database that
    /// does not exist is also seen while a connection without TLS is still refused. The databases that do exist are
    /// listed, and the name is compared with `rds_instance` and with the host name. A name that differs in case only is
    /// AUT-007; the login's own name is AUT-006.
    ///
    /// # Why it matters
    /// Nothing starts. On RDS three names look alike: the *identifier* names the instance (`charts-source`, part of the
    /// host name), the *database name* is a field further down in the console that may be left empty, and the master
    /// user has a name too. When the field was left empty, the only database is `postgres`. Typing the identifier as
    /// the database is the most common slip of all.
    ///
    /// # How to fix it by hand
    /// List the databases, and put one of them into `database` of `[source]`:
    ///
    /// ```sh
    /// psql "host=… user=… dbname=postgres sslmode=require" -c '\l'
    /// aws rds describe-db-instances --db-instance-identifier charts-source --query 'DBInstances[].DBName'
    /// ```
    ///
    /// `null` from the second means that none was made at creation: take `postgres`, or make one with
    /// `CREATE DATABASE music`. The same on a DMS endpoint:
    ///
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --database-name postgres
    /// ```
    ///
    /// # Source
    /// Amazon RDS API Reference, `CreateDBInstance`, `DBName`. Tried on PostgreSQL 15.
    code: "AUT-005",
    name: "identifier-taken-for-database-name",
    area: Aut,
    severity: Error,
    title: "The source has no database of this name; the name may be that of the instance",
    after: ["NET-020"],
}

fn judge(facts: &Facts) -> Judged {
    if missing(facts)? != Some(Missing::Other) {
        return Ok(Verdict::Pass);
    }
    let name = &facts.pipeline.source.database;
    let message = match identifier_likeness(facts) {
        Some(why) => format!("The source has no database \"{name}\". {why}"),
        None => format!("The source has no database \"{name}\""),
    };
    let finding = evidence(facts, Finding::new("source.database", message));
    Ok(Verdict::Fail(vec![finding.fix(pick(facts, None))]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_pass, assert_unknown, causes, finding, healthy, healthy_rds, not_tried, refused, unseen,
    };
    use crate::facts::{Fact, Facts};
    use crate::fixes::{Action, Mode};
    use crate::pipeline::TlsMode;

    /// [`crate::checks::testing::healthy_rds`] with a database that does not exist.
    fn without_database(mut facts: Facts, name: &str) -> Facts {
        facts.pipeline.source.database = name.into();
        facts.source.configured = refused("3D000", &format!("database \"{name}\" does not exist"));
        facts.source.encrypted = facts.source.configured.clone();
        facts
    }

    fn edit(facts: &Facts) -> (String, Vec<String>, Mode) {
        let fix = finding(&CHECK, facts).fix.unwrap();
        let Action::EditPipeline { key, value, choices } = fix.steps[0].action.clone() else { panic!("{fix:?}") };
        assert_eq!(key, "source.database");
        (value, choices, fix.mode)
    }

    #[test]
    fn the_identifier_is_recognised_and_the_real_databases_are_offered() {
        let facts = without_database(healthy_rds(), "charts-source");
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains("is rds_instance in [source]"), "{}", found.message);
        assert!(found.evidence.contains(&("databases".into(), "music, postgres".into())));
        assert_eq!(edit(&facts), ("postgres".into(), vec!["music".into(), "postgres".into()], Mode::Confirm));
        assert_eq!(causes(&facts), ["AUT-005"]);
    }

    #[test]
    fn it_stands_beside_a_refusal_of_plaintext() {
        let mut facts = without_database(healthy_rds(), "charts-source");
        facts.pipeline.source.tls = TlsMode::Disable;
        facts.source.configured = facts.source.plaintext.clone();
        assert_eq!(causes(&facts), ["TLS-001", "AUT-005"]);
    }

    #[test]
    fn the_first_part_of_the_host_and_the_look_of_the_name_tell_too() {
        let mut facts = without_database(healthy_rds(), "charts");
        assert!(finding(&CHECK, &facts).message.contains("first part of the host name"));
        facts = without_database(healthy(), "my-db-1");
        assert!(finding(&CHECK, &facts).message.contains("looks like an RDS identifier"));
        facts = without_database(healthy(), "musik");
        assert!(!finding(&CHECK, &facts).message.contains("RDS"));
    }

    #[test]
    fn a_single_database_is_taken_without_asking() {
        let mut facts = without_database(healthy(), "musik");
        facts.source.databases = Fact::Known(vec!["music".into()]);
        assert_eq!(edit(&facts), ("music".into(), vec!["music".into()], Mode::Auto));
    }

    #[test]
    fn without_the_list_it_still_fails_and_proposes_postgres() {
        let mut facts = without_database(healthy(), "musik");
        facts.source.databases = unseen();
        assert_eq!(edit(&facts), ("postgres".into(), Vec::new(), Mode::Confirm));
    }

    #[test]
    fn passes_with_a_session_and_is_unknown_without_a_try() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.configured = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
