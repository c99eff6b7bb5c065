//! Which types hold every value of another: the rule table behind [`super::drift`].

use super::my_type::{Kind, MyType};

/// Kinds of types that share a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Int,
    Decimal,
    Float,
    Bit,
    Year,
    Date,
    Time,
    Moment,
    Stamp,
    Text,
    Labels,
    Bytes,
    Json,
    Uuid,
    Other,
}

pub(super) fn family(ty: &MyType) -> Family {
    match &ty.kind {
        Kind::Int { .. } => Family::Int,
        Kind::Decimal { .. } => Family::Decimal,
        Kind::Float { .. } => Family::Float,
        Kind::Bit(_) => Family::Bit,
        Kind::Year => Family::Year,
        Kind::Date => Family::Date,
        Kind::Time(_) => Family::Time,
        Kind::DateTime(_) => Family::Moment,
        Kind::Timestamp(_) => Family::Stamp,
        Kind::Char(_) | Kind::VarChar(_) | Kind::Text(_) => Family::Text,
        Kind::Labels { .. } => Family::Labels,
        Kind::Binary(_) | Kind::VarBinary(_) | Kind::Blob(_) => Family::Bytes,
        Kind::Json => Family::Json,
        Kind::Other(name) if name == "uuid" => Family::Uuid,
        Kind::Other(_) => Family::Other,
    }
}

/// Says what would happen to values of `want` in a column of type `have`; none when all survive.
type Rule = fn(&Pair<'_>) -> Option<String>;

/// What a rule looks at.
pub(super) struct Pair<'a> {
    want: &'a MyType,
    have: &'a MyType,
    /// The longest value seen, where the source's type has no length of its own.
    longest: Option<u64>,
}

/// (wanted, there, rule). A pair that is not listed does not hold the values.
static RULES: &[(Family, Family, Rule)] = &[
    (Family::Int, Family::Int, int_range),
    (Family::Int, Family::Decimal, int_digits),
    (Family::Int, Family::Float, int_mantissa),
    (Family::Int, Family::Bit, |_| Some("digits would be stored as the bits of their characters".into())),
    (Family::Int, Family::Text, printed),
    (Family::Decimal, Family::Decimal, decimal_digits),
    (Family::Decimal, Family::Int, decimal_in_int),
    (Family::Decimal, Family::Float, |_| Some("decimal places would be rounded in binary".into())),
    (Family::Decimal, Family::Text, printed),
    (Family::Float, Family::Float, float_digits),
    (Family::Float, Family::Decimal, |_| Some("very large and very small values would be cut or refused".into())),
    (Family::Float, Family::Int, |_| Some("fractions would be rounded away".into())),
    (Family::Float, Family::Text, printed),
    (Family::Date, Family::Date, all_fit),
    (Family::Date, Family::Moment, all_fit),
    (Family::Date, Family::Stamp, stamp),
    (Family::Date, Family::Text, printed),
    (Family::Time, Family::Time, fraction),
    (Family::Time, Family::Text, printed),
    (Family::Moment, Family::Moment, fraction),
    (Family::Moment, Family::Stamp, stamp),
    (Family::Moment, Family::Date, |_| Some("the time of day would be cut off".into())),
    (Family::Moment, Family::Text, printed),
    (Family::Text, Family::Text, text),
    (Family::Text, Family::Labels, |_| Some("it takes only its own labels".into())),
    (Family::Text, Family::Bytes, text_in_bytes),
    (Family::Text, Family::Json, |_| {
        Some("it refuses what is no JSON, and changes blanks, order and repeated keys of what is".into())
    }),
    (Family::Text, Family::Uuid, |pair| match pair.want.kind {
        Kind::Char(36) => None,
        _ => Some("it takes only UUIDs".into()),
    }),
    (Family::Bytes, Family::Bytes, bytes),
    (Family::Bytes, Family::Text, |_| Some("bytes that are no valid text would be refused or changed".into())),
    (Family::Json, Family::Json, all_fit),
    (Family::Json, Family::Text, text),
];

/// What would happen to values of `want` in a column of type `have`; none when all survive.
pub(super) fn narrower(want: &MyType, have: &MyType, longest: Option<u64>) -> Option<String> {
    let pair = Pair { want, have, longest };
    let families = (family(want), family(have));
    match RULES.iter().find(|(w, h, _)| (*w, *h) == families) {
        Some((_, _, rule)) => rule(&pair),
        None => Some("it does not take such values".into()),
    }
}

