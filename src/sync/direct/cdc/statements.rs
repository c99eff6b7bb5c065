//! The statements that write rows on the target, and what they are held to: each row arrives unaltered or is refused.

use bytes::BytesMut;
use futures_util::{StreamExt, stream};
use mysql_async::prelude::Queryable;
use mysql_async::{Row, Value};

use super::apply::Applier;
use super::row::RowLayout;
use crate::facts::MyFlavor;
use crate::pipeline::OnUnrepresentable;
use crate::sync::direct::encode::{Encoder, Rejection};
use crate::sync::direct::layout::Duplicates;
use crate::sync::direct::prepare::Job;
use crate::sync::direct::rules::Rule;
use crate::sync::direct::tuple::{Field, Tuple};
use crate::sync::error::{Cause, Side};

/// For so many rows a file is faster than statements.
const WORTH_A_FILE: usize = 40;
/// Rows or keys in one statement.
const MOST: usize = 1000;

impl Applier {
    /// Deletes rows by their keys; those that are not there are no matter.
    pub(super) async fn delete(&mut self, table: &Table<'_>, layout: &RowLayout, rows: &[&Tuple]) -> Result<(), Cause> {
        let mut encoder = Encoder::new(&layout.layout.columns, self.policy);
        let keys = table.key_columns(layout);
        let mut scratch = BytesMut::new();
        for some in rows.chunks(MOST) {
            let mut sql = BytesMut::from(format!("DELETE FROM {} WHERE ", table.target).as_bytes());
            if let [key] = keys.as_slice() {
                sql.extend_from_slice(format!("{} IN (", layout.layout.columns[*key].ident).as_bytes());
            }
            for (place, row) in some.iter().enumerate() {
                scratch.clear();
                layout.copy_row(row, &mut scratch);
                if let [key] = keys.as_slice() {
                    sql.extend_from_slice(if place > 0 { b"," } else { b"" });
                    encoder.key_values(&scratch, |i| i == *key, &mut sql).map_err(cause)?;
                } else {
                    // Both servers look these up in the key; of lists of rows MariaDB reads the whole table.
                    sql.extend_from_slice(if place > 0 { b") OR (" } else { b"(" });
                    encoder.key_condition(&scratch, |i| keys.contains(&i), &mut sql).map_err(cause)?;
                }
            }
            sql.extend_from_slice(b")");
            self.run(&sql).await?;
        }
        Ok(())
    }

    /// Writes whole rows.
    pub(super) async fn insert(
        &mut self,
        table: &Table<'_>,
        layout: &RowLayout,
        rows: &[&Tuple],
        existing: Existing,
    ) -> Result<(), Cause> {
        let as_file = match existing {
            Existing::None => Some(Duplicates::Refuse),
            Existing::SameKey => table.replaceable(layout).then_some(Duplicates::Replace),
        };
        if let Some(duplicates) = as_file.filter(|_| self.infile && rows.len() >= WORTH_A_FILE) {
            let loaded = self.load(table, layout, rows, duplicates).await;
            let refused = |e: &Cause| matches!(e, Cause::Server { code, .. } if matches!(code.as_str(), "3948" | "4166" | "1148"));
            match loaded {
                Err(error) if refused(&error) => self.infile = false,
                other => return other,
            }
        }
        self.insert_values(table, layout, rows, existing).await
    }

    /// Writes rows as a file that the target reads.
    async fn load(
        &mut self,
        table: &Table<'_>,
        layout: &RowLayout,
        rows: &[&Tuple],
        duplicates: Duplicates,
    ) -> Result<(), Cause> {
        let mut encoder = Encoder::new(&layout.layout.columns, self.policy);
        let (mut file, mut scratch) = (BytesMut::new(), BytesMut::new());
        for row in rows {
            scratch.clear();
            layout.copy_row(row, &mut scratch);
            let before = file.len();
            encoder.line(&scratch, &mut file).map_err(cause)?;
            self.short_enough(file.len() - before, || encoder.key(&scratch))?;
        }
        self.nulled += encoder.nulled;
        let piece = usize::try_from(self.server.max_packet / 2).unwrap_or(usize::MAX).min(1 << 20);
        let mut file = file.freeze();
        let mut pieces = Vec::new();
        while !file.is_empty() {
            pieces.push(Ok(file.split_to(file.len().min(piece))));
        }
        self.conn.set_infile_handler(async move { Ok(stream::iter(pieces).boxed()) });
        self.run(layout.layout.load_sql(&table.target, duplicates)).await?;
        // `LOAD DATA LOCAL` bends values and leaves out rows with no more than a warning.
        let (sent, skipped) = (rows.len() as u64, counted(&self.conn.info(), "Skipped"));
        let stored = counted(&self.conn.info(), "Records").saturating_sub(skipped);
        self.unaltered(sent, stored, table, layout, rows).await
    }

