//! Edits of the pipeline file: one key at a time; comments, layout and quotes stay. The file is replaced in one
//! step, so that a full disk or a crash leaves the old one whole.

use std::io::Write;
use std::path::{Path, PathBuf};

use toml_edit::{Array, Document, Value};

use super::errors::PipelineError;
use super::keys::{self, Key, Kind};
use super::model::Pipeline;
use super::values::{self, Given};
use super::{load, surgery, url};
use crate::text;

/// Why an edit was not made; the file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] PipelineError),
    /// There is no such key.
    #[error("{} is no key of a pipeline file{}", text::fit(key, 60), near.as_ref().map(|n| format!("; did you mean {n}?")).unwrap_or_default())]
    UnknownKey {
        /// As it was asked for.
        key: String,
        /// The nearest there is.
        near: Option<String>,
    },
    /// The value is not what the key takes.
    #[error("{key} {why}")]
    BadValue {
        /// As `[source] tls`.
        key: String,
        /// A sentence without a full stop.
        why: String,
    },
    /// The file is laid out in a way that this program does not edit.
    #[error("{}: cannot be edited safely as it is laid out; change {key} in it by hand", text::safe(&path.display().to_string()))]
    Layout {
        /// The file.
        path: PathBuf,
        /// As `[source] tls`.
        key: String,
    },
    /// The new text could not be put in place.
    #[error("{}: cannot be changed: {why}. Nothing was changed; make it writable and try again", text::safe(&path.display().to_string()))]
    Write {
        /// The file.
        path: PathBuf,
        /// In the system's words.
        why: String,
    },
}

/// The value of a dotted key such as `source.tls` in the file: the text of a string, anything else as TOML. Where the
/// section has a `url`, host, port, database and user are taken from it.
///
/// # Errors
/// The file cannot be read, or there is no such key.
pub fn get(path: &Path, key: &str) -> Result<Option<String>, EditError> {
    let text = load::read(path)?;
    Edit::new(path, &text, key)?.get()
}

/// Sets a dotted key and returns the value before, which [`set`] takes back.
///
/// A list, a map or a password's source is given as TOML: `["public.*"]`, `{ env = "X" }`.
///
/// # Errors
/// Nothing was changed: the file cannot be read or written, there is no such key, or the value is not what it takes.
pub fn set(path: &Path, key: &str, value: &str) -> Result<Option<String>, EditError> {
    let text = load::read(path)?;
    let edit = Edit::new(path, &text, key)?;
    let before = edit.get()?;
    replace(path, &text, &edit.set(value)?)?;
    Ok(before)
}

/// Takes a dotted key out of the file, and returns the value it had.
///
/// # Errors
/// Nothing was changed: the file cannot be read or written, or there is no such key.
pub fn unset(path: &Path, key: &str) -> Result<Option<String>, EditError> {
    let text = load::read(path)?;
    let edit = Edit::new(path, &text, key)?;
    let before = edit.get()?;
    replace(path, &text, &edit.unset()?)?;
    Ok(before)
}

/// As [`get`], of a text that is in no file; `path` is for messages.
///
/// # Errors
/// As [`get`].
pub fn get_in(path: &Path, text: &str, key: &str) -> Result<Option<String>, EditError> {
    Edit::new(path, text, key)?.get()
}

/// A text with a key set to a value; nothing is written. `path` is for messages.
///
/// # Errors
/// As [`set`].
pub fn set_in(path: &Path, text: &str, key: &str, value: &str) -> Result<String, EditError> {
    Edit::new(path, text, key)?.set(value)
}

/// A text without a key; nothing is written. `path` is for messages.
///
/// # Errors
/// As [`unset`].
pub fn unset_in(path: &Path, text: &str, key: &str) -> Result<String, EditError> {
    Edit::new(path, text, key)?.unset()
}

/// What the pipeline would be after these edits of its file, in order; nothing is written. Overriding variables count,
/// as in [`Pipeline::load`].
///
/// # Errors
/// One of the edits cannot be made, or its result is no valid pipeline file.
pub fn preview<'a>(path: &Path, edits: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Pipeline, EditError> {
    let mut text = load::read(path)?;
    for (key, value) in edits {
        text = Edit::new(path, &text, key)?.set(value)?;
    }
    Ok(Pipeline::parse_with(path, &text, std::env::vars_os())?)
}

/// One key of one text.
struct Edit<'a> {
    path: &'a Path,
    text: &'a str,
    key: &'static Key,
    parts: Vec<&'a str>,
}

