//! Which columns of a target table are written, in which order, and how each is read and judged. Pure.

use super::encode::Column;
use super::rules::Rule;
use crate::facts::{MyColumn, MyFlavor};
use crate::quote::my_ident;
use crate::schema::Transfer;

/// The columns of rows that go into one target table.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// What the encoder needs.
    pub(super) columns: Vec<Column>,
    /// Target column names with how they are read: `` `a`, @v1, `c` ``.
    fields: String,
    /// `SET …` for the fields that are read into variables.
    assign: String,
    /// Plain column list, for INSERT.
    names: String,
}

/// A column that is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written<'a> {
    /// Name on the source.
    pub(super) name: &'a str,
    /// How its values travel.
    pub(super) transfer: Transfer,
    /// The column on the target.
    pub(super) to: &'a MyColumn,
    /// Part of the key that names a row.
    pub(super) key: bool,
}

impl Layout {
    /// Rows of these columns.
    pub(super) fn of<'a>(written: impl IntoIterator<Item = Written<'a>>, flavor: MyFlavor) -> Self {
        let (mut columns, mut fields, mut assign, mut names) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (place, Written { name, transfer, to, key }) in written.into_iter().enumerate() {
            let rule = Rule::of(transfer, to, flavor);
            let ident = my_ident(&to.name);
            if rule == Rule::Json {
                // The file is read as bytes, which MySQL does not take for JSON.
                fields.push(format!("@v{place}"));
                assign.push(format!("{ident} = CONVERT(@v{place} USING utf8mb4)"));
            } else {
                fields.push(ident.clone());
            }
            names.push(ident.clone());
            let number = matches!(
                transfer,
                Transfer::Integer | Transfer::Boolean | Transfer::Decimal { .. } | Transfer::Money | Transfer::Float
            );
            columns.push(Column { name: name.to_owned(), ident, rule, number, nullable: to.nullable, key });
        }
        Self {
            columns,
            fields: fields.join(", "),
            assign: if assign.is_empty() { String::new() } else { format!(" SET {}", assign.join(", ")) },
            names: names.join(", "),
        }
    }

    /// The statement that loads a file of rows. The file is read as bytes: every byte means itself, whatever the
    /// column's character set, and the columns still refuse text that is not valid in theirs.
    pub(super) fn load_sql(&self, table: &str, duplicates: Duplicates) -> String {
        let replace = match duplicates {
            Duplicates::Refuse => "",
            Duplicates::Replace => "REPLACE ",
        };
        format!(
            "LOAD DATA LOCAL INFILE 'cdc-doctor' {replace}INTO TABLE {table} CHARACTER SET binary \
             FIELDS TERMINATED BY '\\t' ENCLOSED BY '' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' STARTING BY '' \
             ({}){}",
            self.fields, self.assign
        )
    }

    /// The beginning of a statement that inserts rows.
    pub(super) fn insert_sql(&self, table: &str) -> String {
        format!("INSERT INTO {table} ({}) VALUES ", self.names)
    }
}

/// What `LOAD DATA` does with a row whose key is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duplicates {
    /// Leaves it out with a warning, which is an error here.
    Refuse,
    /// Puts it in the place of the other.
    Replace,
}
