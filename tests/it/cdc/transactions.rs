//! Random transactions on a generated schema.

use cdc_doctor::quote::pg_ident;

use super::generate::Schema;
use super::model::{Column, Kind, REFERS, Shape, Table, UNIQUE, Unique};
use super::random::Random;

/// Makes the transactions of one session.
pub struct Script<'a> {
    schema: &'a Schema,
    r: Random,
    /// A row number that no other session uses, to park a row at.
    aside: u64,
    /// The most rows that one statement inserts.
    large: u64,
}

impl<'a> Script<'a> {
    pub fn new(schema: &'a Schema, r: Random, session: u64, large: u64) -> Self {
        Self { schema, r, aside: 3_000_000 + session, large }
    }

    /// The statements of one transaction, `BEGIN` to `COMMIT` or `ROLLBACK`.
    pub fn transaction(&mut self) -> Vec<String> {
        let begin = if self.r.percent(10) { "BEGIN ISOLATION LEVEL REPEATABLE READ" } else { "BEGIN" };
        let mut all = vec![begin.to_owned()];
        if self.large > 0 && self.r.percent(6) {
            self.large(&mut all);
        } else {
            for _ in 0..self.r.between(1, 5) {
                self.step(&mut all, 2);
            }
        }
        all.push(if self.r.percent(10) { "ROLLBACK" } else { "COMMIT" }.to_owned());
        all
    }

    /// A change, or some behind a savepoint which may be taken back.
    fn step(&mut self, all: &mut Vec<String>, depth: u64) {
        if depth == 0 || !self.r.percent(20) {
            self.change(all);
            return;
        }
        // A name that is in use again hides the older savepoint of that name.
        let name = self.r.pick(&["s", "\"S p\""]);
        all.push(format!("SAVEPOINT {name}"));
        for _ in 0..self.r.between(1, 3) {
            self.step(all, depth - 1);
        }
        match self.r.below(3) {
            0 => all.push(format!("RELEASE SAVEPOINT {name}")),
            1 => {}
            _ => {
                all.push(format!("ROLLBACK TO SAVEPOINT {name}"));
                self.change(all);
            }
        }
    }

    fn change(&mut self, all: &mut Vec<String>) {
        let schema = self.schema;
        let table = &schema.tables[self.r.index(schema.tables.len())];
        match self.r.below(100) {
            0..2 => all.push(self.truncate(table)),
            2..5 => {
                let transactional = self.r.percent(50);
                all.push(format!("SELECT pg_logical_emit_message({transactional}, 'cdc', 'not a row')"));
            }
            _ if !table.has_key() => self.change_keyless(table, all),
            5..25 => all.push(self.insert(table)),
            25..55 => all.push(self.update(table)),
            55..65 => all.push(self.update_some(table)),
            65..72 => self.move_keys(table, all),
            72..78 => self.swap_unique(table, all),
            78..88 => all.push(self.delete(table)),
            88..93 => all.push(self.delete_some(table)),
            _ => {
                // The same row goes and comes back.
                let n = self.number();
                all.push(format!("DELETE FROM {} x WHERE {}", table.quoted(), table.is_row("x", &n)));
                let row = self.row(table, &n);
                all.push(format!("{} ON CONFLICT ({}) DO NOTHING", insert_into(table, &[row]), table.key_names()));
            }
        }
    }

    /// A row number: most are there, some are not.
    fn number(&mut self) -> String {
        self.r.between(1, self.schema.rows * 5 / 4).to_string()
    }

    /// The values of row number `n`, in the order of [`columns`].
    fn row(&mut self, table: &Table, n: &str) -> String {
        let mut values = table.key_values(n);
        for column in &table.columns {
            values.push(column.kind.value_or_null(&mut self.r, column.not_null));
        }
        if table.unique != Unique::None {
            let (own, column) = (table.unique_value(n), pg_ident(UNIQUE));
            let taken = format!("SELECT FROM {} u WHERE u.{column} = {own}", table.quoted());
            values.push(format!("(SELECT {own} WHERE NOT EXISTS ({taken}))"));
        }
        if table.refers.is_some() {
            values.push(self.reference());
        }
        format!("({})", values.join(", "))
    }

    /// The key of some row of the first table.
    fn reference(&mut self) -> String {
        let first = &self.schema.tables[0];
        let offset = self.r.below(self.schema.rows);
        format!("(SELECT {} FROM {} LIMIT 1 OFFSET {offset})", first.key_names(), first.quoted())
    }

