//! `CREATE TABLE`.

use super::my_type::MyType;
use super::{TargetColumn, TargetTable};
use crate::quote::{my_ident, my_table};

impl TargetTable {
    /// `database.table`, as reports name it.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}.{}", self.database, self.name)
    }

    /// A column by name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&TargetColumn> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The statement that creates the table, without semicolon.
    #[must_use]
    pub fn create_sql(&self) -> String {
        self.create(",\n  ", "\n")
    }

    /// The same in one line, as plans show statements.
    #[must_use]
    pub fn create_line(&self) -> String {
        self.create(", ", "")
    }

    fn create(&self, between: &str, around: &str) -> String {
        // The columns' collation is the table's, and then need not stand behind each column.
        let default = self.columns.iter().find_map(|c| {
            let text = MyType::parse(&c.sql_type).text?;
            (text.charset == "utf8mb4").then(|| format!(" CHARACTER SET utf8mb4 COLLATE {}", text.collation))
        });
        let default = default.as_deref().unwrap_or(" CHARACTER SET utf8mb4");
        let mut lines: Vec<String> = self.columns.iter().map(|c| column_sql(c, default)).collect();
        if !self.primary_key.is_empty() {
            lines.push(format!("PRIMARY KEY {}", list(&self.primary_key)));
        }
        for key in &self.unique_keys {
            lines.push(format!("UNIQUE KEY {} {}", my_ident(&key.name), list(&key.columns)));
        }
        let indent = if around.is_empty() { "" } else { "  " };
        format!(
            "CREATE TABLE {} ({around}{indent}{}{around}) ENGINE=InnoDB DEFAULT{default}",
            my_table(&self.database, &self.name),
            lines.join(between)
        )
    }
}

fn column_sql(column: &TargetColumn, default: &str) -> String {
    let declared = column.sql_type.strip_suffix(default).unwrap_or(&column.sql_type);
    let null = if column.nullable { "NULL" } else { "NOT NULL" };
    format!("{} {declared} {null}", my_ident(&column.name))
}

/// `(a, b)`, quoted.
pub(super) fn list(columns: &[String]) -> String {
    let quoted: Vec<String> = columns.iter().map(|c| my_ident(c)).collect();
    format!("({})", quoted.join(", "))
}
