//! RUN-017: see the check's own explanation.

use std::collections::HashSet;

use super::pairs::{self, Pair, columns};
use super::replication::needs_no_slot;
use super::source_tables::in_order;
use super::{Finding, Judged, Verdict, repair, slots};
use crate::facts::{CANARY_TABLE, Facts, PgTable};
use crate::fixes::Fix;
use crate::pipeline::{EngineKind, OnSchemaChange};
use crate::schema::Difference;

check! {
    /// # What it looks at
    /// The columns of the tables that sync carries (`cdc_doctor_tables` on the target), on the source as they are now
    /// against the target: columns that are new, that changed their type, or that are gone while the target demands
    /// them. And, while sync runs, selected tables that were made after it began. For such tables it speaks in place of
    /// TSC-005, TSC-006, TSC-022 and TSC-023.
    ///
    /// # Why it matters
    /// Changes of a table's form are not in the stream of changes by themselves: the next change of a row comes in the
    /// new form. With `on_schema_change = "stop"` in `[sync]` sync then ends and names the difference. With `add-columns` it
    /// adds new columns that may be NULL, and ends at anything else. A column that was added with a default has that value
    /// in all rows of the source at once, and no change says so: the target's rows keep NULL. A new table is carried from
    /// the next start on. A column that was dropped on the source ends sync once; after a new start it goes on, and the
    /// target keeps the column with its old values.
    ///
    /// # How to fix it by hand
    /// Give the target's table the form (the fix does), then start sync again. After a new column with a default, load
    /// the table again, or touch its rows on the source so that they are sent: `UPDATE t SET c = c`.
    ///
    /// # Source
    /// PostgreSQL documentation, "Logical replication: restrictions". Tried on PostgreSQL 15 into MariaDB 10.11 and MySQL
    /// 9.7.
    code: "RUN-017",
    name: "schema-changed-during-sync",
    area: Run,
    severity: Error,
    title: "A table has changed its form since sync loaded it",
    after: ["AUT-024", "AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    if let Some(verdict) = needs_no_slot(facts) {
        return Ok(verdict);
    }
    if facts.pipeline.sync.engine != EngineKind::Direct {
        return Ok(Verdict::NotApplicable("only the engine direct keeps account of what it carries"));
    }
    let synced = facts.target.synced.known()?;
    if synced.is_empty() {
        return Ok(Verdict::NotApplicable("sync has loaded no table yet"));
    }
    let new = new_tables(facts)?;
    let changed = match pairs::each(facts, |pair| if tells(pair) { changed(pair) } else { None })? {
        Verdict::Fail(findings) => findings,
        Verdict::Pass | Verdict::NotApplicable(_) => Vec::new(),
    };
    Ok(Verdict::from_findings(in_order(new.into_iter().chain(changed))))
}

/// TSC-002 tells all that is wrong with a table that Spark has re-created.
fn tells(pair: &Pair<'_>) -> bool {
    pair.synced && !pair.made_by_spark()
}

/// Selected tables that a running sync does not know.
fn new_tables(facts: &Facts) -> Result<Vec<Finding>, crate::facts::Unknown> {
    let tables = facts.source.tables.known()?;
    if !slots::own(facts)?.is_some_and(|slot| slot.active) {
        return Ok(Vec::new());
    }
    let synced = facts.target.synced.known()?;
    let carried: HashSet<(&str, &str)> = synced.iter().map(|s| (s.schema.as_str(), s.table.as_str())).collect();
    let new = |t: &&PgTable| t.name != CANARY_TABLE && !carried.contains(&(t.schema.as_str(), t.name.as_str()));
    Ok(tables.iter().filter(new).map(not_carried).collect())
}

fn not_carried(table: &PgTable) -> Finding {
    let message =
        format!("{} is selected, and sync began before it was there: nothing of it is carried", table.label());
    Finding::new(table.label(), message).silent_loss().fix(Fix::manual(
        "start sync again, so that it takes the table in",
        ["Stop sync and start it again: it loads the table, and goes on with the others where it was."],
    ))
}

fn of_columns(difference: &Difference) -> bool {
    matches!(
        difference,
        Difference::MissingColumn { .. }
            | Difference::NarrowerType { .. }
            | Difference::NullableMismatch { .. }
            | Difference::ExtraRequiredColumn { .. }
    )
}

