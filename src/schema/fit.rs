//! Fits a mapped table to the server's limits: index entries, rows, pages.

use std::collections::HashSet;

use super::my_type::{KEY_BYTES, Kind, LONG, MyType, ROW_BYTES, VARCHAR_CHARS};
use super::types::{self, Mapped, Target};
use super::{Dialect, Problem, Transfer, problem};
use crate::facts::PgTable;

/// The length that a key column gets when nothing is known of its values.
const USUAL: u64 = 255;

/// Gives key columns types that can be indexed.
pub(super) struct Keys<'a> {
    source: &'a PgTable,
    mapped: &'a mut Vec<Mapped>,
    dialect: Dialect,
    /// Columns whose length a key has already settled.
    settled: HashSet<usize>,
    /// What was chosen.
    pub notes: Vec<String>,
}

/// A key column whose length is ours to choose.
struct Stretch {
    at: usize,
    /// Bytes that it should have, and must have for the values seen.
    wanted: u64,
    least: u64,
    /// Bytes a character.
    width: u64,
}

impl<'a> Keys<'a> {
    pub fn new(source: &'a PgTable, mapped: &'a mut Vec<Mapped>, dialect: Dialect) -> Self {
        Self { source, mapped, dialect, settled: HashSet::new(), notes: Vec::new() }
    }

    /// Chooses lengths for one key's columns, so that they fit an index entry together.
    pub fn fit(&mut self, columns: &[String]) -> Result<(), Problem> {
        let places: Vec<usize> =
            columns.iter().filter_map(|name| self.source.columns.iter().position(|c| c.name == *name)).collect();
        let mut stretches: Vec<Stretch> = places.iter().filter_map(|at| self.stretch(*at)).collect();
        let fixed: u64 = places
            .iter()
            .filter(|at| stretches.iter().all(|s| s.at != **at))
            .map(|at| self.mapped[*at].ty.key_bytes().unwrap_or(KEY_BYTES))
            .sum();
        let least: u64 = stretches.iter().map(|s| s.least).sum();
        if fixed + least > KEY_BYTES {
            return Err(Problem::KeyTooLong { columns: columns.to_vec(), bytes: fixed + least });
        }
        // Short ones get what they want; the long ones share what is left, none less than it needs.
        stretches.sort_by_key(|s| s.wanted);
        let mut room = KEY_BYTES - fixed;
        let mut needed = least;
        let count = stretches.len() as u64;
        for (done, s) in (0..count).zip(&stretches) {
            needed -= s.least;
            let share = (room / (count - done)).max(s.least).min(room - needed);
            let bytes = s.wanted.min(share);
            room -= bytes;
            self.settle(s, bytes / s.width);
        }
        Ok(())
    }

    /// None for a type of fixed size, or one that another key has settled.
    fn stretch(&self, at: usize) -> Option<Stretch> {
        let mapped = &self.mapped[at];
        let stretches = matches!(mapped.ty.kind, Kind::Text(_) | Kind::Blob(_) | Kind::Json)
            || matches!(types::target_of(&self.source.columns[at].ty), Target::Declared | Target::Blank)
                && matches!(mapped.ty.kind, Kind::VarChar(_));
        if !stretches || self.settled.contains(&at) {
            return None;
        }
        let column = &self.source.columns[at];
        let width = if matches!(mapped.ty.kind, Kind::Blob(_)) { 1 } else { 4 };
        let declared = types::length(&column.ty);
        // No index takes a value of this length; the bound keeps the sums below within their type.
        let longest = column.longest.map(|n| n.min(u64::from(u32::MAX)));
        let wanted = declared.unwrap_or_else(|| longest.map_or(USUAL, |n| (n * 2).max(USUAL)));
        let least = longest.unwrap_or(1).clamp(1, wanted);
        Some(Stretch { at, wanted: wanted * width, least: least * width, width })
    }

    fn settle(&mut self, s: &Stretch, length: u64) {
        let column = &self.source.columns[s.at];
        let length = length.clamp(1, VARCHAR_CHARS);
        let mapped = &mut self.mapped[s.at];
        if mapped.transfer == Transfer::Bytes {
            mapped.ty = MyType::plain(Kind::VarBinary(length));
        } else {
            mapped.ty = MyType::text(Kind::VarChar(length), self.dialect);
            mapped.transfer = Transfer::Text;
        }
        self.settled.insert(s.at);
        let seen = match column.longest {
            Some(n) => format!("the longest value has {n}"),
            None => "its values were not measured".into(),
        };
        match types::length(&column.ty) {
            None => self.notes.push(format!(
                "{} is {} because it is in a key, which LONGTEXT cannot be; {seen}; a longer one will be refused",
                column.name, mapped.ty.kind
            )),
            Some(declared) if declared > length => self.notes.push(format!(
                "{} is {} although {declared} is declared, so that the key fits an index; {seen}; a longer one will be refused",
                column.name, mapped.ty.kind
            )),
            Some(_) => {}
        }
    }
}

