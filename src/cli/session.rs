//! `cdc-doctor` without a command: the interactive session.

use std::io::IsTerminal;

use super::{Answer, Context, Failure, lab, setup};
use crate::text::safe;
use crate::tui::{self, TuiError, TuiOptions};

pub(crate) async fn run(context: &Context) -> Result<Answer, Failure> {
    if !context.config.exists() && context.interactive {
        return offer(context).await;
    }
    if !context.config.exists() {
        return Err(Failure::usage(format!("there is no pipeline file {}", context.config.display()))
            .hint("cdc-doctor setup — questions and answers, and a file at the end")
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

/// Without a pipeline file there is nothing to show: somebody who is here for the first time is asked what to do.
async fn offer(context: &Context) -> Result<Answer, Failure> {
    let question = format!("There is no pipeline file {} yet.", safe(&context.config.display().to_string()));
    let options = vec![
        "set one up: questions, and the file at the end",
        "practise in the lab: a broken pipeline on this machine",
        "leave",
    ];
    let picked = inquire::Select::new(&question, options).raw_prompt().map(|picked| picked.index);
    match picked {
        Ok(0) => setup::guided(&context.config, context).await,
        Ok(1) => Box::pin(lab::run(lab::Args::practise(), context)).await,
        _ => Ok(Answer::Done),
    }
}
