//! The type map: every built-in PostgreSQL type, and what becomes of it. The page `docs/types.md` is made of this.

use super::my_type::{Kind, LONG, MyType, VARCHAR_CHARS};
use super::{Dialect, Transfer};
use crate::facts::{PgType, TypeClass};

/// One line of the map.
pub(super) struct Rule {
    /// `pg_type.typname`, one or more.
    pub names: &'static [&'static str],
    /// What it becomes.
    pub target: Target,
    /// What a person should know about it.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the documentation page prints it"))]
    pub remark: &'static str,
}

/// What a source type becomes.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// One type, whatever the modifier, and how its values travel.
    Is(&'static str, Transfer),
    /// Text of at most so many characters.
    Chars(u64),
    /// Text of at most so many characters, all ASCII.
    Ascii(u64),
    /// `bit(n)`: a character for each bit.
    Bits,
    /// UUIDs.
    Uuid,
    /// `numeric(p,s)`.
    Numeric,
    /// `varchar(n)`: the declared length, else without a limit.
    Declared,
    /// `char(n)`.
    Blank,
    /// A type with fractional seconds as declared, else six digits.
    Fraction(&'static str, Transfer),
    /// Bytes.
    Bytes,
    /// JSON.
    Json,
    /// Text without a limit.
    Text,
}

const fn rule(names: &'static [&'static str], target: Target, remark: &'static str) -> Rule {
    Rule { names, target, remark }
}

use Target::{Ascii, Bits, Blank, Bytes, Chars, Declared, Fraction, Is, Json, Numeric, Text, Uuid};

/// The map. What is not in it (enums apart) travels as text.
pub(super) static RULES: &[Rule] = &[
    rule(&["bool"], Is("TINYINT(1)", Transfer::Boolean), "1 and 0"),
    rule(&["int2"], Is("SMALLINT", Transfer::Integer), ""),
    rule(&["int4"], Is("INT", Transfer::Integer), ""),
    rule(&["int8"], Is("BIGINT", Transfer::Integer), ""),
    rule(
        &["oid", "xid", "cid"],
        Is("INT UNSIGNED", Transfer::Integer),
        "the number; a large object's content stays behind",
    ),
    rule(&["xid8"], Is("BIGINT UNSIGNED", Transfer::Integer), ""),
    rule(
        &["float4", "float8"],
        Is("DOUBLE", Transfer::Float),
        "NaN and infinity are refused; FLOAT would print six digits only",
    ),
    rule(
        &["numeric"],
        Numeric,
        "NaN and infinity are refused; a negative scale becomes whole digits; beyond 65 digits or 30 places it becomes LONGTEXT, which holds every value",
    ),
    rule(&["money"], Is("DECIMAL(23,4)", Transfer::Money), "wide enough for every currency's decimal places"),
    rule(&["date"], Is("DATE", Transfer::Date), "infinity, BC and years beyond 9999 are refused"),
    rule(&["time"], Fraction("TIME", Transfer::Time), "24:00:00 too"),
    rule(&["timetz"], Ascii(32), "text with its offset"),
    rule(&["timestamp"], Fraction("DATETIME", Transfer::Timestamp), "infinity, BC and years beyond 9999 are refused"),
    rule(
        &["timestamptz"],
        Fraction("DATETIME", Transfer::TimestampTz),
        "in UTC; infinity, BC and years beyond 9999 are refused",
    ),
    rule(&["interval"], Ascii(64), "ISO 8601, such as P1Y2M3DT4H5M6S"),
    rule(&["uuid"], Uuid, "lower case, with dashes"),
    rule(&["text"], Text, ""),
    rule(
        &["varchar"],
        Declared,
        "LONGTEXT without a length, beyond 16,383 characters, or where the row would be too long",
    ),
    rule(&["bpchar"], Blank, "VARCHAR beyond 255 characters; LONGTEXT without a length"),
    rule(&["char"], Chars(4), "one byte"),
    rule(&["name"], Chars(64), ""),
    rule(&["bytea"], Bytes, ""),
    rule(&["bit", "varbit"], Bits, "text of 0 and 1"),
    rule(&["jsonb"], Json, "MySQL refuses numbers that a double cannot hold; MariaDB keeps the text"),
    rule(&["json", "jsonpath", "xml"], Text, "the text, byte by byte"),
    rule(&["inet", "cidr"], Ascii(49), ""),
    rule(&["macaddr"], Ascii(17), ""),
    rule(&["macaddr8"], Ascii(23), ""),
    rule(&["pg_lsn", "tid"], Ascii(32), ""),
    rule(&["pg_snapshot", "txid_snapshot", "refcursor", "aclitem", "int2vector", "oidvector"], Text, ""),
    rule(
        &[
            "regclass",
            "regcollation",
            "regconfig",
            "regdictionary",
            "regnamespace",
            "regoper",
            "regoperator",
            "regproc",
            "regprocedure",
            "regrole",
            "regtype",
        ],
        Text,
        "the name, not the number",
    ),
    rule(&["point", "line", "lseg", "box", "path", "polygon", "circle"], Text, "PostgreSQL's text form, such as (1,2)"),
    rule(&["tsvector", "tsquery"], Text, ""),
    rule(
        &[
            "pg_node_tree",
            "pg_ndistinct",
            "pg_dependencies",
            "pg_mcv_list",
            "pg_brin_bloom_summary",
            "pg_brin_minmax_multi_summary",
            "gtsvector",
        ],
        Text,
        "of the system's own use",
    ),
];

