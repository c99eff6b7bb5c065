//! Identifiers and literals in SQL, and words of a command line. Every name or value that goes into a statement as text passes
//! through this module, for either database.

/// A PostgreSQL identifier, always in double quotes.
#[must_use]
pub fn pg_ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A PostgreSQL name with its schema: `"public"."charts"`.
#[must_use]
pub fn pg_table(schema: &str, table: &str) -> String {
    format!("{}.{}", pg_ident(schema), pg_ident(table))
}

/// A PostgreSQL string literal, right whatever `standard_conforming_strings` says.
#[must_use]
pub fn pg_literal(value: &str) -> String {
    let doubled = value.replace('\'', "''");
    if doubled.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

/// A word of a command line for a POSIX shell; quoted only where it must be.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@/+:=,%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A MySQL or MariaDB identifier, always in backticks.
#[must_use]
pub fn my_ident(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A MySQL name with its database: `` `charts`.`weekly` ``.
#[must_use]
pub fn my_table(database: &str, table: &str) -> String {
    format!("{}.{}", my_ident(database), my_ident(table))
}

/// A MySQL string literal. Right with `NO_BACKSLASH_ESCAPES` off, which every session of this
/// program sets; see `connect::mysql`.
#[must_use]
pub fn my_literal(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('\'');
    for c in value.chars() {
        match c {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{1a}' => out.push_str("\\Z"),
            _ => out.push(c),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_inside_names_are_doubled() {
        assert_eq!(pg_table("pub\"lic", "a.b"), r#""pub""lic"."a.b""#);
        assert_eq!(my_table("c`d", "x y"), "`c``d`.`x y`");
    }

    #[test]
    fn literals_cannot_be_left() {
        assert_eq!(pg_literal("it's"), "'it''s'");
        assert_eq!(pg_literal(r"a\'"), r"E'a\\'''");
        assert_eq!(my_literal("a'b\\c\n"), r"'a\'b\\c\n'");
    }
}
