//! What the command `schema` says: the target's DDL, or how it differs from the target as it is.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{Dialect, Difference, Planned, Problem, TargetTable, drift, plan_all, repair_sql, spark_fingerprint};
use crate::facts::{MyTable, PgTable};
use crate::pipeline::Pipeline;
use crate::quote::my_ident;
use crate::text::safe;

/// Every selected table as it should be, beside what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaReport {
    /// Version of this layout.
    pub schema_version: u32,
    /// In the order of the source's list.
    pub tables: Vec<TableReport>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableReport {
    /// `schema.table` on the source.
    pub source: String,
    /// The table as it should be.
    pub want: TargetTable,
    /// Its DDL, without semicolon.
    pub create_sql: String,
    /// Why it cannot be created so.
    pub problems: Vec<Problem>,
    /// Choices that a person should know of.
    pub notes: Vec<String>,
    /// What is on the target.
    pub state: TableState,
}

/// What is on the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum TableState {
    /// The target was not looked at.
    Unknown,
    /// No such table.
    Missing,
    /// Nothing would be lost, changed or refused.
    Same,
    /// Something would.
    Differs {
        /// What.
        differences: Vec<Difference>,
        /// It looks as Spark's JDBC overwrite leaves a table.
        spark: bool,
        /// The one statement that ends them all, where there is one.
        repair: Option<String>,
    },
}

impl SchemaReport {
    /// Maps the source tables and compares them with the target's; `there` is none when the target was not looked at.
    #[must_use]
    pub fn new(sources: &[PgTable], pipeline: &Pipeline, dialect: Dialect, there: Option<&[MyTable]>) -> Self {
        let by_name: Option<HashMap<(&str, &str), &MyTable>> =
            there.map(|all| all.iter().map(|t| ((t.schema.as_str(), t.name.as_str()), t)).collect());
        let tables = plan_all(sources, pipeline, dialect).into_iter().map(|planned| {
            let place = (planned.table.database.as_str(), planned.table.name.as_str());
            let state = match &by_name {
                None => TableState::Unknown,
                Some(all) => all.get(&place).map_or(TableState::Missing, |have| compare(&planned.table, have)),
            };
            TableReport::new(planned, state)
        });
        Self { schema_version: 1, tables: tables.collect() }
    }

    /// True when every table is there and takes every value.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.tables.iter().all(|t| t.problems.is_empty() && t.state == TableState::Same)
    }

    /// DDL for all tables, ready to run: problems and choices are comments above each. `database_exists` is asked
    /// for each target database; those that are not there are created first.
    #[must_use]
    pub fn sql(&self, database_exists: impl Fn(&str) -> bool) -> String {
        let mut out = String::new();
        let mut databases: Vec<&str> = self.tables.iter().map(|t| t.want.database.as_str()).collect();
        databases.sort_unstable();
        databases.dedup();
        for database in databases.into_iter().filter(|d| !database_exists(d)) {
            push(&mut out, &format!("CREATE DATABASE IF NOT EXISTS {} CHARACTER SET utf8mb4;\n", my_ident(database)));
        }
        for table in &self.tables {
            push(&mut out, &table.sql());
        }
        out
    }

    /// For each table: missing, as it should be, or what differs and the statement that mends it.
    #[must_use]
    pub fn diff(&self) -> String {
        self.tables.iter().map(TableReport::diff).collect()
    }
}

fn push(out: &mut String, block: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(block);
}

fn compare(want: &TargetTable, have: &MyTable) -> TableState {
    let differences = drift(want, have);
    if differences.is_empty() {
        return TableState::Same;
    }
    TableState::Differs { spark: spark_fingerprint(have), repair: repair_sql(want, have), differences }
}

impl TableReport {
    fn new(planned: Planned, state: TableState) -> Self {
        let Planned { table, problems, notes } = planned;
        Self {
            source: format!("{}.{}", table.source_schema, table.source_name),
            create_sql: table.create_sql(),
            want: table,
            problems,
            notes,
            state,
        }
    }