fn all_fit(_: &Pair<'_>) -> Option<String> {
    None
}

/// Lowest and highest value of an integer type.
pub(super) fn range(bytes: u8, unsigned: bool) -> (i128, i128) {
    let bits = u32::from(bytes) * 8;
    if unsigned { (0, (1 << bits) - 1) } else { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) }
}

/// What a wanted integer column holds: a flag only 0 and 1.
fn wanted_range(ty: &MyType) -> (i128, i128) {
    match ty.kind {
        Kind::Int { flag: true, .. } => (0, 1),
        Kind::Int { bytes, unsigned, .. } => range(bytes, unsigned),
        _ => (0, 0),
    }
}

fn int_range(pair: &Pair<'_>) -> Option<String> {
    let Kind::Int { bytes, unsigned, .. } = pair.have.kind else { return None };
    let (low, high) = range(bytes, unsigned);
    let (want_low, want_high) = wanted_range(pair.want);
    (want_low < low || want_high > high).then(|| format!("values outside {low} to {high} would be clipped or refused"))
}

fn int_digits(pair: &Pair<'_>) -> Option<String> {
    let Kind::Decimal { precision, scale, unsigned } = pair.have.kind else { return None };
    let (low, high) = wanted_range(pair.want);
    if unsigned && low < 0 {
        return Some("negative values would be clipped or refused".into());
    }
    let digits = precision - scale;
    (high.to_string().len() as u64 > digits)
        .then(|| format!("values of more than {digits} digits would be clipped or refused"))
}

fn int_mantissa(pair: &Pair<'_>) -> Option<String> {
    let Kind::Float { double, fixed, unsigned } = pair.have.kind else { return None };
    let (low, high) = wanted_range(pair.want);
    // FLOAT is printed with six digits.
    let exact: i128 = if double { 1 << 53 } else { 999_999 };
    if unsigned && low < 0 {
        Some("negative values would be clipped or refused".into())
    } else if fixed {
        Some("values of many digits would be clipped or refused".into())
    } else {
        (high > exact).then(|| format!("values beyond {exact} would be rounded"))
    }
}

fn decimal_digits(pair: &Pair<'_>) -> Option<String> {
    let Kind::Decimal { precision, scale, .. } = pair.want.kind else { return None };
    let Kind::Decimal { precision: have_precision, scale: have_scale, unsigned } = pair.have.kind else { return None };
    if unsigned {
        Some("negative values would be clipped or refused".into())
    } else if have_scale < scale {
        Some(format!("decimal places after the first {have_scale} would be rounded away"))
    } else if have_precision - have_scale < precision - scale {
        let digits = have_precision - have_scale;
        Some(format!("values of more than {digits} digits before the point would be clipped or refused"))
    } else {
        None
    }
}

fn decimal_in_int(pair: &Pair<'_>) -> Option<String> {
    let Kind::Decimal { precision, scale, .. } = pair.want.kind else { return None };
    let Kind::Int { bytes, unsigned, .. } = pair.have.kind else { return None };
    let (low, high) = range(bytes, unsigned);
    if scale > 0 {
        Some("decimal places would be rounded away".into())
    } else {
        (unsigned || precision >= high.to_string().len() as u64)
            .then(|| format!("values outside {low} to {high} would be clipped or refused"))
    }
}

fn float_digits(pair: &Pair<'_>) -> Option<String> {
    let Kind::Float { double, fixed, unsigned } = pair.have.kind else { return None };
    if !double {
        Some("values would be rounded to about seven digits".into())
    } else if fixed {
        Some("decimal places would be rounded to a fixed number".into())
    } else {
        unsigned.then(|| "negative values would be clipped or refused".into())
    }
}

fn fraction(pair: &Pair<'_>) -> Option<String> {
    let digits = |ty: &MyType| match ty.kind {
        Kind::Time(fsp) | Kind::DateTime(fsp) | Kind::Timestamp(fsp) => fsp,
        _ => 0,
    };
    let (want, have) = (digits(pair.want), digits(pair.have));
    (have < want).then(|| match have {
        0 => "fractions of a second would be rounded away".into(),
        _ => format!("fractions of a second after {have} digits would be rounded away"),
    })
}

