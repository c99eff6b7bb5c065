//! MySQL and MariaDB column types as values: read from `column_type`, written into DDL, measured against limits.

use std::fmt;

use super::Dialect;
use crate::facts::{MyColumn, MyFlavor};

/// Bytes that one index entry may have (InnoDB, 16 KB pages).
pub(super) const KEY_BYTES: u64 = 3072;
/// Bytes that one row may have by the server's own format; LONGTEXT and LONGBLOB count 12.
pub(super) const ROW_BYTES: u64 = 65_535;
/// The longest VARCHAR in utf8mb4.
pub(super) const VARCHAR_CHARS: u64 = 16_383;

/// A column type with its character set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MyType {
    pub kind: Kind,
    /// Character set and collation, for text.
    pub text: Option<Text>,
}

/// Character set and collation of a text column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub charset: String,
    pub collation: String,
}

/// The type proper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// TINYINT to BIGINT; `flag` is written as TINYINT(1).
    Int {
        bytes: u8,
        unsigned: bool,
        flag: bool,
    },
    Decimal {
        precision: u64,
        scale: u64,
        unsigned: bool,
    },
    /// FLOAT and DOUBLE; `fixed` where a number of digits is declared, to which values are rounded.
    Float {
        double: bool,
        fixed: bool,
        unsigned: bool,
    },
    Bit(u64),
    Year,
    Date,
    Time(u64),
    DateTime(u64),
    Timestamp(u64),
    Char(u64),
    VarChar(u64),
    /// TINYTEXT to LONGTEXT, by bytes.
    Text(u64),
    Binary(u64),
    VarBinary(u64),
    /// TINYBLOB to LONGBLOB, by bytes.
    Blob(u64),
    Json,
    /// ENUM or SET, with the characters of its longest value.
    Labels {
        name: String,
        longest: u64,
    },
    /// Anything else, in lower case.
    Other(String),
}

/// Names and sizes of the TEXT and BLOB families.
const SIZES: [(&str, u64); 4] = [("tiny", 255), ("", 65_535), ("medium", 16_777_215), ("long", 4_294_967_295)];
const INTS: [(&str, u8); 5] = [("tinyint", 1), ("smallint", 2), ("mediumint", 3), ("int", 4), ("bigint", 8)];

impl MyType {
    /// LONGTEXT, LONGBLOB and everything without a character set.
    pub fn plain(kind: Kind) -> Self {
        Self { kind, text: None }
    }

    /// A text type in the dialect's collation.
    pub fn text(kind: Kind, dialect: Dialect) -> Self {
        Self { kind, text: Some(Text { charset: "utf8mb4".into(), collation: dialect.collation().into() }) }
    }

    /// A text type for values that are ASCII by nature.
    pub fn ascii(kind: Kind) -> Self {
        Self { kind, text: Some(Text { charset: "ascii".into(), collation: "ascii_bin".into() }) }
    }

    /// An existing column's type.
    pub fn of(column: &MyColumn) -> Self {
        let mut parsed = Self::parse(&column.column_type);
        parsed.text = column
            .charset
            .clone()
            .map(|charset| Text { charset, collation: column.collation.clone().unwrap_or_default() });
        parsed
    }

    /// Reads a type as this module writes it, or as `information_schema` gives it.
    pub fn parse(declared: &str) -> Self {
        let mut text = None;
        let mut head = declared.trim();
        if let Some((before, after)) = head.split_once(" CHARACTER SET ") {
            let (charset, collation) = after.split_once(" COLLATE ").unwrap_or((after, ""));
            text = Some(Text { charset: charset.trim().into(), collation: collation.trim().into() });
            head = before;
        }
        Self { kind: Kind::parse(head), text }
    }

    /// Bytes of one character.
    fn width(&self) -> u64 {
        match self.text.as_ref().map(|t| t.charset.as_str()) {
            Some("utf8mb4" | "utf16" | "utf16le" | "utf32" | "gb18030") => 4,
            Some("utf8mb3" | "utf8" | "eucjpms" | "ujis") => 3,
            Some("ucs2" | "gbk" | "big5" | "sjis" | "cp932" | "euckr" | "gb2312") => 2,
            _ => 1,
        }
    }

    /// Characters that certainly fit; none for what is no text.
    pub fn chars(&self) -> Option<u64> {
        match &self.kind {
            Kind::Char(n) | Kind::VarChar(n) => Some(*n),
            Kind::Text(bytes) => Some(bytes / self.width()),
            Kind::Json => Some(LONG / 4),
            _ => None,
        }
    }

    /// Bytes in an index entry; none where the type cannot be indexed whole.
    pub fn key_bytes(&self) -> Option<u64> {
        match &self.kind {
            Kind::Text(_) | Kind::Blob(_) | Kind::Json | Kind::Other(_) => None,
            Kind::Char(n) | Kind::VarChar(n) => Some(n * self.width()),
            Kind::Binary(n) | Kind::VarBinary(n) => Some(*n),
            _ => Some(self.row_bytes()),
        }
    }

