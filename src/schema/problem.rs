//! Why a source table cannot be created on the target as it is.

use serde::{Deserialize, Serialize};

use super::my_type::KEY_BYTES;
use super::{Dialect, TargetTable};
use crate::text::safe;

/// One reason, with what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "problem", rename_all = "kebab-case")]
pub enum Problem {
    /// Beyond 64 characters.
    #[error(
        "the {what} name {} has {characters} characters and MySQL takes 64; rename it on the source or leave the table out",
        safe(name)
    )]
    NameTooLong {
        /// `column`, `table`, `database`.
        what: String,
        /// The name.
        name: String,
        /// How long it is.
        characters: usize,
    },
    /// MySQL refuses or changes the name.
    #[error(
        "MySQL cannot have the {what} name \"{}\": {why}; rename it on the source or leave the table out",
        safe(name)
    )]
    BadName {
        /// `column`, `table`, `database`.
        what: String,
        /// The name.
        name: String,
        /// The reason.
        why: String,
    },
    /// Column names that MySQL takes for one.
    #[error(
        "MySQL takes the columns {} and {} for one, since it compares column names without regard to case; rename one of them on the source",
        safe(first),
        safe(second)
    )]
    SameColumn {
        /// The earlier one.
        first: String,
        /// The later one.
        second: String,
    },
    /// Another source table has the same place on the target.
    #[error(
        "{} goes to the same target table {}; map their schemas to different databases in [tables] schema_map, or exclude one",
        safe(other),
        safe(target)
    )]
    SameTable {
        /// The other source table.
        other: String,
        /// The target table.
        target: String,
    },
    /// More columns than InnoDB takes.
    #[error("it has {columns} columns and InnoDB takes {COLUMNS}; leave it out, or split it on the source")]
    TooManyColumns {
        /// How many.
        columns: usize,
    },
    /// More key columns than the server takes.
    #[error("its key has {columns} columns and the target takes {limit}; give the source table a shorter key")]
    TooManyKeyColumns {
        /// How many.
        columns: usize,
        /// The server's limit.
        limit: usize,
    },
    /// The key's values are longer than an index entry may be.
    #[error("the key ({}) holds values that need {bytes} bytes in the index, and InnoDB takes {KEY_BYTES}; give the source table a shorter key", safe(&columns.join(", ")))]
    KeyTooLong {
        /// Key columns.
        columns: Vec<String>,
        /// What the longest values seen need.
        bytes: u64,
    },
    /// Too long for the server's row format, even with every long text outside the row.
    #[error(
        "a row needs {bytes} bytes and MySQL takes {}; leave the table out, or split it on the source",
        super::my_type::ROW_BYTES
    )]
    RowTooLong {
        /// What it needs.
        bytes: u64,
    },
    /// Too long for an InnoDB page, even with every long text outside the page.
    #[error(
        "a row needs {bytes} bytes inside its page and InnoDB takes {PAGE_BYTES} (about 190 text columns on MySQL); leave the table out, or split it on the source"
    )]
    PageTooSmall {
        /// What it needs.
        bytes: u64,
    },
}

/// Columns of an InnoDB table.
pub(super) const COLUMNS: usize = 1017;
/// Bytes of a row in a page of 16 KB.
pub(super) const PAGE_BYTES: u64 = 8125;

/// Problems with names and counts.
pub(super) fn of_names(table: &TargetTable, dialect: Dialect) -> Vec<Problem> {
    let mut found = Vec::new();
    name("database", &table.database, &mut found);
    name("table", &table.name, &mut found);
    let mut seen: Vec<(String, &str)> = Vec::new();
    for column in &table.columns {
        name("column", &column.name, &mut found);
        let folded = fold(&column.name);
        match seen.iter().find(|(other, _)| *other == folded) {
            Some((_, first)) => {
                found.push(Problem::SameColumn { first: (*first).to_owned(), second: column.name.clone() });
            }
            None => seen.push((folded, &column.name)),
        }
    }
    if table.columns.len() > COLUMNS {
        found.push(Problem::TooManyColumns { columns: table.columns.len() });
    }
    if table.primary_key.len() > dialect.key_parts() {
        found.push(Problem::TooManyKeyColumns { columns: table.primary_key.len(), limit: dialect.key_parts() });
    }
    found
}

/// A name as MySQL compares it: letter by letter in lower case.
pub(super) fn fold(name: &str) -> String {
    name.chars().filter_map(|c| c.to_lowercase().next()).collect()
}

fn name(what: &str, name: &str, found: &mut Vec<Problem>) {
    let characters = name.chars().count();
    if characters > 64 {
        found.push(Problem::NameTooLong { what: what.into(), name: name.into(), characters });
    }
    if let Some(why) = bad(name) {
        found.push(Problem::BadName { what: what.into(), name: name.into(), why: why.into() });
    }
}

/// Why MySQL refuses the name, or would change it.
pub(super) fn bad(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.ends_with([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']) {
        Some("it ends in a blank or a line break")
    } else if name.chars().any(|c| u32::from(c) > 0xffff) {
        // MariaDB refuses such a character, MySQL stores a question mark for it.
        Some("it holds a character beyond the basic plane, such as an emoji")
    } else {
        None
    }
}