fn stamp(pair: &Pair<'_>) -> Option<String> {
    let range = "values before 1970 or after 2038 would be refused, and each session's time zone shifts them";
    Some(match fraction(pair) {
        Some(more) => format!("{range}; {more}"),
        None => range.into(),
    })
}

/// Characters that the longest value of a type is printed with.
pub(super) fn printed_chars(ty: &MyType) -> u64 {
    match &ty.kind {
        Kind::Int { flag: true, .. } => 1,
        Kind::Int { bytes, unsigned, .. } => {
            let (low, high) = range(*bytes, *unsigned);
            low.to_string().len().max(high.to_string().len()) as u64
        }
        Kind::Decimal { precision, .. } => precision + 3,
        Kind::Float { .. } => 24,
        Kind::Year => 4,
        Kind::Date => 10,
        Kind::Time(fsp) => 11 + fsp,
        Kind::DateTime(fsp) | Kind::Timestamp(fsp) => 20 + fsp,
        Kind::Bit(bits) => *bits,
        Kind::Labels { longest, .. } => *longest,
        Kind::Binary(n) | Kind::VarBinary(n) | Kind::Blob(n) => *n,
        Kind::Other(_) => 64,
        Kind::Char(_) | Kind::VarChar(_) | Kind::Text(_) | Kind::Json => ty.chars().unwrap_or(0),
    }
}

fn printed(pair: &Pair<'_>) -> Option<String> {
    too_short(pair, printed_chars(pair.want))
}

fn too_short(pair: &Pair<'_>, need: u64) -> Option<String> {
    let have = pair.have.chars()?;
    (have < need).then(|| format!("values longer than {have} characters would be cut or refused"))
}

fn text(pair: &Pair<'_>) -> Option<String> {
    let ascii = pair.want.text.as_ref().is_some_and(|t| t.charset == "ascii");
    let charset = pair.have.text.as_ref().map_or("binary", |t| t.charset.as_str());
    let unicode = matches!(charset, "utf8mb4" | "utf16" | "utf16le" | "utf32" | "gb18030");
    if !ascii && !unicode {
        return Some(match charset {
            "utf8" | "utf8mb3" | "ucs2" => format!(
                "characters beyond the basic plane, such as emoji, are not in {charset} and would be refused or replaced"
            ),
            _ => format!("characters that are not in {charset} would be refused or replaced"),
        });
    }
    let trims = matches!(pair.have.kind, Kind::Char(_)) && !ascii && !matches!(pair.want.kind, Kind::Char(_));
    if trims {
        return Some("blanks at the end of values would be cut off".into());
    }
    let wanted = pair.want.chars()?;
    too_short(pair, pair.longest.map_or(wanted, |n| n.min(wanted)))
}

/// Bytes that fit a binary type; BINARY pads, so that nothing fits as it is.
fn capacity(ty: &MyType) -> u64 {
    match ty.kind {
        Kind::VarBinary(n) | Kind::Blob(n) => n,
        _ => 0,
    }
}

fn text_in_bytes(pair: &Pair<'_>) -> Option<String> {
    let need = pair.longest.or(pair.want.chars())?.saturating_mul(4).min(u64::from(u32::MAX) / 4 * 4);
    let have = capacity(pair.have);
    (have < need).then(|| format!("values longer than {have} bytes would be cut or refused"))
}