fn changed(pair: &Pair<'_>) -> Option<Finding> {
    let drift = pair.drift();
    let found: Vec<&Difference> = drift.differences.iter().filter(|d| of_columns(d)).collect();
    let new: Vec<&Difference> =
        found.iter().copied().filter(|d| matches!(d, Difference::MissingColumn { .. })).collect();
    let source = |d: &Difference| d.column().and_then(|name| pair.source.column(name));
    let filled: Vec<&Difference> = new.iter().copied().filter(|d| source(d).is_some_and(|c| c.has_default)).collect();
    let adds = pair.pipeline.sync.on_schema_change == OnSchemaChange::AddColumns
        && new.len() == found.len()
        && new.iter().all(|d| source(d).is_some_and(|c| !c.not_null));
    if found.is_empty() || adds && filled.is_empty() {
        return None;
    }
    let table = pair.source.label();
    let message = if adds {
        format!(
            "{table} has got the {} with a default: sync adds it, and the rows that are there already keep NULL",
            columns(&filled)
        )
    } else {
        let policy = match pair.pipeline.sync.on_schema_change {
            OnSchemaChange::Stop => "stop",
            OnSchemaChange::AddColumns => "add-columns",
        };
        format!(
            "{table} differs from the target in the {}: with on_schema_change = \"{policy}\" sync ends at the table's next change",
            columns(&found)
        )
    };
    let mut finding = Finding::new(table, message);
    for difference in &found {
        let what = difference.column().unwrap_or("table");
        finding = finding.saw(what.to_owned(), difference.describe());
    }
    finding.silent_loss = !filled.is_empty();
    let mut fix = repair::fix(pair, &drift);
    if !filled.is_empty() {
        fix = fix.or("load the table again, or UPDATE … SET c = c on the source, so that the default reaches the rows");
    }
    Some(finding.fix(fix))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, healthy_sync, own_slot,
        pg_column, pg_table, source_table, target_table, unseen,
    };
    use crate::facts::{CANARY_TABLE, Fact, Facts};
    use crate::fixes::Action;
    use crate::pipeline::{EngineKind, OnSchemaChange, SyncMode};

    /// A sync that meets a column `label`.
    fn with_new_column(not_null: bool, has_default: bool, policy: OnSchemaChange) -> Facts {
        let mut facts = healthy_sync();
        facts.pipeline.sync.on_schema_change = policy;
        let mut column = pg_column("label", "varchar", "character varying(20)", 24, not_null);
        column.has_default = has_default;
        source_table(&mut facts).columns.push(column);
        facts
    }

    #[test]
    fn a_new_column_ends_a_sync_that_is_to_stop_and_is_told_once() {
        let facts = with_new_column(false, false, OnSchemaChange::Stop);
        let found = finding(&CHECK, &facts);
        assert!(found.message.contains(r#"in the column "label": with on_schema_change = "stop" sync ends"#));
        assert!(!found.silent_loss);
        let Action::TargetSql { sql } = &found.fix.as_ref().unwrap().steps[0].action else { panic!("{found:?}") };
        assert!(sql.contains("ADD COLUMN `label` VARCHAR(20)"), "{sql}");
        assert_eq!(causes(&facts), ["RUN-017"], "TSC-005 leaves it to this check");
    }

    #[test]
    fn what_sync_adds_by_itself_is_no_fault_unless_rows_keep_null() {
        assert_pass(&CHECK, &with_new_column(false, false, OnSchemaChange::AddColumns));
        let found = finding(&CHECK, &with_new_column(false, true, OnSchemaChange::AddColumns));
        assert!(found.silent_loss && found.message.contains("already keep NULL"), "{}", found.message);
        let found = finding(&CHECK, &with_new_column(true, false, OnSchemaChange::AddColumns));
        assert!(found.message.contains(r#"on_schema_change = "add-columns" sync ends"#), "{}", found.message);
    }

    #[test]
    fn other_types_and_columns_that_are_gone_are_told_once() {
        let mut facts = healthy_sync();
        facts.pipeline.sync.on_schema_change = OnSchemaChange::AddColumns;
        source_table(&mut facts).columns[1] = pg_column("position", "int8", "bigint", -1, true);
        target_table(&mut facts).columns.push(crate::checks::testing::my_column("gone", "int", "int", false));
        let found = finding(&CHECK, &facts);
        let told: Vec<&str> = found.evidence.iter().map(|(what, _)| what.as_str()).collect();
        assert_eq!(told, ["position", "gone"]);
        assert_eq!(causes(&facts), ["RUN-017"]);
    }

    #[test]
    fn a_table_that_a_running_sync_does_not_know_is_lost_without_a_word() {
        let mut facts = healthy_sync();
        if let Fact::Known(tables) = &mut facts.source.tables {
            tables.extend([pg_table("public", "new"), pg_table("public", CANARY_TABLE)]);
        }
        let found = finding(&CHECK, &facts);
        assert!(found.silent_loss && found.subject == "public.new", "{found:?}");
        own_slot(&mut facts).active = false;
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn tables_that_sync_does_not_carry_are_the_other_checks() {
        let mut facts = with_new_column(false, false, OnSchemaChange::Stop);
        if let Fact::Known(synced) = &mut facts.target.synced {
            synced[0].loaded = false;
        }
        assert_pass(&CHECK, &facts);
        assert_eq!(causes(&facts), ["TSC-005"]);
    }

    #[test]
    fn passes_is_unknown_and_does_not_apply() {
        assert_pass(&CHECK, &healthy_sync());
        assert_not_applicable(&CHECK, &healthy());
        let mut facts = healthy_sync();
        facts.target.synced = unseen();
        assert_unknown(&CHECK, &facts);
        facts.pipeline.sync.engine = EngineKind::Dms;
        assert_not_applicable(&CHECK, &facts);
        facts.pipeline.sync.mode = SyncMode::FullLoad;
        assert_not_applicable(&CHECK, &facts);
    }
}
