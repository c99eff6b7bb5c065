//! Passwords, fetched from where the pipeline file says that they are. They live only in
//! [`SecretString`], which neither prints nor saves them.

use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use secrecy::SecretString;

use super::model::{Endpoint, PasswordSource, Pipeline};
use crate::text;

/// The passwords of both ends; `Debug` shows only whether there is one.
#[derive(Debug, Clone, Default)]
pub struct Passwords {
    /// Of the source; `None` logs in without one.
    pub source: Option<Password>,
    /// Of the target.
    pub target: Option<Password>,
}

/// A password, or who has it: asked at each login, since some live for minutes only and others are changed while a
/// sync runs for weeks.
#[derive(Clone)]
pub enum Password {
    /// The same at each login.
    Fixed(SecretString),
    /// Asked for at each login.
    Kept(Arc<dyn KeepPassword>),
}

/// Who has a password.
pub trait KeepPassword: Send + Sync {
    /// The password for a login there, now.
    fn password<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<SecretString, SecretError>>;
}

impl Password {
    /// The password for a login there, now.
    ///
    /// # Errors
    /// Why it could not be had, in a sentence without it.
    pub async fn get(&self, endpoint: &Endpoint) -> Result<SecretString, SecretError> {
        match self {
            Self::Fixed(password) => Ok(password.clone()),
            Self::Kept(keeper) => keeper.password(endpoint).await,
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed(_) => "Fixed(…)",
            Self::Kept(_) => "Kept(…)",
        })
    }
}

impl From<SecretString> for Password {
    fn from(password: SecretString) -> Self {
        Self::Fixed(password)
    }
}

/// Why a password could not be had. No message holds one.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not there.
    #[error("[{side}] password: the environment variable {name} is not set. Set it, or change password in the file")]
    VariableMissing {
        /// `source` or `target`.
        side: &'static str,
        /// The variable.
        name: String,
    },
    /// The environment variable is there, and empty.
    #[error(
        "[{side}] password: the environment variable {name} is empty. To log in without a password, take the key out"
    )]
    VariableEmpty {
        /// `source` or `target`.
        side: &'static str,
        /// The variable.
        name: String,
    },
    /// The environment variable is not text.
    #[error("[{side}] password: the environment variable {name} is not UTF-8")]
    VariableNotText {
        /// `source` or `target`.
        side: &'static str,
        /// The variable.
        name: String,
    },
    /// The password file cannot be read.
    #[error("[{side}] password: the file {} cannot be read: {why}", text::safe(&path.display().to_string()))]
    FileUnreadable {
        /// `source` or `target`.
        side: &'static str,
        /// The file.
        path: PathBuf,
        /// In the system's words.
        why: String,
    },
    /// The password file's first line is empty.
    #[error("[{side}] password: the first line of {} is empty; it must be the password", text::safe(&path.display().to_string()))]
    FileEmpty {
        /// `source` or `target`.
        side: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// AWS did not give it, or gave something else; in a sentence.
    #[error("the password could not be had from AWS: {0}")]
    Aws(String),
    /// Nobody can be asked.
    #[error(
        "the password cannot be asked for: standard input is no terminal. Use password = {{ env = \"VARIABLE\" }} or \
         {{ file = \"path\" }} in the pipeline file, or set CDC_DOCTOR_SOURCE_PASSWORD and CDC_DOCTOR_TARGET_PASSWORD"
    )]
    NoTerminal,
    /// The question was left without an answer.
    #[error("no password was given")]
    Cancelled,
    /// Asking failed in another way.
    #[error("the password could not be asked for: {0}")]
    Prompt(String),
}

impl Passwords {
    /// Fetches both passwords. `ask` shows its argument as a question and reads the answer unseen; it is called only
    /// for `prompt = true`. `aws` has those that come from there ([`PasswordSource::needs_aws`]); nobody is asked yet.
    ///
    /// # Errors
    /// Names section, key and variable or file; never a value.
    pub fn resolve(
        pipeline: &Pipeline,
        aws: &dyn Fn(&PasswordSource) -> Password,
        ask: &mut dyn FnMut(&str) -> Result<SecretString, SecretError>,
    ) -> Result<Self, SecretError> {
        Self::resolve_with(pipeline, &|name| std::env::var_os(name), aws, ask)
    }

    /// As [`Passwords::resolve`], with the environment given.
    ///
    /// # Errors
    /// As [`Passwords::resolve`].
    pub fn resolve_with(
        pipeline: &Pipeline,
        variable: &dyn Fn(&str) -> Option<OsString>,
        aws: &dyn Fn(&PasswordSource) -> Password,
        ask: &mut dyn FnMut(&str) -> Result<SecretString, SecretError>,
    ) -> Result<Self, SecretError> {
        Ok(Self {
            source: password("source", &pipeline.source, variable, aws, ask)?,
            target: password("target", &pipeline.target, variable, aws, ask)?,
        })
    }
}

