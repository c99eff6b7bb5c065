//! Random schemas: a few tables of every kind that the continuous sync takes.

use cdc_doctor::quote::{pg_ident, pg_literal};

use super::model::{Column, Identity, Kind, REFERS, Refers, Shape, Table, UNIQUE, Unique};
use super::random::Random;
use super::values::LABELS;

/// Source tables, all in schema `public`.
#[derive(Debug, Clone)]
pub struct Schema {
    pub tables: Vec<Table>,
    /// Rows that each table has at first.
    pub rows: u64,
    /// Statistics are there from the beginning, and not only when the server finds the time.
    pub analyzed: bool,
}

/// Names that have to be quoted somewhere; a number follows, which keeps them apart.
const NAMES: &[&str] = &["plain", "Mixed Case ", "order", "qu\"ote`d' ", "ünï・国", "per%cent_", "semi;colon -- "];

impl Schema {
    /// One to five tables.
    pub fn random(r: &mut Random) -> Self {
        let count = r.between(1, 5);
        let mut tables: Vec<Table> = Vec::new();
        for number in 0..count {
            let table = table(r, number, tables.first());
            tables.push(table);
        }
        Self { tables, rows: r.between(20, 400), analyzed: r.percent(50) }
    }

    /// A table of every shape, with every kind of column somewhere.
    pub fn of_all_shapes(r: &mut Random, rows: u64) -> Self {
        use {Identity as I, Shape as S, Unique as U};
        let plan = [
            (S::BigInt, I::Default, U::Int { deferrable: false }, false),
            (S::Text, I::Default, U::Text { deferrable: true }, false),
            (S::Pair, I::Full, U::None, true),
            (S::Uuid, I::Index, U::Int { deferrable: true }, false),
            (S::None, I::Full, U::None, false),
        ];
        let mut kinds = Kind::ALL.iter().copied().cycle();
        let tables = plan.into_iter().enumerate().map(|(at, (shape, identity, unique, partitioned))| Table {
            name: format!("{}{at}", NAMES[at]),
            shape,
            identity,
            unique,
            partitioned,
            refers: (at == 1).then_some(Refers::Cascade),
            columns: (0..6).map(|n| column(r, n, kinds.next().unwrap_or(Kind::Text))).collect(),
        });
        Self { tables: tables.collect(), rows, analyzed: true }
    }

    /// The statements that create the tables and their first rows.
    pub fn sql(&self) -> String {
        let labels: Vec<String> = LABELS.iter().map(|l| pg_literal(l)).collect();
        let mut sql = format!("CREATE TYPE mood AS ENUM ({});\n", labels.join(", "));
        for table in &self.tables {
            self.create(table, &mut sql);
        }
        for table in &self.tables {
            sql.push_str(&format!("{};\n", self.insert_series(table, 1, self.rows)));
        }
        if self.analyzed {
            sql.push_str("ANALYZE;\n");
        }
        sql
    }

    fn create(&self, table: &Table, sql: &mut String) {
        let name = table.quoted();
        let mut parts: Vec<String> =
            table.key().iter().map(|(name, ty)| format!("{} {ty} NOT NULL", pg_ident(name))).collect();
        for column in &table.columns {
            let not_null = if column.not_null { " NOT NULL" } else { "" };
            parts.push(format!("{} {}{not_null}", pg_ident(&column.name), column.kind.declared()));
        }
        let deferrable = if table.unique.deferrable() { " DEFERRABLE" } else { "" };
        match table.unique {
            Unique::None => {}
            Unique::Int { .. } => parts.push(format!("{} int UNIQUE{deferrable}", pg_ident(UNIQUE))),
            Unique::Text { .. } => parts.push(format!("{} varchar(50) UNIQUE{deferrable}", pg_ident(UNIQUE))),
        }
        if let Some(refers) = table.refers {
            let first = &self.tables[0];
            let gone = match refers {
                Refers::Cascade => "CASCADE",
                Refers::SetNull => "SET NULL",
            };
            parts.push(format!(
                "{REFERS} {} REFERENCES {} ({}) ON UPDATE CASCADE ON DELETE {gone}",
                first.key()[0].1,
                first.quoted(),
                first.key_names()
            ));
        }
        match (table.shape, table.identity) {
            (Shape::None, _) => {}
            (_, Identity::Index) => parts.push(format!("CONSTRAINT {} UNIQUE ({})", index(table), table.key_names())),
            _ => parts.push(format!("PRIMARY KEY ({})", table.key_names())),
        }
        let by = if table.partitioned { format!(" PARTITION BY HASH ({})", table.key_names()) } else { String::new() };
        sql.push_str(&format!("CREATE TABLE {name} ({}){by};\n", parts.join(", ")));
        let mut storing = vec![name.clone()];
        if table.partitioned {
            storing = (0..3).map(|n| pg_ident(&format!("{} part {n}", table.name))).collect();
            for (n, part) in storing.iter().enumerate() {
                let values = format!("WITH (MODULUS 3, REMAINDER {n})");
                sql.push_str(&format!("CREATE TABLE {part} PARTITION OF {name} FOR VALUES {values};\n"));
            }
        }
        for part in &storing {
            self.store(table, part, sql);
        }
    }