fn bytes(pair: &Pair<'_>) -> Option<String> {
    if matches!(pair.have.kind, Kind::Binary(_)) {
        return Some("values would be filled up with zero bytes".into());
    }
    let (wanted, have) = (capacity(pair.want), capacity(pair.have));
    let need = pair.longest.map_or(wanted, |n| n.min(wanted));
    (have < need).then(|| format!("values longer than {have} bytes would be cut or refused"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const U8: &str = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

    fn survives(want: &str, have: &str) -> bool {
        let charset = |t: &str| {
            let texty = ["char", "text", "enum"].iter().any(|k| t.to_lowercase().contains(k));
            if texty && !t.contains("CHARACTER SET") { format!("{t}{U8}") } else { t.to_owned() }
        };
        narrower(&MyType::parse(&charset(want)), &MyType::parse(&charset(have)), None).is_none()
    }

    #[test]
    fn wide_enough() {
        for (want, have) in [
            ("TINYINT(1)", "tinyint(4)"),
            ("TINYINT(1)", "int(10) unsigned"),
            ("TINYINT(1)", "varchar(1)"),
            ("INT", "int(11)"),
            ("INT", "bigint(20)"),
            ("INT", "decimal(10,0)"),
            ("INT", "double"),
            ("INT UNSIGNED", "bigint"),
            ("INT", "varchar(11)"),
            ("SMALLINT", "float"),
            ("DECIMAL(12,2)", "decimal(14,4)"),
            ("DECIMAL(9,0)", "int"),
            ("DECIMAL(12,2)", "varchar(15)"),
            ("DOUBLE", "double"),
            ("DATE", "datetime"),
            ("DATETIME(3)", "datetime(3)"),
            ("DATETIME(3)", "datetime(6)"),
            ("DATETIME(6)", "longtext"),
            ("VARCHAR(20)", "varchar(20)"),
            ("VARCHAR(20)", "text"),
            ("CHAR(5)", "char(5)"),
            ("VARCHAR(20)", "varbinary(80)"),
            ("LONGTEXT", "longtext"),
            ("LONGBLOB", "longblob"),
            ("VARBINARY(30)", "blob"),
            ("JSON", "longtext"),
            ("JSON", "json"),
            ("CHAR(36) CHARACTER SET ascii COLLATE ascii_bin", "uuid"),
            ("CHAR(36) CHARACTER SET ascii COLLATE ascii_bin", "varchar(36) CHARACTER SET latin1 COLLATE latin1_bin"),
        ] {
            assert!(survives(want, have), "{want} in {have}");
        }
    }

    #[test]
    fn too_narrow() {
        for (want, have) in [
            ("INT", "smallint"),
            ("INT", "int unsigned"),
            ("INT UNSIGNED", "int"),
            ("INT", "decimal(9,0)"),
            ("INT", "decimal(12,2) unsigned"),
            ("BIGINT", "double"),
            ("INT", "float"),
            ("INT", "varchar(10)"),
            ("TINYINT(1)", "bit(1)"),
            ("INT", "year"),
            ("DECIMAL(12,2)", "decimal(12,1)"),
            ("DECIMAL(12,2)", "decimal(12,3)"),
            ("DECIMAL(12,2)", "decimal(12,2) unsigned"),
            ("DECIMAL(12,2)", "double"),
            ("DECIMAL(10,0)", "int"),
            ("DECIMAL(12,2)", "bigint"),
            ("DOUBLE", "float"),
            ("DOUBLE", "double(10,2)"),
            ("DOUBLE", "decimal(65,30)"),
            ("DATE", "timestamp"),
            ("DATE", "varchar(9)"),
            ("DATE", "year"),
            ("DATETIME(6)", "datetime"),
            ("DATETIME(6)", "datetime(3)"),
            ("DATETIME(6)", "timestamp(6)"),
            ("DATETIME(6)", "date"),
            ("DATETIME(6)", "time(6)"),
            ("TIME(6)", "time"),
            ("VARCHAR(20)", "varchar(19)"),
            ("VARCHAR(20)", "char(20)"),
            ("VARCHAR(64)", "tinytext"),
            ("VARCHAR(20)", "varchar(20) CHARACTER SET latin1 COLLATE latin1_bin"),
            ("VARCHAR(20)", "varchar(20) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin"),
            ("VARCHAR(20)", "varbinary(79)"),
            ("VARCHAR(20)", "enum('a')"),
            ("LONGTEXT", "text"),
            ("LONGTEXT", "mediumtext"),
            ("LONGTEXT", "json"),
            ("VARCHAR(49)", "inet6"),
            ("LONGBLOB", "blob"),
            ("LONGBLOB", "longtext"),
            ("VARBINARY(30)", "binary(30)"),
            ("VARBINARY(30)", "varbinary(29)"),
            ("JSON", "text"),
        ] {
            assert!(!survives(want, have), "{want} in {have}");
        }
    }

    #[test]
    fn a_key_column_may_be_as_short_as_the_longest_value_seen() {
        let want = MyType::parse(&format!("VARCHAR(255){U8}"));
        let have = MyType::parse(&format!("varchar(100){U8}"));
        assert_eq!(narrower(&want, &have, Some(100)), None);
        assert!(narrower(&want, &have, Some(101)).is_some_and(|why| why.contains("100 characters")));
        assert!(narrower(&want, &have, None).is_some());
    }
}
