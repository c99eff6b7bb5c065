//! TCF-004: see the check's own explanation.

use super::aws_fixes::is_mysql;
use super::aws_parts::with_target;
use super::endpoint_session::{session_variable, set_session_variable};
use super::target_variables::is_on;
use super::{Finding, Judged, pairs};
use crate::facts::{Facts, MyTable};
use crate::text::short_list;

check! {
    /// # What it looks at
    /// Whether target tables of the pipeline have foreign keys, or are referred to by others, and whether the sessions
    /// of DMS check them: nothing in the endpoint's `Initstmt` or `AfterConnectScript` sets `FOREIGN_KEY_CHECKS` to 0.
    /// The engine `direct` switches the checks off itself, for the load and for changes.
    ///
    /// # Why it matters
    /// DMS loads tables side by side and in no order that foreign keys would ask for. A row whose parent is not there
    /// yet is refused (`1452 Cannot add or update a child row`), and a table that others refer to cannot be emptied
    /// (`1701 Cannot truncate a table referenced in a foreign key constraint`).
    ///
    /// # How to fix it by hand
    /// ```sh
    /// aws dms modify-endpoint --endpoint-arn ARN --extra-connection-attributes 'Initstmt=SET FOREIGN_KEY_CHECKS=0'
    /// ```
    ///
    /// Write the attributes that are there now beside it: the call replaces them all. The rows are whole all the same,
    /// for the source has checked them.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a MySQL-compatible database as a target", and premigration assessment
    /// `mysql-check-fk-target`. Tried on MySQL 9.7 and MariaDB 10.11.
    code: "TCF-004",
    name: "foreign-keys-enforced-during-load",
    area: Tcf,
    severity: Warning,
    title: "DMS loads tables with foreign keys while the target checks them",
    after: ["AUT-025", "IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_target(facts, |_, endpoint| {
        if !is_mysql(endpoint) || session_variable(endpoint, "foreign_key_checks").is_some_and(|v| !is_on(&v)) {
            return Ok(Vec::new());
        }
        let bound: Vec<String> =
            pairs::selected(facts)?.into_iter().filter(|t| t.foreign_keys).map(MyTable::label).collect();
        if bound.is_empty() {
            return Ok(Vec::new());
        }
        let message = format!("{} loads tables with foreign keys, which the target checks", endpoint.identifier);
        let fix = set_session_variable(endpoint, "FOREIGN_KEY_CHECKS", "0", "let DMS load tables in any order");
        let attributes = if endpoint.attributes.is_empty() { "none" } else { &endpoint.attributes };
        let finding = Finding::new(&endpoint.identifier, message).saw("tables", short_list(&bound));
        Ok(vec![finding.saw("attributes", attributes).fix(fix)])
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_not_applicable, assert_pass, causes, finding, healthy, target_table, unseen};
    use crate::checks::testing::{assert_unknown, findings};
    use crate::checks::testing_aws::{healthy_dms, target_endpoint};
    use crate::facts::Facts;

    /// DMS loads a table with a foreign key, and its endpoint says nothing of it.
    fn checked() -> Facts {
        let mut facts = healthy_dms();
        target_table(&mut facts).foreign_keys = true;
        target_endpoint(&mut facts).attributes = String::new();
        facts
    }

    #[test]
    fn the_endpoint_switches_the_checks_off() {
        let facts = checked();
        let found = finding(&CHECK, &facts);
        assert_eq!(found.evidence[0].1, "charts.weekly_chart");
        let step = &found.fix.unwrap().steps[0];
        assert!(step.action.describe().contains("Initstmt=SET FOREIGN_KEY_CHECKS=0"), "{}", step.action.describe());
        assert!(step.undo.is_some());
        assert_eq!(causes(&facts), ["TCF-004"]);
    }

    #[test]
    fn either_way_of_switching_them_off_passes() {
        let mut facts = checked();
        target_endpoint(&mut facts).mysql.as_mut().unwrap().script_sets =
            vec![("foreign_key_checks".into(), "OFF".into())];
        assert_pass(&CHECK, &facts);
        let mut facts = checked();
        target_endpoint(&mut facts).attributes = "initstmt=SET FOREIGN_KEY_CHECKS=0".into();
        assert_pass(&CHECK, &facts);
        target_endpoint(&mut facts).attributes = "initstmt=SET FOREIGN_KEY_CHECKS=1".into();
        findings(&CHECK, &facts);
    }

    #[test]
    fn passes_without_keys_is_unknown_without_tables_and_leaves_other_engines_alone() {
        let mut facts = checked();
        target_table(&mut facts).foreign_keys = false;
        assert_pass(&CHECK, &facts);
        facts.target.tables = unseen();
        assert_unknown(&CHECK, &facts);
        assert_not_applicable(&CHECK, &healthy());
    }
}