    /// What is said of the table that holds the rows, and not of its root.
    fn store(&self, table: &Table, part: &str, sql: &mut String) {
        match table.identity {
            Identity::Default => {}
            Identity::Full => sql.push_str(&format!("ALTER TABLE {part} REPLICA IDENTITY FULL;\n")),
            Identity::Index => {
                sql.push_str(&format!("ALTER TABLE {part} REPLICA IDENTITY USING INDEX {};\n", index(table)));
            }
        }
        // Uncompressed, what repeats itself is as long as what does not.
        for column in table.columns.iter().filter(|c| c.kind == Kind::Toast) {
            let column = pg_ident(&column.name);
            sql.push_str(&format!("ALTER TABLE {part} ALTER COLUMN {column} SET STORAGE EXTERNAL;\n"));
        }
    }

    /// Inserts the rows of these numbers, in one statement; those that are there stay as they are.
    pub fn insert_series(&self, table: &Table, first: u64, last: u64) -> String {
        let mut names: Vec<String> = table.key().iter().map(|(name, _)| pg_ident(name)).collect();
        let mut values = table.key_values("i");
        for column in &table.columns {
            names.push(pg_ident(&column.name));
            let series = column.kind.series("i");
            values.push(if column.not_null { series } else { format!("CASE WHEN i % 9 <> 0 THEN {series} END") });
        }
        if table.unique != Unique::None {
            names.push(pg_ident(UNIQUE));
            let (own, column) = (table.unique_value("i"), pg_ident(UNIQUE));
            values.push(format!(
                "CASE WHEN NOT EXISTS (SELECT FROM {} x WHERE x.{column} = {own}) THEN {own} END",
                table.quoted()
            ));
        }
        let conflict =
            if table.has_key() { format!(" ON CONFLICT ({}) DO NOTHING", table.key_names()) } else { String::new() };
        format!(
            "INSERT INTO {} ({}) SELECT {} FROM generate_series({first}::bigint, {last}) i{conflict}",
            table.quoted(),
            names.join(", "),
            values.join(", ")
        )
    }
}

/// The unique index that identifies rows where there is no primary key.
fn index(table: &Table) -> String {
    pg_ident(&format!("{} idx", table.name))
}

fn table(r: &mut Random, number: u64, first: Option<&Table>) -> Table {
    let shapes = [Shape::BigInt, Shape::Int, Shape::Text, Shape::Uuid, Shape::Pair, Shape::None];
    let shape = r.pick(&shapes);
    let identity = match (shape, r.below(10)) {
        (Shape::None, _) | (_, 0..3) => Identity::Full,
        (_, 3) => Identity::Index,
        _ => Identity::Default,
    };
    // A unique constraint of a partitioned table would have to hold the columns that part it.
    let partitioned = shape != Shape::None && identity != Identity::Index && r.percent(20);
    // A deferrable one is not carried to the target.
    let deferrable = r.percent(30);
    let unique = match r.below(5) {
        _ if partitioned || shape == Shape::None => Unique::None,
        0 | 1 => Unique::Int { deferrable },
        2 => Unique::Text { deferrable },
        _ => Unique::None,
    };
    let to_first = first.is_some_and(|t| t.key().len() == 1) && shape != Shape::None && r.percent(40);
    let refers = to_first.then(|| r.pick(&[Refers::Cascade, Refers::SetNull]));
    let columns = (0..r.between(1, 8)).map(|n| {
        let kind = if n == 0 && r.percent(50) { Kind::Toast } else { r.pick(&Kind::ALL) };
        column(r, n, kind)
    });
    Table {
        columns: columns.collect(),
        name: format!("{}{number}", r.pick(NAMES)),
        shape,
        identity,
        unique,
        partitioned,
        refers,
    }
}

fn column(r: &mut Random, number: u64, kind: Kind) -> Column {
    let names = ["v", "Mixed Case ", "select", "we\"ird`", "ünï", "semi;"];
    Column { name: format!("{}{number}", r.pick(&names)), kind, not_null: r.percent(25) }
}
