//! Values of every kind, as SQL: one at random, or a series of them that the server makes.

use cdc_doctor::quote::pg_literal;

use super::model::Kind;
use super::random::Random;

/// What texts are made of. Everything that some layer on the way might take for something else.
const PIECES: &[&str] = &[
    "a",
    "Z",
    "0",
    " ",
    "  ",
    "é",
    "ß",
    "日本",
    "😀",
    "👩\u{200d}🚀",
    "e\u{301}",
    "\u{feff}",
    "\\",
    "\\\\",
    "\\N",
    "\\n",
    "\t",
    "\n",
    "\r",
    "\u{1}",
    "\u{8}",
    "\u{b}",
    "\u{c}",
    "\u{1a}",
    "\u{1f}",
    "\u{7f}",
    "'",
    "''",
    "\"",
    "`",
    "%",
    "_",
    "NULL",
    ",",
    "{",
    "}",
    "(",
    ";--",
    "\\x",
];

/// The labels of the enum type.
pub const LABELS: &[&str] = &["so-so", "tab\tbed", "it's \\ fine", "😀"];

impl Kind {
    /// A value at random, never NULL.
    pub fn value(self, r: &mut Random) -> String {
        match self {
            Self::Int2 => cast(&signed(r, 15), "smallint"),
            Self::Int4 => cast(&signed(r, 31), "int"),
            Self::Int8 => cast(&signed(r, 63), "bigint"),
            Self::Numeric => numeric(r),
            Self::Decimal => format!("{}{}.{:04}", sign(r), r.below(100_000_000), r.below(10_000)),
            Self::Bool => if r.percent(50) { "true" } else { "false" }.to_owned(),
            Self::Text => pg_literal(&text(r, 12)),
            Self::Toast => toast(r),
            Self::Varchar => pg_literal(&cut(&text(r, 12), 40)),
            Self::Char => pg_literal(&cut(&text(r, 8), 12)),
            Self::Bytes => bytes(r),
            Self::TimestampTz => format!("'{} {}{}'::timestamptz", day(r), time(r), zone(r)),
            Self::Timestamp => format!("'{} {}'::timestamp", day(r), time(r)),
            Self::Date => format!("'{}'::date", day(r)),
            Self::Time => {
                if r.percent(5) {
                    "'24:00'::time".to_owned()
                } else {
                    format!("'{}'::time", time(r))
                }
            }
            Self::Json => format!("{}::jsonb", pg_literal(&json(r, 3).to_string())),
            Self::Uuid => format!("'{}'::uuid", hex(r, 32)),
            Self::Double => double(r),
            Self::Ints => {
                let all = (0..r.below(5)).map(|_| if r.percent(20) { "NULL".into() } else { signed(r, 31) });
                format!("'{{{}}}'::int[]", all.collect::<Vec<_>>().join(","))
            }
            Self::Texts => {
                let all: Vec<String> = (0..r.below(4))
                    .map(|_| if r.percent(20) { "NULL".into() } else { pg_literal(&text(r, 4)) })
                    .collect();
                format!("ARRAY[{}]::text[]", all.join(", "))
            }
            Self::Enum => format!("{}::mood", pg_literal(r.pick(LABELS))),
        }
    }

    /// A value or, where the column takes it, sometimes NULL.
    pub fn value_or_null(self, r: &mut Random, not_null: bool) -> String {
        if !not_null && r.percent(15) { "NULL".to_owned() } else { self.value(r) }
    }

    /// An expression of `i`, a bigint, that differs from row to row.
    pub fn series(self, i: &str) -> String {
        match self {
            Self::Int2 => format!("(({i}) % 32768 - 16384)::smallint"),
            Self::Int4 => format!("(({i}) * 7919 % 2147483647)::int"),
            Self::Int8 => format!("({i}) * 922337203685 - 4611686018427387904"),
            Self::Numeric => format!("({i}) * 1234567890123.456789"),
            Self::Decimal => format!("(({i}) % 100000000)::numeric / 16"),
            Self::Bool => format!("({i}) % 3 = 0"),
            Self::Text => format!(
                "CASE ({i}) % 5 WHEN 0 THEN '' WHEN 1 THEN E'\\\\N\\t' || ({i}) ELSE 'é😀' || md5(({i})::text) END"
            ),
            Self::Toast => {
                format!("CASE WHEN ({i}) % 2 = 0 THEN repeat(md5(({i})::text), 120) ELSE 'short' || ({i}) END")
            }
            Self::Varchar => format!("left(md5(({i})::text) || E'\\\\ \\'\\n', 40)"),
            Self::Char => format!("left(md5(({i})::text), (({i}) % 13)::int)"),
            Self::Bytes => format!("decode('00' || md5(({i})::text) || '5c0a090d27', 'hex')"),
            Self::TimestampTz => format!("timestamptz '1969-12-31 23:00:00+00' + ({i}) * interval '1000.000001 s'"),
            Self::Timestamp => format!("timestamp '2001-01-01' + ({i}) * interval '77777.1 s'"),
            Self::Date => format!("date '1900-01-01' + (({i}) % 70000)::int"),
            Self::Time => format!("time '00:00' + ({i}) * interval '1.000007 s'"),
            Self::Json => format!(
                "jsonb_build_object('i', ({i}), 't', E'\\\\' || ({i}), 'a', jsonb_build_array(null, true, 0.5))"
            ),
            Self::Uuid => format!("md5('v' || ({i}))::uuid"),
            Self::Double => format!("sqrt(({i})::double precision)"),
            Self::Ints => format!("ARRAY[({i}), NULL, -({i})]::int[]"),
            Self::Texts => format!("ARRAY[E'\\t\"' || ({i}), NULL, '']"),
            Self::Enum => format!("(enum_range(NULL::mood))[1 + ({i}) % {}]", LABELS.len()),
        }
    }
}

