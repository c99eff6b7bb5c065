//! What is asked of the source for one column: expressions that print equal values as the target prints them. Pure.

use super::column::{Column, From, Wrap};
use crate::facts::MyColumn;
use crate::quote::{pg_ident, pg_literal};
use crate::schema::Transfer;

/// Characters (of text) or bytes up to which a value stands in its row's text itself. A server refuses to build a text
/// longer than its packets, so of a longer one its hash stands there.
pub(super) const LONG: u64 = 1000;
/// Characters or bytes up to which a value is fetched when its row differs; of a longer one, its hash and beginning.
pub(super) const FETCHED: u64 = 1000;
/// Characters that are fetched of a longer value.
pub(super) const HEAD: u64 = 200;

/// A fraction with zeros at its end, somewhere in JSON.
const LOOSE_ZEROS: &str = r"[.][0-9]*0([],}]|$)";
/// Strings, which stay as they are, and numbers with zeros at the end of their fraction. MySQL leaves one zero of them
/// where there is nothing else.
const ZEROS: &str = r#"("(?:[^"\\]|\\.)*")|(-?[0-9]+[.](?:[0-9]*[1-9]|0))0+(?=[],}]|$)"#;
/// Bytes of JSON up to which it is worth to look for them; more would not fit the memory of the pattern matcher.
const TRIMMED: u64 = 1 << 20;

/// The value's text; NULL for NULL.
pub(super) fn text(column: &Column) -> String {
    let c = pg_ident(&column.name);
    match column.from {
        From::Cast => format!("{c}::text"),
        From::Flag => format!("{c}::int4::text"),
        From::Trimmed if column.ty == "money" => format!("trim_scale({c}::numeric)::text"),
        From::Trimmed => format!("trim_scale({c})::text"),
        // Adding nothing makes one zero of the two.
        From::Double { single: false } if column.ty == "float4" => {
            format!("encode(float8send({c}::text::float8 + 0), 'hex')")
        }
        From::Double { .. } => format!("encode(float8send({c}::float8 + 0), 'hex')"),
        From::Bytes => format!("encode({c}, 'hex')"),
        From::Midnight => format!("{c}::text || ' 00:00:00'"),
        From::Utc => format!("({c} AT TIME ZONE 'UTC')::text"),
        From::Json => format!(
            "CASE WHEN octet_length({c}::text) < {TRIMMED} AND {c}::text ~ {} \
             THEN regexp_replace({c}::text, {}, {}, 'g') ELSE {c}::text END",
            pg_literal(LOOSE_ZEROS),
            pg_literal(ZEROS),
            pg_literal(r"\1\2")
        ),
        From::Output => match column.ty.as_str() {
            // For char(n) the cast leaves the padding out, as the target does.
            "text" | "varchar" | "bpchar" | "jsonb" | "json" | "uuid" => format!("{c}::text"),
            // Not the cast: that of inet adds the mask. `concat` prints NULL as an empty text; and a row type whose
            // fields are NULL is not NULL itself, though it IS NULL.
            _ => format!("CASE WHEN {c} IS DISTINCT FROM NULL THEN concat({c}) END"),
        },
    }
}

/// The value's bytes, for [`Wrap::Bytes`].
fn bytes(column: &Column) -> String {
    match column.from {
        From::Bytes => pg_ident(&column.name),
        _ => format!("convert_to({}, 'UTF8')", text(column)),
    }
}

/// The value as a part of its row's text: never NULL, and no two values, NULL among them, have the same.
pub(super) fn field(column: &Column) -> String {
    let t = text(column);
    let field = match column.wrap {
        Wrap::Plain => t,
        Wrap::Counted => format!("char_length({t}) || ':' || {t}"),
        Wrap::Long => format!(
            "CASE WHEN char_length({t}) > {LONG} THEN '#' || encode(sha256(convert_to({t}, 'UTF8')), 'hex') \
             ELSE char_length({t}) || ':' || {t} END"
        ),
        Wrap::Bytes => {
            let b = bytes(column);
            format!(
                "CASE WHEN octet_length({b}) > {LONG} THEN '#' || encode(sha256({b}), 'hex') ELSE encode({b}, 'hex') END"
            )
        }
        Wrap::Hashed => format!("encode(sha256(convert_to({t}, 'UTF8')), 'hex')"),
    };
    match &column.nulled {
        Some(nulled) => format!("CASE WHEN {nulled} THEN 'n' ELSE coalesce({field}, 'n') END"),
        None => format!("coalesce({field}, 'n')"),
    }
}

/// The value as it is fetched from a row that differs: `=text`, `#length:hash:beginning` of a long one, `!beginning` of
/// one that stands as NULL on the target, or NULL. With `whole`, long ones too are fetched as they
/// are, where equal values may have different hashes.
pub(super) fn shown(column: &Column, whole: bool) -> String {
    let t = text(column);
    let shown = match column.wrap {
        Wrap::Long | Wrap::Hashed if !(whole && column.loose) => format!(
            "CASE WHEN char_length({t}) > {FETCHED} THEN '#' || char_length({t}) || ':' || \
             encode(sha256(convert_to({t}, 'UTF8')), 'hex') || ':' || left({t}, {HEAD}) ELSE '=' || {t} END"
        ),
        Wrap::Bytes => {
            let b = bytes(column);
            format!(
                "CASE WHEN octet_length({b}) > {FETCHED} THEN '#' || octet_length({b}) || ':' || \
                 encode(sha256({b}), 'hex') || ':' || encode(substr({b}, 1, {HEAD}), 'hex') \
                 ELSE '=' || encode({b}, 'hex') END"
            )
        }
        _ => format!("'=' || {t}"),
    };
    match &column.nulled {
        Some(nulled) => format!("CASE WHEN {nulled} THEN '!' || left({t}, {HEAD}) ELSE {shown} END"),
        None => shown,
    }
}