    /// Bytes that count towards [`ROW_BYTES`].
    pub fn row_bytes(&self) -> u64 {
        let fraction = |fsp: u64| fsp.div_ceil(2);
        match &self.kind {
            Kind::Int { bytes, .. } => u64::from(*bytes),
            Kind::Decimal { precision, scale, .. } => digits_bytes(precision - scale) + digits_bytes(*scale),
            Kind::Float { double, .. } => 4 << u64::from(*double),
            Kind::Bit(n) => n.div_ceil(8),
            Kind::Year => 1,
            Kind::Date => 3,
            Kind::Time(fsp) => 3 + fraction(*fsp),
            Kind::DateTime(fsp) => 5 + fraction(*fsp),
            Kind::Timestamp(fsp) => 4 + fraction(*fsp),
            Kind::Char(n) => n * self.width(),
            Kind::Binary(n) => *n,
            Kind::VarChar(n) => with_length(n * self.width()),
            Kind::VarBinary(n) => with_length(*n),
            Kind::Text(_) | Kind::Blob(_) | Kind::Json | Kind::Other(_) => 12,
            Kind::Labels { .. } => 8,
        }
    }

    /// Bytes that InnoDB counts for the part of the value which must stay inside the page.
    pub fn page_bytes(&self, flavor: MyFlavor) -> u64 {
        let whole = self.row_bytes();
        match (&self.kind, flavor) {
            (Kind::Text(_) | Kind::Blob(_) | Kind::Json | Kind::Other(_), MyFlavor::MariaDb) => 21,
            (Kind::VarChar(_) | Kind::VarBinary(_), MyFlavor::MariaDb) if whole > 256 => 21,
            (Kind::Char(n), _) if self.width() > 1 => (*n + 1).min(41),
            (Kind::Text(_) | Kind::Blob(_) | Kind::Json | Kind::Other(_), MyFlavor::MySql) => 41,
            (Kind::VarChar(_) | Kind::VarBinary(_), MyFlavor::MySql) => whole.min(41),
            _ => whole,
        }
    }
}

/// Storage of so many decimal digits: four bytes for nine, the rest by need.
fn digits_bytes(digits: u64) -> u64 {
    digits / 9 * 4 + (digits % 9).div_ceil(2)
}

fn with_length(bytes: u64) -> u64 {
    bytes + if bytes > 255 { 2 } else { 1 }
}

impl Kind {
    fn parse(declared: &str) -> Self {
        let lower = declared.to_lowercase();
        let (name, rest) = match lower.find(['(', ' ']) {
            Some(at) => lower.split_at(at),
            None => (lower.as_str(), ""),
        };
        let unsigned = rest.contains("unsigned") || rest.contains("zerofill");
        let numbers: Vec<u64> = rest
            .strip_prefix('(')
            .and_then(|r| r.split_once(')'))
            .map(|(inside, _)| inside.split(',').filter_map(|n| n.trim().parse().ok()).collect())
            .unwrap_or_default();
        let first = |default: u64| numbers.first().copied().unwrap_or(default);
        if let Some((_, bytes)) = INTS.iter().find(|(n, _)| *n == name) {
            let flag = *bytes == 1 && numbers == [1] && !unsigned;
            return Self::Int { bytes: *bytes, unsigned, flag };
        }
        if let Some(size) = name.strip_suffix("text").and_then(size_of) {
            return Self::Text(size);
        }
        if let Some(size) = name.strip_suffix("blob").and_then(size_of) {
            return Self::Blob(size);
        }
        match name {
            "integer" => Self::Int { bytes: 4, unsigned, flag: false },
            "decimal" | "numeric" => Self::Decimal {
                precision: first(10),
                scale: numbers.get(1).copied().unwrap_or(0).min(first(10)),
                unsigned,
            },
            "float" | "double" | "real" => Self::Float { double: name != "float", fixed: numbers.len() == 2, unsigned },
            "bit" => Self::Bit(first(1)),
            "year" => Self::Year,
            "date" => Self::Date,
            "time" => Self::Time(first(0)),
            "datetime" => Self::DateTime(first(0)),
            "timestamp" => Self::Timestamp(first(0)),
            "char" => Self::Char(first(1)),
            "varchar" => Self::VarChar(first(1)),
            "binary" => Self::Binary(first(1)),
            "varbinary" => Self::VarBinary(first(1)),
            "json" => Self::Json,
            "enum" | "set" => Self::Labels { name: lower.clone(), longest: longest_label(name, rest) },
            _ => Self::Other(lower),
        }
    }
}

fn size_of(prefix: &str) -> Option<u64> {
    SIZES.iter().find(|(name, _)| *name == prefix).map(|(_, bytes)| *bytes)
}

