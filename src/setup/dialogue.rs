//! The questions in their order, there and back, and what becomes of the answers.

use std::path::{Path, PathBuf};

use super::draft::{Draft, DraftError, kept};
use super::given::Given;
use super::prompt::{self, Left};
use super::steps::{self, Side, Step};
use super::{aws, server, tables};
use crate::facts::aws::Discovery;
use crate::pipeline::edit::EditError;
use crate::pipeline::secrets::{Password, SecretError};
use crate::text::safe;

/// Why a setup could not go on.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The terminal failed.
    #[error("the terminal cannot be used: {0}")]
    Terminal(String),
    /// The file, or what is kept of it.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// An answer that the file does not take.
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl From<EditError> for Left {
    fn from(error: EditError) -> Self {
        Self::Failed(error.into())
    }
}

/// How a setup ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The file is there.
    Written(PathBuf),
    /// Left before its end; the answers are kept there, where there were any.
    Kept(Option<PathBuf>),
}

/// A setup under way.
pub(super) struct Setup {
    /// The answers.
    pub draft: Draft,
    /// What AWS has to pick from, once it was looked at.
    pub found: Option<Discovery>,
    /// Passwords that were fetched, by side, with the answers that they belong to.
    pub passwords: Vec<(Side, String, Option<Password>)>,
    /// The file that it began with.
    began: PathBuf,
    /// The file was there, and its replacement was agreed to.
    replace: bool,
}

/// Asks until the file at `path` is written, or somebody leaves. `given` are answers beforehand; `ask` reads a password
/// unseen, for logging in meanwhile.
///
/// # Errors
/// The terminal failed, or nothing could be written.
pub async fn run(
    path: &Path,
    given: &Given,
    ask: &mut (dyn FnMut(&str) -> Result<secrecy::SecretString, SecretError> + Send),
) -> Result<Outcome, SetupError> {
    let (mut setup, mut step) = match begin(path, given) {
        Ok(begun) => begun,
        Err(Left::Failed(error)) => return Err(error),
        Err(Left::Back | Left::Quit) => return Ok(Outcome::Kept(None)),
    };
    loop {
        match setup.ask(step, ask).await {
            Ok(true) => return setup.finish(),
            Ok(false) => step = steps::after(step, &setup.draft),
            Err(Left::Back) => step = steps::before(step, &setup.draft),
            Err(Left::Quit) => return setup.leave(),
            Err(Left::Failed(error)) => {
                // The answers are worth more than the reason.
                let _ = setup.draft.keep();
                return Err(error);
            }
        }
    }
}

/// Where to begin: with what an interrupted setup has kept, with the file that is there, or anew.
fn begin(path: &Path, given: &Given) -> Result<(Setup, Step), Left> {
    let old = kept(path);
    let mut setup =
        Setup { draft: Draft::new(path), found: None, passwords: Vec::new(), began: path.to_owned(), replace: false };
    let mut step = steps::first();
    eprintln!("Setting up {}. Nothing is written before you have seen it.", safe(&path.display().to_string()));
    if old.exists() {
        let question = "An earlier setup of this file was left, and its answers were kept. Go on with them?";
        if prompt::confirm(question, true, "no begins anew")? {
            setup.draft = Draft::from_file(path, &old).map_err(SetupError::from)?;
            step = steps::first_open(&setup.draft);
        }
    } else if path.exists() {
        let options =
            ["go through it: what it says is offered as the answers".to_owned(), "leave it as it is".to_owned()];
        if prompt::select("This file is there already.", &options, 0, "")? == 1 {
            return Err(Left::Quit);
        }
        setup.draft = Draft::from_file(path, path).map_err(SetupError::from)?;
        setup.draft.pipeline().map_err(|why| SetupError::from(DraftError::from(why)))?;
        setup.replace = true;
    }
    setup.draft.take(given).map_err(SetupError::from)?;
    Ok((setup, step))
}