/// True for a value that the target's column cannot hold, by the rules of the load; none where it holds all, or where
/// SQL cannot tell.
pub(super) fn nulled(column: &Column, transfer: Transfer, have: &MyColumn) -> Option<String> {
    let c = pg_ident(&column.name);
    match transfer {
        Transfer::Float => Some(format!("{c} IN ('NaN', 'Infinity', '-Infinity')")),
        Transfer::Decimal { precision, scale } => {
            let exact = have.data_type == "decimal";
            let scale = have.numeric_scale.filter(|_| exact).unwrap_or(scale.into());
            let precision = have.numeric_precision.filter(|_| exact).unwrap_or(precision.into());
            // NaN is greater than every number here, and has no scale.
            Some(format!("(abs({c}) >= 1e{} OR scale(trim_scale({c})) > {scale})", precision.saturating_sub(scale)))
        }
        Transfer::Date => Some(format!("(NOT isfinite({c}) OR {c} < '0001-01-01' OR {c} > '9999-12-31')")),
        Transfer::Timestamp | Transfer::TimestampTz => {
            Some(format!("(NOT isfinite({c}) OR {c} < '0001-01-01 00:00:00' OR {c} >= '10000-01-01 00:00:00')"))
        }
        Transfer::Text | Transfer::Json => {
            let length = limit(have)?;
            let t = text(column);
            Some(if have.data_type.ends_with("char") {
                format!("char_length({t}) > {length}")
            } else {
                format!("octet_length(convert_to({t}, 'UTF8')) > {length}")
            })
        }
        Transfer::Bytes => Some(format!("octet_length({c}) > {}", limit(have)?)),
        Transfer::Integer | Transfer::Boolean | Transfer::Time | Transfer::Money => None,
    }
}

/// The target column's length, where a value of PostgreSQL can be longer: those end at 1 GB.
fn limit(have: &MyColumn) -> Option<u64> {
    have.char_length.filter(|length| *length < 1 << 30)
}

/// A value in the text that this module prints, as a literal for its column. It has no type of its own, so the server
/// reads it as the column's.
pub(super) fn literal(column: &Column, text: &str) -> String {
    match column.from {
        From::Bytes => pg_literal(&format!("\\x{text}")),
        From::Double { .. } => {
            pg_literal(&super::number::double(text).map_or_else(|| text.to_owned(), |d| format!("{d:e}")))
        }
        From::Midnight => pg_literal(text.split(' ').next().unwrap_or(text)),
        _ => pg_literal(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::OnUnrepresentable;
    use crate::verify::testing::{my, pair, pg};

    #[test]
    fn a_field_is_never_null_and_set_off_from_its_neighbours() {
        assert_eq!(field(&pair("int4", Transfer::Integer, "int")), r#"coalesce("v"::text, 'n')"#);
        assert_eq!(
            field(&pair("varchar", Transfer::Text, "varchar(20)")),
            r#"coalesce(char_length("v"::text) || ':' || "v"::text, 'n')"#
        );
        assert!(field(&pair("text", Transfer::Text, "longtext")).contains("> 1000 THEN '#' || encode(sha256("));
    }

    #[test]
    fn floats_are_their_bits() {
        assert_eq!(text(&pair("float8", Transfer::Float, "double")), r#"encode(float8send("v"::float8 + 0), 'hex')"#);
        assert_eq!(
            text(&pair("float4", Transfer::Float, "double")),
            r#"encode(float8send("v"::text::float8 + 0), 'hex')"#
        );
        assert_eq!(literal(&pair("float8", Transfer::Float, "double"), "3ff8000000000000"), "'1.5e0'");
    }

    #[test]
    fn json_is_trimmed_for_mysql_only() {
        assert!(text(&pair("jsonb", Transfer::Json, "json")).contains("regexp_replace"));
        assert_eq!(text(&pair("jsonb", Transfer::Json, "longtext")), r#""v"::text"#);
        assert_eq!(text(&pair("json", Transfer::Text, "json")), r#""v"::text"#);
    }

    #[test]
    fn what_the_target_cannot_hold_counts_as_null_where_asked() {
        let nulled = |ty, transfer, declared: &str| {
            let mut have = my("v", declared);
            have.char_length = declared.split_once('(').and_then(|(_, n)| n.trim_end_matches(')').parse().ok());
            have.numeric_precision = Some(5).filter(|_| declared.starts_with("decimal"));
            have.numeric_scale = Some(2).filter(|_| declared.starts_with("decimal"));
            Column::new(&pg("v", ty), transfer, &have, OnUnrepresentable::Null).nulled
        };
        assert_eq!(
            nulled("numeric", Transfer::Decimal { precision: 65, scale: 30 }, "decimal(5,2)").as_deref(),
            Some(r#"(abs("v") >= 1e3 OR scale(trim_scale("v")) > 2)"#)
        );
        assert_eq!(nulled("text", Transfer::Text, "varchar(9)").as_deref(), Some(r#"char_length("v"::text) > 9"#));
        assert_eq!(nulled("text", Transfer::Text, "longtext"), None);
        assert_eq!(nulled("int4", Transfer::Integer, "int"), None);
    }
}
