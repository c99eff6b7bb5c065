//! What is asked of the target for one column: expressions that print equal values as the source prints them. Pure.

use super::column::{Column, To, Wrap};
use super::source_sql::{FETCHED, HEAD, LONG};
use crate::quote::{my_ident, my_literal};

/// The value's text; NULL for NULL.
pub(super) fn text(column: &Column) -> String {
    let c = my_ident(&column.target);
    match column.to {
        To::Cast => format!("CAST({c} AS CHAR)"),
        To::Bits => format!("CAST({c} + 0 AS CHAR)"),
        To::Trimmed => format!("TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CAST({c} AS CHAR)))"),
        // No function gives the bits of a double but those of geometry, whose points are made of doubles. Adding
        // nothing makes a double of a float, and one zero of the two.
        To::Double => format!("LOWER(HEX(REVERSE(SUBSTR(ST_AsBinary(POINT({c} + 0e0, 0)), 6, 8))))"),
        To::Bytes => format!("LOWER(HEX({c}))"),
        To::Text => c,
        To::Converted => format!("CONVERT({c} USING utf8mb4)"),
    }
}

/// The value as a part of its row's text: never NULL, and no two values, NULL among them, have the same.
pub(super) fn field(column: &Column) -> String {
    let (c, t) = (my_ident(&column.target), text(column));
    let field = match column.wrap {
        Wrap::Plain => t,
        Wrap::Counted => format!("CONCAT(CHAR_LENGTH({t}), ':', {t})"),
        Wrap::Long => {
            format!("IF(CHAR_LENGTH({t}) > {LONG}, CONCAT('#', SHA2({t}, 256)), CONCAT(CHAR_LENGTH({t}), ':', {t}))")
        }
        Wrap::Bytes => format!("IF(LENGTH({c}) > {LONG}, CONCAT('#', SHA2({c}, 256)), {t})"),
        Wrap::Hashed => format!("SHA2({t}, 256)"),
    };
    format!("COALESCE({field}, 'n')")
}

/// The value as it is fetched from a row that differs: `=text`, `#length:hash:beginning` of a long one, or NULL. With
/// `whole`, long ones too are fetched as they are, where equal values may have different hashes.
pub(super) fn shown(column: &Column, whole: bool) -> String {
    let (c, t) = (my_ident(&column.target), text(column));
    match column.wrap {
        Wrap::Long | Wrap::Hashed if !(whole && column.loose) => format!(
            "IF(CHAR_LENGTH({t}) > {FETCHED}, CONCAT('#', CHAR_LENGTH({t}), ':', SHA2({t}, 256), ':', LEFT({t}, {HEAD})), \
             CONCAT('=', {t}))"
        ),
        Wrap::Bytes => format!(
            "IF(LENGTH({c}) > {FETCHED}, CONCAT('#', LENGTH({c}), ':', SHA2({c}, 256), ':', \
             LOWER(HEX(SUBSTR({c}, 1, {HEAD})))), CONCAT('=', {t}))"
        ),
        _ => format!("CONCAT('=', {t})"),
    }
}

/// A value in the text that this module prints, as a literal for its column; none where there is no literal that the
/// server compares exactly: the printed text must be compared then.
pub(super) fn literal(column: &Column, text: &str) -> Option<String> {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match column.to {
        To::Bits | To::Cast | To::Trimmed if digits(text.strip_prefix('-').unwrap_or(text)) && !text.is_empty() => {
            Some(text.to_owned())
        }
        To::Cast | To::Trimmed | To::Text | To::Converted => Some(my_literal(text)),
        To::Double => super::number::double(text).filter(|d| d.is_finite()).map(|d| format!("{d:e}")),
        To::Bytes if text.bytes().all(|b| b.is_ascii_hexdigit()) => Some(format!("x'{text}'")),
        To::Bits | To::Bytes => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Transfer;
    use crate::verify::testing::pair;

    #[test]
    fn a_field_is_never_null_and_set_off_from_its_neighbours() {
        assert_eq!(field(&pair("int4", Transfer::Integer, "int")), "COALESCE(CAST(`v` AS CHAR), 'n')");
        assert_eq!(
            field(&pair("varchar", Transfer::Text, "varchar(20)")),
            "COALESCE(CONCAT(CHAR_LENGTH(`v`), ':', `v`), 'n')"
        );
    }

    #[test]
    fn literals_are_such_that_the_server_compares_exactly() {
        let of = |ty, transfer, have, text: &str| literal(&pair(ty, transfer, have), text);
        let plain = |text: &str| Some(text.to_owned());
        assert_eq!(of("int8", Transfer::Integer, "bigint", "-9007199254740993"), plain("-9007199254740993"));
        // A number beside a text column would be compared as doubles.
        assert_eq!(of("int8", Transfer::Integer, "varchar(20)", "7"), plain("'7'"));
        assert_eq!(of("text", Transfer::Text, "longtext", "it's \\"), plain(r"'it\'s \\'"));
        assert_eq!(of("bytea", Transfer::Bytes, "varbinary(9)", "00ff"), plain("x'00ff'"));
        assert_eq!(of("float8", Transfer::Float, "double", "3ff8000000000000"), plain("1.5e0"));
        assert_eq!(
            of("timestamptz", Transfer::TimestampTz, "datetime(6)", "2024-01-01 00:00:00"),
            plain("'2024-01-01 00:00:00'")
        );
    }
}
