//! AUT-007: see the check's own explanation.

use super::databases::{Missing, evidence, missing, pick};
use super::{Finding, Judged, Verdict};
use crate::facts::Facts;

check! {
    /// # What it looks at
    /// Whether the source says that the database does not exist (SQLSTATE 3D000), and has one whose name differs only in
    /// capital and small letters.
    ///
    /// # Why it matters
    /// Nothing starts. A connection names the database exactly, while SQL folds names without quotes to small letters:
    /// `CREATE DATABASE Music` makes `music`, and only `CREATE DATABASE "Music"` makes `Music`.
    ///
    /// # How to fix it by hand
    /// Write the name into `database` of `[source]` exactly as the server lists it:
    ///
    /// ```sql
    /// SELECT datname FROM pg_database WHERE datname ILIKE 'music';
    /// ```
    ///
    /// # Source
    /// PostgreSQL documentation, "Identifiers and Key Words". Tried on PostgreSQL 15.
    code: "AUT-007",
    name: "database-name-differs-in-case",
    area: Aut,
    severity: Error,
    title: "The source's database is spelled with other capital letters",
    after: ["NET-020"],
}

fn judge(facts: &Facts) -> Judged {
    let existing = match missing(facts)? {
        Some(Missing::OtherCase(existing)) => existing,
        // The name is missing and there is no list to compare it with.
        Some(_) => return facts.source.databases.known().map(|_| Verdict::Pass),
        None => return Ok(Verdict::Pass),
    };
    let name = &facts.pipeline.source.database;
    let finding =
        Finding::new("source.database", format!("The source has no database \"{name}\", but it has \"{existing}\""));
    Ok(Verdict::Fail(vec![evidence(facts, finding).fix(pick(facts, Some(&existing)))]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, refused, unseen};
    use crate::facts::{Fact, Facts};
    use crate::fixes::{Action, Mode};

    fn in_capitals() -> Facts {
        let mut facts = healthy();
        facts.pipeline.source.database = "music".into();
        facts.source.databases = Fact::Known(vec!["Music".into(), "postgres".into()]);
        facts.source.configured = refused("3D000", r#"database "music" does not exist"#);
        facts.source.encrypted = facts.source.configured.clone();
        facts
    }

    #[test]
    fn the_exact_name_is_taken_without_asking() {
        let facts = in_capitals();
        let fix = finding(&CHECK, &facts).fix.unwrap();
        let Action::EditPipeline { value, .. } = &fix.steps[0].action else { panic!("{fix:?}") };
        assert_eq!((value.as_str(), fix.mode), ("Music", Mode::Auto));
        assert_eq!(causes(&facts), ["AUT-007"]);
    }

    #[test]
    fn it_goes_before_the_users_name() {
        let mut facts = in_capitals();
        facts.pipeline.source.user = "music".into();
        assert_eq!(causes(&facts), ["AUT-007"]);
    }

    #[test]
    fn passes_with_a_session_and_is_unknown_without_the_list() {
        assert_pass(&CHECK, &healthy());
        let mut facts = in_capitals();
        facts.source.databases = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
