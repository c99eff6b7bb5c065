//! What a table has lost, or what of it has changed, since it was kept (see `facts::kept`).

use crate::facts::{MyColumn, MyKey, MyTable};
use crate::text::safe;

/// The name that stands for the primary key.
pub(crate) const PRIMARY: &str = "PRIMARY";

/// One way in which a table is no longer what it was. What has been added is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A column is gone.
    ColumnGone {
        /// The column.
        column: String,
        /// Its type and properties.
        was: String,
    },
    /// A column has another type, other properties or another comment.
    ColumnChanged {
        /// The column.
        column: String,
        /// As it was.
        was: String,
        /// As it is.
        is: String,
    },
    /// A key or index is gone.
    KeyGone {
        /// Its name; `PRIMARY` for the primary key.
        key: String,
        /// Its columns.
        was: Vec<String>,
    },
    /// A key or index is over other columns, or no longer unique, or now unique.
    KeyChanged {
        /// Its name; `PRIMARY` for the primary key.
        key: String,
        /// As it was.
        was: String,
        /// As it is.
        is: String,
    },
    /// It had foreign keys, or others pointed at it, and that is over.
    ForeignKeysGone,
    /// A trigger is gone.
    TriggerGone {
        /// Its name.
        trigger: String,
    },
    /// Another storage engine.
    EngineChanged {
        /// As it was.
        was: String,
        /// As it is.
        is: String,
    },
    /// Another default collation.
    CollationChanged {
        /// As it was.
        was: String,
        /// As it is.
        is: String,
    },
    /// Another comment on the table.
    CommentChanged {
        /// As it was.
        was: String,
        /// As it is.
        is: String,
    },
}

impl Change {
    /// What it is about: a column, `index idx_artist`, `table`.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::ColumnGone { column, .. } | Self::ColumnChanged { column, .. } => column.clone(),
            Self::KeyGone { key, .. } | Self::KeyChanged { key, .. } => key_words(key),
            Self::ForeignKeysGone => "foreign keys".to_owned(),
            Self::TriggerGone { trigger } => format!("trigger {trigger}"),
            Self::EngineChanged { .. } | Self::CollationChanged { .. } | Self::CommentChanged { .. } => {
                "table".to_owned()
            }
        }
    }

    /// What has become of it, as words that follow the table's name in a list; safe for a terminal.
    #[must_use]
    pub fn describe(&self) -> String {
        safe(&match self {
            Self::ColumnGone { column, was } => format!("column {column} ({was}) is gone"),
            Self::ColumnChanged { column, was, is } => format!("{column} was {was} and is {is}"),
            Self::KeyGone { key, was } if was.is_empty() => format!("{} is gone", key_words(key)),
            Self::KeyGone { key, was } => format!("{} ({}) is gone", key_words(key), was.join(", ")),
            Self::KeyChanged { key, was, is } => format!("{} was {was} and is {is}", key_words(key)),
            Self::ForeignKeysGone => "no foreign key is there any more, neither its own nor one to it".to_owned(),
            Self::TriggerGone { trigger } => format!("trigger {trigger} is gone"),
            Self::EngineChanged { was, is } => format!("its storage engine was {was} and is {is}"),
            Self::CollationChanged { was, is } => format!("its default collation was {was} and is {is}"),
            Self::CommentChanged { was, is } => format!("its comment was {was:?} and is {is:?}"),
        })
    }
}

fn key_words(key: &str) -> String {
    if key == PRIMARY { "the primary key".to_owned() } else { format!("index {key}") }
}

/// What of the kept table is gone or changed.
#[must_use]
pub fn changes(kept: &MyTable, have: &MyTable) -> Vec<Change> {
    let mut all: Vec<Change> = kept.columns.iter().filter_map(|c| column(c, have.column(&c.name))).collect();
    let now = keys(have);
    all.extend(keys(kept).iter().filter_map(|key| key_change(key, &now)));
    if kept.foreign_keys && !have.foreign_keys {
        all.push(Change::ForeignKeysGone);
    }
    let gone = kept.triggers.iter().filter(|t| !have.triggers.contains(t));
    all.extend(gone.map(|trigger| Change::TriggerGone { trigger: trigger.clone() }));
    if let Some((was, is)) = differ(kept.engine.as_deref(), have.engine.as_deref()) {
        all.push(Change::EngineChanged { was, is });
    }
    if let Some((was, is)) = differ(collation(kept.collation.as_deref()), collation(have.collation.as_deref())) {
        all.push(Change::CollationChanged { was, is });
    }
    if let Some((was, is)) = differ(Some(kept.comment.as_str()), Some(have.comment.as_str())) {
        all.push(Change::CommentChanged { was, is });
    }
    all
}

