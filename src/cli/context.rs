//! What all commands share: the pipeline file, passwords, and what the terminal can do.

use std::fs::OpenOptions;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use inquire::InquireError;
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;

use super::{Cli, Failure};
use crate::aws;
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::{Passwords, SecretError};
use crate::report::Style;

/// Width for output that does not go to a terminal.
const PLAIN_WIDTH: usize = 100;

/// The global options and the terminal.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) config: PathBuf,
    pub(crate) verbose: bool,
    pub(crate) no_color: bool,
    pub(crate) stderr_color: bool,
    /// A person can be asked: standard input and standard error are a terminal.
    pub(crate) interactive: bool,
    log_file: Option<PathBuf>,
}

impl Context {
    pub(crate) fn new(cli: &Cli) -> Self {
        let no_color = cli.no_color || std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        Self {
            config: cli.config.clone(),
            verbose: cli.verbose,
            no_color,
            stderr_color: !no_color && std::io::stderr().is_terminal(),
            interactive: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
            log_file: cli.log_file.clone(),
        }
    }

    /// The same for another pipeline file.
    pub(crate) fn with_config(&self, path: &Path) -> Self {
        Self { config: path.to_owned(), log_file: None, ..*self }
    }

    /// The style of text on standard output.
    pub(crate) fn style(&self) -> Style {
        let terminal = std::io::stdout().is_terminal();
        let width = match crossterm::terminal::size() {
            Ok((columns, _)) if terminal && columns > 0 => usize::from(columns).min(140),
            _ => PLAIN_WIDTH,
        };
        Style { color: terminal && !self.no_color, width, verbose: self.verbose }
    }

    /// Reads the pipeline file.
    pub(crate) fn pipeline(&self) -> Result<Pipeline, Failure> {
        Pipeline::load(&self.config).map_err(|e| Failure::usage(color_eyre::Report::new(e)))
    }

    /// Finds the passwords, asking on the terminal where the file says so.
    pub(crate) fn passwords(&self, pipeline: &Pipeline) -> Result<Passwords, Failure> {
        let interactive = self.interactive;
        aws::passwords::resolve(pipeline, &mut |question| ask_password(interactive, question))
            .map_err(|e| Failure::usage(color_eyre::Report::new(e)))
    }

    /// Starts the log, when there is a file for it. Nothing is ever logged to the terminal.
    pub(crate) fn start_log(&self) -> Result<(), Failure> {
        let Some(path) = &self.log_file else { return Ok(()) };
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|e| Failure::usage(format!("cannot write the log file {}: {e}", path.display())))?;
        let filter = EnvFilter::try_from_env("CDC_DOCTOR_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        // Fails only when a log was started before, and then that one goes on.
        let _ =
            tracing_subscriber::fmt().with_writer(Mutex::new(file)).with_ansi(false).with_env_filter(filter).try_init();
        Ok(())
    }
}

pub(super) fn ask_password(interactive: bool, question: &str) -> Result<SecretString, SecretError> {
    if !interactive {
        return Err(SecretError::NoTerminal);
    }
    inquire::Password::new(question).without_confirmation().prompt().map(SecretString::from).map_err(|e| match e {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => SecretError::Cancelled,
        other => SecretError::Prompt(other.to_string()),
    })
}
