//! The page `docs/types.md`, made from the type map.

use std::fmt::Write as _;

use super::types::{OTHERS, RULES, Target};

const HEAD: &str = "# What becomes of each PostgreSQL type

This page is made from the type map in `src/schema/types.rs`: `UPDATE_DOCS=1 cargo test --lib schema::docs`.

*In a key* is the type of a column of the primary key or of a unique index, where it is another. Such a column needs a
length: the declared one, else twice the longest value seen and at least 255, as far as an index entry of 3,072 bytes
goes, shared by the key's columns. A longer value that comes later is refused, never cut.

Text is `utf8mb4` with a collation that compares byte by byte and does not ignore blanks at the end:
`utf8mb4_nopad_bin` on MariaDB, `utf8mb4_0900_bin` on MySQL from 8.0.17, `utf8mb4_bin` on older ones. Text that is ASCII
by nature is `ascii_bin`. Where a row would be longer than 65,535 bytes, the longest VARCHAR columns become LONGTEXT.
Generated columns of the source are ordinary columns on the target, with the values copied.

| PostgreSQL | MySQL, MariaDB | In a key | Remarks |
| --- | --- | --- | --- |
";

/// The page.
pub(super) fn types_page() -> String {
    let mut page = HEAD.to_owned();
    for rule in RULES {
        let names: Vec<String> = rule.names.iter().map(|name| format!("`{}`", sql_name(name))).collect();
        line(&mut page, &names.join(", "), rule.target, rule.remark);
    }
    for (what, target, remark) in OTHERS {
        line(&mut page, what, *target, remark);
    }
    page
}

fn line(page: &mut String, names: &str, target: Target, remark: &str) {
    let (outside, key) = words(target);
    let (outside, key) = if names == "domain" { ("as its base type".to_owned(), "") } else { (outside, key) };
    // Writing to a string cannot fail.
    let _ = writeln!(page, "| {names} | {outside} | {key} | {remark} |");
}

/// The type outside and inside a key.
fn words(target: Target) -> (String, &'static str) {
    match target {
        Target::Is(declared, _) => (declared.to_owned(), ""),
        Target::Chars(n) | Target::Ascii(n) => (format!("VARCHAR({n})"), ""),
        Target::Bits => ("VARCHAR(n), LONGTEXT without a length".into(), "VARCHAR(n)"),
        Target::Uuid => ("CHAR(36)".into(), ""),
        Target::Numeric => ("DECIMAL(p,s); without precision DECIMAL(65,30)".into(), ""),
        Target::Declared => ("VARCHAR(n), LONGTEXT without a length".into(), "VARCHAR(n)"),
        Target::Blank => ("CHAR(n)".into(), ""),
        Target::Fraction(name, _) => (format!("{name}(p); without precision {name}(6)"), ""),
        Target::Bytes => ("LONGBLOB".into(), "VARBINARY(n)"),
        Target::Json => ("JSON".into(), "VARCHAR(n)"),
        Target::Text => ("LONGTEXT".into(), "VARCHAR(n)"),
    }
}

/// The name in SQL where it is not `typname`.
fn sql_name(name: &str) -> &str {
    match name {
        "bool" => "boolean",
        "int2" => "smallint",
        "int4" => "integer",
        "int8" => "bigint",
        "float4" => "real",
        "float8" => "double precision",
        "bpchar" => "char(n)",
        "char" => "\"char\"",
        "varchar" => "varchar(n)",
        "numeric" => "numeric(p,s)",
        "bit" => "bit(n)",
        "varbit" => "bit varying(n)",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/types.md");
        let page = super::types_page();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
            std::fs::write(path, &page).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == page, "docs/types.md is out of date: UPDATE_DOCS=1 cargo test --lib schema::docs");
    }
}
