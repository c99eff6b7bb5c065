//! The statements that a comparison sends, on either side: digests of a slice of a table, of buckets of it, lists of
//! its rows' hashes, and rows themselves. Pure.
//!
//! A row's text is its fields in order, each set off from the next, so that different rows have different texts. Its
//! hash is the first 60 bits of the text's SHA-256 (MySQL 9.6 and later have no MD5 of their own). A digest is the
//! number of rows and the sum of their hashes: the order of rows plays no part.

use super::column::Column;
use super::{source_sql, target_sql};
use crate::quote::{my_ident, my_literal, pg_ident};

/// A table on both sides, ready to be compared.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// What follows `FROM` on the source: `ONLY "s"."t"`.
    pub(super) source: String,
    /// What follows `FROM` on the target.
    pub(super) target: String,
    /// The columns that are compared.
    pub(super) columns: Vec<Column>,
    /// Places of the key's columns.
    pub(super) key: Vec<usize>,
}

/// A row's key, in the text that both sides print for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(pub(super) Vec<Option<String>>);

/// A part of a table, by its key's first column: from one value on, up to before another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Slice {
    /// The first value; none for the beginning.
    pub(super) from: Option<String>,
    /// The first value beyond; none for the end.
    pub(super) to: Option<String>,
}

/// Rows of a slice by some bits of their hash.
#[derive(Debug, Clone, Copy)]
pub(super) struct Buckets<'a> {
    /// The bits.
    pub(super) mask: u64,
    /// Which values of them; ascending.
    pub(super) wanted: &'a [u64],
}

/// Cuts a table's key for slices of about equal size: at so many places, from a sample of its pages. They come in the
/// order of the column, not in that of the texts that are selected.
pub(super) fn cuts(shape: &Shape, pieces: u64, percent: f64) -> Option<String> {
    let lead = shape.lead()?;
    let name = pg_ident(&lead.name);
    let places: Vec<String> = (1..pieces).map(|n| format!("{n}.0/{pieces}")).collect();
    Some(format!(
        "SELECT {} FROM (SELECT unnest(percentile_disc(ARRAY[{}]::float8[]) WITHIN GROUP (ORDER BY {name})) AS {name} \
         FROM {} TABLESAMPLE SYSTEM ({percent})) cut GROUP BY cut.{name} ORDER BY cut.{name}",
        source_sql::text(lead),
        places.join(", "),
        shape.source,
    ))
}

impl Slice {
    /// Slices that cover every key once; the first and the last are open.
    pub(super) fn between(cuts: &[String]) -> Vec<Self> {
        let mut from = None;
        let mut slices: Vec<Self> = Vec::with_capacity(cuts.len() + 1);
        for cut in cuts {
            slices.push(Self { from, to: Some(cut.clone()) });
            from = Some(cut.clone());
        }
        slices.push(Self { from, to: None });
        slices
    }
}

impl Shape {
    /// The key's first column.
    pub(super) fn lead(&self) -> Option<&Column> {
        self.key.first().map(|place| &self.columns[*place])
    }