impl Setup {
    /// Asks one question; true when the file is written.
    async fn ask(
        &mut self,
        step: Step,
        ask: &mut (dyn FnMut(&str) -> Result<secrecy::SecretString, SecretError> + Send),
    ) -> Result<bool, Left> {
        match step {
            Step::Name => self.name()?,
            Step::Aws => aws::look(self).await?,
            Step::Server(side) => server::place(self, side)?,
            Step::User(side) => server::user(self, side)?,
            Step::Password(side) => server::password(self, side)?,
            Step::Tls(side) => server::tls(self, side, ask).await?,
            Step::Database(side) => server::database(self, side, ask).await?,
            Step::Tables => tables::choose(self, ask).await?,
            Step::Engine => self.engine()?,
            Step::Mode => self.mode()?,
            Step::Dms => aws::dms(self)?,
            Step::Review => return self.review(),
        }
        Ok(false)
    }

    fn name(&mut self) -> Result<(), Left> {
        let default = self.draft.get("name").unwrap_or_else(|| "charts".to_owned());
        let hint = "names the replication slot and stands in reports";
        let name = prompt::text(
            "A short name for this pipeline:",
            Some(&default),
            hint,
            prompt::taken(&self.draft, "name".to_owned(), str::to_owned),
        )?;
        self.draft.set("name", &name)?;
        Ok(())
    }

    fn engine(&mut self) -> Result<(), Left> {
        let mut options = vec![
            "direct  this program moves the rows itself, from this machine".to_owned(),
            "dms     AWS DMS moves them, between servers that it can reach".to_owned(),
        ];
        let engines = ["direct", "dms", "s3"];
        let now = self.draft.get("sync.engine").and_then(|now| engines.iter().position(|e| *e == now)).unwrap_or(0);
        if engines[now] == "s3" {
            options.push("s3      as the file says now".to_owned());
        }
        let engine = engines[prompt::select("What moves the rows?", &options, now, "")?];
        self.draft.set("sync.engine", engine)?;
        if engine == "dms" {
            self.draft.section("dms");
        }
        Ok(())
    }

    fn mode(&mut self) -> Result<(), Left> {
        let modes = ["full-load-and-cdc", "full-load", "cdc"];
        let options = [
            "full-load-and-cdc  all rows, then every change as it is made".to_owned(),
            "full-load          all rows once".to_owned(),
            "cdc                changes only, onto rows that are there".to_owned(),
        ];
        let now = self.draft.get("sync.mode").and_then(|m| modes.iter().position(|x| *x == m)).unwrap_or(0);
        let mode = modes[prompt::select("What is moved?", &options, now, "")?];
        self.draft.set("sync.mode", mode)?;
        Ok(())
    }

    /// Shows the file; true when it was written.
    fn review(&mut self) -> Result<bool, Left> {
        eprintln!("\n{}", self.draft.text().lines().map(|l| format!("    {}\n", safe(l))).collect::<String>());
        if let Err(why) = self.draft.pipeline() {
            eprintln!("{}", why.to_string().lines().map(safe).collect::<Vec<_>>().join("\n"));
        }
        let here = self.draft.path.display().to_string();
        let verb = if self.replace { "replace" } else { "write" };
        let options =
            [format!("{verb} {here}"), "write another file".to_owned(), "go back and change an answer".to_owned()];
        match prompt::select("This is the file.", &options, 0, "")? {
            0 => self.write(),
            1 => {
                let name = prompt::text("Its name:", None, "", prompt::something)?;
                self.draft.path = PathBuf::from(name);
                self.replace = false;
                self.write()
            }
            _ => Err(Left::Back),
        }
    }

    fn write(&mut self) -> Result<bool, Left> {
        match self.draft.write(self.replace) {
            Ok(()) => Ok(true),
            Err(DraftError::Exists(path)) => {
                let question = format!("{} is there already. Replace it?", safe(&path.display().to_string()));
                self.replace = prompt::confirm(&question, false, "no shows the file again")?;
                if self.replace { self.write() } else { self.review() }
            }
            Err(DraftError::Unsound(_)) => {
                prompt::say("It cannot be written like this: go back to the answer that is missing or wrong.");
                self.review()
            }
            Err(error) => Err(SetupError::from(error).into()),
        }
    }

    fn finish(self) -> Result<Outcome, SetupError> {
        // The file has all that the drafts had.
        for path in [&self.draft.path, &self.began] {
            let _ = std::fs::remove_file(kept(path));
        }
        Ok(Outcome::Written(self.draft.path))
    }

    fn leave(self) -> Result<Outcome, SetupError> {
        if self.draft.is_empty() {
            return Ok(Outcome::Kept(None));
        }
        Ok(Outcome::Kept(Some(self.draft.keep()?)))
    }
}
