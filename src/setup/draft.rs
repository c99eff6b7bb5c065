//! A pipeline file that is being answered together.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::pipeline::edit::{self, EditError};
use crate::pipeline::{Pipeline, PipelineError};
use crate::text::safe;

/// Why a draft could not be read, written or completed.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// An answer is not what its key takes.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Answers that were given beforehand are not what their keys take.
    #[error("{}", .0.join("\n"))]
    Answers(Vec<String>),
    /// What is there is no pipeline file yet, or not a sound one.
    #[error(transparent)]
    Unsound(#[from] PipelineError),
    /// The file is there, and nobody agreed to its replacement.
    #[error("{} is there already; it was not touched", safe(&.0.display().to_string()))]
    Exists(PathBuf),
    /// The file cannot be read or written.
    #[error("{}: {why}", safe(&path.display().to_string()))]
    File {
        /// Which.
        path: PathBuf,
        /// In the system's words.
        why: String,
    },
}

/// The text so far. It holds no secret: a password is known by where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Where it will be written.
    pub path: PathBuf,
    text: String,
}

impl Draft {
    /// Nothing answered yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), text: String::new() }
    }

    /// The answers that stand in a file: a pipeline file, or what an interrupted setup has kept.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn from_file(path: &Path, file: &Path) -> Result<Self, DraftError> {
        let text = std::fs::read_to_string(file)
            .map_err(|why| DraftError::File { path: file.to_owned(), why: why.to_string() })?;
        let draft = Self { path: path.to_owned(), text };
        // Reads it as TOML, so that what is broken is told now; and a password in clear is neither shown nor kept.
        for key in ["source.password", "target.password"] {
            let source = edit::get_in(file, &draft.text, key)?;
            if source.is_some_and(|s| !s.trim_start().starts_with('{')) {
                let why =
                    format!("{key} is no source of a password, such as {{ env = \"VARIABLE\" }}; correct it by hand");
                return Err(DraftError::File { path: file.to_owned(), why });
            }
        }
        Ok(draft)
    }

    /// The file as it would be written now.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Nothing was answered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The answer for a dotted key such as `source.host`; none where there is none, or the text cannot be understood.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        edit::get_in(&self.path, &self.text, key).ok().flatten()
    }

    /// Takes an answer.
    ///
    /// # Errors
    /// It is not what the key takes.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), EditError> {
        self.text = edit::set_in(&self.path, &self.text, key, value)?;
        Ok(())
    }

    /// Takes an answer back.
    pub fn unset(&mut self, key: &str) {
        // A key that is not there, or no key, is not there afterwards either.
        if let Ok(text) = edit::unset_in(&self.path, &self.text, key) {
            self.text = text;
        }
    }

    /// Makes sure that a section is there, be it empty.
    pub fn section(&mut self, name: &str) {
        let heading = format!("[{name}]");
        if !self.text.lines().any(|line| line.trim_start().starts_with(&heading)) {
            self.text.push_str(&format!("\n{heading}\n"));
        }
    }

    /// The pipeline that the text makes, without environment variables.
    ///
    /// # Errors
    /// Everything that is missing or wrong, at once.
    pub fn pipeline(&self) -> Result<Pipeline, PipelineError> {
        Pipeline::parse(&self.path, &self.text)
    }

    /// Writes the file, readable by its owner alone. One that is there is replaced only where that was agreed to.
    ///
    /// # Errors
    /// The text is no sound pipeline file, the file is there, or it cannot be written; nothing was changed.
    pub fn write(&self, replace: bool) -> Result<(), DraftError> {
        self.pipeline()?;
        put(&self.path, &self.text, replace)
    }

    /// Keeps what was answered so far, for the next setup of the same file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(&self) -> Result<PathBuf, DraftError> {
        let path = kept(&self.path);
        put(&path, &self.text, true)?;
        Ok(path)
    }
}

/// Where an interrupted setup keeps what was answered: `cdc-doctor.toml.draft` beside `cdc-doctor.toml`.
#[must_use]
pub fn kept(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".draft");
    PathBuf::from(name)
}

