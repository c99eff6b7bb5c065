//! RUN-020: see the check's own explanation.

use jiff::Timestamp;

use super::glue_parts::altered_by_run;
use super::pairs::Targets;
use super::source_tables::in_order;
use super::{Finding, Judged, Verdict, restore};
use crate::facts::{Facts, Kept, KeptTable, MyTable, Wanted};
use crate::fixes::Fix;
use crate::schema::{Change, Dialect, Difference, PRIMARY, TargetTable, changes, drift, target_table};

check! {
    /// # What it looks at
    /// The target's tables against what they were when `cdc-doctor schema --keep` wrote their definitions beside the
    /// pipeline file: columns, their types, NOT NULL, defaults, character sets, collations and comments; primary key,
    /// unique keys and indexes with their columns; whether there are foreign keys; triggers; engine, default collation
    /// and comment of the table. What has been added is no fault, nor is what the source has changed since and the target
    /// has followed. Not looked at: prefixes, order, kind (FULLTEXT) and visibility of an index, expressions in indexes and
    /// of generated columns, one foreign key of several, CHECK constraints, partitions, row formats, the order of columns.
    ///
    /// # Why it matters
    /// A job that drops a table and creates it again (Spark's `mode("overwrite")` does) takes away what the source's
    /// definition cannot tell: indexes that the readers of the target need, unique keys that kept rows from being
    /// there twice, defaults, collations by which texts are compared. The job succeeds and the pipeline runs on. TSC-001
    /// and TSC-002 see what the source asks for; this check sees the rest, and speaks when the columns are there again.
    ///
    /// When the table was created or altered is told beside it where that was after the keeping. The server's
    /// `CREATE_TIME` does not move with TRUNCATE, nor with rows that are written. It moves with DROP and CREATE, but
    /// also with `ALTER TABLE`, adding an index and OPTIMIZE among them, and on MariaDB with RENAME TABLE: alone it
    /// proves nothing, and is no finding. Where it falls into a run of the Glue job of `[glue]`, the run is named.
    ///
    /// # How to fix it by hand
    /// `cdc-doctor fix RUN-020` shows the `ALTER TABLE` that gives each table back what it had, made of the lines in
    /// the kept file. Without it: find the table's `definition` in that file, and add what is missing from there. Where
    /// the change was meant, `cdc-doctor schema --keep` keeps the tables as they are now. Then stop the cause: see
    /// TSC-002 for Spark, and TCF-012 for a target that refuses tables without a key.
    ///
    /// # Source
    /// MySQL Reference Manual, "The INFORMATION_SCHEMA TABLES Table". What moves `CREATE_TIME` was tried with InnoDB on
    /// MariaDB 10.11.19 and MySQL 9.7.4.
    code: "RUN-020",
    name: "target-not-as-kept",
    area: Run,
    severity: Error,
    title: "A target table has lost what it had when it was kept",
    // A column that the source has too is given back by TSC-005 and RUN-017.
    after: ["AUT-024", "AUT-025", "TSC-001", "TSC-002", "TSC-005", "RUN-017"],
}

/// So many changes stand in the message; all are in the evidence.
const NAMED: usize = 3;

fn judge(facts: &Facts) -> Judged {
    let Some(kept) = facts.kept.known()? else {
        return Ok(Verdict::NotApplicable("no definitions of the target were kept: cdc-doctor schema --keep"));
    };
    let targets = Targets::of(facts)?;
    let pipeline = &facts.pipeline;
    let sources = targets.sources(facts.source.tables.known()?, pipeline);
    let dialect = Dialect::from(facts.target.session.known()?);
    let databases = pipeline.target_databases();
    let looked_at = kept.tables.iter().filter(|t| databases.contains(&t.table.schema.as_str()));
    let found = looked_at.filter_map(|was| {
        let (database, name) = (&was.table.schema, &was.table.name);
        let source = sources.of(database, name);
        match targets.named(database, name) {
            Some(have) => {
                // The dear part: only a table that has changed is mapped.
                let want = || source.map(|source| target_table(source, pipeline, dialect));
                changed(facts, kept.kept_at, was, have, want)
            }
            // TSC-021 tells of a selected table that is missing.
            None if source.is_some() => None,
            None => Some(gone(kept, was)),
        }
    });
    Ok(Verdict::from_findings(in_order(found)))
}

