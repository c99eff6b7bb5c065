//! Reads a pipeline file: the bytes, the TOML, the overriding variables. Everything that is wrong is
//! collected; nothing stops at the first problem but broken TOML.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::path::Path;

use toml_edit::{Document, Item, TableLike};

use super::errors::{PipelineError, PipelineErrorKind, Place, Problem};
use super::keys::{self, Key, VARIABLE_PREFIX};
use super::model::{PasswordSource, Pipeline};
use super::values::{self, Given, Value};
use super::{build, secrets, url};
use crate::text;

/// No pipeline file comes near this.
const MOST_BYTES: u64 = 1024 * 1024;

/// Variables that begin like an overriding one and are something else.
const OTHER_VARIABLES: &[&str] = &["CDC_DOCTOR_POSTGRES_BIN", "CDC_DOCTOR_MYSQL_ROOT", "CDC_DOCTOR_LOG"];

impl Pipeline {
    /// Reads a pipeline file; `CDC_DOCTOR_…` environment variables override its keys.
    ///
    /// # Errors
    /// With everything that is wrong at once: the place, the key, what it takes, and the nearest known key.
    pub fn load(path: &Path) -> Result<Self, PipelineError> {
        let text = read(path)?;
        Self::parse_with(path, &text, std::env::vars_os())
    }

    /// Reads the text of a pipeline file, without environment variables. `path` is for messages and relative paths.
    ///
    /// # Errors
    /// As [`Pipeline::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, PipelineError> {
        Self::parse_with(path, text, std::iter::empty())
    }

    /// Reads the text of a pipeline file, overridden by the given variables.
    ///
    /// # Errors
    /// As [`Pipeline::load`].
    pub fn parse_with(
        path: &Path,
        text: &str,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, PipelineError> {
        let doc = Document::parse(text).map_err(|error| not_toml(path, text, &error))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut given = Entries::default();
        read_file(doc.as_table(), text, folder, &mut given);
        let mut overriding = Entries::default();
        read_variables(variables, &mut overriding);
        given.override_with(overriding);
        let pipeline = build::pipeline(path, &mut given);
        if given.problems.is_empty() {
            return Ok(pipeline);
        }
        given.problems.sort_by(|a, b| a.place.cmp(&b.place));
        Err(PipelineError::new(path, PipelineErrorKind::Invalid, given.problems))
    }
}

/// Broken TOML. The parser's own rendering shows the line, which may hold a password; this does not.
pub(super) fn not_toml(path: &Path, text: &str, error: &toml_edit::TomlError) -> PipelineError {
    let place = error.span().map_or(Place::File, |span| column(text, span.start));
    let message = format!("not valid TOML: {}", text::safe(error.message()));
    PipelineError::new(path, PipelineErrorKind::Invalid, vec![Problem::new(place, message)])
}

/// The file's text.
pub(super) fn read(path: &Path) -> Result<String, PipelineError> {
    let shown = text::safe(&path.display().to_string());
    if path.is_dir() {
        let message = format!("is a folder; name the pipeline file in it: -c {shown}/cdc-doctor.toml");
        return Err(PipelineError::unreadable(path, message));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes)).map_err(|why| {
        if why.kind() == std::io::ErrorKind::NotFound {
            let message = "there is no such file. Make one with: cdc-doctor setup   or name another with: -c FILE";
            PipelineError::new(path, PipelineErrorKind::Missing, vec![Problem::new(Place::File, message)])
        } else {
            PipelineError::unreadable(path, format!("cannot be read: {why}. Mend that, or name another with: -c FILE"))
        }
    })?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(PipelineError::unreadable(
            path,
            "is larger than 1 MiB, so it is no pipeline file. Name one with: -c FILE",
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes().iter().take(good).filter(|b| **b == b'\n').count();
        let message = "not UTF-8 text. Save the file as UTF-8, or name another with: -c FILE";
        PipelineError::new(path, PipelineErrorKind::Unreadable, vec![Problem::new(Place::Line(line), message)])
    })
}