fn differ<T: AsRef<str>>(was: Option<T>, is: Option<T>) -> Option<(String, String)> {
    let text = |value: Option<T>| value.map(|v| v.as_ref().to_owned()).unwrap_or_default();
    let (was, is) = (text(was), text(is));
    (was != is).then_some((was, is))
}

fn column(kept: &MyColumn, have: Option<&MyColumn>) -> Option<Change> {
    let column = kept.name.clone();
    let Some(have) = have else {
        return Some(Change::ColumnGone { column, was: words(kept, kept) });
    };
    let same = column_type(kept) == column_type(have)
        && kept.nullable == have.nullable
        && kept.default == have.default
        && extra(kept) == extra(have)
        && charset(kept) == charset(have)
        && collation(kept.collation.as_deref()) == collation(have.collation.as_deref())
        && kept.comment == have.comment;
    (!same).then(|| Change::ColumnChanged { column, was: words(kept, have), is: words(have, kept) })
}

/// Type and NOT NULL, and what else the other column has otherwise.
fn words(column: &MyColumn, other: &MyColumn) -> String {
    let mut out = column.column_type.clone();
    match &column.collation {
        Some(own) if collation(Some(own)) != collation(other.collation.as_deref()) => {
            out.push_str(&format!(" COLLATE {own}"));
        }
        _ => {}
    }
    out.push_str(if column.nullable { " NULL" } else { " NOT NULL" });
    match &column.default {
        Some(default) if column.default != other.default => out.push_str(&format!(" DEFAULT {default}")),
        _ => {}
    }
    if extra(column) != extra(other) && !extra(column).is_empty() {
        out.push_str(&format!(" {}", extra(column)));
    }
    if column.comment != other.comment && !column.comment.is_empty() {
        out.push_str(&format!(" COMMENT {:?}", column.comment));
    }
    out
}

/// The type without the display width, which MySQL 8.0.19 and later leave out, except where it says something.
fn column_type(column: &MyColumn) -> String {
    let full = &column.column_type;
    let widths = matches!(column.data_type.as_str(), "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year");
    if !widths || full.starts_with("tinyint(1)") || full.contains("zerofill") {
        return full.clone();
    }
    match (full.find('('), full.find(')')) {
        (Some(from), Some(to)) => format!("{}{}", &full[..from], &full[to + 1..]),
        _ => full.clone(),
    }
}

/// Newer versions of MySQL add that a default is an expression.
fn extra(column: &MyColumn) -> &str {
    column.extra.trim_start_matches("default_generated").trim()
}

/// `utf8` is called `utf8mb3` by newer servers.
fn charset(column: &MyColumn) -> Option<&str> {
    column.charset.as_deref().map(|name| if name == "utf8" { "utf8mb3" } else { name })
}

fn collation(name: Option<&str>) -> Option<String> {
    name.map(|name| match name.strip_prefix("utf8_") {
        Some(rest) => format!("utf8mb3_{rest}"),
        None => name.to_owned(),
    })
}

/// Name, uniqueness and columns.
type Key<'a> = (&'a str, bool, &'a [String]);

/// All keys, the primary key first.
fn keys(table: &MyTable) -> Vec<Key<'_>> {
    fn key(key: &MyKey, unique: bool) -> Key<'_> {
        (&key.name, unique, &key.columns)
    }
    let primary = (!table.primary_key.is_empty()).then_some((PRIMARY, true, table.primary_key.as_slice()));
    let unique = table.unique_keys.iter().map(|k| key(k, true));
    primary.into_iter().chain(unique).chain(table.indexes.iter().map(|k| key(k, false))).collect()
}