/// What is no built-in scalar: in words for the page, and what it becomes.
#[cfg(test)]
pub(super) static OTHERS: &[(&str, Target, &str)] = &[
    ("enum", Chars(64), "the label"),
    ("array", Text, "PostgreSQL's text form, such as {1,2,NULL}"),
    ("range, multirange", Text, "PostgreSQL's text form, such as [1,10)"),
    ("composite", Text, "PostgreSQL's text form, such as (1,\"a b\")"),
    ("domain", Text, "as the type it stands on, whatever that is"),
    (
        "of an extension (citext, hstore, geometry, …)",
        Text,
        "the text form of the type; for geometry that is hexadecimal WKB",
    ),
];

/// What a type becomes.
pub(super) fn target_of(ty: &PgType) -> Target {
    match &ty.class {
        TypeClass::Base => {
            RULES.iter().find(|rule| rule.names.contains(&ty.name.as_str())).map_or(Text, |rule| rule.target)
        }
        TypeClass::Enum(_) => Chars(64),
        TypeClass::Array | TypeClass::Composite | TypeClass::Range => Text,
    }
}

/// A type on the target and how its values travel.
pub(super) struct Mapped {
    pub ty: MyType,
    pub transfer: Transfer,
}

/// The type of a column that is in no key.
pub(super) fn map(ty: &PgType, dialect: Dialect) -> Mapped {
    let text = |kind| Mapped { ty: MyType::text(kind, dialect), transfer: Transfer::Text };
    let long = || text(Kind::Text(LONG));
    match target_of(ty) {
        Is(declared, transfer) => Mapped { ty: MyType::parse(declared), transfer },
        Chars(n) => text(Kind::VarChar(n)),
        Ascii(n) => Mapped { ty: MyType::ascii(Kind::VarChar(n)), transfer: Transfer::Text },
        Bits => match length(ty) {
            Some(n) if n <= VARCHAR_CHARS => Mapped { ty: MyType::ascii(Kind::VarChar(n)), transfer: Transfer::Text },
            _ => long(),
        },
        Uuid => Mapped { ty: MyType::ascii(Kind::Char(36)), transfer: Transfer::Text },
        Numeric => decimal(ty.modifier).unwrap_or_else(long),
        Declared => match length(ty) {
            Some(n) if n <= VARCHAR_CHARS => text(Kind::VarChar(n)),
            _ => long(),
        },
        Blank => match length(ty) {
            Some(n) if n <= 255 => text(Kind::Char(n)),
            Some(n) if n <= VARCHAR_CHARS => text(Kind::VarChar(n)),
            _ => long(),
        },
        Fraction(name, transfer) => {
            let digits = u64::try_from(ty.modifier).unwrap_or(6).min(6);
            Mapped { ty: MyType::parse(&format!("{name}({digits})")), transfer }
        }
        Bytes => Mapped { ty: MyType::plain(Kind::Blob(LONG)), transfer: Transfer::Bytes },
        Json => Mapped { ty: MyType::plain(Kind::Json), transfer: Transfer::Json },
        Text => long(),
    }
}

