//! AUT-006: see the check's own explanation.

use super::databases::{Missing, evidence, missing, pick};
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// Whether the source says that a database with the login's own name does not exist (SQLSTATE 3D000,
    /// `database "cdc" does not exist` for the user `cdc`), on any try to log in.
    ///
    /// # Why it matters
    /// Nothing starts. PostgreSQL clients take the user name for the database when none is given, so this message
    /// mostly means that the database was left out somewhere: in a url without a path, in a DMS endpoint without a
    /// database name, in a connection string with a typing error in `dbname`.
    ///
    /// # How to fix it by hand
    /// List the databases, and put one of them into `database` of `[source]`:
    ///
    /// ```sh
    /// psql "host=… user=… dbname=postgres sslmode=require" -c '\l'
    /// ```
    ///
    /// # Source
    /// PostgreSQL documentation, "Connection Control Functions" of libpq, `dbname`. Tried on PostgreSQL 15.
    code: "AUT-006",
    name: "user-name-taken-for-database-name",
    area: Aut,
    severity: Error,
    title: "The source has no database with the login's name: the database was probably left out",
    after: ["NET-020"],
}

fn judge(facts: &Facts) -> Judged {
    if missing(facts)? != Some(Missing::UserName) {
        return Ok(Verdict::Pass);
    }
    let name = &facts.pipeline.source.database;
    let finding = Finding::new(
        "source.database",
        format!(
            "The source has no database \"{name}\"; that is the user's name, which clients take when none is given"
        ),
    );
    Ok(Verdict::Fail(vec![evidence(facts, finding).fix(pick(facts, None))]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, not_tried, refused};
    use crate::fixes::Action;

    #[test]
    fn the_users_name_is_told_from_an_identifier() {
        let mut facts = healthy();
        facts.pipeline.source.database = "cdc".into();
        facts.source.configured = refused("3D000", r#"database "cdc" does not exist"#);
        facts.source.encrypted = facts.source.configured.clone();
        let fix = finding(&CHECK, &facts).fix.unwrap();
        assert_eq!(fix.steps[0].undo, Some(Action::edit("source.database", "cdc")));
        assert_eq!(causes(&facts), ["AUT-006"]);
    }

    #[test]
    fn passes_with_a_session_and_is_unknown_without_a_try() {
        let mut facts = healthy();
        assert_pass(&CHECK, &facts);
        facts.source.configured = not_tried();
        assert_unknown(&CHECK, &facts);
    }
}