impl<'a> Edit<'a> {
    fn new(path: &'a Path, text: &'a str, dotted: &'a str) -> Result<Self, EditError> {
        if let Err(error) = Document::parse(text) {
            return Err(load::not_toml(path, text, &error).into());
        }
        let Some((key, entry)) = keys::find_dotted(dotted) else {
            let known: Vec<String> = keys::KEYS.iter().map(Key::dotted).collect();
            let near = text::nearest(dotted, known.iter().map(String::as_str)).map(str::to_owned);
            return Err(EditError::UnknownKey { key: dotted.to_owned(), near });
        };
        let parts = [key.section, key.name].into_iter().filter(|p| !p.is_empty()).chain(entry).collect();
        Ok(Self { path, text, key, parts })
    }

    fn get(&self) -> Result<Option<String>, EditError> {
        match self.url()? {
            Some(url) => Ok(url::part(&url, self.key.name)),
            None => surgery::get(self.text, &self.parts).map_err(|_| self.layout()),
        }
    }

    fn set(&self, value: &str) -> Result<String, EditError> {
        let literal = self.literal(value)?;
        match self.url()? {
            Some(url) => self.set_url(&url, Some(value)),
            None => surgery::set(self.text, &self.parts, &literal).map_err(|_| self.layout()),
        }
    }

    fn unset(&self) -> Result<String, EditError> {
        match self.url()? {
            Some(url) => self.set_url(&url, None),
            None => surgery::unset(self.text, &self.parts).map_err(|_| self.layout()),
        }
    }

    /// The section's url, where this key is a part of it.
    fn url(&self) -> Result<Option<String>, EditError> {
        if !url::PARTS.contains(&self.key.name) || !matches!(self.key.section, "source" | "target") {
            return Ok(None);
        }
        surgery::get(self.text, &[self.key.section, "url"]).map_err(|_| self.layout())
    }

    fn set_url(&self, url: &str, value: Option<&str>) -> Result<String, EditError> {
        let changed = url::with(url, self.key.name, value).ok_or_else(|| self.layout())?;
        surgery::set(self.text, &[self.key.section, "url"], &Value::from(changed)).map_err(|_| self.layout())
    }

    /// The value as TOML, checked.
    fn literal(&self, value: &str) -> Result<Value, EditError> {
        let bad = |why: String| EditError::BadValue { key: self.key.shown(), why };
        let unfit = || bad(format!("takes {}", self.key.kind.takes()));
        let is_entry = self.parts.len() > 2;
        let literal = match self.key.kind {
            _ if is_entry => Value::from(value),
            Kind::Number(..) => Value::from(value.trim().parse::<i64>().map_err(|_| unfit())?),
            Kind::Switch => Value::from(value.trim().parse::<bool>().map_err(|_| unfit())?),
            Kind::Patterns if !value.trim_start().starts_with('[') => {
                Value::Array(value.split(',').map(str::trim).filter(|w| !w.is_empty()).collect::<Array>())
            }
            Kind::Patterns | Kind::SchemaMap | Kind::Password => value.trim().parse().map_err(|_| unfit())?,
            _ => Value::from(value),
        };
        let given = Given::from_item(&toml_edit::Item::Value(literal.clone()));
        let given = if is_entry { Given::Table(vec![("x".to_owned(), given)]) } else { given };
        values::check(self.key.kind, given, Path::new("")).map_err(bad)?;
        Ok(literal)
    }

    fn layout(&self) -> EditError {
        EditError::Layout { path: self.path.to_owned(), key: self.key.shown() }
    }
}

