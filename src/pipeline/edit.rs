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
