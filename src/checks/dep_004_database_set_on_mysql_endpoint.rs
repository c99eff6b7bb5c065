//! DEP-004: see the check's own explanation.

use super::aws_fixes::is_mysql;
use super::aws_parts::{only, with_target};
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// `DatabaseName` of a MySQL target endpoint, at the top and in its settings.
    ///
    /// # Why it matters
    /// With a database on the endpoint, DMS writes tables of every schema into that one database, whatever the
    /// mappings rename schemas to; tables of the same name from two schemas meet there.
    ///
    /// # How to fix it by hand
    /// Leave the database of a MySQL endpoint empty, and rename the schema in the table mappings instead (a
    /// transformation rule `rename` on `schema`). In the console: *Endpoints*, *Modify*, empty the database name.
    ///
    /// # Source
    /// AWS DMS User Guide, "Using a MySQL-compatible database as a target".
    code: "DEP-004",
    name: "database-set-on-mysql-endpoint",
    area: Dep,
    severity: Warning,
    title: "The MySQL endpoint names a database, so that all tables land in it",
    after: ["IAM-001"],
}

fn judge(facts: &Facts) -> Judged {
    with_target(facts, |part, endpoint| {
        let of_settings = endpoint.mysql.as_ref().and_then(|s| s.database.as_ref());
        let Some(database) = endpoint.database.as_ref().or(of_settings) else { return Ok(Vec::new()) };
        // One schema to one database of this name is what the pipeline wants anyway.
        let wanted = part.pipeline.target_databases();
        let same = wanted.len() == 1 && wanted[0] == database;
        let message = format!("All tables of the task go to the database {database} of {}", endpoint.identifier);
        let fix = Fix::manual(
            "leave it to the mappings",
            ["Empty the database name of the endpoint, and rename schemas in the mappings."],
        );
        let wrong = is_mysql(endpoint) && !same;
        only(wrong.then(|| Finding::new(&endpoint.identifier, message).saw("DatabaseName", database).fix(fix)))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, finding, unseen};
    use crate::checks::testing_aws::{assert_around, healthy_dms, target_endpoint};

    #[test]
    fn another_database_than_the_pipelines() {
        let mut facts = healthy_dms();
        target_endpoint(&mut facts).database = Some("charts".into());
        assert_pass(&CHECK, &facts);
        target_endpoint(&mut facts).database = Some("other".into());
        assert!(finding(&CHECK, &facts).message.contains("the database other"));
    }

    #[test]
    fn around() {
        assert_around(&CHECK, |aws| aws.dms.endpoints = unseen());
    }
}