    fn sql(&self) -> String {
        let mut out = format!("-- {}\n", safe(&self.source));
        // Writing to a string cannot fail.
        for problem in &self.problems {
            let _ = writeln!(out, "-- cannot be created: {problem}");
        }
        for note in &self.notes {
            let _ = writeln!(out, "-- {}", safe(note));
        }
        if self.problems.is_empty() {
            let _ = writeln!(out, "{};", self.create_sql);
        } else {
            // A name may hold a line break: every line of the statement stays a comment.
            for line in format!("{};", self.create_sql).lines() {
                let _ = writeln!(out, "-- {}", safe(line));
            }
        }
        out
    }

    fn diff(&self) -> String {
        let (source, target) = (safe(&self.source), safe(&self.want.label()));
        let mut out = String::new();
        let word = match &self.state {
            TableState::Unknown => "the target was not looked at".to_owned(),
            TableState::Missing if self.problems.is_empty() => "missing; sync creates it".to_owned(),
            TableState::Missing => "missing".to_owned(),
            TableState::Same => "as it should be".to_owned(),
            TableState::Differs { differences, spark, .. } => {
                let count = differences.len();
                let looks = if *spark { ", as Spark's JDBC overwrite leaves a table" } else { "" };
                format!("{count} difference{}{looks}", if count == 1 { "" } else { "s" })
            }
        };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{source} -> {target}: {word}");
        for problem in &self.problems {
            let _ = writeln!(out, "    cannot be created: {problem}");
        }
        if let TableState::Differs { differences, repair, .. } = &self.state {
            for difference in differences {
                let _ = writeln!(out, "    {}", difference.describe());
            }
            let _ = match repair {
                Some(sql) => writeln!(out, "    mend it: {};", safe(sql)),
                None => writeln!(
                    out,
                    "    no statement mends it without losing data; move the table away and let sync create it anew"
                ),
            };
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::target_table;
    use crate::schema::testing::{MYSQL, column, created, pipeline, table, there};

    fn sources() -> Vec<PgTable> {
        let plays =
            table("plays", vec![column("id", "int8", -1), column("score", "numeric", ((9 << 16) | 2) + 4)], &["id"]);
        let mut bad = table("bad\n; DROP", vec![column("a ", "text", -1)], &[]);
        bad.schema = "other".into();
        vec![
            plays.clone(),
            PgTable { name: "missing".into(), ..plays.clone() },
            PgTable { name: "fine".into(), ..plays },
            bad,
        ]
    }

    fn report() -> SchemaReport {
        let sources = sources();
        let mut spark = created(&target_table(&sources[0], &pipeline(), MYSQL));
        spark.primary_key.clear();
        spark.columns = vec![there("id", "bigint"), there("score", "double")];
        let mut fine = created(&target_table(&sources[2], &pipeline(), MYSQL));
        fine.columns[0].nullable = false;
        SchemaReport::new(&sources, &pipeline(), MYSQL, Some(&[spark, fine]))
    }

    #[test]
    fn sql_is_a_script_in_which_what_cannot_run_is_a_comment() {
        insta::assert_snapshot!(report().sql(|_| false));
        assert!(!report().sql(|d| d == "charts").contains("CREATE DATABASE"));
    }

    #[test]
    fn diff_says_what_to_do_about_each_table() {
        insta::assert_snapshot!(report().diff());
        assert!(!report().agrees());
        let untouched = SchemaReport::new(&sources()[..1], &pipeline(), MYSQL, None);
        assert_eq!(untouched.tables[0].state, TableState::Unknown);
    }

    #[test]
    fn json_names_states_and_differences() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["tables"][0]["state"]["state"], "differs");
        assert_eq!(json["tables"][0]["state"]["differences"][0]["difference"], "narrower-type");
        assert_eq!(json["tables"][1]["state"]["state"], "missing");
        assert_eq!(json["tables"][3]["problems"][0]["problem"], "bad-name");
    }
}
