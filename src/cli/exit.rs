//! How the program ends: exit statuses and the printing of errors.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::Context;
use crate::text::safe;

/// The end of a command that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Healthy or done: 0.
    Done,
    /// Findings, or data differ: 1.
    Findings,
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Done => Self::SUCCESS,
            Answer::Findings => Self::from(1),
        }
    }
}

/// The end of a command that could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    error: color_eyre::Report,
    hints: Vec<String>,
}

impl Failure {
    /// The command line or the pipeline file is wrong: 2.
    pub(crate) fn usage(error: impl Into<Failure>) -> Self {
        Self { status: 2, ..error.into() }
    }

    /// It could not do the job: 3.
    pub(crate) fn job(error: impl Into<Failure>) -> Self {
        Self { status: 3, ..error.into() }
    }

    /// A bug, already reported where it happened: 70.
    pub(crate) fn bug(error: impl Into<Failure>) -> Self {
        Self { status: 70, ..error.into() }
    }

    /// With something to do next, preferably a command.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Prints the error to standard error and gives the exit status.
    pub(crate) fn report(&self, context: &Context) -> ExitCode {
        // Many lines are wanted here (a list of mistakes in a file), so lines are made safe one by one.
        let safe_lines = |text: &str| text.lines().map(safe).collect::<Vec<_>>().join("\n");
        let mut text = String::new();
        let (red, reset) = if context.stderr_color { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
        let mut said = self.error.to_string();
        let _ = writeln!(text, "{red}error:{reset} {}", safe_lines(&said));
        for cause in self.error.chain().skip(1) {
            let cause = cause.to_string();
            // Typed errors often repeat their source in their own sentence.
            if !said.contains(&cause) {
                let _ = writeln!(text, "  because {}", safe_lines(&cause));
                said.push_str(&cause);
            }
        }
        for hint in &self.hints {
            let _ = writeln!(text, "  try: {}", safe_lines(hint));
        }
        eprint!("{text}");
        ExitCode::from(self.status)
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self { status: 3, error: color_eyre::Report::msg(message), hints: Vec::new() }
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

impl From<color_eyre::Report> for Failure {
    fn from(error: color_eyre::Report) -> Self {
        Self { status: 3, error, hints: Vec::new() }
    }
}