fn cast(value: &str, ty: &str) -> String {
    format!("'{value}'::{ty}")
}

fn sign(r: &mut Random) -> &'static str {
    if r.percent(50) { "-" } else { "" }
}

/// A whole number of at most so many bits; the ends of the range are as likely as the middle.
fn signed(r: &mut Random, bits: u32) -> String {
    let end = 1_i128 << bits;
    let value = match r.below(6) {
        0 => 0,
        1 => end - 1,
        2 => -end,
        _ => i128::from(r.next()) % (2 * end) - end,
    };
    value.to_string()
}

/// Within what `DECIMAL(65,30)` holds.
fn numeric(r: &mut Random) -> String {
    let digits = |r: &mut Random, n: u64| -> String {
        (0..n).map(|_| char::from_digit(u32::try_from(r.below(10)).unwrap(), 10).unwrap()).collect()
    };
    let (whole, part) = (r.between(1, 35), r.below(31));
    let text = format!("{}{}.{}0", sign(r), digits(r, whole), digits(r, part.saturating_sub(1)));
    format!("'{text}'::numeric")
}

fn double(r: &mut Random) -> String {
    let bits = f64::from_bits(r.next());
    let value = match r.below(6) {
        0 => 0.0,
        1 => 0.1,
        2 => f64::MAX,
        3 => f64::MIN_POSITIVE,
        _ if bits.is_finite() => bits,
        _ => 1e300,
    };
    format!("'{value:e}'::double precision")
}

/// Text of at most so many pieces.
fn text(r: &mut Random, pieces: u64) -> String {
    (0..r.below(pieces + 1)).map(|_| r.pick(PIECES)).collect()
}

fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

fn hex(r: &mut Random, digits: usize) -> String {
    let mut all = String::new();
    while all.len() < digits {
        all.push_str(&format!("{:016x}", r.next()));
    }
    all.truncate(digits);
    all
}

/// Long enough to leave the row, and random, so that compression does not keep it there; or short.
fn toast(r: &mut Random) -> String {
    let length = if r.percent(75) { r.between(6_000, 20_000) } else { r.below(100) };
    pg_literal(&hex(r, usize::try_from(length).unwrap()))
}

fn bytes(r: &mut Random) -> String {
    let awkward = ["00", "0a", "09", "0d", "27", "5c", "5c78", "1a", "ff", "c3", "f09f9880"];
    let all: String =
        (0..r.below(12)).map(|_| if r.percent(50) { hex(r, 8) } else { (r.pick(&awkward)).into() }).collect();
    format!("'\\x{all}'::bytea")
}

fn day(r: &mut Random) -> String {
    match r.below(8) {
        0 => "0001-01-02".to_owned(),
        1 => "9999-12-30".to_owned(),
        2 => "2024-02-29".to_owned(),
        _ => format!("{:04}-{:02}-{:02}", r.between(1000, 2200), r.between(1, 12), r.between(1, 28)),
    }
}

fn time(r: &mut Random) -> String {
    let fraction = match r.below(4) {
        0 => String::new(),
        1 => ".5".to_owned(),
        _ => format!(".{:06}", r.below(1_000_000)),
    };
    format!("{:02}:{:02}:{:02}{fraction}", r.below(24), r.below(60), r.below(60))
}

fn zone(r: &mut Random) -> &'static str {
    r.pick(&["+00", "+02", "-11:30", "+05:45"])
}

/// JSON whose numbers a double or 64 bits hold.
fn json(r: &mut Random, depth: u64) -> serde_json::Value {
    use serde_json::{Value, json};
    match r.below(if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => json!(r.percent(50)),
        2 => json!(i64::try_from(r.below(1 << 53)).unwrap() - (1 << 52)),
        3 => json!((r.below(1 << 40) as f64) / 1024.0),
        4 => json!(text(r, 6)),
        5 => (0..r.below(4)).map(|_| json(r, depth - 1)).collect(),
        _ => Value::Object((0..r.below(4)).map(|n| (format!("{n}{}", text(r, 2)), json(r, depth - 1))).collect()),
    }
}