    async fn insert_values(
        &mut self,
        table: &Table<'_>,
        layout: &RowLayout,
        rows: &[&Tuple],
        existing: Existing,
    ) -> Result<(), Cause> {
        let head = layout.layout.insert_sql(&table.target);
        let tail = match existing {
            Existing::None => String::new(),
            Existing::SameKey => self.on_duplicate_key(layout),
        };
        let limit = usize::try_from(self.server.max_packet / 2).unwrap_or(usize::MAX).min(1 << 20);
        let mut encoder = Encoder::new(&layout.layout.columns, self.policy);
        let mut scratch = BytesMut::new();
        let mut next = 0;
        while next < rows.len() {
            let mut sql = BytesMut::from(head.as_bytes());
            let first = next;
            while next < rows.len() && next - first < MOST && (next == first || sql.len() < limit) {
                sql.extend_from_slice(if next > first { b"," } else { b"" });
                scratch.clear();
                layout.copy_row(rows[next], &mut scratch);
                let before = sql.len();
                encoder.values(&scratch, &mut sql).map_err(cause)?;
                self.short_enough(sql.len() - before + head.len() + tail.len(), || encoder.key(&scratch))?;
                next += 1;
            }
            sql.extend_from_slice(tail.as_bytes());
            if let Err(mut error) = self.run(&sql).await {
                name_row(&mut error, layout, &rows[first..next]);
                return Err(error);
            }
            let sent = (next - first) as u64;
            self.unaltered(sent, sent, table, layout, &rows[first..next]).await?;
        }
        self.nulled += encoder.nulled;
        Ok(())
    }

    /// The columns that a row which is there takes from the new one.
    fn on_duplicate_key(&self, layout: &RowLayout) -> String {
        let columns = &layout.layout.columns;
        let alias = self.server.dialect.flavor == MyFlavor::MySql && self.server.dialect.version >= (8, 0, 20);
        let take =
            |ident: &str| if alias { format!("{ident}=new.{ident}") } else { format!("{ident}=VALUES({ident})") };
        let mut set: Vec<String> = columns.iter().filter(|c| !c.key).map(|c| take(&c.ident)).collect();
        if set.is_empty() {
            // The row is its key, and stays.
            set.extend(columns.first().map(|c| format!("{0}={0}", c.ident)).filter(|_| !alias));
            set.extend(columns.first().map(|c| take(&c.ident)).filter(|_| alias));
        }
        format!("{} ON DUPLICATE KEY UPDATE {}", if alias { " AS new" } else { "" }, set.join(","))
    }

    /// Changes what is carried in rows that are there.
    pub(super) async fn set(&mut self, table: &Table<'_>, layout: &RowLayout, rows: &[&Tuple]) -> Result<(), Cause> {
        let keys = table.key_columns(layout);
        for some in rows.chunks(100) {
            let mut sql = BytesMut::new();
            for row in some {
                sql.extend_from_slice(if sql.is_empty() { b"" } else { b";" });
                self.update_sql(table, layout, row, row, |i| !keys.contains(&i), &mut sql)?;
            }
            let met = self.run_several(&sql).await?;
            if let Some(missed) = met.iter().position(|n| *n != 1) {
                return Err(missing(table, layout, some[missed]));
            }
        }
        Ok(())
    }

    /// Gives a row another key.
    pub(super) async fn rekey(
        &mut self,
        table: &Table<'_>,
        layout: &RowLayout,
        old: &Tuple,
        new: &Tuple,
    ) -> Result<(), Cause> {
        let mut sql = BytesMut::new();
        self.update_sql(table, layout, old, new, |_| true, &mut sql)?;
        if self.run(&sql).await? != 1 {
            return Err(missing(table, layout, old));
        }
        Ok(())
    }

    /// `UPDATE … SET` what `new` carries, of the wanted columns, `WHERE` the key is that of `old`.
    fn update_sql(
        &mut self,
        table: &Table<'_>,
        layout: &RowLayout,
        old: &Tuple,
        new: &Tuple,
        wanted: impl Fn(usize) -> bool,
        sql: &mut BytesMut,
    ) -> Result<(), Cause> {
        let keys = table.key_columns(layout);
        let mut encoder = Encoder::new(&layout.layout.columns, self.policy);
        let carried = layout.carried(new);
        let mut scratch = BytesMut::new();
        layout.copy_row(new, &mut scratch);
        let before = sql.len();
        sql.extend_from_slice(format!("UPDATE {} SET ", table.target).as_bytes());
        // Something must be set where nothing but the key is carried: the key itself.
        let any = carried.iter().enumerate().any(|(i, c)| *c && wanted(i));
        let wanted = |i: usize| carried[i] && (wanted(i) || !any && keys.contains(&i));
        encoder.assignments(&scratch, wanted, sql).map_err(cause)?;
        sql.extend_from_slice(b" WHERE ");
        self.short_enough(sql.len() - before, || encoder.key(&scratch))?;
        scratch.clear();
        layout.copy_row(old, &mut scratch);
        encoder.key_condition(&scratch, |i| keys.contains(&i), sql).map_err(cause)?;
        self.nulled += encoder.nulled;
        Ok(())
    }