/// Makes the longest texts LONGTEXT until a row fits; what does not help is a problem.
pub(super) fn row(
    source: &PgTable,
    mapped: &mut [Mapped],
    keyed: &[&String],
    dialect: Dialect,
    notes: &mut Vec<String>,
) -> Option<Problem> {
    let nulls = (mapped.len() as u64).div_ceil(8);
    let size = |mapped: &[Mapped]| nulls + mapped.iter().map(|m| m.ty.row_bytes()).sum::<u64>();
    while size(mapped) > ROW_BYTES {
        let longest = (0..mapped.len())
            .filter(|at| matches!(mapped[*at].ty.kind, Kind::VarChar(_) | Kind::Char(_)))
            .filter(|at| !keyed.contains(&&source.columns[*at].name) && mapped[*at].ty.row_bytes() > 12)
            .max_by_key(|at| (mapped[*at].ty.row_bytes(), usize::MAX - at));
        let Some(at) = longest else { return Some(Problem::RowTooLong { bytes: size(mapped) }) };
        notes.push(format!(
            "{} is LONGTEXT instead of {}, so that a row fits {ROW_BYTES} bytes",
            source.columns[at].name, mapped[at].ty.kind
        ));
        mapped[at].ty.kind = Kind::Text(LONG);
    }
    // Header and system columns take 24 bytes, a hidden row number is not needed with a key.
    let page = 24 + nulls + mapped.iter().map(|m| m.ty.page_bytes(dialect.flavor)).sum::<u64>();
    (page > problem::PAGE_BYTES).then_some(Problem::PageTooSmall { bytes: page })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::PgColumn;
    use crate::schema::testing::{MARIADB, MYSQL, column, pipeline, table};
    use crate::schema::{Planned, plan};

    fn lengths(columns: Vec<PgColumn>) -> Result<Vec<String>, Vec<Problem>> {
        let names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let Planned { table, problems, .. } = plan(&table("t", columns, &names), &pipeline(), MYSQL);
        let kinds = table.columns.iter().map(|c| MyType::parse(&c.sql_type).kind.to_string());
        if problems.is_empty() { Ok(kinds.collect()) } else { Err(problems) }
    }

    fn text(name: &str, longest: Option<u64>) -> PgColumn {
        PgColumn { longest, ..column(name, "text", -1) }
    }

    #[test]
    fn keys_get_head_room_within_the_index_limit() {
        let of = |columns| lengths(columns).unwrap();
        assert_eq!(of(vec![text("a", None)]), ["VARCHAR(255)"]);
        assert_eq!(of(vec![text("a", Some(300))]), ["VARCHAR(600)"]);
        assert_eq!(of(vec![text("a", Some(700))]), ["VARCHAR(768)"]);
        assert_eq!(of(vec![text("a", Some(500)), text("b", Some(10))]), ["VARCHAR(513)", "VARCHAR(255)"]);
        assert_eq!(of(vec![text("a", Some(700)), text("b", Some(60))]), ["VARCHAR(700)", "VARCHAR(68)"]);
        assert_eq!(of(vec![column("a", "varchar", 1004), column("b", "int8", -1)]), ["VARCHAR(766)", "BIGINT"]);
        let bytes = PgColumn { longest: Some(1000), ..column("a", "bytea", -1) };
        assert_eq!(of(vec![bytes, column("b", "jsonb", -1)]), ["VARBINARY(2000)", "VARCHAR(255)"]);
    }

    #[test]
    fn a_key_that_cannot_fit_is_a_problem() {
        let problems = lengths(vec![text("a", Some(769))]).unwrap_err();
        assert_eq!(problems, [Problem::KeyTooLong { columns: vec!["a".into()], bytes: 3076 }]);
        assert!(lengths(vec![text("a", Some(700)), text("b", Some(100))]).is_err());
    }

    #[test]
    fn the_longest_texts_leave_a_row_that_is_too_long() {
        let mut columns =
            vec![column("id", "int4", -1), column("long", "varchar", 16_004), column("longer", "varchar", 16_387)];
        columns.extend((0..30).map(|n| column(&format!("c{n}"), "varchar", 104)));
        let planned = plan(&table("t", columns, &["id"]), &pipeline(), MARIADB);
        assert_eq!(planned.problems, []);
        let kind = |name: &str| MyType::parse(&planned.table.column(name).unwrap().sql_type).kind.to_string();
        assert_eq!([kind("longer"), kind("long"), kind("c0")], ["LONGTEXT", "LONGTEXT", "VARCHAR(100)"]);
    }

    #[test]
    fn too_many_texts_for_a_page_are_a_problem() {
        let columns = |n| {
            let texts = (0..n).map(|n| text(&format!("c{n}"), None));
            std::iter::once(column("id", "int4", -1)).chain(texts).collect()
        };
        let problems = |n, dialect| plan(&table("t", columns(n), &["id"]), &pipeline(), dialect).problems.len();
        assert_eq!(
            [problems(190, MYSQL), problems(200, MYSQL), problems(300, MARIADB), problems(400, MARIADB)],
            [0, 1, 0, 1]
        );
    }
}
