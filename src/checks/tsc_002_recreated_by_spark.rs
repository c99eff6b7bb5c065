//! TSC-002: see the check's own explanation.

use super::glue_parts::altered_by_run;
use super::pairs::{Pair, each};
use super::repair;
use super::tsc_001_target_lost_its_primary_key::rows;
use super::{Finding, Judged};
use crate::facts::Facts;
use crate::fixes::{Action, Cost, Step};
use crate::schema::Difference;

check! {
    /// # What it looks at
    /// Target tables that bear the marks of Spark's JDBC writer: no key of any kind, every column nullable and without
    /// a default, and types as Spark declares them: LONGTEXT or TEXT for every string, DOUBLE for decimals. What is
    /// wrong with such a table is told here at once; the other checks on columns leave it alone.
    ///
    /// # Why it matters
    /// A job that writes with `mode("overwrite")` and without `.option("truncate", "true")` drops the table and creates
    /// it again from its data frame. Key, unique indexes, NOT NULL, defaults, AUTO_INCREMENT, exact decimals, columns
    /// that the data frame does not have, and the character set are gone. The job succeeds. From then on updates and
    /// deletes find no row, and amounts are rounded in binary. Repairing the table does not help for long: the next run
    /// of the job does the same again.
    ///
    /// # How to fix it by hand
    /// 1. In the job, write `.option("truncate", "true")` beside each `mode("overwrite")`: Spark then empties the table
    ///    and keeps its definition. It is not one transaction: when the job fails half-way the table stays half empty.
    ///    Better, write into a staging table and swap it in with `RENAME TABLE`, or upsert from it.
    /// 2. Give the table its definition back: `cdc-doctor schema` prints it. Load the rows again, since what was rounded
    ///    or left out cannot be brought back from the table itself.
    /// 3. Let the target refuse the next such attempt: TCF-012.
    ///
    /// # Source
    /// Spark, "JDBC To Other Databases", option `truncate`. Tried with PySpark 3.5.4 on MariaDB 10.11: `varchar(20)`
    /// came back as `longtext`, `decimal(10,2)` as `double`, and a `timestamp` column was gone.
    code: "TSC-002",
    name: "recreated-by-spark",
    area: Tsc,
    severity: Error,
    title: "A Spark overwrite has re-created a target table",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    each(facts, |pair| if pair.made_by_spark() { finding(facts, pair) } else { None })
}

fn finding(facts: &Facts, pair: &Pair<'_>) -> Option<Finding> {
    let drift = pair.drift();
    if drift.differences.is_empty() {
        // A table of optional texts and doubles, which the source has as well.
        return None;
    }
    let target = pair.have.label();
    let message = format!("{target} looks re-created by a Spark overwrite: its key, its types and NOT NULL are gone");
    let mut found = Finding::new(target, message).silent_loss().saw("keys", "none").saw("columns", columns(pair));
    for difference in drift.differences.iter().filter(|d| !matches!(d, Difference::MissingPrimaryKey { .. })) {
        found = found.saw(difference.column().unwrap_or("table").to_owned(), difference.describe());
    }
    if let Some(when) = altered_by_run(facts, pair.have) {
        found = found.saw("created or altered", when);
    }
    let mut fix = repair::fix(pair, &drift);
    let job = "In the Spark job, write .option(\"truncate\", \"true\") beside each mode(\"overwrite\"): else the next run \
               does the same again. TCF-012 makes the target refuse it.";
    fix.steps.push(Step::new(Cost::None, Action::Note(job.to_owned())));
    Some(found.saw("rows on the target", rows(pair.have.estimated_rows)).fix(fix))
}

fn columns(pair: &Pair<'_>) -> String {
    let of = |wanted: &str| pair.have.columns.iter().filter(|c| c.data_type == wanted).count();
    let mut out = format!("{}, all nullable", pair.have.columns.len());
    for ty in ["longtext", "text", "double"] {
        if of(ty) > 0 {
            out.push_str(&format!(", {} {}", of(ty), ty.to_uppercase()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, my_column, pg_column,
        source_table, target_table, unseen,
    };
    use crate::facts::{Fact, Facts};
    use crate::fixes::Action;

    /// The healthy pipeline's table with a price, after `df.write.mode("overwrite").jdbc(…)`.
    pub(in crate::checks) fn spark() -> Facts {
        let mut facts = healthy();
        source_table(&mut facts).columns.push(pg_column("price", "numeric", "numeric(10,2)", 655_366, false));
        let table = target_table(&mut facts);
        table.primary_key.clear();
        table.columns.push(my_column("price", "double", "double", true));
        for column in &mut table.columns {
            column.nullable = true;
        }
        let title = &mut table.columns[2];
        title.data_type = "longtext".into();
        title.column_type = "longtext".into();
        title.char_length = Some(4_294_967_295);
        title.charset = Some("latin1".into());
        title.collation = Some("latin1_swedish_ci".into());
        facts
    }

    #[test]
    fn the_run_that_did_it_is_named() {
        let mut facts = spark();
        let at = |second| jiff::Timestamp::from_second(second).unwrap();
        let with_job = crate::checks::testing_aws::healthy_dms();
        (facts.aws, facts.pipeline.glue) = (with_job.aws, with_job.pipeline.glue);
        target_table(&mut facts).created = Some(at(600));
        let when = "1970-01-01 00:10:00 UTC, during the run jr_1 of the Glue job charts-apply".to_owned();
        let told =
            |facts: &Facts| finding(&CHECK, facts).evidence.contains(&("created or altered".into(), when.clone()));
        assert!(told(&facts), "{:?}", finding(&CHECK, &facts));
        // After the run's end, it was somebody else.
        target_table(&mut facts).created = Some(at(4000));
        assert!(!told(&facts));
    }

    #[test]
    fn the_fingerprint_is_told_beside_the_lost_key_and_nothing_else() {
        let facts = spark();
        assert_eq!(causes(&facts), ["TSC-001", "TSC-002"]);
        let found = finding(&CHECK, &facts);
        assert_eq!(found.evidence[1].1, "4, all nullable, 1 LONGTEXT, 1 DOUBLE");
        assert!(found.evidence.iter().any(|(what, why)| what == "price" && why.contains("rounded")), "{found:?}");
    }

    #[test]
    fn the_repair_is_the_one_of_the_lost_key_and_the_job_is_a_note() {
        let facts = spark();
        let fix = finding(&CHECK, &facts).fix.unwrap();
        let lost_key = finding(&super::super::tsc_001_target_lost_its_primary_key::CHECK, &facts).fix.unwrap();
        assert_eq!(fix.steps[..1], lost_key.steps[..]);
        assert!(matches!(&fix.steps[1].action, Action::Note(note) if note.contains("truncate")));
    }

    #[test]
    fn rounding_stored_amounts_needs_leave() {
        let mut facts = spark();
        assert!(!finding(&CHECK, &facts).fix.unwrap().steps[0].data_loss, "an empty table has nothing to lose");
        target_table(&mut facts).estimated_rows = 10;
        assert!(finding(&CHECK, &facts).fix.unwrap().steps[0].data_loss);
    }

    #[test]
    fn passes_is_unknown_and_does_not_apply() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.target.tables = Fact::Known(Vec::new());
        assert_not_applicable(&CHECK, &facts);
        facts.target.tables = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
