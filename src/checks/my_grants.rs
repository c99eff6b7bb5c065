//! What `SHOW GRANTS` says, for the checks of the target's rights.

use crate::facts::{Facts, MySession, Unknown, UnknownKind};
use crate::quote::my_literal;

/// The account of a session, as statements about rights name it: `'cdc'@'%'`.
pub(super) fn account(session: &MySession) -> String {
    let (user, host) = session.user.rsplit_once('@').unwrap_or((&session.user, "%"));
    format!("{}@{}", my_literal(user), my_literal(host))
}

/// The grants of a login, with those of the roles that are active in its sessions.
pub(super) struct Grants {
    lines: Vec<Line>,
}

/// One line.
struct Line {
    /// Whose it is: MariaDB shows a role's lines beside the login's own, MySQL has put them together.
    grantee: String,
    scope: Scope,
    privileges: Vec<String>,
    /// A partial revoke, which takes from what holds for the whole server (MySQL).
    revoked: bool,
}

enum Scope {
    Server,
    /// A name, or a pattern of LIKE.
    Database(String),
    /// The database and the table.
    Table(String, String),
}

impl Grants {
    /// The grants of the pipeline's login.
    ///
    /// # Errors
    /// They were not seen.
    pub fn of(facts: &Facts) -> Result<Self, Unknown> {
        Ok(Self::read(facts.target.grants.known()?))
    }

    fn read(lines: &[String]) -> Self {
        Self { lines: lines.iter().filter_map(|l| line(l)).collect() }
    }

    /// What of `wanted` the login lacks on the whole of a database.
    ///
    /// # Errors
    /// It has it on single tables there, which is not followed up.
    pub fn lacking<'a>(&self, database: &str, wanted: &[&'a str]) -> Result<Vec<&'a str>, Unknown> {
        let lacking: Vec<&str> = wanted.iter().copied().filter(|p| !self.has(database, p)).collect();
        let on_table = |l: &Line| matches!(&l.scope, Scope::Table(of, _) if of == database);
        if !lacking.is_empty() && self.lines.iter().any(|l| on_table(l) && lacking.iter().any(|p| l.holds(p))) {
            let why = format!("the login has rights on single tables of `{database}`, which are not followed up");
            return Err(Unknown::new(UnknownKind::Failed, why));
        }
        Ok(lacking)
    }

    /// The login may do this to a table, or to all tables.
    pub fn has_on_table(&self, database: &str, table: &str, privilege: &str) -> bool {
        let here = |l: &&Line| matches!(&l.scope, Scope::Table(d, t) if d == database && t == table);
        self.has(database, privilege) || self.lines.iter().filter(here).any(|l| l.holds(privilege))
    }

    fn has(&self, database: &str, privilege: &str) -> bool {
        let on_server = |l: &Line| matches!(l.scope, Scope::Server) && l.holds(privilege);
        let taken =
            |l: &Line| l.revoked && matches!(&l.scope, Scope::Database(d) if d == database) && l.holds(privilege);
        if self.lines.iter().any(on_server) && !self.lines.iter().any(taken) {
            return true;
        }
        let fits = |l: &&Line| !l.revoked && matches!(&l.scope, Scope::Database(pattern) if like(database, pattern));
        let fitting: Vec<&Line> = self.lines.iter().filter(fits).collect();
        // Of the patterns that fit, the server looks at the most specific alone; a role has its own.
        let counts = |l: &&&Line| !fitting.iter().any(|o| o.grantee == l.grantee && o.before(l));
        fitting.iter().filter(counts).any(|l| l.holds(privilege))
    }
}

impl Line {
    fn holds(&self, privilege: &str) -> bool {
        self.privileges.iter().any(|p| p == privilege || p == "ALL PRIVILEGES" || p == "ALL")
    }

    /// Its pattern is more specific.
    fn before(&self, other: &Self) -> bool {
        let plain = |l: &Self| match &l.scope {
            Scope::Database(pattern) => wild_at(pattern).unwrap_or(usize::MAX),
            Scope::Server | Scope::Table(..) => 0,
        };
        plain(self) > plain(other)
    }
}

fn line(text: &str) -> Option<Line> {
    let (revoked, rest) = match text.strip_prefix("GRANT ") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix("REVOKE ")?),
    };
    let (privileges, rest) = rest.split_once(" ON ")?;
    let (scope, rest) = match rest.strip_prefix("*.*") {
        Some(rest) => (Scope::Server, rest),
        None => {
            let (database, rest) = ident(rest)?;
            let rest = rest.strip_prefix('.')?;
            match rest.strip_prefix('*') {
                Some(rest) => (Scope::Database(database), rest),
                None => {
                    let (table, rest) = ident(rest)?;
                    (Scope::Table(database, table), rest)
                }
            }
        }
    };
    let grantee = rest.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let privileges = privileges.split(',').map(|p| p.trim().to_uppercase()).collect();
    Some(Line { grantee, scope, privileges, revoked })
}

