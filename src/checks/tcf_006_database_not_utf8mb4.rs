//! TCF-006: see the check's own explanation.

use super::target_variables::optional;
use super::{Finding, Judged, Verdict};
use crate::facts::{Facts, MySchema, MySession};
use crate::fixes::{Action, Cost, Fix, Mode, Step};
use crate::quote::my_ident;
use crate::schema::Dialect;

check! {
    /// # What it looks at
    /// The default character set of each target database that the pipeline writes to. The server's default is shown
    /// beside it; it matters only to databases that are made without a character set of their own.
    ///
    /// # Why it matters
    /// A table that is created without a character set gets the database's. Spark and DMS create tables like that. In
    /// `latin1` every character outside Western European is refused or becomes a question mark; in `utf8mb3` so does
    /// every character beyond the basic plane: emoji, rare Chinese characters, mathematical letters. Tables that this
    /// program creates name `utf8mb4` themselves and are safe, until something re-creates them.
    ///
    /// # How to fix it by hand
    /// `ALTER DATABASE d CHARACTER SET utf8mb4`. It changes what new tables get, and nothing in tables that are there:
    /// convert those with `ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4`, which rewrites the table and locks it.
    ///
    /// # Source
    /// MySQL, "The utf8mb4 Character Set". Tried: Spark 3.5 re-created a table as `latin1` on MariaDB 10.11, whose
    /// server default without a configuration file is `latin1`.
    code: "TCF-006",
    name: "database-not-utf8mb4",
    area: Tcf,
    severity: Warning,
    title: "A target database makes tables that cannot hold every character",
    after: ["AUT-025"],
}

fn judge(facts: &Facts) -> Judged {
    let session = facts.target.session.known()?;
    let server = optional(facts, "character_set_server")?;
    let schemas = facts.target.schemas.known()?;
    let wanted = facts.pipeline.target_databases();
    let findings = schemas
        .iter()
        .filter(|s| wanted.contains(&s.name.as_str()) && s.charset != "utf8mb4")
        .map(|s| finding(s, server, session))
        .collect();
    Ok(Verdict::from_findings(findings))
}

fn finding(schema: &MySchema, server: Option<&str>, session: &MySession) -> Finding {
    let MySchema { name, charset, collation } = schema;
    let message = format!("Tables made in the database {name} get the character set {charset}, which lacks characters");
    // Binary, as for the tables themselves: a key must not take two values for one.
    let binary = Dialect::from(session).collation();
    let alter = |charset: &str, collation: &str| {
        Action::target(format!("ALTER DATABASE {} CHARACTER SET {charset} COLLATE {collation}", my_ident(name)))
    };
    let step = Step::new(Cost::None, alter("utf8mb4", binary))
        .note("new tables get it; tables that are there stay as they are")
        .undo(alter(charset, collation));
    Finding::new(name, message)
        .saw("database", format!("{charset}, {collation}"))
        .saw("server", server.unwrap_or("unknown"))
        .fix(Fix::new(Mode::Confirm, "let new tables hold every character", vec![step]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, causes, finding, healthy, set_variable, unseen};
    use crate::facts::{Fact, MySchema};
    use crate::fixes::Action;

    fn schema(name: &str, charset: &str, collation: &str) -> MySchema {
        MySchema { name: name.into(), charset: charset.into(), collation: collation.into() }
    }

    #[test]
    fn a_latin1_database_is_altered_and_back() {
        let mut facts = healthy();
        facts.target.schemas = Fact::Known(vec![
            schema("charts", "latin1", "latin1_swedish_ci"),
            schema("not_ours", "latin1", "latin1_swedish_ci"),
        ]);
        let found = finding(&CHECK, &facts);
        assert_eq!(found.subject, "charts");
        let step = &found.fix.unwrap().steps[0];
        assert_eq!(
            step.action,
            Action::target("ALTER DATABASE `charts` CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin")
        );
        assert_eq!(
            step.undo,
            Some(Action::target("ALTER DATABASE `charts` CHARACTER SET latin1 COLLATE latin1_swedish_ci"))
        );
        assert_eq!(causes(&facts), ["TCF-006"]);
    }

    #[test]
    fn the_servers_default_alone_does_no_harm() {
        let mut facts = healthy();
        set_variable(&mut facts, "character_set_server", "latin1");
        assert_pass(&CHECK, &facts);
    }

    #[test]
    fn is_unknown_without_the_databases() {
        let mut facts = healthy();
        facts.target.schemas = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