    fn insert(&mut self, table: &Table) -> String {
        let first = self.r.between(1, self.schema.rows * 5 / 4);
        let rows: Vec<String> = (0..self.r.between(1, 6)).map(|i| self.row(table, &(first + i).to_string())).collect();
        let action = if self.r.percent(50) {
            "NOTHING".to_owned()
        } else {
            let all = table.columns.iter().map(|c| pg_ident(&c.name)).map(|c| format!("{c} = EXCLUDED.{c}"));
            format!("UPDATE SET {}", all.collect::<Vec<_>>().join(", "))
        };
        format!("{} ON CONFLICT ({}) DO {action}", insert_into(table, &rows), table.key_names())
    }

    /// New values for some columns; the long text is mostly left alone, so that it is not sent.
    fn assignments(&mut self, table: &Table) -> String {
        let wanted = |c: &&Column, r: &mut Random| r.percent(if c.kind == Kind::Toast { 15 } else { 40 });
        let mut some: Vec<&Column> = table.columns.iter().filter(|c| wanted(c, &mut self.r)).collect();
        if some.is_empty() {
            some.push(&table.columns[self.r.index(table.columns.len())]);
        }
        let mut all: Vec<String> = Vec::new();
        for column in some {
            all.push(format!(
                "{} = {}",
                pg_ident(&column.name),
                column.kind.value_or_null(&mut self.r, column.not_null)
            ));
        }
        if table.refers.is_some() && self.r.percent(30) {
            all.push(format!("{REFERS} = {}", self.reference()));
        }
        all.join(", ")
    }

    fn update(&mut self, table: &Table) -> String {
        let (set, n) = (self.assignments(table), self.number());
        format!("UPDATE {} x SET {set} WHERE {}", table.quoted(), table.is_row("x", &n))
    }

    fn update_some(&mut self, table: &Table) -> String {
        let (set, some) = (self.assignments(table), self.some());
        format!("UPDATE {} x SET {set} WHERE {some}", table.quoted())
    }

    fn delete(&mut self, table: &Table) -> String {
        let n = self.number();
        format!("DELETE FROM {} x WHERE {}", table.quoted(), table.is_row("x", &n))
    }

    fn delete_some(&mut self, table: &Table) -> String {
        format!("DELETE FROM {} x WHERE {}", table.quoted(), self.some())
    }

    /// One row in sixteen, which ones is settled by their values.
    fn some(&mut self) -> String {
        format!("(hashtext(x::text) & 15) = {}", self.r.below(16))
    }

    /// Rows change their keys: one goes to a free key, some trade keys, or all move up by one.
    fn move_keys(&mut self, table: &Table, all: &mut Vec<String>) {
        let name = table.quoted();
        if table.shape == Shape::Int && self.r.percent(30) {
            all.push(format!("UPDATE {name} SET \"Id\" = -\"Id\" - 1 WHERE \"Id\" BETWEEN 0 AND 50000"));
            all.push(format!("UPDATE {name} SET \"Id\" = -\"Id\" WHERE \"Id\" < 0"));
            return;
        }
        let mut numbers: Vec<u64> = Vec::new();
        while (numbers.len() as u64) < self.r.between(2, 4) {
            let n = self.r.between(1, self.schema.rows * 5 / 4);
            if !numbers.contains(&n) {
                numbers.push(n);
            }
        }
        let columns: Vec<String> = table.key().iter().map(|(name, _)| pg_ident(name)).collect();
        let mut step = |from: u64, to: u64| {
            let set: Vec<String> =
                columns.iter().zip(table.key_values(&to.to_string())).map(|(c, v)| format!("{c} = {v}")).collect();
            all.push(format!("UPDATE {name} x SET {} WHERE {}", set.join(", "), table.is_row("x", &from.to_string())));
        };
        let last = numbers.len() - 1;
        step(numbers[last], self.aside);
        for at in (0..last).rev() {
            step(numbers[at], numbers[at + 1]);
        }
        step(self.aside, numbers[0]);
    }