/// A name in backticks, and what follows it.
fn ident(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('`')?;
    let mut name = String::new();
    loop {
        let (part, after) = rest.split_once('`')?;
        name.push_str(part);
        match after.strip_prefix('`') {
            Some(more) => {
                name.push('`');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

/// Where the first wildcard of a pattern is.
fn wild_at(pattern: &str) -> Option<usize> {
    let mut escaped = false;
    pattern.char_indices().find_map(|(at, c)| {
        let wild = !escaped && matches!(c, '%' | '_');
        escaped = !escaped && c == '\\';
        wild.then_some(at)
    })
}

/// A name fits a pattern, as LIKE sees it.
fn like(name: &str, pattern: &str) -> bool {
    let mut of_pattern = pattern.chars();
    match of_pattern.next() {
        None => name.is_empty(),
        Some('%') => {
            let rest = of_pattern.as_str();
            name.char_indices().any(|(at, _)| like(&name[at..], rest)) || like("", rest)
        }
        Some(c) => {
            let mut of_name = name.chars();
            let Some(have) = of_name.next() else { return false };
            let fits = match c {
                '_' => true,
                '\\' => of_pattern.next() == Some(have),
                c => c == have,
            };
            fits && like(of_name.as_str(), of_pattern.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(lines: &[&str]) -> Grants {
        Grants::read(&lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>())
    }

    fn lacks(lines: &[&str], database: &str) -> Vec<&'static str> {
        grants(lines).lacking(database, &["SELECT", "INSERT", "CREATE"]).unwrap()
    }

    #[test]
    fn of_several_patterns_the_most_specific_counts() {
        let lines = [
            "GRANT PROCESS ON *.* TO `u`@`%`",
            r"GRANT SELECT, INSERT ON `ch\_x`.* TO `u`@`%`",
            "GRANT ALL PRIVILEGES ON `ch%`.* TO `u`@`%` WITH GRANT OPTION",
        ];
        assert_eq!(lacks(&lines, "ch_x"), ["CREATE"]);
        assert_eq!(lacks(&lines, "charts"), [""; 0]);
        assert_eq!(lacks(&lines, "music"), ["SELECT", "INSERT", "CREATE"]);
    }

    #[test]
    fn the_whole_server_counts_but_for_what_was_taken_away() {
        let all = "GRANT SELECT, INSERT, CREATE ON *.* TO `u`@`%`";
        assert_eq!(lacks(&[all], "charts"), [""; 0]);
        let lines = [all, "REVOKE CREATE ON `charts`.* FROM `u`@`%`"];
        assert_eq!((lacks(&lines, "charts"), lacks(&lines, "music")), (vec!["CREATE"], vec![]));
        assert_eq!(lacks(&["GRANT ALL PRIVILEGES ON *.* TO `u`@`%`"], "charts"), [""; 0]);
    }

    #[test]
    fn active_roles_bring_their_own_lines() {
        let mariadb = [
            "GRANT `writer` TO `u`@`%`",
            "GRANT SELECT ON `charts`.* TO `u`@`%`",
            "GRANT INSERT, CREATE ON `char%`.* TO `writer`",
        ];
        assert_eq!(lacks(&mariadb, "charts"), [""; 0]);
        let mysql = [
            "GRANT SELECT ON `charts`.* TO `u`@`%`",
            "GRANT ALL PRIVILEGES ON `ch%`.* TO `u`@`%`",
            "GRANT `reader`@`%`,`writer`@`%` TO `u`@`%`",
        ];
        assert_eq!(lacks(&mysql, "charts"), ["INSERT", "CREATE"], "MySQL has put both roles together");
        let mysql = ["GRANT USAGE ON *.* TO `u`@`%`", "GRANT `writer`@`%` TO `u`@`%`"];
        assert_eq!(lacks(&mysql, "charts"), ["SELECT", "INSERT", "CREATE"], "the role is not active");
    }

    #[test]
    fn rights_on_single_tables_are_known_for_these_alone() {
        let lines = ["GRANT SELECT (`id`), INSERT ON `charts`.`odd ``t` TO `u`@`%`"];
        let grants = grants(&lines);
        assert!(grants.lacking("charts", &["INSERT"]).is_err());
        assert_eq!(grants.lacking("charts", &["CREATE"]), Ok(vec!["CREATE"]));
        assert!(grants.has_on_table("charts", "odd `t", "INSERT"));
        assert!(!grants.has_on_table("charts", "odd `t", "SELECT"));
        assert!(!grants.has_on_table("charts", "other", "INSERT"));
    }

    #[test]
    fn patterns_are_those_of_like() {
        for (name, pattern, fits) in [
            ("charts", "charts", true),
            ("charts", "ch%s", true),
            ("charts", "ch%", true),
            ("ch_x", r"ch\_x", true),
            ("chax", r"ch\_x", false),
            ("chax", "ch_x", true),
            ("", "%", true),
            ("charts", "chart", false),
        ] {
            assert_eq!(like(name, pattern), fits, "{name} {pattern}");
        }
    }
}