/// The declared length in characters or bits.
pub(super) fn length(ty: &PgType) -> Option<u64> {
    let n = match ty.name.as_str() {
        "varchar" | "bpchar" => ty.modifier.checked_sub(4)?,
        "bit" | "varbit" => ty.modifier,
        _ => return None,
    };
    u64::try_from(n).ok().filter(|n| *n > 0)
}

/// `numeric` by its modifier; none where DECIMAL is too small for what the type allows.
fn decimal(modifier: i32) -> Option<Mapped> {
    let (precision, scale) = numeric_modifier(modifier).unwrap_or((65, 30));
    // numeric(3,-2) holds 99900: its missing places are whole digits. numeric(2,5) holds 0.00099: five places.
    let places = u8::try_from(scale.max(0)).ok()?;
    let digits = u8::try_from((precision - scale.min(0)).max(scale)).ok()?;
    if digits > 65 || places > 30 {
        return None;
    }
    let kind = Kind::Decimal { precision: digits.into(), scale: places.into(), unsigned: false };
    Some(Mapped { ty: MyType::plain(kind), transfer: Transfer::Decimal { precision: digits, scale: places } })
}

/// Precision and scale of a `numeric` modifier; the scale is an 11-bit number with a sign.
fn numeric_modifier(modifier: i32) -> Option<(i32, i32)> {
    let packed = modifier.checked_sub(4).filter(|m| *m >= 0)?;
    Some((packed >> 16, ((packed & 0x7ff) ^ 1024) - 1024))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::MyFlavor;

    const MYSQL: Dialect = Dialect { flavor: MyFlavor::MySql, version: (8, 4, 0) };

    fn numeric(precision: i32, scale: i32) -> i32 {
        ((precision << 16) | (scale & 0x7ff)) + 4
    }

    fn mapped(name: &str, modifier: i32) -> String {
        let ty = PgType { name: name.into(), display: name.into(), class: TypeClass::Base, modifier, domain: None };
        map(&ty, MYSQL).ty.kind.to_string()
    }

    #[test]
    fn numeric_fits_or_becomes_text() {
        for (modifier, expected) in [
            (-1, "DECIMAL(65,30)"),
            (numeric(12, 2), "DECIMAL(12,2)"),
            (numeric(3, -2), "DECIMAL(5,0)"),
            (numeric(2, 5), "DECIMAL(5,5)"),
            (numeric(65, 30), "DECIMAL(65,30)"),
            (numeric(66, 0), "LONGTEXT"),
            (numeric(40, 31), "LONGTEXT"),
            (numeric(60, -6), "LONGTEXT"),
            (numeric(1000, 1000), "LONGTEXT"),
            (numeric(1000, -1000), "LONGTEXT"),
        ] {
            assert_eq!(mapped("numeric", modifier), expected, "{modifier}");
        }
    }

    #[test]
    fn lengths_and_fractions_are_those_declared() {
        for (name, modifier, expected) in [
            ("varchar", 24, "VARCHAR(20)"),
            ("varchar", 16_387, "VARCHAR(16383)"),
            ("varchar", 16_388, "LONGTEXT"),
            ("varchar", -1, "LONGTEXT"),
            ("bpchar", 14, "CHAR(10)"),
            ("bpchar", 304, "VARCHAR(300)"),
            ("bpchar", -1, "LONGTEXT"),
            ("bit", 8, "VARCHAR(8)"),
            ("varbit", -1, "LONGTEXT"),
            ("timestamp", -1, "DATETIME(6)"),
            ("timestamptz", 3, "DATETIME(3)"),
            ("time", 0, "TIME"),
            ("uuid", -1, "CHAR(36)"),
            ("hstore", -1, "LONGTEXT"),
        ] {
            assert_eq!(mapped(name, modifier), expected, "{name} {modifier}");
        }
    }

    #[test]
    fn no_type_is_in_two_lines() {
        let mut names: Vec<&str> = RULES.iter().flat_map(|rule| rule.names).copied().collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
