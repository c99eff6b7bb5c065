//! A source table as the generator makes it, the writers change it and the comparison reads it.

use cdc_doctor::quote::pg_ident;

/// Types of columns that are in no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Int2,
    Int4,
    Int8,
    /// `numeric` without a precision.
    Numeric,
    /// `numeric(12,4)`.
    Decimal,
    Bool,
    Text,
    /// Text that is kept out of the row, so that an update of other columns does not send it.
    Toast,
    Varchar,
    Char,
    Bytes,
    TimestampTz,
    Timestamp,
    Date,
    Time,
    Json,
    Uuid,
    Double,
    Ints,
    Texts,
    Enum,
}

impl Kind {
    pub const ALL: [Self; 21] = [
        Self::Int2,
        Self::Int4,
        Self::Int8,
        Self::Numeric,
        Self::Decimal,
        Self::Bool,
        Self::Text,
        Self::Toast,
        Self::Varchar,
        Self::Char,
        Self::Bytes,
        Self::TimestampTz,
        Self::Timestamp,
        Self::Date,
        Self::Time,
        Self::Json,
        Self::Uuid,
        Self::Double,
        Self::Ints,
        Self::Texts,
        Self::Enum,
    ];

    /// As in `CREATE TABLE`.
    pub fn declared(self) -> &'static str {
        match self {
            Self::Int2 => "smallint",
            Self::Int4 => "int",
            Self::Int8 => "bigint",
            Self::Numeric => "numeric",
            Self::Decimal => "numeric(12,4)",
            Self::Bool => "boolean",
            Self::Text | Self::Toast => "text",
            Self::Varchar => "varchar(40)",
            Self::Char => "char(12)",
            Self::Bytes => "bytea",
            Self::TimestampTz => "timestamptz",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Time => "time",
            Self::Json => "jsonb",
            Self::Uuid => "uuid",
            Self::Double => "double precision",
            Self::Ints => "int[]",
            Self::Texts => "text[]",
            Self::Enum => "mood",
        }
    }
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub not_null: bool,
}

/// What the key is made of. Every row of a table with a key has a number, and its key follows from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    BigInt,
    Int,
    Text,
    Uuid,
    /// An `int` and a `varchar`.
    Pair,
    /// No key at all: rows may be there twice.
    None,
}

/// How the rows' identity is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The primary key.
    Default,
    /// `REPLICA IDENTITY FULL`.
    Full,
    /// A unique index on columns that are not null, in a table without a primary key.
    Index,
}

/// A unique constraint beside the key, over one nullable column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    None,
    Int { deferrable: bool },
    Text { deferrable: bool },
}

impl Unique {
    pub fn deferrable(self) -> bool {
        matches!(self, Self::Int { deferrable: true } | Self::Text { deferrable: true })
    }
}

/// A source table in schema `public`.
#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    pub shape: Shape,
    pub identity: Identity,
    pub unique: Unique,
    pub partitioned: bool,
    /// Points at the first table, whose key then has one column.
    pub refers: Option<Refers>,
    /// Whether lines of it are compared by a key, all columns in the order of the table.
    pub columns: Vec<Column>,
}

/// What becomes of a row when the one that it points at goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refers {
    Cascade,
    SetNull,
}

/// The name of the unique column.
pub const UNIQUE: &str = "Unique One";
/// The name of the column that points at the first table.
pub const REFERS: &str = "refers";

impl Table {
    /// The name as it stands in a statement.
    pub fn quoted(&self) -> String {
        pg_ident(&self.name)
    }

    /// The key's columns with their types.
    pub fn key(&self) -> Vec<(&'static str, &'static str)> {
        match self.shape {
            Shape::BigInt => vec![("id", "bigint")],
            Shape::Int => vec![("Id", "int")],
            Shape::Text => vec![("key", "text")],
            Shape::Uuid => vec![("uid", "uuid")],
            Shape::Pair => vec![("a", "int"), ("b`b\"", "varchar(20)")],
            Shape::None => Vec::new(),
        }
    }

    pub fn has_key(&self) -> bool {
        self.shape != Shape::None
    }

    /// The key's columns, for a statement.
    pub fn key_names(&self) -> String {
        self.key().iter().map(|(name, _)| pg_ident(name)).collect::<Vec<_>>().join(", ")
    }

    /// The values of the key of row number `n`, which is an expression of type bigint.
    pub fn key_values(&self, n: &str) -> Vec<String> {
        match self.shape {
            // Beyond what 32 bits hold, on either side of zero.
            Shape::BigInt => vec![format!("(({n}) * 4294967291 - 9000000000)")],
            Shape::Int => vec![format!("({n})::int")],
            // Keys that differ in nothing but case, a blank at the end or a byte.
            Shape::Text => vec![format!(
                "((ARRAY['k', 'K', 'k', 'é😀'])[1 + ({n}) % 4] || ({n}) / 4 || (ARRAY['', '', ' ', E'\\t\\\\'])[1 + ({n}) % 4])"
            )],
            Shape::Uuid => vec![format!("md5('u' || ({n}))::uuid")],
            Shape::Pair => {
                vec![format!("(({n}) / 4)::int"), format!("(ARRAY['', ' ', 'x', 'X'])[1 + ({n}) % 4]::varchar")]
            }
            Shape::None => Vec::new(),
        }
    }

    /// The condition that `alias` is row number `n`.
    pub fn is_row(&self, alias: &str, n: &str) -> String {
        let names = self.key();
        let pairs =
            names.iter().zip(self.key_values(n)).map(|((name, _), v)| format!("{alias}.{} = {v}", pg_ident(name)));
        pairs.collect::<Vec<_>>().join(" AND ")
    }

    /// The value of the unique column that row number `n` has at first.
    pub fn unique_value(&self, n: &str) -> String {
        match self.unique {
            Unique::None => String::new(),
            Unique::Int { .. } => format!("(({n}) * 3 + 1)::int"),
            Unique::Text { .. } => format!("('u' || ({n}) || chr((65 + ({n}) % 2 * 32)::int))::varchar"),
        }
    }
}
