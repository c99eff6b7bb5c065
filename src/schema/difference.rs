//! How an existing table differs from the one wanted.

use serde::{Deserialize, Serialize};

use crate::text::safe;

/// One way in which an existing target table would lose, change or refuse values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "difference", rename_all = "kebab-case")]
pub enum Difference {
    /// The target lacks a column.
    MissingColumn {
        /// The column.
        column: String,
        /// The type that it should have.
        want: String,
    },
    /// The target wants a value that the source does not have.
    ExtraRequiredColumn {
        /// The column on the target.
        column: String,
        /// Its type.
        have: String,
    },
    /// Not every value of the source survives the target's type.
    NarrowerType {
        /// The column.
        column: String,
        /// The type that it should have.
        want: String,
        /// The type that it has.
        have: String,
        /// What would happen to which values.
        why: String,
    },
    /// NULL on the source, NOT NULL on the target.
    NullableMismatch {
        /// The column.
        column: String,
    },
    /// Different values of a key are equal on the target.
    MergingCollation {
        /// The column.
        column: String,
        /// The collation that it should have.
        want: String,
        /// The collation that it has.
        have: String,
    },
    /// No primary key where there should be one.
    MissingPrimaryKey {
        /// Its columns.
        want: Vec<String>,
    },
    /// Another primary key.
    OtherKey {
        /// The columns that it should have.
        want: Vec<String>,
        /// The columns that it has.
        have: Vec<String>,
    },
    /// A unique key that the source does not have.
    ExtraUniqueKey {
        /// Its name; `PRIMARY` for a primary key.
        key: String,
        /// Its columns.
        columns: Vec<String>,
    },
    /// The target computes the column itself and refuses values.
    GeneratedTarget {
        /// The column.
        column: String,
        /// `STORED GENERATED`, `VIRTUAL GENERATED`.
        have: String,
    },
    /// Not InnoDB.
    OtherEngine {
        /// The engine.
        have: String,
    },
}

impl Difference {
    /// The column that it is about, where it is about one.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::MissingColumn { column, .. }
            | Self::ExtraRequiredColumn { column, .. }
            | Self::NarrowerType { column, .. }
            | Self::NullableMismatch { column }
            | Self::MergingCollation { column, .. }
            | Self::GeneratedTarget { column, .. } => Some(column),
            Self::MissingPrimaryKey { .. }
            | Self::OtherKey { .. }
            | Self::ExtraUniqueKey { .. }
            | Self::OtherEngine { .. } => None,
        }
    }

    /// One sentence with the values seen, without a full stop; safe for a terminal.
    #[must_use]
    pub fn describe(&self) -> String {
        let list = |columns: &[String]| columns.join(", ");
        safe(&match self {
            Self::MissingColumn { column, want } => {
                format!("column {column} is missing; it should be {want}")
            }
            Self::ExtraRequiredColumn { column, have } => format!(
                "column {column} ({have}) is not on the source, is NOT NULL and has no default: every row would be refused"
            ),
            Self::NarrowerType { column, want, have, why } => {
                format!("column {column} is {have} and should be {want}: {why}")
            }
            Self::NullableMismatch { column } => {
                format!("column {column} is NOT NULL, and the source allows NULL: such rows would be refused")
            }
            Self::MergingCollation { column, want, have } => format!(
                "key column {column} has the collation {have} and should have {want}: values that differ by case, accents or trailing blanks would be one row"
            ),
            Self::MissingPrimaryKey { want } => format!(
                "it has no primary key and should have ({}): updates and deletes find no row, repeated rows are doubled",
                list(want)
            ),
            Self::OtherKey { want, have } => format!(
                "its primary key is ({}) and should be ({}): rows would be refused or merged",
                list(have),
                list(want)
            ),
            Self::ExtraUniqueKey { key, columns } => format!(
                "the unique key {key} ({}) is not on the source: rows would be refused or merged",
                list(columns)
            ),
            Self::GeneratedTarget { column, have } => {
                format!("column {column} is computed by the target ({have}): values for it are refused")
            }
            Self::OtherEngine { have } => {
                format!("its storage engine is {have} and should be InnoDB: a failed batch could not be rolled back")
            }
        })
    }
}