/// Puts a new text in the place of a file in one step: written beside it, flushed, renamed. A link stays a link; owner
/// and permissions stay.
fn replace(path: &Path, old: &str, new: &str) -> Result<(), EditError> {
    if old == new {
        return Ok(());
    }
    write(path, new).map_err(|why| EditError::Write { path: path.to_owned(), why: why.to_string() })
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let real = path.canonicalize()?;
    // Renaming over it would work on a read-only file; it was made read-only for a reason.
    let old = std::fs::OpenOptions::new().write(true).open(&real)?.metadata()?;
    if !old.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    if old.permissions().readonly() {
        return Err(std::io::Error::other("it is read-only"));
    }
    let folder = real.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new().prefix(".cdc-doctor-").suffix(".toml").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(old.permissions())?;
    keep_owner(file.as_file(), &old);
    file.as_file().sync_all()?;
    file.persist(&real).map_err(|error| error.error)?;
    // The rename is done; only its survival of a power cut is at stake here.
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Run by root on someone's file: it stays theirs. Others could not give it away, and need not.
fn keep_owner(file: &std::fs::File, old: &std::fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let _ = fchown(file, Some(old.uid()), Some(old.gid()));
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::super::tests::LEAST;
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cdc-doctor.toml");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn text(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn every_kind_of_key_goes_in_and_out_again() {
        let (_folder, path) = file(LEAST);
        for (key, value, shown) in [
            ("name", "other", "other"),
            ("source.tls", "require", "require"),
            ("source.port", "6000", "6000"),
            ("source.password", "{ env = \"X\" }", "{ env = \"X\" }"),
            ("tables.include", "a.b, c.*", "[\"a.b\", \"c.*\"]"),
            ("tables.schema_map", "{ a = \"b\" }", "{ a = \"b\" }"),
            ("sync.parallel", "8", "8"),
            ("aws.region", "eu-west-2", "eu-west-2"),
            ("dms.serverless", "true", "true"),
            ("tables.schema_map.public", "charts", "charts"),
        ] {
            let before = set(&path, key, value).unwrap();
            Pipeline::parse(&path, &text(&path)).unwrap();
            assert_eq!(get(&path, key).unwrap().as_deref(), Some(shown), "{key}");
            match before {
                Some(before) => assert_eq!(set(&path, key, &before).unwrap().as_deref(), Some(shown)),
                None => assert_eq!(unset(&path, key).unwrap().as_deref(), Some(shown)),
            }
            if !key.starts_with("tables.schema_map.") {
                assert_eq!(text(&path), LEAST, "{key}");
            }
        }
    }

    #[test]
    fn a_part_of_a_url_is_edited_in_the_url() {
        let parts = "host = \"pg\"\ndatabase = \"postgres\"\nuser = \"dms\"";
        let (_folder, path) = file(&LEAST.replace(parts, "url = 'postgres://dms@pg:6000/charts-source' # rds"));
        assert_eq!(set(&path, "source.database", "my db").unwrap().as_deref(), Some("charts-source"));
        assert!(text(&path).contains("url = 'postgres://dms@pg:6000/my%20db' # rds"), "{}", text(&path));
        assert_eq!(get(&path, "source.database").unwrap().as_deref(), Some("my db"));
        assert_eq!(unset(&path, "source.port").unwrap().as_deref(), Some("6000"));
        assert_eq!(set(&path, "source.host", "::1").unwrap().as_deref(), Some("pg"));
        assert_eq!(Pipeline::parse(&path, &text(&path)).unwrap().source.host, "::1");
        assert!(matches!(unset(&path, "source.user"), Err(EditError::Layout { .. })), "a url needs its user");
        set(&path, "source.tls", "require").unwrap();
        assert!(text(&path).contains("tls = \"require\""));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_nothing_changes() {
        let (_folder, path) = file(LEAST);
        insta::assert_snapshot!(set(&path, "source.tsl", "x").unwrap_err(), @"source.tsl is no key of a pipeline file; did you mean source.tls?");
        insta::assert_snapshot!(set(&path, "source.tls", "on").unwrap_err(), @r#"[source] tls is "on"; it takes "disable", "prefer", "require", "verify-ca" or "verify-full""#);
        insta::assert_snapshot!(set(&path, "source.port", "x").unwrap_err(), @"[source] port takes a whole number from 1 to 65535");
        insta::assert_snapshot!(set(&path, "source.password", "hunter2").unwrap_err(), @r#"[source] password takes { env = "VARIABLE" }, { file = "path" }, { secret = "ARN or name" }, { rds_iam = true } or { prompt = true }"#);
        assert_eq!(text(&path), LEAST);
        let (_folder, broken) = file("[source\n");
        assert!(set(&broken, "source.tls", "require").unwrap_err().to_string().contains("not valid TOML"));
    }

    #[test]
    fn links_and_permissions_stay() {
        let (folder, path) = file(LEAST);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.toml");
        symlink("cdc-doctor.toml", &link).unwrap();
        set(&link, "source.tls", "require").unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert!(text(&path).contains("require"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(folder.path().read_dir().unwrap().count(), 2, "nothing is left beside it");
    }

    #[test]
    fn a_file_that_cannot_be_replaced_is_left_whole() {
        let (folder, path) = file(LEAST);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o440)).unwrap();
        let error = set(&path, "source.tls", "require").unwrap_err().to_string();
        assert!(error.contains("cannot be changed") && error.contains("Nothing was changed"), "{error}");
        assert_eq!(text(&path), LEAST);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        let missing = set(&folder.path().join("none.toml"), "source.tls", "require").unwrap_err();
        assert!(missing.to_string().contains("cdc-doctor setup"), "{missing}");
    }
}