fn key_change(kept: &Key<'_>, now: &[Key<'_>]) -> Option<Change> {
    let (name, unique, columns) = *kept;
    let key = name.to_owned();
    let Some((_, is_unique, is_columns)) = now.iter().find(|(n, ..)| n.to_lowercase() == name.to_lowercase()) else {
        return Some(Change::KeyGone { key, was: columns.to_vec() });
    };
    let same = |(a, b): (&String, &String)| a.to_lowercase() == b.to_lowercase();
    if unique == *is_unique && columns.len() == is_columns.len() && columns.iter().zip(*is_columns).all(same) {
        return None;
    }
    let words = |unique: bool, columns: &[String]| {
        format!("{}({})", if unique && name != PRIMARY { "unique " } else { "" }, columns.join(", "))
    };
    Some(Change::KeyChanged { key, was: words(unique, columns), is: words(*is_unique, is_columns) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::target_table;
    use crate::schema::testing::{MYSQL, column as pg, created, pipeline, table, there};

    fn kept() -> MyTable {
        let source = table("t", vec![pg("id", "int4", -1), pg("title", "text", -1)], &["id"]);
        let mut kept = created(&target_table(&source, &pipeline(), MYSQL));
        kept.columns = vec![there("id", "int(11)"), there("title", "varchar(200)")];
        kept.columns[0].nullable = false;
        kept.collation = Some("utf8mb4_bin".into());
        kept.unique_keys = vec![key("by_title", &["title"])];
        kept.indexes = vec![key("idx", &["title", "id"])];
        kept.triggers = vec!["audit".into()];
        kept.foreign_keys = true;
        kept
    }

    fn key(name: &str, columns: &[&str]) -> MyKey {
        MyKey { name: name.into(), columns: columns.iter().map(|c| (*c).to_owned()).collect() }
    }

    /// What is said of the kept table after one change to it.
    fn told(change: impl FnOnce(&mut MyTable)) -> Vec<String> {
        let mut have = kept();
        change(&mut have);
        changes(&kept(), &have).iter().map(Change::describe).collect()
    }

    #[test]
    fn each_loss_is_told_once_and_with_both_values() {
        type Loss = fn(&mut MyTable);
        let cases: [(Loss, &str); 17] = [
            (|t| drop(t.columns.remove(1)), "column title (varchar(200) NULL) is gone"),
            (|t| t.columns[1].column_type = "longtext".into(), "title was varchar(200) NULL and is longtext NULL"),
            (|t| t.columns[0].nullable = true, "id was int(11) NOT NULL and is int(11) NULL"),
            (
                |t| t.columns[1].default = Some("x".into()),
                "title was varchar(200) NULL and is varchar(200) NULL DEFAULT x",
            ),
            (
                |t| t.columns[0].extra = "auto_increment".into(),
                "id was int(11) NOT NULL and is int(11) NOT NULL auto_increment",
            ),
            (
                |t| t.columns[1].collation = Some("utf8mb4_general_ci".into()),
                "title was varchar(200) COLLATE utf8mb4_bin NULL and is varchar(200) COLLATE utf8mb4_general_ci NULL",
            ),
            (
                |t| t.columns[1].comment = "c".into(),
                "title was varchar(200) NULL and is varchar(200) NULL COMMENT \"c\"",
            ),
            (|t| t.primary_key.clear(), "the primary key (id) is gone"),
            (|t| t.primary_key.push("title".into()), "the primary key was (id) and is (id, title)"),
            (|t| t.unique_keys.clear(), "index by_title (title) is gone"),
            (|t| t.indexes.clear(), "index idx (title, id) is gone"),
            (|t| t.indexes[0].columns.reverse(), "index idx was (title, id) and is (id, title)"),
            (|t| t.foreign_keys = false, "no foreign key is there any more, neither its own nor one to it"),
            (|t| t.triggers.clear(), "trigger audit is gone"),
            (|t| t.engine = Some("MyISAM".into()), "its storage engine was InnoDB and is MyISAM"),
            (|t| t.collation = Some("latin1_bin".into()), "its default collation was utf8mb4_bin and is latin1_bin"),
            (|t| t.comment = "\x1b".into(), "its comment was \"\" and is \"\\u{1b}\""),
        ];
        for (change, said) in cases {
            assert_eq!(told(change), [said]);
        }
        let said = told(|t| {
            t.indexes.push(t.unique_keys.remove(0));
        });
        assert_eq!(said, ["index by_title was unique (title) and is (title)"]);
    }

    #[test]
    fn what_is_added_or_changes_by_itself_or_with_the_servers_version_is_no_loss() {
        let nothing = told(|t| {
            t.estimated_rows = 12;
            t.created = Some(jiff::Timestamp::UNIX_EPOCH);
            t.columns.push(there("more", "int"));
            t.columns[0].column_type = "int".into();
            t.columns[0].extra = "DEFAULT_GENERATED".to_lowercase();
            t.indexes.push(key("more", &["id"]));
            t.triggers.push("more".into());
        });
        assert_eq!(nothing, [""; 0]);
        let mut old = kept();
        old.columns[1].charset = Some("utf8".into());
        old.columns[1].collation = Some("utf8_general_ci".into());
        let mut new = old.clone();
        new.columns[1].charset = Some("utf8mb3".into());
        new.columns[1].collation = Some("utf8mb3_general_ci".into());
        assert_eq!(changes(&old, &new), []);
    }

    #[test]
    fn widths_that_say_something_count() {
        for (was, is) in [("tinyint(1)", "tinyint(4)"), ("int(5) unsigned zerofill", "int(6) unsigned zerofill")] {
            let mut old = kept();
            old.columns[0] = there("id", was);
            let mut new = kept();
            new.columns[0] = there("id", is);
            assert_eq!(changes(&old, &new).len(), 1, "{was}");
        }
    }
}