/// The longest value of `('a','b')`: one label for ENUM, all of them with commas for SET. Quotes inside labels are
/// doubled, so that splitting at `','` can only make the answer too large.
fn longest_label(name: &str, rest: &str) -> u64 {
    let inside = rest.trim_start_matches('(').trim_end_matches(')');
    let lengths = inside.split("','").map(|label| label.trim_matches('\'').chars().count() as u64);
    if name == "set" { inside.chars().count() as u64 } else { lengths.max().unwrap_or(0) }
}

impl fmt::Display for MyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        match &self.text {
            Some(text) => write!(f, " CHARACTER SET {} COLLATE {}", text.charset, text.collation),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = |unsigned: &bool| if *unsigned { " UNSIGNED" } else { "" };
        let sized = |name: &str, bytes: &u64| {
            let prefix = SIZES.iter().find(|(_, b)| b == bytes).map_or("long", |(p, _)| p);
            format!("{prefix}{name}").to_uppercase()
        };
        let fraction = |fsp: &u64| if *fsp == 0 { String::new() } else { format!("({fsp})") };
        match self {
            Self::Int { flag: true, .. } => f.write_str("TINYINT(1)"),
            Self::Int { bytes, unsigned, .. } => {
                let name = INTS.iter().find(|(_, b)| b == bytes).map_or("bigint", |(n, _)| n);
                write!(f, "{}{}", name.to_uppercase(), sign(unsigned))
            }
            Self::Decimal { precision, scale, unsigned } => write!(f, "DECIMAL({precision},{scale}){}", sign(unsigned)),
            Self::Float { double, unsigned, .. } => {
                write!(f, "{}{}", if *double { "DOUBLE" } else { "FLOAT" }, sign(unsigned))
            }
            Self::Bit(n) => write!(f, "BIT({n})"),
            Self::Year => f.write_str("YEAR"),
            Self::Date => f.write_str("DATE"),
            Self::Time(fsp) => write!(f, "TIME{}", fraction(fsp)),
            Self::DateTime(fsp) => write!(f, "DATETIME{}", fraction(fsp)),
            Self::Timestamp(fsp) => write!(f, "TIMESTAMP{}", fraction(fsp)),
            Self::Char(n) => write!(f, "CHAR({n})"),
            Self::VarChar(n) => write!(f, "VARCHAR({n})"),
            Self::Text(bytes) => f.write_str(&sized("text", bytes)),
            Self::Binary(n) => write!(f, "BINARY({n})"),
            Self::VarBinary(n) => write!(f, "VARBINARY({n})"),
            Self::Blob(bytes) => f.write_str(&sized("blob", bytes)),
            Self::Json => f.write_str("JSON"),
            Self::Labels { name, .. } | Self::Other(name) => f.write_str(name),
        }
    }
}

/// LONGTEXT's bytes.
pub(super) const LONG: u64 = SIZES[3].1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for declared in [
            "TINYINT(1)",
            "BIGINT UNSIGNED",
            "DECIMAL(12,2)",
            "DOUBLE",
            "DATETIME(6)",
            "TIME",
            "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "CHAR(36) CHARACTER SET ascii COLLATE ascii_bin",
            "VARBINARY(30)",
            "LONGBLOB",
            "JSON",
        ] {
            assert_eq!(MyType::parse(declared).to_string(), declared);
        }
    }

    #[test]
    fn display_widths_and_odd_spellings_are_understood() {
        let int = |bytes, unsigned| Kind::Int { bytes, unsigned, flag: false };
        for (declared, kind) in [
            ("int(10) unsigned", int(4, true)),
            ("int(10) unsigned zerofill", int(4, true)),
            ("bigint(20)", int(8, false)),
            ("tinyint(4)", int(1, false)),
            ("double(10,2)", Kind::Float { double: true, fixed: true, unsigned: false }),
            ("float", Kind::Float { double: false, fixed: false, unsigned: false }),
            ("year(4)", Kind::Year),
            ("timestamp", Kind::Timestamp(0)),
            ("inet6", Kind::Other("inet6".into())),
        ] {
            assert_eq!(MyType::parse(declared).kind, kind, "{declared}");
        }
        assert!(matches!(MyType::parse("enum('a','b''c')").kind, Kind::Labels { longest: 4, .. }));
    }

    #[test]
    fn sizes_are_those_of_the_servers() {
        for (declared, bytes) in [
            ("DECIMAL(65,30)", 30),
            ("DECIMAL(12,2)", 6),
            ("DATETIME(6)", 8),
            ("TIME(6)", 6),
            ("VARCHAR(16383) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", 65_534),
            ("VARCHAR(63) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", 253),
            ("LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", 12),
        ] {
            assert_eq!(MyType::parse(declared).row_bytes(), bytes, "{declared}");
        }
    }
}
