//! TCF-007: see the check's own explanation.

use std::collections::BTreeMap;

use super::source_tables::in_order;
use super::target_variables::{is_on, optional};
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, PgTable};
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// Selected source tables that go to one target database and whose names differ in case only, where the target does
    /// not tell case apart in names (`lower_case_table_names` is 1 or 2).
    ///
    /// # Why it matters
    /// PostgreSQL has `"Chart"` and `"chart"` side by side; such a target has one table for both, so the rows of one
    /// overwrite those of the other. `direct` refuses the second; DMS does not.
    ///
    /// # How to fix it by hand
    /// Send the two to different databases (`schema_map`), leave one out (`exclude`), or rename one on the source. The
    /// variable cannot be changed after MySQL 8 has made its data directory; on RDS it takes a new instance.
    ///
    /// # Source
    /// MySQL documentation, "Identifier Case Sensitivity". Tried on MariaDB 10.11.
    code: "TCF-007",
    name: "names-differ-in-case-only",
    area: Tcf,
    severity: Error,
    title: "Source tables whose names differ in case only become one table on the target",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    if !optional(facts, "lower_case_table_names")?.is_some_and(is_on) {
        return Ok(Verdict::NotApplicable("the target tells case apart in names of tables"));
    }
    let mut places: BTreeMap<(String, String), Vec<&PgTable>> = BTreeMap::new();
    for table in facts.source.tables.known()? {
        let database = facts.pipeline.target_database(&table.schema).to_lowercase();
        places.entry((database, table.name.to_lowercase())).or_default().push(table);
    }
    let shared = places.values().filter(|tables| tables.len() > 1 && tables.iter().any(|t| t.name != tables[0].name));
    Ok(Verdict::from_findings(in_order(shared.map(|tables| finding(tables)))))
}

fn finding(tables: &[&PgTable]) -> Finding {
    let mut labels: Vec<String> = tables.iter().map(|t| format!("{}.{}", t.schema, t.name)).collect();
    labels.sort();
    let message = format!("{} become one table on the target", labels.join(" and "));
    let todo = [
        "Map their schemas to different databases in [tables] schema_map, or exclude one.".to_owned(),
        "Or rename one on the source, so that the names differ by more than case.".to_owned(),
    ];
    Finding::new(&labels[0], message).silent_loss().fix(Fix::manual("keep the tables apart", todo))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, finding, healthy, pg_table, set_variable, unseen,
    };
    use crate::facts::Fact;

    #[test]
    fn two_names_become_one_where_case_does_not_count() {
        let mut facts = healthy();
        set_variable(&mut facts, "lower_case_table_names", "0");
        assert_not_applicable(&CHECK, &facts);
        set_variable(&mut facts, "lower_case_table_names", "1");
        assert_pass(&CHECK, &facts);
        facts.source.tables = Fact::Known(vec![pg_table("public", "Chart"), pg_table("public", "chart")]);
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss);
        assert_eq!(found.message, "public.Chart and public.chart become one table on the target");
        facts.source.tables = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
