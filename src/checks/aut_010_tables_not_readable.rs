//! AUT-010: see the check's own explanation.

use std::collections::BTreeMap;

use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, PgTable};
use crate::fixes::Fix;
use crate::pipeline::EngineKind;
use crate::quote::{pg_ident, pg_table};

check! {
    /// # What it looks at
    /// Whether the source's login may read every selected table: USAGE on its schema, and SELECT on the table or on all
    /// its columns.
    ///
    /// # Why it matters
    /// The engine `direct` stops at such a table. AWS DMS does worse: a table that it may not read is missing from its
    /// list, the task completes, and nothing was copied; or it fails with
    /// `Operation:getSchemaListDetails:errType=, status=0`, which says nothing of rights.
    ///
    /// # How to fix it by hand
    /// As the owner of the schema and the tables, or as a superuser:
    ///
    /// ```sql
    /// GRANT USAGE ON SCHEMA public TO cdc;
    /// GRANT SELECT ON ALL TABLES IN SCHEMA public TO cdc;
    /// ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT SELECT ON TABLES TO cdc;
    /// ```
    ///
    /// The last line is for the tables that `owner` makes later. Row-level security hides rows all the same; that is
    /// another matter.
    ///
    /// # Source
    /// AWS DMS User Guide, "Troubleshooting" and the assessment `postgres-check-select-object-privileges`. Tried on
    /// PostgreSQL 15.
    code: "AUT-010",
    name: "tables-not-readable",
    area: Aut,
    severity: Error,
    title: "The source's login may not read all selected tables",
    after: ["AUT-024"],
}

/// So many grants are written out one by one; more become one for the whole schema.
const ONE_BY_ONE: usize = 20;

fn judge(facts: &Facts) -> Judged {
    if facts.pipeline.sync.engine == EngineKind::S3 {
        return Ok(Verdict::NotApplicable("engine s3 reads files, not the source's tables"));
    }
    let mut by_schema: BTreeMap<&str, Vec<&PgTable>> = BTreeMap::new();
    for table in facts.source.tables.known()? {
        by_schema.entry(&table.schema).or_default().push(table);
    }
    let findings = by_schema.iter().filter_map(|(schema, tables)| unreadable(facts, schema, tables)).collect();
    Ok(Verdict::from_findings(findings))
}

/// The finding for one schema, where some of its selected tables cannot be read.
fn unreadable(facts: &Facts, schema: &str, tables: &[&PgTable]) -> Option<Finding> {
    let no_usage = tables.iter().any(|t| !t.schema_usage);
    let no_select: Vec<&PgTable> = tables.iter().copied().filter(|t| !t.can_select).collect();
    if !no_usage && no_select.is_empty() {
        return None;
    }
    let user = pg_ident(&facts.pipeline.source.user);
    let mut grants = Vec::new();
    if no_usage {
        grants.push(format!("GRANT USAGE ON SCHEMA {} TO {user}", pg_ident(schema)));
    }
    if no_select.len() > ONE_BY_ONE {
        grants.push(format!("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {user}", pg_ident(schema)));
    } else if !no_select.is_empty() {
        let names: Vec<String> = no_select.iter().map(|t| pg_table(&t.schema, &t.name)).collect();
        grants.push(format!("GRANT SELECT ON {} TO {user}", names.join(", ")));
    }
    let unreadable = if no_usage { tables.len() } else { no_select.len() };
    let mut finding = Finding::new(
        schema,
        format!("{unreadable} of {} selected tables in schema \"{schema}\" cannot be read by {user}", tables.len()),
    );
    if no_usage {
        finding = finding.saw("USAGE on schema", "no");
    }
    if !no_select.is_empty() {
        finding = finding.saw("no SELECT on", listed(&no_select));
    }
    if facts.pipeline.sync.engine == EngineKind::Dms {
        finding = finding.silent_loss();
    }
    let summary = format!("let {user} read schema \"{schema}\"");
    Some(finding.fix(Fix::manual(summary, grants.iter().map(|g| format!("As the owner or a superuser: {g}")))))
}

fn listed(tables: &[&PgTable]) -> String {
    let names: Vec<&str> = tables.iter().take(ONE_BY_ONE).map(|t| t.name.as_str()).collect();
    let more = tables.len() - names.len();
    if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, findings, healthy, pg_table, source_table,
        unseen,
    };
    use crate::facts::{Fact, Facts};
    use crate::fixes::Action;
    use crate::pipeline::EngineKind;

    fn notes(facts: &Facts) -> Vec<String> {
        let fix = finding(&CHECK, facts).fix.unwrap();
        fix.steps.iter().map(|s| s.action.describe()).collect()
    }

    #[test]
    fn a_missing_select_is_granted_table_by_table() {
        let mut facts = healthy();
        source_table(&mut facts).can_select = false;
        source_table(&mut facts).name = "odd\"name".into();
        assert_eq!(notes(&facts), [r#"As the owner or a superuser: GRANT SELECT ON "public"."odd""name" TO "cdc""#]);
    }

    #[test]
    fn a_missing_usage_makes_every_table_of_the_schema_unreadable() {
        let mut facts = healthy();
        let tables: Vec<_> = ["a", "b"]
            .map(|name| {
                let mut table = pg_table("public", name);
                table.schema_usage = false;
                table
            })
            .into();
        facts.source.tables = Fact::Known(tables);
        assert!(finding(&CHECK, &facts).message.starts_with("2 of 2 selected tables"));
        assert_eq!(notes(&facts), [r#"As the owner or a superuser: GRANT USAGE ON SCHEMA "public" TO "cdc""#]);
    }

    #[test]
    fn many_tables_become_one_grant_and_a_short_list() {
        let mut facts = healthy();
        let tables: Vec<_> = (0..30)
            .map(|n| {
                let mut table = pg_table("public", &format!("t{n:02}"));
                table.can_select = false;
                table
            })
            .collect();
        facts.source.tables = Fact::Known(tables);
        let found = finding(&CHECK, &facts);
        assert!(found.evidence[0].1.ends_with("t19 and 10 more"), "{:?}", found.evidence);
        let Some(Action::Note(note)) = found.fix.map(|f| f.steps[0].action.clone()) else { panic!() };
        assert!(note.ends_with(r#"GRANT SELECT ON ALL TABLES IN SCHEMA "public" TO "cdc""#), "{note}");
    }

    #[test]
    fn each_schema_has_its_own_finding_and_the_cause_stands_alone() {
        let mut facts = healthy();
        facts.source.tables = Fact::Known(vec![pg_table("public", "weekly_chart"), pg_table("shop", "weekly_chart")]);
        for table in [0, 1] {
            if let Fact::Known(tables) = &mut facts.source.tables {
                tables[table].can_select = false;
            }
        }
        assert_eq!(findings(&CHECK, &facts).len(), 2);
        let mut facts = healthy();
        source_table(&mut facts).can_select = false;
        assert_eq!(causes(&facts), ["AUT-010"]);
    }

    #[test]
    fn for_dms_it_is_a_silent_loss() {
        let mut facts = healthy();
        source_table(&mut facts).can_select = false;
        assert!(!finding(&CHECK, &facts).silent_loss);
        facts.pipeline.sync.engine = EngineKind::Dms;
        assert!(finding(&CHECK, &facts).silent_loss);
    }

    #[test]
    fn passes_unknown_and_not_applicable() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.tables = unseen();
        assert_unknown(&CHECK, &facts);
        facts.pipeline.sync.engine = EngineKind::S3;
        assert_not_applicable(&CHECK, &facts);
    }
}