    /// Two rows trade the values of their unique column, or all rows move up by one.
    fn swap_unique(&mut self, table: &Table, all: &mut Vec<String>) {
        let (name, column) = (table.quoted(), pg_ident(UNIQUE));
        // Where the constraint is checked at once, the values are first moved where nobody is.
        let (deferrable, away, back) = match table.unique {
            Unique::None => return all.push(self.update(table)),
            Unique::Int { deferrable } => (deferrable, format!("-{column}"), format!("-y.{column}")),
            Unique::Text { deferrable } => (deferrable, format!("'~' || {column}"), format!("substr(y.{column}, 2)")),
        };
        if matches!(table.unique, Unique::Int { .. }) && self.r.percent(30) {
            if deferrable {
                return all.push(format!("UPDATE {name} SET {column} = {column} + 1"));
            }
            all.push(format!("UPDATE {name} SET {column} = -{column} - 1 WHERE {column} >= 0"));
            return all.push(format!("UPDATE {name} SET {column} = -{column} WHERE {column} < 0"));
        }
        let (n, m) = (self.number(), self.number());
        let is = |alias: &str, n: &str| table.is_row(alias, n);
        let pair = format!("{} AND {} OR {} AND {}", is("x", &n), is("y", &m), is("x", &m), is("y", &n));
        if deferrable {
            return all.push(format!("UPDATE {name} x SET {column} = y.{column} FROM {name} y WHERE {pair}"));
        }
        all.push(format!("UPDATE {name} x SET {column} = {away} WHERE {} OR {}", is("x", &n), is("x", &m)));
        all.push(format!("UPDATE {name} x SET {column} = {back} FROM {name} y WHERE {pair}"));
    }

    /// One table with all that point at it, or several.
    fn truncate(&mut self, table: &Table) -> String {
        let mut names = vec![table.quoted()];
        if self.r.percent(30) {
            let other = self.schema.tables[self.r.index(self.schema.tables.len())].quoted();
            if !names.contains(&other) {
                names.push(other);
            }
        }
        let only = if self.r.percent(30) { " RESTART IDENTITY" } else { "" };
        format!("TRUNCATE {}{only} CASCADE", names.join(", "))
    }

    fn change_keyless(&mut self, table: &Table, all: &mut Vec<String>) {
        let name = table.quoted();
        let one = format!("x.ctid = (SELECT ctid FROM {name} LIMIT 1 OFFSET {})", self.r.below(self.schema.rows));
        all.push(match self.r.below(10) {
            0..3 => {
                let rows: Vec<String> = (0..self.r.between(1, 3)).map(|_| self.row(table, "0")).collect();
                insert_into(table, &rows)
            }
            3..5 => format!("INSERT INTO {name} SELECT * FROM {name} LIMIT {}", self.r.between(1, 4)),
            5..7 => format!("UPDATE {name} x SET {} WHERE {one}", self.assignments(table)),
            7 => self.update_some(table),
            8 => format!("DELETE FROM {name} x WHERE {one}"),
            _ => self.delete_some(table),
        });
    }

    /// Thousands of rows come, change and partly go again: more than the source decodes in memory.
    fn large(&mut self, all: &mut Vec<String>) {
        let schema = self.schema;
        let table = &schema.tables[self.r.index(schema.tables.len())];
        let (name, first) = (table.quoted(), 10_000 * self.r.between(1, 4));
        if !table.has_key() {
            // Without a key each change of a row is a search of the whole table on the target.
            return all.push(schema.insert_series(table, first, first + 200));
        }
        let last = first + self.r.between(self.large / 3, self.large);
        all.push(schema.insert_series(table, first, last));
        if self.r.percent(50) {
            all.push("SAVEPOINT s".to_owned());
            all.push(format!("UPDATE {name} x SET {} WHERE (hashtext(x::text) & 1) = 0", self.assignments(table)));
            all.push(schema.insert_series(table, last + 1, last + self.large / 4));
            all.push(if self.r.percent(60) { "ROLLBACK TO SAVEPOINT s" } else { "RELEASE SAVEPOINT s" }.to_owned());
        }
        all.push(format!("UPDATE {name} x SET {} WHERE (hashtext(x::text) & 3) = 0", self.assignments(table)));
        if self.r.percent(60) {
            all.push(format!(
                "DELETE FROM {name} x USING generate_series({first}::bigint, {}) i WHERE {}",
                last + self.large,
                table.is_row("x", "i")
            ));
        }
    }
}

/// The columns in the order in which they were created.
fn columns(table: &Table) -> Vec<String> {
    let mut all: Vec<String> = table.key().iter().map(|(name, _)| pg_ident(name)).collect();
    all.extend(table.columns.iter().map(|c| pg_ident(&c.name)));
    all.extend((table.unique != Unique::None).then(|| pg_ident(UNIQUE)));
    all.extend(table.refers.map(|_| REFERS.to_owned()));
    all
}

fn insert_into(table: &Table, rows: &[String]) -> String {
    format!("INSERT INTO {} ({}) VALUES {}", table.quoted(), columns(table).join(", "), rows.join(", "))
}
