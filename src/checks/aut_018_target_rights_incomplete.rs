//! AUT-018: see the check's own explanation.

use std::collections::BTreeMap;

use super::aws_parts::Part;
use super::my_grants::{Grants, account};
use super::target_variables::{is_on, optional};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, MyTable, Unknown, UnknownKind};
use crate::fixes::Fix;
use crate::pipeline::{EngineKind, OnSchemaChange};
use crate::quote::my_ident;

check! {
    /// # What it looks at
    /// `SHOW GRANTS` of the target's login, with those of the roles that are active when it logs in, against what the
    /// engine does in each target database. `dms` needs ALTER, CREATE, DROP, INDEX, INSERT, UPDATE, DELETE, SELECT and
    /// CREATE TEMPORARY TABLES, and a database for its control tables. `direct` needs SELECT, INSERT, UPDATE and
    /// DELETE, CREATE where it makes tables, and ALTER with `on_schema_change = "add-columns"`.
    ///
    /// # Why it matters
    /// The engine stops at the first statement that it may not run (`1142 INSERT command denied to user …`), in the
    /// middle of a load, or at the first change of a kind that had not come yet.
    ///
    /// # How to fix it by hand
    /// As an administrator of the target:
    ///
    /// ```sql
    /// GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, CREATE TEMPORARY TABLES ON charts.* TO 'cdc'@'%';
    /// GRANT ALL PRIVILEGES ON awsdms_control.* TO 'cdc'@'%';   -- for dms
    /// ```
    ///
    /// Names of databases in grants are patterns, in which `_` and `%` stand for any character and any characters. Of
    /// several that fit, the server heeds the most specific alone: a grant of SELECT on `charts` hides one of
    /// everything on `ch%`. A role must be active: `SET DEFAULT ROLE ALL TO 'cdc'@'%'` (MySQL).
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a MySQL-compatible database as a target", and premigration assessment
    /// `mysql-check-target-privileges`; MySQL documentation, "GRANT Statement". Tried on MySQL 9.7 and MariaDB 10.11.
    code: "AUT-018",
    name: "target-rights-incomplete",
    area: Aut,
    severity: Error,
    title: "The target's login may not do all that the engine has to",
    after: ["AUT-025", "AUT-017"],
}

/// What everything that writes rows needs.
const ROWS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

fn judge(facts: &Facts) -> Judged {
    if facts.pipeline.sync.engine == EngineKind::S3 {
        return Ok(Verdict::NotApplicable("engine s3 writes by a job of Glue, which logs in by itself"));
    }
    same_login(facts)?;
    let grants = Grants::of(facts)?;
    let folds = optional(facts, "lower_case_table_names")?.is_some_and(is_on);
    let mut findings = Vec::new();
    for (database, wanted) in wanted(facts)? {
        let known = if folds { database.to_lowercase() } else { database.clone() };
        let lacking = grants.lacking(&known, &wanted)?;
        if !lacking.is_empty() {
            findings.push(finding(facts, &database, &lacking)?);
        }
    }
    Ok(Verdict::from_findings(findings))
}

/// The grants seen are those of the login that writes.
///
/// # Errors
/// The endpoint of DMS names another.
pub(super) fn same_login(facts: &Facts) -> Result<(), Unknown> {
    let Some(part) = Part::of(facts) else { return Ok(()) };
    let user = part.target()?.and_then(|e| e.user.as_deref());
    match user.filter(|u| *u != facts.pipeline.target.user) {
        Some(other) => {
            let why = format!("DMS logs in as {other}; only the grants of {} were seen", facts.pipeline.target.user);
            Err(Unknown::new(UnknownKind::Failed, why))
        }
        None => Ok(()),
    }
}

/// What the engine does in each database.
fn wanted(facts: &Facts) -> Result<BTreeMap<String, Vec<&'static str>>, Unknown> {
    let pipeline = &facts.pipeline;
    let mut all = BTreeMap::new();
    for database in pipeline.target_databases() {
        let mut wanted = ROWS.to_vec();
        if pipeline.sync.engine == EngineKind::Dms {
            wanted.extend(["CREATE", "ALTER", "DROP", "INDEX", "CREATE TEMPORARY TABLES"]);
        } else {
            // Its own two tables are in this one.
            let own = database == pipeline.target.database && pipeline.sync.mode.has_cdc();
            if own || makes_tables(facts, database)? {
                wanted.push("CREATE");
            }
            if pipeline.sync.on_schema_change == OnSchemaChange::AddColumns {
                wanted.push("ALTER");
            }
        }
        all.insert(database.to_owned(), wanted);
    }
    if pipeline.sync.engine == EngineKind::Dms {
        all.insert(control_database(facts), [&ROWS[..], &["CREATE", "ALTER", "DROP", "INDEX"]].concat());
    }
    Ok(all)
}