fn password(
    side: &'static str,
    endpoint: &Endpoint,
    variable: &dyn Fn(&str) -> Option<OsString>,
    aws: &dyn Fn(&PasswordSource) -> Password,
    ask: &mut dyn FnMut(&str) -> Result<SecretString, SecretError>,
) -> Result<Option<Password>, SecretError> {
    let Some(source) = &endpoint.password else { return Ok(None) };
    match source {
        PasswordSource::Env(name) => from_variable(side, name, variable(name)),
        PasswordSource::File(path) => from_file(side, path),
        PasswordSource::Secret(_) | PasswordSource::RdsIam => return Ok(Some(aws(source))),
        PasswordSource::Prompt => {
            let question = format!("Password of {} on the {side}, {}:{}", endpoint.user, endpoint.host, endpoint.port);
            ask(&text::safe(&question))
        }
    }
    .map(|password| Some(password.into()))
}

fn from_variable(side: &'static str, name: &str, value: Option<OsString>) -> Result<SecretString, SecretError> {
    let name = name.to_owned();
    match value.map(OsString::into_string) {
        None => Err(SecretError::VariableMissing { side, name }),
        Some(Err(_)) => Err(SecretError::VariableNotText { side, name }),
        Some(Ok(value)) if value.is_empty() => Err(SecretError::VariableEmpty { side, name }),
        Some(Ok(value)) => Ok(SecretString::from(value)),
    }
}

/// The first line; editors add the line break, so it is not part of the password.
fn from_file(side: &'static str, path: &Path) -> Result<SecretString, SecretError> {
    const LONGEST: u64 = 64 * 1024;
    let mut line = String::new();
    std::fs::File::open(path)
        .and_then(|file| BufReader::new(file.take(LONGEST)).read_line(&mut line))
        .map_err(|why| SecretError::FileUnreadable { side, path: path.to_owned(), why: why.to_string() })?;
    let trimmed = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(trimmed);
    if line.is_empty() {
        return Err(SecretError::FileEmpty { side, path: path.to_owned() });
    }
    Ok(SecretString::from(line))
}

/// Whether an environment variable is set.
pub(super) fn variable_is_set(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::super::tests::LEAST;
    use super::*;

    /// The source's password (or the error's words) for this `password = …`.
    fn resolve(password: &str, variable: Option<&str>, folder: &Path) -> Result<Option<String>, String> {
        let (password, rest) = password.split_once('\n').unwrap_or((password, ""));
        let text = LEAST.replace("host = \"pg\"", &format!("host = \"pg\"\npassword = {password}")) + rest;
        let pipeline = Pipeline::parse(&folder.join("cdc-doctor.toml"), &text).unwrap();
        let mut ask = |question: &str| Ok(SecretString::from(format!("answer to {question}")));
        let aws = |_: &PasswordSource| SecretString::from("from AWS").into();
        let passwords = Passwords::resolve_with(&pipeline, &|_| variable.map(OsString::from), &aws, &mut ask);
        let passwords = passwords.map_err(|error| error.to_string())?;
        assert!(!format!("{passwords:?}").contains("hunter2"));
        Ok(passwords.source.map(|password| match password {
            Password::Fixed(password) => password.expose_secret().to_owned(),
            Password::Kept(_) => "kept".to_owned(),
        }))
    }

    #[test]
    fn from_a_variable() {
        let here = Path::new("");
        let env = |value| resolve("{ env = \"PG_PASSWORD\" }", value, here);
        assert_eq!(env(Some(" hunter2 ")), Ok(Some(" hunter2 ".into())), "a space may belong to a password");
        insta::assert_snapshot!(env(None).unwrap_err(), @"[source] password: the environment variable PG_PASSWORD is not set. Set it, or change password in the file");
        insta::assert_snapshot!(env(Some("")).unwrap_err(), @"[source] password: the environment variable PG_PASSWORD is empty. To log in without a password, take the key out");
    }

    #[test]
    fn from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = |bytes: &[u8]| {
            std::fs::write(folder.path().join("secret"), bytes).unwrap();
            resolve("{ file = \"secret\" }", None, folder.path())
        };
        assert_eq!(file(b"hunter2\r\nsecond line"), Ok(Some("hunter2".into())));
        assert_eq!(file(b"hunter2"), Ok(Some("hunter2".into())));
        assert!(file(b"\nhunter2").unwrap_err().contains("the first line of"));
        assert!(!file(b"hunter2\xff").unwrap_err().contains("hunter2"));
        let error = resolve("{ file = \"none\" }", None, folder.path()).unwrap_err();
        assert!(error.starts_with("[source] password: the file") && error.contains("none cannot be read"), "{error}");
    }

    #[test]
    fn from_elsewhere() {
        let here = Path::new("");
        let asked = resolve("{ prompt = true }", None, here).unwrap();
        assert_eq!(asked.as_deref(), Some("answer to Password of dms on the source, pg:5432"));
        let aws = "{ secret = \"prod/pg\" }\n[aws]\nregion = \"eu-west-2\"";
        assert_eq!(resolve(aws, None, here), Ok(Some("from AWS".into())));
    }
}
