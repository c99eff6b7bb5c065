//! The statements that fetch rows by their keys. Pure.

use super::column::Column;
use super::statement::{Key, Shape};
use super::{source_sql, target_sql};
use crate::quote::{my_ident, my_literal, pg_ident, pg_literal};

/// What is fetched of rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fetch<'a> {
    /// Places of the columns; their values come after the key.
    pub(super) columns: &'a [usize],
    /// Long values too are fetched as they are, where their hashes say nothing.
    pub(super) whole: bool,
}

impl Shape {
    /// The rows with these keys: key, and what is asked for; with `version`, what tells one version of a row from the
    /// next comes first.
    ///
    /// `as_text` compares the keys' texts. It takes any key, also one that no value of the column's type can be, but
    /// no index.
    pub(super) fn source_rows(&self, keys: &[Key], fetch: Fetch<'_>, version: bool, as_text: bool) -> String {
        let name = |c: &Column| if as_text { source_sql::text(c) } else { pg_ident(&c.name) };
        let names: Vec<String> = self.key_columns().map(name).collect();
        let literal = |n: usize, text: &str| {
            if as_text { pg_literal(text) } else { source_sql::literal(&self.columns[self.key[n]], text) }
        };
        let values = self.key_columns().map(source_sql::text);
        let values = values.chain(fetch.columns.iter().map(|at| source_sql::shown(&self.columns[*at], fetch.whole)));
        let version = version.then(|| "xmin::text".to_owned());
        let values: Vec<String> = version.into_iter().chain(values).collect();
        format!("SELECT {} FROM {} WHERE {}", values.join(", "), self.source, among(&names, keys, literal))
    }

    /// The rows with these keys: key, and what is asked for. A collation may find more rows than those.
    pub(super) fn target_rows(&self, keys: &[Key], fetch: Fetch<'_>) -> String {
        // Where one text has no literal of the column's type, all are compared as they are printed.
        let exact: Vec<bool> = self
            .key_columns()
            .enumerate()
            .map(|(n, c)| keys.iter().filter_map(|k| k.0[n].as_deref()).all(|t| target_sql::literal(c, t).is_some()))
            .collect();
        let name = |(n, c): (usize, &Column)| if exact[n] { my_ident(&c.target) } else { target_sql::text(c) };
        let names: Vec<String> = self.key_columns().enumerate().map(name).collect();
        let literal = |n: usize, text: &str| {
            let literal = target_sql::literal(&self.columns[self.key[n]], text).filter(|_| exact[n]);
            literal.unwrap_or_else(|| my_literal(text))
        };
        let values = self.key_columns().map(target_sql::text);
        let values = values.chain(fetch.columns.iter().map(|at| target_sql::shown(&self.columns[*at], fetch.whole)));
        let values: Vec<String> = values.collect();
        format!("SELECT {} FROM {} WHERE {}", values.join(", "), self.target, among(&names, keys, literal))
    }

    /// Every row's values; long ones as they are only where their hashes say nothing.
    pub(super) fn source_all(&self) -> String {
        let values: Vec<String> = self.columns.iter().map(|c| source_sql::shown(c, true)).collect();
        format!("SELECT {} FROM {}", values.join(", "), self.source)
    }

    /// Every row's values; long ones as they are only where their hashes say nothing.
    pub(super) fn target_all(&self) -> String {
        let values: Vec<String> = self.columns.iter().map(|c| target_sql::shown(c, true)).collect();
        format!("SELECT {} FROM {}", values.join(", "), self.target)
    }
}

/// The condition that a row has one of these keys.
fn among(names: &[String], keys: &[Key], literal: impl Fn(usize, &str) -> String) -> String {
    let (full, with_null): (Vec<&Key>, Vec<&Key>) = keys.iter().partition(|key| key.0.iter().all(Option::is_some));
    let mut conditions = Vec::new();
    if !full.is_empty() {
        let tuple = |key: &&Key| {
            let parts = key.0.iter().enumerate().map(|(n, text)| literal(n, text.as_deref().unwrap_or_default()));
            row(&parts.collect::<Vec<_>>())
        };
        let tuples: Vec<String> = full.iter().map(tuple).collect();
        conditions.push(format!("{} IN ({})", row(names), tuples.join(", ")));
    }
    for key in with_null {
        let part = |(n, (name, text)): (usize, (&String, &Option<String>))| match text {
            Some(text) => format!("{name} = {}", literal(n, text)),
            None => format!("{name} IS NULL"),
        };
        let parts: Vec<String> = names.iter().zip(&key.0).enumerate().map(part).collect();
        conditions.push(format!("({})", parts.join(" AND ")));
    }
    conditions.join(" OR ")
}

/// `a`, or `(a, b)`.
fn row(parts: &[String]) -> String {
    if parts.len() == 1 { parts.concat() } else { format!("({})", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Transfer;
    use crate::verify::testing::{pair, shape};

    fn key(parts: &[Option<&str>]) -> Key {
        Key(parts.iter().map(|p| p.map(str::to_owned)).collect())
    }

    #[test]
    fn rows_are_found_by_their_keys() {
        let columns = vec![pair("int8", Transfer::Integer, "bigint"), pair("text", Transfer::Text, "varchar(9)")];
        let shape = shape(columns, &[0, 1]);
        let keys = [key(&[Some("1"), Some("it's")]), key(&[Some("2"), None])];
        let fetch = Fetch { columns: &[1], whole: false };
        insta::assert_snapshot!(
            [
                shape.source_rows(&keys, fetch, true, false),
                shape.source_rows(&keys[..1], fetch, false, true),
                shape.target_rows(&keys, fetch),
            ]
            .join("\n\n")
        );
    }

    #[test]
    fn a_key_without_a_literal_is_compared_as_it_is_printed() {
        let shape = shape(vec![pair("float8", Transfer::Float, "double")], &[0]);
        let fetch = Fetch { columns: &[], whole: false };
        let nan = [key(&[Some("7ff8000000000000")]), key(&[Some("3ff8000000000000")])];
        let sql = shape.target_rows(&nan, fetch);
        assert!(sql.ends_with("6, 8)))) IN ('7ff8000000000000', '3ff8000000000000')"), "{sql}");
        assert!(shape.target_rows(&nan[1..], fetch).ends_with(" WHERE `v` IN (1.5e0)"));
    }
}