    /// Runs statements at one go; the rows that each met.
    async fn run_several(&mut self, sql: &[u8]) -> Result<Vec<u64>, Cause> {
        let mut met = Vec::new();
        let mut results = self.conn.query_iter(sql).await.map_err(|e| Cause::from(&e))?;
        loop {
            met.push(results.affected_rows());
            results.collect::<Row>().await.map_err(|e| Cause::from(&e))?;
            if results.is_empty() {
                return Ok(met);
            }
        }
    }

    /// A row with the values that its change does not carry, which the target has.
    pub(super) async fn complete(
        &mut self,
        table: &Table<'_>,
        layout: &RowLayout,
        row: &Tuple,
    ) -> Result<Tuple, Cause> {
        let (keys, carried) = (table.key_columns(layout), layout.carried(row));
        let columns = &layout.layout.columns;
        let absent: Vec<usize> = (0..columns.len()).filter(|i| !carried[*i]).collect();
        let names: Vec<&str> = absent.iter().map(|i| columns[*i].ident.as_str()).collect();
        let mut encoder = Encoder::new(columns, self.policy);
        let (mut scratch, mut sql) = (BytesMut::new(), BytesMut::new());
        layout.copy_row(row, &mut scratch);
        sql.extend_from_slice(format!("SELECT {} FROM {} WHERE ", names.join(", "), table.target).as_bytes());
        encoder.key_condition(&scratch, |i| keys.contains(&i), &mut sql).map_err(cause)?;
        let found: Option<Row> = self.conn.query_first(&sql[..]).await.map_err(|e| Cause::from(&e))?;
        let found = found.ok_or_else(|| missing(table, layout, row))?;
        let texts: Vec<Option<Vec<u8>>> = absent
            .iter()
            .enumerate()
            .map(|(at, index)| match found.as_ref(at) {
                Some(Value::Bytes(bytes)) => Some(as_source_text(bytes, &columns[*index].rule)),
                _ => None,
            })
            .collect();
        let place_of = |place: usize| absent.iter().position(|i| layout.from[*i].0 == place);
        Ok(Tuple::of(row.fields().enumerate().map(|(place, field)| match (field, place_of(place)) {
            (Field::Unchanged, Some(at)) => texts[at].as_deref().map_or(Field::Null, Field::Text),
            // A column that is not written.
            (Field::Unchanged, None) => Field::Null,
            (field, _) => field,
        })))
    }

    /// Changes or deletes one of the rows that are equal to `old` in everything.
    pub(super) async fn exact(
        &mut self,
        table: &Table<'_>,
        layout: &RowLayout,
        old: &Tuple,
        new: Option<&Tuple>,
    ) -> Result<(), Cause> {
        let mut encoder = Encoder::new(&layout.layout.columns, self.policy);
        let (mut scratch, mut sql) = (BytesMut::new(), BytesMut::new());
        match new {
            Some(new) => {
                layout.copy_row(new, &mut scratch);
                sql.extend_from_slice(format!("UPDATE {} SET ", table.target).as_bytes());
                encoder.assignments(&scratch, |_| true, &mut sql).map_err(cause)?;
            }
            None => sql.extend_from_slice(format!("DELETE FROM {}", table.target).as_bytes()),
        }
        sql.extend_from_slice(b" WHERE ");
        scratch.clear();
        layout.copy_row(old, &mut scratch);
        encoder.exact_condition(&scratch, &mut sql).map_err(cause)?;
        sql.extend_from_slice(b" LIMIT 1");
        self.short_enough(sql.len(), || None)?;
        self.nulled += encoder.nulled;
        if self.run(&sql).await? != 1 {
            return Err(missing(table, layout, old));
        }
        Ok(())
    }

