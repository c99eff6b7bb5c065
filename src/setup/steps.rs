//! Which question comes next. Pure.

use super::draft::Draft;

/// A question, or some that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The pipeline's name.
    Name,
    /// Whether AWS is looked at for what there is to pick from.
    Aws,
    /// Host and port of a side, picked or typed.
    Server(Side),
    /// Who logs in there.
    User(Side),
    /// Where the password comes from.
    Password(Side),
    /// How the connection is protected, after trying.
    Tls(Side),
    /// The database, from the server's list.
    Database(Side),
    /// Which tables take part.
    Tables,
    /// What moves the rows.
    Engine,
    /// Full load, changes, or both.
    Mode,
    /// The DMS side.
    Dms,
    /// The whole file, and whether it is written.
    Review,
}

/// One of the two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// PostgreSQL.
    Source,
    /// MySQL or MariaDB.
    Target,
}

impl Side {
    /// The section of the file, and the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }

    /// Its dotted key in the file.
    pub fn key(self, name: &str) -> String {
        format!("{}.{name}", self.as_str())
    }
}

/// All of them, in order.
const ORDER: &[Step] = &[
    Step::Name,
    Step::Aws,
    Step::Server(Side::Source),
    Step::User(Side::Source),
    Step::Password(Side::Source),
    Step::Tls(Side::Source),
    Step::Database(Side::Source),
    Step::Tables,
    Step::Server(Side::Target),
    Step::User(Side::Target),
    Step::Password(Side::Target),
    Step::Tls(Side::Target),
    Step::Database(Side::Target),
    Step::Engine,
    Step::Mode,
    Step::Dms,
    Step::Review,
];

/// The first question.
pub fn first() -> Step {
    ORDER[0]
}

/// The question after this one; after the last that one again.
pub fn after(step: Step, draft: &Draft) -> Step {
    let at = place(step);
    ORDER[at + 1..].iter().copied().find(|s| asked(*s, draft)).unwrap_or(Step::Review)
}

/// The question before this one; before the first that one again.
pub fn before(step: Step, draft: &Draft) -> Step {
    let at = place(step);
    ORDER[..at].iter().rev().copied().find(|s| asked(*s, draft)).unwrap_or(step)
}

/// The first question that a draft has no answer to: where an interrupted setup goes on.
pub fn first_open(draft: &Draft) -> Step {
    let open = |step: &Step| match step {
        Step::Name => draft.get("name").is_none(),
        Step::Server(side) => draft.get(&side.key("host")).is_none(),
        Step::User(side) => draft.get(&side.key("user")).is_none(),
        Step::Tls(side) => draft.get(&side.key("tls")).is_none(),
        Step::Database(side) => draft.get(&side.key("database")).is_none(),
        Step::Tables => draft.get("tables.include").is_none(),
        Step::Engine => draft.get("sync.engine").is_none(),
        Step::Mode => draft.get("sync.mode").is_none(),
        // A login may need none; that it was asked for shows in what comes after.
        Step::Password(side) => draft.get(&side.key("password")).is_none() && draft.get(&side.key("tls")).is_none(),
        // It is looked at only for picking.
        Step::Aws => false,
        Step::Dms | Step::Review => true,
    };
    ORDER.iter().copied().filter(|s| asked(*s, draft)).find(open).unwrap_or(Step::Review)
}

fn place(step: Step) -> usize {
    ORDER.iter().position(|s| *s == step).unwrap_or(0)
}

fn asked(step: Step, draft: &Draft) -> bool {
    step != Step::Dms || draft.get("sync.engine").as_deref() == Some("dms")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_question_is_reached_and_left_in_both_directions() {
        for engine in ["direct", "dms"] {
            let mut draft = Draft::new(Path::new("x.toml"));
            draft.set("sync.engine", engine).unwrap();
            let mut way = vec![first()];
            while way.last() != Some(&Step::Review) {
                way.push(after(*way.last().unwrap(), &draft));
            }
            assert_eq!(way.contains(&Step::Dms), engine == "dms");
            for pair in way.windows(2) {
                assert_eq!(before(pair[1], &draft), pair[0]);
            }
            assert_eq!(before(first(), &draft), first());
            assert_eq!(after(Step::Review, &draft), Step::Review);
        }
    }

    #[test]
    fn a_draft_goes_on_at_its_first_open_question() {
        let mut draft = Draft::new(Path::new("x.toml"));
        assert_eq!(first_open(&draft), Step::Name);
        for (key, value) in [("name", "a"), ("source.host", "h"), ("source.user", "u")] {
            draft.set(key, value).unwrap();
        }
        assert_eq!(first_open(&draft), Step::Password(Side::Source));
        for (key, value) in [("name", "a"), ("source.host", "h"), ("source.user", "u"), ("source.tls", "require")] {
            draft.set(key, value).unwrap();
        }
        assert_eq!(first_open(&draft), Step::Database(Side::Source));
    }
}