/// What was given, key by key, and what is wrong so far.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// By section and name; `None` for a value that was given and is wrong.
    pub values: BTreeMap<(&'static str, &'static str), (Place, Option<Value>)>,
    /// The sections that are there.
    pub sections: BTreeMap<&'static str, Place>,
    /// Everything wrong.
    pub problems: Vec<Problem>,
    /// Keys and sections (with an empty name) that a misspelled one was taken for: not to be missed as well.
    pub excused: Vec<(&'static str, &'static str)>,
}

impl Entries {
    pub fn problem(&mut self, place: Place, message: impl Into<String>) {
        self.problems.push(Problem::new(place, message));
    }

    /// Checks and keeps one value.
    fn put(&mut self, key: &'static Key, place: Place, given: Given, folder: &Path) {
        let value = match values::check(key.kind, given, folder) {
            Ok(value) => Some(value),
            Err(why) => {
                let named =
                    if matches!(place, Place::Variable(_)) { String::new() } else { format!("{} ", key.shown()) };
                self.problem(place.clone(), format!("{named}{why}"));
                None
            }
        };
        self.sections.entry(key.section).or_insert_with(|| place.clone());
        self.values.insert((key.section, key.name), (place, value));
    }

    /// A url stands for host, port, database and user: takes its place, unless both are there.
    fn expand_url(&mut self, section: &'static str) {
        let Some((place, value)) = self.values.remove(&(section, "url")) else { return };
        let beside: Vec<&str> = url::PARTS.into_iter().filter(|p| self.values.contains_key(&(section, *p))).collect();
        if !beside.is_empty() {
            let named = if matches!(place, Place::Variable(_)) { "url" } else { &format!("[{section}] url") };
            let both = format!("{named} and {} say the same twice; keep the url or the parts", beside.join(", "));
            self.problem(place.clone(), both);
        }
        let parts = match value {
            Some(Value::Url(parts)) => {
                let port = parts.port.map(|p| Value::Number(u64::from(p)));
                [Some(Value::Text(parts.host)), port, Some(Value::Text(parts.database)), Some(Value::Text(parts.user))]
            }
            _ => [None, None, None, None],
        };
        for (part, value) in url::PARTS.into_iter().zip(parts) {
            // A url without a port leaves the port to its default.
            if part != "port" || value.is_some() {
                self.values.insert((section, part), (place.clone(), value));
            }
        }
    }

    /// What variables say comes before what the file says.
    fn override_with(&mut self, mut variables: Self) {
        for section in ["source", "target"] {
            self.expand_url(section);
            if variables.values.contains_key(&(section, "url")) {
                self.values.remove(&(section, "port"));
            }
            variables.expand_url(section);
        }
        self.values.append(&mut variables.values);
        self.problems.append(&mut variables.problems);
        for (section, place) in variables.sections {
            self.sections.entry(section).or_insert(place);
        }
    }
}

fn read_file(root: &dyn TableLike, text: &str, folder: &Path, entries: &mut Entries) {
    for (name, item) in root.iter() {
        let place = place_of(root, name, item, text);
        let section = keys::sections().into_iter().find(|s| *s == name);
        match (section, item.as_table_like()) {
            (Some(section), Some(table)) => {
                entries.sections.insert(section, place);
                read_section(section, table, text, folder, entries);
            }
            (Some(section), None) => {
                entries.excused.push((section, ""));
                entries.problem(
                    place,
                    format!("{section} is a section: write it as [{section}], once, with its keys below"),
                );
            }
            (None, Some(_)) => unknown_section(name, place, entries),
            (None, None) => match keys::find("", name) {
                Some(key) => entries.put(key, place, Given::from_item(item), folder),
                None => unknown_key("", name, place, entries),
            },
        }
    }
}

fn read_section(section: &'static str, table: &dyn TableLike, text: &str, folder: &Path, entries: &mut Entries) {
    for (name, item) in table.iter() {
        let place = place_of(table, name, item, text);
        match keys::find(section, name) {
            Some(key) => entries.put(key, place, Given::from_item(item), folder),
            None => unknown_key(section, name, place, entries),
        }
    }
}

