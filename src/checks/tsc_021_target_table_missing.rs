//! TSC-021: see the check's own explanation.

use super::pairs::Targets;
use super::source_tables::each;
use super::{Finding, Judged};
use crate::facts::{Facts, MyTable, PgTable};
use crate::fixes::Fix;
use crate::pipeline::EngineKind;

check! {
    /// # What it looks at
    /// Whether each selected table has its table on the target, in the database that `schema_map` in `[tables]` names,
    /// or the target's own.
    ///
    /// # Why it matters
    /// Before the first run this is how things should be, so it is advice only: the engine `direct` creates missing
    /// tables with their keys. DMS creates them too, but with types of its own choosing: booleans become `varchar(5)`,
    /// numbers without a precision are cut to six decimal places, texts can become `ucs2`. After the first run a
    /// missing table was dropped or renamed by somebody, or the mapping has changed.
    ///
    /// # How to fix it by hand
    /// `cdc-doctor sync` creates the tables. To create them yourself, as you should before a DMS task starts,
    /// `cdc-doctor schema` prints the statements; set the task's `TargetTablePrepMode` to `DO_NOTHING` or
    /// `TRUNCATE_BEFORE_LOAD` then.
    ///
    /// # Source
    /// AWS DMS, "Source data types for PostgreSQL", and "Target metadata task settings".
    code: "TSC-021",
    name: "target-table-missing",
    area: Tsc,
    severity: Advice,
    title: "A selected table is not on the target yet",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    let targets = Targets::of(facts)?;
    let tables = facts.target.tables.known()?;
    each(facts, |source| match targets.find(source, &facts.pipeline) {
        Some(_) => None,
        None => Some(finding(source, facts, tables)),
    })
}

fn finding(source: &PgTable, facts: &Facts, tables: &[MyTable]) -> Finding {
    let pipeline = &facts.pipeline;
    let database = pipeline.target_database(&source.schema);
    let at = format!("{database}.{}", source.name);
    let (message, fix) = match pipeline.sync.engine {
        EngineKind::Direct => (
            format!("{} has no table {at} on the target; sync creates it", source.label()),
            Fix::manual(
                "let sync create it",
                ["cdc-doctor sync creates missing tables, with their keys; cdc-doctor schema shows how."],
            ),
        ),
        EngineKind::Dms | EngineKind::S3 => (
            format!("{} has no table {at} on the target; DMS would choose its types", source.label()),
            Fix::manual(
                "create it with the right types",
                ["cdc-doctor schema prints the statement; run it on the target before the task starts."],
            ),
        ),
    };
    let mut found = Finding::new(source.label(), message).saw("looked for", &at);
    // Linear, but only in what is missing and only by length first, so that ten thousand tables stay cheap.
    let other_case = tables.iter().find(|t| {
        t.name.len() == source.name.len() && t.schema == database && t.name.eq_ignore_ascii_case(&source.name)
    });
    if let Some(table) = other_case {
        found = found.saw("in another case", table.label());
    }
    found.fix(fix)
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, set_variable, target_table,
        unseen,
    };
    use crate::facts::Fact;
    use crate::pipeline::EngineKind;

    #[test]
    fn a_missing_table_is_advice_by_engine() {
        let mut facts = healthy();
        target_table(&mut facts).schema = "elsewhere".into();
        assert!(
            finding(&CHECK, &facts).message.ends_with("no table charts.weekly_chart on the target; sync creates it")
        );
        assert_eq!(causes(&facts), ["TSC-021"]);
        facts.pipeline.sync.engine = EngineKind::Dms;
        assert!(finding(&CHECK, &facts).message.contains("DMS would choose"));
    }

    #[test]
    fn case_counts_as_it_does_on_the_server() {
        let mut facts = healthy();
        target_table(&mut facts).name = "Weekly_Chart".into();
        let found = finding(&CHECK, &facts);
        assert_eq!(found.evidence[1], ("in another case".to_owned(), "charts.Weekly_Chart".to_owned()));
        set_variable(&mut facts, "lower_case_table_names", "1");
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn passes_is_unknown_and_does_not_apply() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.target.tables = unseen();
        assert_unknown(&CHECK, &facts);
        let mut facts = healthy();
        facts.source.tables = Fact::Known(Vec::new());
        assert_not_applicable(&CHECK, &facts);
    }
}
