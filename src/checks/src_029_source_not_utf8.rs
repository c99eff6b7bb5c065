//! SRC-029: see the check's own explanation.

use super::{Finding, Judged, Verdict};
use crate::facts::Facts;
use crate::fixes::Fix;

check! {
    /// # What it looks at
    /// The encoding of the source's database.
    ///
    /// # Why it matters
    /// Text is converted on its way. From most encodings that is exact. `SQL_ASCII` is none: the server stores
    /// whatever bytes it was given and converts nothing, so text that is not UTF-8 is refused, or arrives as other
    /// characters.
    ///
    /// # How to fix it by hand
    /// Compare both sides after the load (`cdc-doctor verify`). A database with `SQL_ASCII` is best moved to one with
    /// `UTF8` first: `pg_dump --encoding`, `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`.
    ///
    /// # Source
    /// PostgreSQL documentation, "Character Set Support".
    code: "SRC-029",
    name: "source-not-utf8",
    area: Src,
    severity: Warning,
    title: "The source's database is not encoded in UTF-8",
    after: ["AUT-024"],
}

fn judge(facts: &Facts) -> Judged {
    let session = facts.source.session.known()?;
    let encoding = session.encoding.as_str();
    if encoding == "UTF8" {
        return Ok(Verdict::Pass);
    }
    let what = if encoding == "SQL_ASCII" {
        "holds text in no known encoding (SQL_ASCII)".to_owned()
    } else {
        format!("is encoded in {encoding}, and its text is converted on the way")
    };
    let finding = Finding::new(&session.database, format!("The database {} {what}", session.database))
        .saw("encoding", encoding)
        .fix(Fix::manual("compare both sides after the load", ["cdc-doctor verify"]));
    Ok(Verdict::Fail(vec![finding]))
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::testing::{assert_pass, assert_unknown, finding, healthy, unseen};
    use crate::facts::{Fact, Facts};

    fn encoded(encoding: &str) -> Facts {
        let mut facts = healthy();
        if let Fact::Known(session) = &mut facts.source.session {
            session.encoding = encoding.into();
        }
        facts
    }

    #[test]
    fn only_utf8_needs_no_word() {
        assert_pass(&CHECK, &healthy());
        assert!(
            finding(&CHECK, &encoded("LATIN1"))
                .message
                .ends_with("is encoded in LATIN1, and its text is converted on the way")
        );
        assert!(finding(&CHECK, &encoded("SQL_ASCII")).message.contains("no known encoding"));
        let mut facts = healthy();
        facts.source.session = unseen();
        assert_unknown(&CHECK, &facts);
    }
}