/// A selected table is not there yet.
fn makes_tables(facts: &Facts, database: &str) -> Result<bool, Unknown> {
    let there: Vec<&MyTable> = facts.target.tables.known()?.iter().filter(|t| t.schema == database).collect();
    let mut sources = facts.source.tables.known()?.iter();
    let is_here = |schema: &str| facts.pipeline.target_database(schema) == database;
    Ok(sources.any(|s| is_here(&s.schema) && !there.iter().any(|t| t.name.eq_ignore_ascii_case(&s.name))))
}

/// Where DMS keeps its control tables.
fn control_database(facts: &Facts) -> String {
    let task = Part::of(facts).and_then(|part| part.dms.task(part.names).ok().flatten());
    let named = task.and_then(|t| t.setting("/ControlTablesSettings/ControlSchema")?.as_str());
    named.filter(|n| !n.is_empty()).unwrap_or("awsdms_control").to_owned()
}

fn finding(facts: &Facts, database: &str, lacking: &[&str]) -> Result<Finding, Unknown> {
    let session = facts.target.session.known()?;
    let account = account(session);
    // In a grant the name is a pattern.
    let pattern = my_ident(&database.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%"));
    let grant = format!("GRANT {} ON {pattern}.* TO {account}", lacking.join(", "));
    let message = format!("{account} may not do all in `{database}` that the engine {} does", engine(facts));
    let fix = Fix::manual(format!("grant what is missing in `{database}`"), [format!("As an administrator: {grant}")]);
    Ok(Finding::new(database, message).saw("missing", lacking.join(", ")).fix(fix))
}

fn engine(facts: &Facts) -> &'static str {
    if facts.pipeline.sync.engine == EngineKind::Dms { "dms" } else { "direct" }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, findings, healthy, unseen,
    };
    use crate::checks::testing_aws::{healthy_dms, target_endpoint};
    use crate::facts::{Fact, Facts};
    use crate::pipeline::{EngineKind, OnSchemaChange};

    fn granted(mut facts: Facts, lines: &[&str]) -> Facts {
        facts.target.grants = Fact::Known(lines.iter().map(|l| (*l).to_owned()).collect());
        facts
    }

    #[test]
    fn direct_needs_less_than_dms() {
        let lines = ["GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON `charts`.* TO `cdc`@`%`"];
        assert_pass(&CHECK, &granted(healthy(), &lines));
        let found = findings(&CHECK, &granted(healthy_dms(), &lines));
        let subjects: Vec<&str> = found.iter().map(|f| f.subject.as_str()).collect();
        assert_eq!(subjects, ["awsdms_control", "charts"]);
        assert_eq!(found[1].evidence[0].1, "ALTER, DROP, INDEX, CREATE TEMPORARY TABLES");
        assert_eq!(
            found[1].fix.as_ref().unwrap().steps[0].action.describe(),
            "As an administrator: GRANT ALTER, DROP, INDEX, CREATE TEMPORARY TABLES ON `charts`.* TO 'cdc'@'%'"
        );
        assert_eq!(causes(&granted(healthy_dms(), &lines)), ["AUT-018"]);
    }

    #[test]
    fn direct_makes_its_own_tables_and_new_columns() {
        let lines = ["GRANT SELECT, INSERT, UPDATE, DELETE ON `charts`.* TO `cdc`@`%`"];
        let mut facts = granted(healthy(), &lines);
        facts.pipeline.sync.on_schema_change = OnSchemaChange::AddColumns;
        assert_eq!(finding(&CHECK, &facts).evidence[0].1, "CREATE, ALTER");
    }

    #[test]
    fn a_name_in_a_grant_is_escaped() {
        let mut facts = granted(healthy(), &["GRANT USAGE ON *.* TO `cdc`@`%`"]);
        facts.pipeline.target.database = "my_charts".into();
        facts.pipeline.tables.schema_map.clear();
        let step = finding(&CHECK, &facts).fix.unwrap().steps.remove(0);
        assert!(step.action.describe().contains(r"ON `my\_charts`.* TO"), "{}", step.action.describe());
    }

    #[test]
    fn another_login_of_the_endpoint_is_not_judged_by_this_one() {
        let mut facts = healthy_dms();
        target_endpoint(&mut facts).user = Some("admin".into());
        assert_unknown(&CHECK, &facts);
    }

    #[test]
    fn passes_is_unknown_and_does_not_apply() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.target.grants = unseen();
        assert_unknown(&CHECK, &facts);
        facts.pipeline.sync.engine = EngineKind::S3;
        assert_not_applicable(&CHECK, &facts);
    }
}
