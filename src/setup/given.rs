//! Answers without asking: `--set KEY=VALUE`, and what other tools' environment variables say. Pure.

use super::draft::{Draft, DraftError};

/// Keys and values, the later ones counting.
pub type Given = Vec<(String, String)>;

/// What PostgreSQL's and MySQL's own tools take from the environment, by the keys of the file. Passwords become the name
/// of their variable.
#[must_use]
pub fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Given {
    let values = [
        ("source.host", "PGHOST"),
        ("source.port", "PGPORT"),
        ("source.user", "PGUSER"),
        ("source.database", "PGDATABASE"),
        ("source.tls", "PGSSLMODE"),
        ("source.ca_file", "PGSSLROOTCERT"),
        ("target.host", "MYSQL_HOST"),
        ("target.port", "MYSQL_TCP_PORT"),
        ("target.user", "MYSQL_USER"),
        ("target.database", "MYSQL_DATABASE"),
    ];
    let passwords = [("source.password", "PGPASSWORD"), ("target.password", "MYSQL_PWD")];
    let set = |name: &str| variable(name).filter(|v| !v.is_empty());
    let mut given: Given = Vec::new();
    for (key, name) in values {
        // libpq's "allow" tries in clear first, and a path is a socket's folder: neither is anything here.
        given.extend(
            set(name)
                .filter(|v| v != "allow" && !(name == "PGHOST" && v.starts_with('/')))
                .map(|value| (key.to_owned(), value)),
        );
    }
    for (key, name) in passwords {
        given.extend(set(name).map(|_| (key.to_owned(), format!("{{ env = \"{name}\" }}"))));
    }
    let name = given.iter().find(|(key, _)| key == "target.database").map(|(_, value)| value.clone());
    given.extend(name.map(|name| ("name".to_owned(), name)));
    given
}

/// `KEY=VALUE` as typed behind `--set`. A password's source may be written as `env:NAME`, `file:PATH`, `secret:NAME`,
/// `rds_iam` or `prompt`.
///
/// # Errors
/// There is no `=`.
pub fn given(word: &str) -> Result<(String, String), String> {
    let Some((key, value)) = word.split_once('=') else {
        return Err(format!("{word:?} has no \"=\"; write KEY=VALUE, such as source.host=db.example.com"));
    };
    let key = key.trim();
    let value = if key.ends_with(".password") { password(value.trim()) } else { value.trim().to_owned() };
    Ok((key.to_owned(), value))
}

fn password(value: &str) -> String {
    let quoted = |text: &str| toml_edit::Value::from(text).to_string();
    for kind in ["env", "file", "secret"] {
        if let Some(rest) = value.strip_prefix(kind).and_then(|rest| rest.strip_prefix(':')) {
            return format!("{{ {kind} = {} }}", quoted(rest));
        }
    }
    match value {
        "rds_iam" => "{ rds_iam = true }".to_owned(),
        "prompt" => "{ prompt = true }".to_owned(),
        other => other.to_owned(),
    }
}

impl Draft {
    /// Takes answers that were given beforehand.
    ///
    /// # Errors
    /// All that are not what their keys take; the others are taken.
    pub fn take(&mut self, given: &Given) -> Result<(), DraftError> {
        let wrong = |(key, value): &(String, String)| self.set(key, value).err().map(|error| error.to_string());
        let wrong: Vec<String> = given.iter().filter_map(wrong).collect();
        if !wrong.is_empty() {
            return Err(DraftError::Answers(wrong));
        }
        if self.get("sync.engine").as_deref() == Some("dms") {
            self.section("dms");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_variables_of_other_tools_are_enough_for_a_file() {
        let variable = |name: &str| {
            let value = match name {
                "PGHOST" => "pg",
                "PGUSER" | "MYSQL_USER" => "dms",
                "PGDATABASE" => "postgres",
                "PGPASSWORD" => "hunter2",
                "PGSSLMODE" => "allow",
                "MYSQL_HOST" => "my",
                "MYSQL_DATABASE" => "charts",
                "MYSQL_TCP_PORT" => "3307",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let mut draft = Draft::new(Path::new("x.toml"));
        draft.take(&from_environment(&variable)).unwrap();
        let pipeline = draft.pipeline().unwrap();
        assert_eq!((pipeline.name.as_str(), pipeline.target.port), ("charts", 3307));
        assert!(!draft.text().contains("hunter2") && draft.text().contains("PGPASSWORD"));
        assert_eq!(pipeline.source.tls.as_str(), "verify-full", "\"allow\" is not taken over");
    }

    #[test]
    fn what_is_set_by_hand_counts_last() {
        let words = ["source.host=a", "source.host=b", "source.password=env:P", "target.password=rds_iam"];
        let given: Given = words.iter().map(|w| given(w).unwrap()).collect();
        let mut draft = Draft::new(Path::new("x.toml"));
        draft.take(&given).unwrap();
        assert_eq!(draft.get("source.host").as_deref(), Some("b"));
        assert!(draft.text().contains("{ env = \"P\" }") && draft.text().contains("{ rds_iam = true }"));
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let mut draft = Draft::new(Path::new("x.toml"));
        draft.take(&vec![given("source.host=a").unwrap()]).unwrap();
        let why = draft.pipeline().unwrap_err().to_string();
        assert!(["name", "[source] database", "[source] user", "[target]"].iter().all(|w| why.contains(w)), "{why}");
        assert!(super::given("source.host").unwrap_err().contains("KEY=VALUE"));
    }
}
