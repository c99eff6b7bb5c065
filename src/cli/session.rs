//! `cdc-doctor` without a command: the interactive session.

use std::io::IsTerminal;

use super::{Answer, Context, Failure};
use crate::tui::{self, TuiError, TuiOptions};

pub(crate) async fn run(context: &Context) -> Result<Answer, Failure> {
    if !context.config.exists() {
        return Err(Failure::usage(format!("there is no pipeline file {}", context.config.display()))
            .hint("cdc-doctor lab — a practice pipeline on this machine, with everything that goes wrong in real ones")
            .hint("cdc-doctor -c FILE — a pipeline file elsewhere"));
    }
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Failure::usage("the interactive session needs a terminal, and this is none")
            .hint("cdc-doctor check")
            .hint("cdc-doctor sync --mode full-load"));
    }
    let pipeline = context.pipeline()?;
    let passwords = context.passwords(&pipeline)?;
    let options = TuiOptions { no_color: context.no_color, ..TuiOptions::from_env() };
    match tui::run(&context.config, passwords, options).await {
        Ok(()) => Ok(Answer::Done),
        Err(error @ TuiError::Bug) => Err(Failure::bug(color_eyre::Report::new(error))),
        Err(error) => Err(Failure::job(color_eyre::Report::new(error))),
    }
}
