//! A column on both sides, and which form its values are brought to so that equal ones print the same. Pure.

use super::source_sql;
use crate::facts::{MyColumn, PgColumn};
use crate::pipeline::OnUnrepresentable;
use crate::schema::Transfer;

/// A column that is compared.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Name on the source.
    pub(super) name: String,
    /// Name on the target, which may differ in case.
    pub(super) target: String,
    /// `pg_type.typname` on the source.
    pub(super) ty: String,
    /// How the source prints it.
    pub(super) from: From,
    /// How the target prints it.
    pub(super) to: To,
    /// When two texts are the same value.
    pub(super) same: Same,
    /// How a text is set off from its neighbours.
    pub(super) wrap: Wrap,
    /// Equal values may print differently on the two servers.
    pub(super) loose: bool,
    /// Both servers have its values in the same order.
    pub(super) ordered: bool,
    /// Either side may hold NULL.
    pub(super) nullable: bool,
    /// True on the source for values that the pipeline was told to write as NULL.
    pub(super) nulled: Option<String>,
    /// NULL on the target stands for JSON that MySQL would round or refuse, too: SQL cannot tell.
    pub(super) nulls_json: bool,
}

/// How the source prints a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// The cast to text.
    Cast,
    /// 1 and 0.
    Flag,
    /// A number without the zeros at its end.
    Trimmed,
    /// The eight bytes of a double, in hexadecimal. A `float4` is read from its shortest text, as the loader does,
    /// unless it was stored as a float of four bytes.
    Double {
        /// The target's column has four bytes.
        single: bool,
    },
    /// Bytes in hexadecimal.
    Bytes,
    /// A date as the moment at which it begins.
    Midnight,
    /// A moment in UTC.
    Utc,
    /// The type's own output form.
    Output,
    /// JSON as MySQL prints it, but for numbers that it writes with an exponent.
    Json,
}

/// How the target prints a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// The cast to text.
    Cast,
    /// BIT as a number.
    Bits,
    /// Text with a fraction, without the zeros at its end.
    Trimmed,
    /// The eight bytes of a double, in hexadecimal.
    Double,
    /// Bytes in hexadecimal.
    Bytes,
    /// Text whose bytes are UTF-8.
    Text,
    /// Text in another character set.
    Converted,
}

/// When two texts are the same value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Same {
    /// When they are the same text.
    Text,
    /// When they are the same number.
    Number,
    /// When they are the same double.
    Double,
    /// When they are the same JSON: the order of keys and the writing of numbers mean nothing.
    Json,
}

/// How a text is set off from its neighbours in a row's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrap {
    /// It holds no comma and is no `n`: as it stands.
    Plain,
    /// Its length in characters stands before it.
    Counted,
    /// As `Counted`; of a long one the hash stands instead.
    Long,
    /// Hexadecimal digits; of many bytes the hash stands instead.
    Bytes,
    /// Its hash stands for it.
    Hashed,
}

/// Kinds of target columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Decimal { scale: bool },
    Float { single: bool },
    Bit,
    Date,
    Moment { fraction: bool },
    Time { fraction: bool },
    Text { utf8: bool },
    Bytes,
    Json,
    Other,
}

impl Column {
    /// A source column that travels as `transfer`, and the target's column for it.
    pub(super) fn new(from: &PgColumn, transfer: Transfer, have: &MyColumn, policy: OnUnrepresentable) -> Self {
        let kind = Kind::of(have);
        let (source, target, same) = forms(&from.ty.name, transfer, kind);
        let mut column = Self {
            name: from.name.clone(),
            target: have.name.clone(),
            ty: from.ty.name.clone(),
            from: source,
            to: target,
            same,
            wrap: wrap(source, target, same, kind, have),
            loose: loose(same, kind) || have.column_type.contains("zerofill"),
            ordered: ordered(&from.ty.name, kind),
            nullable: have.nullable || !from.not_null,
            nulled: None,
            nulls_json: false,
        };
        if policy == OnUnrepresentable::Null && have.nullable {
            column.nulled = source_sql::nulled(&column, transfer, have);
            column.nulls_json = transfer == Transfer::Json && kind == Kind::Json;
        }
        column
    }
}

impl Kind {
    fn of(have: &MyColumn) -> Self {
        let fraction = have.datetime_precision.is_some_and(|digits| digits > 0);
        match have.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => Self::Integer,
            "decimal" => Self::Decimal { scale: have.numeric_scale.is_some_and(|scale| scale > 0) },
            "float" => Self::Float { single: true },
            "double" => Self::Float { single: false },
            "bit" => Self::Bit,
            "date" => Self::Date,
            "datetime" | "timestamp" => Self::Moment { fraction },
            "time" => Self::Time { fraction },
            "json" => Self::Json,
            name if name.ends_with("binary") || name.ends_with("blob") => Self::Bytes,
            name if name.ends_with("char") || name.ends_with("text") || matches!(name, "enum" | "set") => {
                // ASCII and the three-byte UTF-8 are the same bytes as the four-byte one.
                let utf8 = matches!(have.charset.as_deref(), Some("utf8mb4" | "utf8mb3" | "utf8" | "ascii"));
                Self::Text { utf8 }
            }
            _ => Self::Other,
        }
    }

    /// How the target prints what it holds, whatever came.
    fn print(self) -> To {
        match self {
            Self::Decimal { scale: true } | Self::Moment { fraction: true } | Self::Time { fraction: true } => {
                To::Trimmed
            }
            Self::Bit => To::Bits,
            Self::Bytes => To::Bytes,
            Self::Text { utf8: true } => To::Text,
            Self::Text { utf8: false } => To::Converted,
            _ => To::Cast,
        }
    }
}

