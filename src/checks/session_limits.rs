//! Time limits that the source sets for sessions of the pipeline's login, and how they are taken away from it alone.

use super::replication::number;
use crate::facts::{Facts, Unknown};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::quote::pg_ident;

/// A limit that is in force.
pub(super) struct Limit {
    /// Milliseconds.
    pub value: u64,
    /// What it was set for.
    pub from: &'static str,
    /// Takes it away.
    pub fix: Fix,
}

/// The limit that a new session of the login starts with; none where it is off, or the version has no such setting.
///
/// # Errors
/// The settings or the role are not known.
pub(super) fn limit(facts: &Facts, name: &str) -> Result<Option<Limit>, Unknown> {
    let role = facts.source.role.known()?;
    if !facts.source.settings.known()?.contains_key(name) {
        return Ok(None);
    }
    let value = number(facts, name)?;
    if value == 0 {
        return Ok(None);
    }
    let of_role = role.settings.iter().find_map(|s| s.strip_prefix(name)?.strip_prefix('='));
    let endpoint = &facts.pipeline.source;
    let user = pg_ident(&endpoint.user);
    let role_rules = of_role.and_then(millis) == Some(value);
    // Where the role's own setting is not the one in force, only one for this very database surely goes before it.
    let (scope, from) = if role_rules {
        (format!("ALTER ROLE {user}"), "the role")
    } else {
        let scope = format!("ALTER ROLE {user} IN DATABASE {}", pg_ident(&endpoint.database));
        (scope, "the server, the database, or the role in this database")
    };
    let sql = format!("{scope} SET {name} = 0");
    let back = Action::source(format!("{scope} SET {name} = {value}"));
    let step = Step::new(Cost::None, Action::source(&sql)).undo(back).note("for new connections");
    Ok(Some(Limit { value, from, fix: Fix::new(Mode::Auto, sql, vec![step]) }))
}

/// A duration as PostgreSQL writes it in milliseconds: `30s`, `5min`, `5000`.
fn millis(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
    let number: u64 = digits.parse().ok()?;
    let factor = match text[digits.len()..].trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::millis;

    #[test]
    fn durations_are_read_in_every_unit() {
        for (text, value) in [("5000", 5000), ("30s", 30_000), ("5min", 300_000), ("1h", 3_600_000), ("7 ms", 7)] {
            assert_eq!(millis(text), Some(value), "{text}");
        }
        assert_eq!(millis("soon"), None);
    }
}