fn changed(
    facts: &Facts,
    kept_at: Timestamp,
    was: &KeptTable,
    have: &MyTable,
    want: impl FnOnce() -> Option<TargetTable>,
) -> Option<Finding> {
    let mut changes = changes(&was.table, have);
    if changes.is_empty() {
        return None;
    }
    if let Some(want) = want() {
        let followed = Followed { before: &was.wanted, after: want.wanted(), now: drift(&want, have) };
        changes.retain(|change| !followed.covers(change));
    }
    if changes.is_empty() {
        return None;
    }
    let label = have.label();
    let message = format!("{label} is not what it was when it was kept ({}): {}", minute(kept_at), list(&changes));
    let mut found = Finding::new(label, message).silent_loss();
    for change in &changes {
        found = found.saw(change.subject(), change.describe());
    }
    if let Some(created) = have.created.filter(|created| *created > kept_at) {
        let when = altered_by_run(facts, have).unwrap_or_else(|| minute(created));
        found = found.saw("created or altered", when);
    }
    Some(found.fix(restore::fix(was, have, &changes)))
}

/// What the source has changed since the keeping, and the target has followed: to give that back would break it.
struct Followed<'a> {
    before: &'a Wanted,
    after: Wanted,
    /// How the table differs from what is wanted now.
    now: Vec<Difference>,
}

impl Followed<'_> {
    fn covers(&self, change: &Change) -> bool {
        let fits = |column: &str| !self.now.iter().any(|d| d.column().is_some_and(|c| same(c, column)));
        let of_key = |d: &Difference| matches!(d, Difference::MissingPrimaryKey { .. } | Difference::OtherKey { .. });
        match change {
            Change::ColumnGone { column, .. } => {
                wanted(self.before, column).is_some() && wanted(&self.after, column).is_none()
            }
            Change::ColumnChanged { column, .. } => {
                let before = wanted(self.before, column);
                before.is_some() && before != wanted(&self.after, column) && fits(column)
            }
            Change::KeyChanged { key, .. } | Change::KeyGone { key, .. } if key == PRIMARY => {
                !self.before.key.is_empty() && self.before.key != self.after.key && !self.now.iter().any(of_key)
            }
            _ => false,
        }
    }
}

fn wanted<'a>(wanted: &'a Wanted, column: &str) -> Option<&'a str> {
    wanted.columns.iter().find(|(name, _)| same(name, column)).map(|(_, form)| form.as_str())
}

/// As MySQL compares names of columns.
fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn gone(kept: &Kept, was: &KeptTable) -> Finding {
    let label = was.table.label();
    let message = format!("{label} is gone; it was there when it was kept ({})", minute(kept.kept_at));
    let how = "create it by its definition in the kept file, or run cdc-doctor schema --keep where it is not wanted";
    Finding::new(&label, message)
        .silent_loss()
        .saw("table", "not on the target, and of no selected source table")
        .fix(Fix::manual(format!("bring {label} back"), [format!("{label}: {how}")]))
}