fn unknown_section(name: &str, place: Place, entries: &mut Entries) {
    let known = keys::sections();
    let mut message = format!("[{}] is no section of a pipeline file", text::fit(name, 60));
    if let Some(near) = keys::meant(name, &known) {
        entries.excused.push((near, ""));
        message.push_str(&format!("; did you mean [{near}]?"));
    } else {
        message.push_str(&format!("; there are [{}]", known.join("], [")));
    }
    entries.problem(place, message);
}

fn unknown_key(section: &'static str, name: &str, place: Place, entries: &mut Entries) {
    let mut message = format!("{} is an unknown key", keys::shown(section, &text::fit(name, 60)));
    let elsewhere: Vec<String> = keys::KEYS
        .iter()
        .filter(|k| k.name == name)
        .map(|k| if k.section.is_empty() { "the top of the file".to_owned() } else { format!("[{}]", k.section) })
        .collect();
    let near = keys::meant(name, &keys::names(section).collect::<Vec<_>>()).and_then(|near| keys::find(section, near));
    if let Some(key) = near.filter(|_| elsewhere.is_empty()) {
        entries.excused.push((key.section, key.name));
        message.push_str(&format!("; did you mean {}? It takes {}", key.name, key.kind.takes()));
    } else if !elsewhere.is_empty() {
        message.push_str(&format!(" here; it belongs in {}", elsewhere.join(" or ")));
    } else if section.is_empty() {
        message.push_str(&format!(
            "; at the top of the file there is name, then come the sections [{}]",
            keys::sections().join("], [")
        ));
    } else {
        let all: Vec<&str> = keys::names(section).collect();
        message.push_str(&format!("; [{section}] has {}", all.join(", ")));
    }
    entries.problem(place, message);
}

fn read_variables(variables: impl IntoIterator<Item = (OsString, OsString)>, entries: &mut Entries) {
    for (name, value) in variables {
        let Some(name) = name.to_str() else { continue };
        let Some(rest) = name.strip_prefix(VARIABLE_PREFIX) else { continue };
        if OTHER_VARIABLES.contains(&name) {
            continue;
        }
        let place = Place::Variable(name.to_owned());
        let Some(key) = keys::KEYS.iter().find(|k| k.variable() == name) else {
            unknown_variable(name, rest, place, entries);
            continue;
        };
        if key.kind == keys::Kind::Password {
            // The variable holds the password itself; only its name is kept.
            let source = Value::Password(PasswordSource::Env(name.to_owned()));
            entries.values.insert((key.section, key.name), (place, Some(source)));
            continue;
        }
        match value.into_string() {
            // A path in a variable is relative to where the program was started, as on a command line.
            Ok(words) => entries.put(key, place, Given::Words(words), Path::new("")),
            Err(_) => entries.problem(place, format!("is not UTF-8; it takes {}", key.kind.takes())),
        }
    }
}

/// Only what begins with the name of a section, or nearly so, was meant to override a key.
fn unknown_variable(name: &str, rest: &str, place: Place, entries: &mut Entries) {
    let Some((first, _)) = rest.split_once('_') else { return };
    if text::nearest(first, keys::sections()).is_none() {
        return;
    }
    let known: Vec<String> = keys::KEYS.iter().map(Key::variable).collect();
    let near = text::nearest(name, known.iter().map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
    entries.problem(place, format!("overrides no key of the pipeline file{near}; correct it or unset it"));
}

/// The line on which a key stands.
fn place_of(table: &dyn TableLike, name: &str, item: &Item, text: &str) -> Place {
    let span = table.key(name).and_then(toml_edit::Key::span).or_else(|| item.span());
    span.map_or(Place::File, |span| match column(text, span.start) {
        Place::Column(line, _) => Place::Line(line),
        other => other,
    })
}

/// Line and column of a byte position.
fn column(text: &str, at: usize) -> Place {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Place::Column(1 + before.matches('\n').count(), 1 + before[line_start..].chars().count())
}

/// The variable that overrides a dotted key now, if one is set.
#[must_use]
pub fn overridden(key: &str) -> Option<String> {
    let variable = keys::find_dotted(key)?.0.variable();
    secrets::variable_is_set(&variable).then_some(variable)
}