/// The forms of a pair. A pair that nobody would choose gets forms that may differ for equal values; rows that differ
/// are compared by value in the end.
fn forms(ty: &str, transfer: Transfer, kind: Kind) -> (From, To, Same) {
    let print = kind.print();
    match transfer {
        Transfer::Integer => (From::Cast, print, Same::Number),
        Transfer::Boolean => (From::Flag, print, Same::Number),
        Transfer::Decimal { .. } | Transfer::Money => (From::Trimmed, print, Same::Number),
        Transfer::Float => match kind {
            Kind::Float { single } => (From::Double { single: single && ty == "float4" }, To::Double, Same::Double),
            _ => (From::Cast, print, Same::Number),
        },
        Transfer::Bytes => (From::Bytes, To::Bytes, Same::Text),
        Transfer::Text | Transfer::Json if kind == Kind::Bytes => (From::Output, To::Bytes, Same::Text),
        Transfer::Date if matches!(kind, Kind::Moment { .. }) => (From::Midnight, print, Same::Text),
        Transfer::Date | Transfer::Time | Transfer::Timestamp => (From::Cast, print, Same::Text),
        Transfer::TimestampTz => (From::Utc, print, Same::Text),
        Transfer::Json if kind == Kind::Json => (From::Json, print, Same::Json),
        Transfer::Json => (From::Output, print, Same::Json),
        Transfer::Text if ty == "json" && kind == Kind::Json => (From::Output, print, Same::Json),
        Transfer::Text => (From::Output, print, Same::Text),
    }
}

fn loose(same: Same, kind: Kind) -> bool {
    match same {
        Same::Json => true,
        Same::Number => !matches!(kind, Kind::Integer | Kind::Decimal { .. } | Kind::Bit),
        Same::Text | Same::Double => false,
    }
}

/// Text is not: its order is a matter of collations.
fn ordered(ty: &str, kind: Kind) -> bool {
    match kind {
        Kind::Integer => matches!(ty, "int2" | "int4" | "int8"),
        Kind::Decimal { .. } => matches!(ty, "int2" | "int4" | "int8" | "numeric"),
        Kind::Date => ty == "date",
        Kind::Moment { .. } => matches!(ty, "date" | "timestamp" | "timestamptz"),
        Kind::Text { .. } => ty == "uuid",
        _ => false,
    }
}

fn wrap(from: From, to: To, same: Same, kind: Kind, have: &MyColumn) -> Wrap {
    if to == To::Bytes {
        return Wrap::Bytes;
    }
    if same == Same::Json {
        return Wrap::Hashed;
    }
    let text = from == From::Output || matches!(kind, Kind::Text { .. } | Kind::Json | Kind::Other);
    match have.char_length {
        _ if !text => Wrap::Plain,
        Some(length) if length <= source_sql::LONG => Wrap::Counted,
        _ => Wrap::Long,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::testing::{my, pair, pg};

    #[test]
    fn the_planned_types_print_alike_and_only_json_may_not() {
        for (ty, transfer, have) in [
            ("int8", Transfer::Integer, "bigint"),
            ("bool", Transfer::Boolean, "tinyint(1)"),
            ("numeric", Transfer::Decimal { precision: 12, scale: 2 }, "decimal(12,2)"),
            ("float8", Transfer::Float, "double"),
            ("bytea", Transfer::Bytes, "longblob"),
            ("date", Transfer::Date, "date"),
            ("time", Transfer::Time, "time(6)"),
            ("timestamptz", Transfer::TimestampTz, "datetime(6)"),
            ("text", Transfer::Text, "longtext"),
        ] {
            assert!(!pair(ty, transfer, have).loose, "{ty} in {have}");
        }
        assert!(pair("jsonb", Transfer::Json, "json").loose);
        assert!(pair("jsonb", Transfer::Json, "longtext").loose);
        assert!(pair("int8", Transfer::Integer, "double").loose);
    }

    #[test]
    fn wider_target_types_get_their_own_forms() {
        let forms = |ty, transfer, have| {
            let column = pair(ty, transfer, have);
            (column.from, column.to, column.wrap)
        };
        assert_eq!(forms("date", Transfer::Date, "datetime"), (From::Midnight, To::Cast, Wrap::Plain));
        assert_eq!(forms("int4", Transfer::Integer, "decimal(20,5)"), (From::Cast, To::Trimmed, Wrap::Plain));
        assert_eq!(forms("int4", Transfer::Integer, "varchar(20)"), (From::Cast, To::Text, Wrap::Counted));
        assert_eq!(forms("text", Transfer::Text, "longblob"), (From::Output, To::Bytes, Wrap::Bytes));
        assert_eq!(forms("float4", Transfer::Float, "float"), (From::Double { single: true }, To::Double, Wrap::Plain));
        assert_eq!(
            forms("float8", Transfer::Float, "float"),
            (From::Double { single: false }, To::Double, Wrap::Plain)
        );
        assert_eq!(forms("bool", Transfer::Boolean, "bit(1)"), (From::Flag, To::Bits, Wrap::Plain));
    }

    #[test]
    fn values_become_null_only_where_asked_and_possible() {
        let policy = OnUnrepresentable::Null;
        let (from, mut have) = (pg("v", "float8"), my("v", "double"));
        assert!(Column::new(&from, Transfer::Float, &have, policy).nulled.is_some());
        assert!(Column::new(&from, Transfer::Float, &have, OnUnrepresentable::Stop).nulled.is_none());
        have.nullable = false;
        assert!(Column::new(&from, Transfer::Float, &have, policy).nulled.is_none());
    }
}