fn list(changes: &[Change]) -> String {
    let named: Vec<String> = changes.iter().take(NAMED).map(Change::describe).collect();
    match changes.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{}, and {more} more", named.join(", ")),
    }
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{
        assert_not_applicable, assert_pass, assert_unknown, causes, finding, healthy, healthy_sync, source_table,
        target_table, unseen,
    };
    use crate::facts::{Fact, Facts, Kept, KeptTable, MyKey, MyTable};
    use crate::fixes::{Action, Cost, Mode};
    use crate::schema::{self, Dialect};

    const DEFINITION: &str = "CREATE TABLE `weekly_chart` (
  `chart_date` date NOT NULL,
  `position` int NOT NULL DEFAULT '1',
  `title` varchar(200) DEFAULT NULL COMMENT 'as sold',
  `seen` datetime(6) DEFAULT NULL,
  PRIMARY KEY (`chart_date`,`position`),
  KEY `idx_seen` (`seen` DESC),
  CONSTRAINT `weekly_chart_chk_1` CHECK ((`position` > 0))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_bin";

    /// A pipeline whose table has on the target also `seen` and an index, and was kept so.
    fn kept(mut facts: Facts) -> Facts {
        let table = target_table(&mut facts);
        table.columns[1].default = Some("1".into());
        table.columns[2].comment = "as sold".into();
        table.columns.push(crate::checks::testing::my_column("seen", "datetime", "datetime(6)", true));
        table.indexes.push(MyKey { name: "idx_seen".into(), columns: vec!["seen".into()] });
        let table = table.clone();
        let dialect = Dialect::from(facts.target.session.known().unwrap());
        let wanted = schema::target_table(source_table(&mut facts), &healthy().pipeline, dialect).wanted();
        let tables = [KeptTable::new(table, wanted, DEFINITION)];
        facts.kept = Fact::Known(Some(Kept::new("2026-11-20T10:00:30Z".parse().unwrap(), tables)));
        facts
    }

    fn keep(facts: &mut Facts) -> &mut KeptTable {
        let Fact::Known(Some(kept)) = &mut facts.kept else { panic!("nothing kept") };
        &mut kept.tables[0]
    }

    fn broken(change: impl FnOnce(&mut MyTable)) -> Facts {
        let mut facts = kept(healthy());
        change(target_table(&mut facts));
        facts
    }

    fn sql(action: Option<&Action>) -> &str {
        match action {
            Some(Action::TargetSql { sql }) => sql,
            other => panic!("no statement on the target: {other:?}"),
        }
    }

    #[test]
    fn what_the_source_cannot_tell_is_told_and_given_back_by_the_servers_own_lines() {
        let facts = broken(|t| {
            t.columns.pop();
            t.indexes.clear();
            t.columns[1].default = None;
            t.columns[2].comment.clear();
            t.collation = Some("latin1_swedish_ci".into());
            t.created = Some("2026-11-27T03:00:00Z".parse().unwrap());
        });
        assert_eq!(causes(&facts), ["RUN-020"]);
        let found = finding(&CHECK, &facts);
        assert_eq!(
            found.message,
            "charts.weekly_chart is not what it was when it was kept (2026-11-20 10:00 UTC): position was int NOT NULL \
             DEFAULT 1 and is int NOT NULL, title was varchar(200) NULL COMMENT \"as sold\" and is varchar(200) NULL, \
             column seen (datetime(6) NULL) is gone, and 2 more"
        );
        assert!(found.silent_loss);
        let what: Vec<&str> = found.evidence.iter().map(|(what, _)| what.as_str()).collect();
        assert_eq!(what, ["position", "title", "seen", "index idx_seen", "table", "created or altered"]);
        assert_eq!(found.evidence[5].1, "2026-11-27 03:00 UTC");

        let fix = found.fix.unwrap();
        assert_eq!((fix.mode, fix.cost()), (Mode::Confirm, Cost::Lock));
        assert_eq!(
            sql(Some(&fix.steps[0].action)),
            "ALTER TABLE `charts`.`weekly_chart` MODIFY COLUMN `position` int NOT NULL DEFAULT '1', \
             MODIFY COLUMN `title` varchar(200) DEFAULT NULL COMMENT 'as sold', \
             ADD COLUMN `seen` datetime(6) DEFAULT NULL AFTER `title`, ADD KEY `idx_seen` (`seen` DESC), \
             DEFAULT COLLATE=utf8mb4_0900_bin"
        );
        assert_eq!(
            sql(fix.steps[0].undo.as_ref()),
            "ALTER TABLE `charts`.`weekly_chart` MODIFY COLUMN `position` int NOT NULL, MODIFY COLUMN `title` varchar(200) \
             CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NULL, DROP COLUMN `seen`, DROP INDEX `idx_seen`, \
             DEFAULT COLLATE=latin1_swedish_ci"
        );
        assert!(fix.steps[0].data_loss, "a column is modified");
        let notes: Vec<String> = fix.steps[1..].iter().map(|s| s.action.describe()).collect();
        assert!(notes[0].contains("CHECK ((`position` > 0))"), "{notes:?}");
        assert!(notes[1].contains("schema --keep"), "{notes:?}");
    }

    #[test]
    fn what_the_source_has_changed_and_the_target_followed_is_no_loss() {
        // Widened on both sides, or by the fix of TSC-006.
        let widened = |facts: &mut Facts| {
            source_table(facts).columns[2].ty.modifier = 304;
            let title = &mut target_table(facts).columns[2];
            (title.column_type, title.char_length) = ("varchar(300)".into(), Some(300));
        };
        let mut facts = kept(healthy());
        widened(&mut facts);
        assert_pass(&CHECK, &facts);
        // Widened here alone, it is not what it was.
        source_table(&mut facts).columns[2].ty.modifier = source_table(&mut healthy()).columns[2].ty.modifier;
        assert!(finding(&CHECK, &facts).message.contains("title was varchar(200)"));
        // Dropped on both sides; a column of the target alone is missed.
        let mut facts = kept(healthy());
        source_table(&mut facts).columns.remove(2);
        target_table(&mut facts).columns.remove(2);
        assert_pass(&CHECK, &facts);
        target_table(&mut facts).columns.pop();
        assert!(finding(&CHECK, &facts).message.contains("column seen (datetime(6) NULL) is gone"));
    }

    #[test]
    fn an_index_alone_loses_no_rows_and_one_over_other_columns_has_no_undo() {
        let step = |facts: &Facts| finding(&CHECK, facts).fix.unwrap().steps.remove(0);
        let lost = step(&broken(|t| t.indexes.clear()));
        assert!(!lost.data_loss && lost.undo.is_some());
        let other = step(&broken(|t| t.indexes[0].columns = vec!["title".into()]));
        assert_eq!(
            sql(Some(&other.action)),
            "ALTER TABLE `charts`.`weekly_chart` DROP INDEX `idx_seen`, ADD KEY `idx_seen` (`seen` DESC)"
        );
        assert_eq!(other.undo, None);
    }

    #[test]
    fn what_no_line_gives_back_is_for_a_person() {
        let mut facts = kept(healthy());
        keep(&mut facts).table.triggers.push("audit".into());
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!(fix.mode, Mode::Manual);
        assert!(fix.steps[0].action.describe().contains("trigger audit is gone"), "{fix:?}");

        let mut facts = broken(|t| t.indexes.clear());
        keep(&mut facts).definition = "CREATE TABLE weekly_chart (\n  KEY idx_seen (seen)\n)".into();
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!(fix.mode, Mode::Manual);
        assert!(
            fix.steps[0].action.describe().ends_with("CREATE TABLE weekly_chart ( KEY idx_seen (seen) )"),
            "{fix:?}"
        );
    }

    #[test]
    fn a_collation_that_merely_follows_the_tables_is_left_to_it() {
        let mut facts = broken(|t| t.columns[2].column_type = "longtext".into());
        for (title, line) in [
            ("varchar(200) COLLATE utf8mb4_0900_bin DEFAULT NULL", "`title` varchar(200) DEFAULT NULL"),
            ("varchar(200) COLLATE utf8mb4_bin DEFAULT NULL", "`title` varchar(200) COLLATE utf8mb4_bin DEFAULT NULL"),
        ] {
            keep(&mut facts).definition = format!("CREATE TABLE `weekly_chart` (\n  `title` {title}\n) ENGINE=InnoDB");
            let step = finding(&CHECK, &facts).fix.unwrap().steps.remove(0);
            assert!(sql(Some(&step.action)).ends_with(&format!("MODIFY COLUMN {line}")), "{step:?}");
        }
    }

    #[test]
    fn a_table_that_is_gone_is_told_once() {
        let mut facts = broken(|t| t.name = "other".into());
        assert_pass(&CHECK, &facts);
        assert_eq!(causes(&facts), ["TSC-021"], "of a selected source table");
        facts.source.tables = Fact::Known(Vec::new());
        assert!(finding(&CHECK, &facts).message.starts_with("charts.weekly_chart is gone"));
        facts.pipeline.tables.schema_map.insert("public".into(), "elsewhere".into());
        facts.pipeline.target.database = "elsewhere".into();
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn it_waits_for_what_the_source_can_tell() {
        let lost = |t: &mut MyTable| {
            t.primary_key.clear();
            t.indexes.clear();
        };
        assert_eq!(causes(&broken(lost)), ["TSC-001"]);
        assert_eq!(causes(&broken(|t| drop(t.columns.remove(2)))), ["TSC-005"]);
        let mut facts = kept(healthy_sync());
        target_table(&mut facts).columns.remove(2);
        assert_eq!(causes(&facts), ["RUN-017"]);
    }

    #[test]
    fn passes_is_unknown_and_does_not_apply() {
        assert_not_applicable(&CHECK, &healthy());
        let mut facts = kept(healthy());
        assert_pass(&CHECK, &facts);
        facts.target.tables = unseen();
        assert_unknown(&CHECK, &facts);
        let mut facts = kept(healthy());
        facts.kept = unseen();
        assert_unknown(&CHECK, &facts);
    }

    #[test]
    fn facts_of_before_know_nothing_of_it() {
        let mut older = serde_json::to_value(healthy()).unwrap();
        older.as_object_mut().unwrap().remove("kept");
        let table = older["target"]["tables"]["known"][0].as_object_mut().unwrap();
        for new in ["created", "comment", "indexes"] {
            table.remove(new);
        }
        table["columns"][0].as_object_mut().unwrap().remove("comment");
        assert_eq!(serde_json::from_value::<Facts>(older).unwrap(), healthy());
    }
}
