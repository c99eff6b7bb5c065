//! What a script that DMS runs after connecting sets; its text stays where it is, for it may hold a secret.

/// The session variables that MySQL statements set, in their order: names in lower case, values without quotes.
#[must_use]
pub fn assignments(script: &str) -> Vec<(String, String)> {
    split(script, ';')
        .into_iter()
        .filter_map(|s| after_set(s.trim()))
        .flat_map(|list| split(list, ','))
        .filter_map(one)
        .collect()
}

/// What follows `SET` in a statement.
fn after_set(statement: &str) -> Option<&str> {
    let (verb, rest) = statement.split_once(char::is_whitespace)?;
    verb.eq_ignore_ascii_case("set").then(|| rest.trim_start())
}

/// `SESSION time_zone = '+00:00'`, or the like; nothing for what is not of the session.
fn one(assignment: &str) -> Option<(String, String)> {
    let (name, value) = assignment.split_once('=')?;
    let name = name.trim().trim_end_matches(':').trim().to_lowercase();
    let name = ["@@session.", "@@local.", "@@", "session ", "local "]
        .iter()
        .find_map(|p| name.strip_prefix(p))
        .unwrap_or(&name)
        .trim();
    let of_session = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.is_empty();
    let value = value.trim().trim_matches(['\'', '"']).trim();
    of_session.then(|| (name.to_owned(), value.to_owned()))
}

/// The parts between separators that are not in quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut quote = None;
    let parts = text.split(|c: char| {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '\'' | '"' | '`') => quote = Some(c),
            _ => {}
        }
        quote.is_none() && c == separator
    });
    parts.filter(|p| !p.trim().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::assignments;

    #[test]
    fn settings_of_the_session_and_no_others() {
        for (script, expected) in [
            ("SET FOREIGN_KEY_CHECKS=0", vec![("foreign_key_checks", "0")]),
            (
                "set session time_zone = '+00:00', @@session.sql_mode := \"A,B\"; SELECT ';'",
                vec![("time_zone", "+00:00"), ("sql_mode", "A,B")],
            ),
            ("SET GLOBAL local_infile=1; SET @a=1; SET NAMES utf8mb4; CALL setup()", vec![]),
            ("SET @@foreign_key_checks = OFF;", vec![("foreign_key_checks", "OFF")]),
            ("", vec![]),
        ] {
            let have = assignments(script);
            let have: Vec<(&str, &str)> = have.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            assert_eq!(have, expected, "{script}");
        }
    }
}