    /// The target must have stored what was sent.
    async fn unaltered(
        &mut self,
        sent: u64,
        stored: u64,
        table: &Table<'_>,
        layout: &RowLayout,
        rows: &[&Tuple],
    ) -> Result<(), Cause> {
        let warnings = u64::from(self.conn.get_warnings());
        if sent == stored && warnings == 0 {
            return Ok(());
        }
        let said: Vec<(String, u64, String)> = self.conn.query("SHOW WARNINGS").await.map_err(|e| Cause::from(&e))?;
        // Notes tell of the binary log's form and the like.
        let first = said.into_iter().find(|(level, ..)| level != "Note");
        if sent == stored && first.is_none() {
            return Ok(());
        }
        let first = first.map(|(_, code, text)| {
            let mut text = format!("{}: {code} {}", crate::text::safe(&table.target), crate::text::safe(&text));
            add_key(&mut text, layout, rows);
            text
        });
        Err(Cause::Altered { sent, stored, warnings, first })
    }

    fn short_enough(&self, bytes: usize, key: impl FnOnce() -> Option<String>) -> Result<(), Cause> {
        if bytes as u64 <= self.server.max_packet {
            return Ok(());
        }
        Err(Cause::RowTooLong { key: key(), bytes: bytes as u64, limit: self.server.max_packet })
    }
}

/// What may be there of the rows that are inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// Nothing; it would be an error.
    None,
    /// Rows with the same primary key, whose place they take.
    SameKey,
}

/// A target table.
pub(super) struct Table<'a> {
    pub job: &'a Job,
    /// Its name, quoted.
    pub target: String,
}

impl Table<'_> {
    pub fn has_other_unique_keys(&self) -> bool {
        !self.job.have.unique_keys.is_empty()
    }

    /// A row may be replaced by another one whole: nothing hangs on it, and all its columns are written.
    fn replaceable(&self, layout: &RowLayout) -> bool {
        let have = &self.job.have;
        let written = have.columns.iter().filter(|c| !c.generated).count();
        !self.has_other_unique_keys()
            && !have.foreign_keys
            && have.triggers.is_empty()
            && layout.layout.columns.len() == written
    }

    /// The written columns that are the key.
    fn key_columns(&self, layout: &RowLayout) -> Vec<usize> {
        (0..layout.from.len()).filter(|i| layout.key.contains(&layout.from[*i].0)).collect()
    }
}

/// The number behind a word of what the server says of a file: `Records: 3  Deleted: 0  Skipped: 0  Warnings: 0`.
fn counted(info: &str, word: &str) -> u64 {
    let after = info.split(word).nth(1).unwrap_or_default();
    let digits: String = after.trim_start_matches([':', ' ']).chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// A value of the target as the source would write it. Only types that may be stored out come here.
fn as_source_text(bytes: &[u8], rule: &Rule) -> Vec<u8> {
    if !matches!(rule, Rule::Bytes(_)) {
        return bytes.to_vec();
    }
    let digit = |n: u8| b"0123456789abcdef"[usize::from(n)];
    b"\\x".iter().copied().chain(bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)])).collect()
}

fn cause(rejection: Rejection) -> Cause {
    match rejection {
        Rejection::Value { column, key, value, why } => {
            Cause::Value { column: crate::text::safe(&column), key, value, why }
        }
        Rejection::Malformed => Cause::Malformed,
    }
}

/// A row that a change presumes is not on the target.
fn missing(table: &Table<'_>, layout: &RowLayout, row: &Tuple) -> Cause {
    Cause::RowMissing { target: crate::text::safe(&table.target), key: shown_key(layout, row) }
}

fn shown_key(layout: &RowLayout, row: &Tuple) -> Option<String> {
    let mut copy = BytesMut::new();
    layout.copy_row(row, &mut copy);
    Encoder::new(&layout.layout.columns, OnUnrepresentable::Null).key(&copy)
}

/// Adds the key of the row to an error that says only its number.
fn name_row(error: &mut Cause, layout: &RowLayout, rows: &[&Tuple]) {
    if let Cause::Server { side: Side::Target, message, .. } = error {
        add_key(message, layout, rows);
    }
}

/// Adds the key to a message of the form `… at row 3`.
fn add_key(message: &mut String, layout: &RowLayout, rows: &[&Tuple]) {
    let Some((_, number)) = message.rsplit_once("at row ") else { return };
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    let row = digits.parse::<usize>().ok().and_then(|n| rows.get(n.checked_sub(1)?));
    if let Some(key) = row.and_then(|row| shown_key(layout, row)) {
        message.push_str(&format!(" (the row with {key})"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_count_is_read() {
        let info = "Records: 30  Deleted: 1  Skipped: 2  Warnings: 0";
        assert_eq!((counted(info, "Records"), counted(info, "Skipped"), counted("", "Records")), (30, 2, 0));
    }

    #[test]
    fn bytes_come_back_in_hexadecimal_form() {
        assert_eq!(as_source_text(&[0, 255, 16], &Rule::Bytes(9)), br"\x00ff10");
        assert_eq!(as_source_text(b"\\x", &Rule::Json), b"\\x");
    }
}