/// Puts a text in the place of a file in one step, so that a full disk leaves what was there. A new file is its owner's
/// alone; one that is replaced keeps its permissions, and a link stays a link.
fn put(path: &Path, text: &str, replace: bool) -> Result<(), DraftError> {
    let failed = |why: std::io::Error| DraftError::File { path: path.to_owned(), why: why.to_string() };
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = match real.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new().prefix(".cdc-doctor-").tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    if !replace {
        return match file.persist_noclobber(&real) {
            Ok(_) => Ok(()),
            Err(why) if why.error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(DraftError::Exists(path.to_owned()))
            }
            Err(why) => Err(failed(why.error)),
        };
    }
    if let Ok(old) = std::fs::metadata(&real) {
        file.as_file().set_permissions(old.permissions()).map_err(failed)?;
    }
    file.persist(&real).map(|_| ()).map_err(|why| failed(why.error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn sound(path: &Path) -> Draft {
        let mut draft = Draft::new(path);
        for (key, value) in [
            ("name", "charts"),
            ("source.host", "pg"),
            ("source.database", "postgres"),
            ("source.user", "dms"),
            ("source.password", "{ env = \"PGPASSWORD\" }"),
            ("target.host", "my"),
            ("target.database", "charts"),
            ("target.user", "dms"),
            ("tables.include", "public.*, sales.order*"),
        ] {
            draft.set(key, value).unwrap();
        }
        draft
    }

    #[test]
    fn answers_become_a_file_that_is_read_strictly() {
        let draft = sound(Path::new("x.toml"));
        insta::assert_snapshot!(draft.text());
        let pipeline = draft.pipeline().unwrap();
        assert_eq!(pipeline.tables.include, ["public.*", "sales.order*"]);
        assert_eq!(draft.get("source.host").as_deref(), Some("pg"));
    }

    #[test]
    fn answers_are_changed_and_taken_back() {
        let mut draft = sound(Path::new("x.toml"));
        draft.set("source.host", "other").unwrap();
        draft.unset("source.password");
        assert_eq!(draft.get("source.host").as_deref(), Some("other"));
        assert_eq!(draft.get("source.password"), None);
        draft.section("dms");
        draft.section("dms");
        assert_eq!(draft.text().matches("[dms]").count(), 1);
    }

    #[test]
    fn an_answer_that_the_key_does_not_take_changes_nothing() {
        let mut draft = sound(Path::new("x.toml"));
        let before = draft.clone();
        assert!(draft.set("source.port", "70000").is_err());
        assert!(draft.set("source.tls", "maybe").is_err());
        assert!(draft.set("sourse.tls", "disable").unwrap_err().to_string().contains("source.tls"));
        assert_eq!(draft, before);
    }

    #[test]
    fn a_file_that_is_there_is_replaced_only_when_that_was_agreed_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cdc-doctor.toml");
        std::fs::write(&path, "mine").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let draft = sound(&path);
        assert!(matches!(draft.write(false), Err(DraftError::Exists(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        draft.write(true).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), draft.text());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        let new = Draft { path: folder.path().join("new.toml"), ..draft };
        new.write(false).unwrap();
        assert_eq!(std::fs::metadata(&new.path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_file(&new.path).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn an_unsound_draft_is_kept_but_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let mut draft = Draft::new(&path);
        draft.set("source.host", "pg").unwrap();
        assert!(matches!(draft.write(false), Err(DraftError::Unsound(_))));
        let kept = draft.keep().unwrap();
        assert_eq!(kept, folder.path().join("a.toml.draft"));
        assert_eq!(Draft::from_file(&path, &kept).unwrap(), draft);
        assert!(!path.exists());
    }

    #[test]
    fn a_password_in_clear_or_a_broken_file_is_not_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        for text in ["[source]\npassword = \"hunter2\"\n", "[source\n"] {
            std::fs::write(&path, text).unwrap();
            let why = Draft::from_file(&path, &path).unwrap_err().to_string();
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