    /// The key's columns.
    pub(super) fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.key.iter().map(|place| &self.columns[*place])
    }

    /// Some equal values of it may print differently on the two servers.
    pub(super) fn loose(&self) -> bool {
        self.columns.iter().any(|c| c.loose)
    }

    /// Rows, sum of hashes, and values that stand as NULL on the target.
    pub(super) fn source_digest(&self, slice: &Slice) -> String {
        format!(
            "SELECT count(*), coalesce(sum(hash), 0)::text, coalesce(sum(nulled), 0)::int8 FROM \
             (SELECT {} AS hash, {} AS nulled FROM {}{}) digested",
            self.source_hash(),
            self.nulled(),
            self.source,
            self.source_where(slice)
        )
    }

    /// Rows and sum of hashes.
    pub(super) fn target_digest(&self, slice: &Slice) -> String {
        format!(
            "SELECT COUNT(*), CAST(COALESCE(SUM({}), 0) AS CHAR) FROM {}{}",
            self.target_hash(),
            self.target,
            self.target_where(slice)
        )
    }

    /// Bucket, rows and sum of hashes, a row for each bucket.
    pub(super) fn source_buckets(&self, slice: &Slice, mask: u64) -> String {
        format!(
            "SELECT hash & {mask}, count(*), sum(hash)::text FROM (SELECT {} AS hash FROM {}{}) hashed GROUP BY 1",
            self.source_hash(),
            self.source,
            self.source_where(slice)
        )
    }

    /// Bucket, rows and sum of hashes, a row for each bucket. The limit makes the server keep the hashes, rather than
    /// compute each once for the bucket and again for the sum.
    pub(super) fn target_buckets(&self, slice: &Slice, mask: u64) -> String {
        format!(
            "SELECT hash & {mask}, COUNT(*), CAST(SUM(hash) AS CHAR) FROM (SELECT {} AS hash FROM {}{} \
             LIMIT {}) hashed GROUP BY 1",
            self.target_hash(),
            self.target,
            self.target_where(slice),
            u64::MAX
        )
    }

    /// Hash and key of every row.
    pub(super) fn source_list(&self, slice: &Slice, buckets: Option<Buckets<'_>>) -> String {
        let keys: Vec<String> =
            self.key_columns().enumerate().map(|(n, c)| format!(", {} AS k{n}", source_sql::text(c))).collect();
        format!(
            "SELECT * FROM (SELECT {} AS hash{} FROM {}{}) listed{}",
            self.source_hash(),
            keys.concat(),
            self.source,
            self.source_where(slice),
            bucket_where(buckets)
        )
    }

    /// Hash and key of every row.
    pub(super) fn target_list(&self, slice: &Slice, buckets: Option<Buckets<'_>>) -> String {
        let keys: Vec<String> =
            self.key_columns().enumerate().map(|(n, c)| format!(", {} AS k{n}", target_sql::text(c))).collect();
        format!(
            "SELECT * FROM (SELECT {} AS hash{} FROM {}{}) listed{}",
            self.target_hash(),
            keys.concat(),
            self.target,
            self.target_where(slice),
            bucket_where(buckets)
        )
    }

    /// All fields of a row, one text, and of its hash the first bits.
    fn source_hash(&self) -> String {
        let fields: Vec<String> = self.columns.iter().map(source_sql::field).collect();
        // A function takes a hundred arguments.
        let parts: Vec<String> = fields.chunks(50).map(|some| format!("concat_ws(',', {})", some.join(", "))).collect();
        let row = if parts.len() == 1 { parts.concat() } else { format!("concat_ws(',', {})", parts.join(", ")) };
        format!("('x' || left(encode(sha256(convert_to({row}, 'UTF8')), 'hex'), 15))::bit(60)::int8")
    }

    /// The same. The comma is binary, so that texts of all collations can be joined. A row that is longer than a
    /// packet of the server has no text: it gets a hash that differs from the source's.
    fn target_hash(&self) -> String {
        let fields: Vec<String> = self.columns.iter().map(target_sql::field).collect();
        let row = format!("CONCAT_WS(CAST(',' AS BINARY), {})", fields.join(", "));
        format!("COALESCE(CAST(CONV(LEFT(SHA2({row}, 256), 15), 16, 10) AS UNSIGNED), 0)")
    }

    fn nulled(&self) -> String {
        let counts: Vec<String> = self
            .columns
            .iter()
            .filter_map(|c| c.nulled.as_ref())
            .map(|nulled| format!("coalesce(({nulled})::int4, 0)"))
            .collect();
        if counts.is_empty() { "0".to_owned() } else { counts.join(" + ") }
    }

    fn source_where(&self, slice: &Slice) -> String {
        let Some(lead) = self.lead() else { return String::new() };
        let literal = |text: &str| source_sql::literal(lead, text);
        slice.conditions(&pg_ident(&lead.name), lead.nullable, literal)
    }

    fn target_where(&self, slice: &Slice) -> String {
        let Some(lead) = self.lead() else { return String::new() };
        let literal = |text: &str| target_sql::literal(lead, text).unwrap_or_else(|| my_literal(text));
        slice.conditions(&my_ident(&lead.target), lead.nullable, literal)
    }
}

impl Slice {
    /// NULL belongs to the first slice.
    fn conditions(&self, name: &str, nullable: bool, literal: impl Fn(&str) -> String) -> String {
        let null = if nullable { format!(" OR {name} IS NULL") } else { String::new() };
        match (&self.from, &self.to) {
            (None, None) => String::new(),
            (None, Some(to)) => format!(" WHERE ({name} < {}{null})", literal(to)),
            (Some(from), None) => format!(" WHERE {name} >= {}", literal(from)),
            (Some(from), Some(to)) => format!(" WHERE {name} >= {} AND {name} < {}", literal(from), literal(to)),
        }
    }
}

fn bucket_where(buckets: Option<Buckets<'_>>) -> String {
    let Some(Buckets { mask, wanted }) = buckets else { return String::new() };
    let wanted: Vec<String> = wanted.iter().map(u64::to_string).collect();
    format!(" WHERE hash & {mask} IN ({})", wanted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Transfer;
    use crate::verify::testing::{pair, shape};

    #[test]
    fn slices_cover_every_key_once() {
        let shape = shape(vec![pair("int8", Transfer::Integer, "bigint")], &[0]);
        let slices = Slice::between(&["10".into(), "20".into()]);
        let on_target: Vec<String> = slices.iter().map(|s| shape.target_where(s)).collect();
        assert_eq!(
            on_target,
            [" WHERE (`v` < 10 OR `v` IS NULL)", " WHERE `v` >= 10 AND `v` < 20", " WHERE `v` >= 20"]
        );
        assert_eq!(shape.source_where(&slices[2]), r#" WHERE "v" >= '20'"#);
        assert_eq!(Slice::between(&[]), [Slice::default()]);
        assert_eq!(shape.source_where(&Slice::default()), "");
    }

    #[test]
    fn a_wide_row_is_joined_in_parts() {
        let columns = vec![pair("int8", Transfer::Integer, "bigint"); 120];
        let sql = shape(columns, &[0]).source_digest(&Slice::default());
        assert_eq!(sql.matches("concat_ws(").count(), 4);
    }

    #[test]
    fn statements_of_a_small_table() {
        let columns = vec![pair("int8", Transfer::Integer, "bigint"), pair("text", Transfer::Text, "varchar(9)")];
        let shape = shape(columns, &[0]);
        let slice = Slice { from: Some("1".into()), to: None };
        let buckets = Some(Buckets { mask: 15, wanted: &[3, 4] });
        insta::assert_snapshot!(
            [
                cuts(&shape, 3, 12.5).unwrap(),
                shape.source_digest(&slice),
                shape.target_digest(&slice),
                shape.source_buckets(&slice, 15),
                shape.target_buckets(&slice, 15),
                shape.source_list(&slice, buckets),
                shape.target_list(&slice, buckets),
            ]
            .join("\n\n")
        );
    }
}
