//! `cdc-doctor completions` and `cdc-doctor man`: made from the command line's own definition.

use clap::CommandFactory;
use clap_complete::Shell;

use super::check::print;
use super::{Answer, Cli, Failure};

#[derive(Debug, clap::Args)]
pub(crate) struct CompletionArgs {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn completions(args: &CompletionArgs) -> Result<Answer, Failure> {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cdc-doctor", &mut out);
    print(&String::from_utf8_lossy(&out));
    Ok(Answer::Done)
}

pub(crate) fn man() -> Result<Answer, Failure> {
    let mut out = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut out)
        .map_err(|e| Failure::job(format!("cannot write the manual page: {e}")))?;
    print(&String::from_utf8_lossy(&out));
    Ok(Answer::Done)
}
