//! `cdc-doctor completions` and `cdc-doctor man`: made from the command line's own definition.

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

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
    page()
        .map(|out| print(&String::from_utf8_lossy(&out)))
        .map_err(|e| Failure::job(format!("cannot write the manual page: {e}")))?;
    Ok(Answer::Done)
}

/// One page for the program and all its commands.
fn page() -> std::io::Result<Vec<u8>> {
    let command = Cli::command().after_help(None);
    let mut out = Vec::new();
    let page = Man::new(command.clone());
    page.render_title(&mut out)?;
    page.render_name_section(&mut out)?;
    page.render_synopsis_section(&mut out)?;
    page.render_description_section(&mut out)?;
    page.render_options_section(&mut out)?;
    for sub in command.get_subcommands() {
        section(sub, &mut out)?;
    }
    let status = ".SH \"EXIT STATUS\"\n0 healthy or done; 1 findings, or data differ; 2 the command line or the pipeline \
                  file is wrong; 3 it could not do the job; 70 a bug in cdc\\-doctor.\n";
    out.extend_from_slice(status.as_bytes());
    Ok(out)
}

fn section(sub: &Command, out: &mut Vec<u8>) -> std::io::Result<()> {
    let name = sub.get_name().to_uppercase().replace('-', "\\-");
    out.extend_from_slice(format!(".SH \"COMMAND {name}\"\n").as_bytes());
    let mut own = Vec::new();
    let page = Man::new(sub.clone().bin_name(format!("cdc-doctor {}", sub.get_name())));
    page.render_synopsis_section(&mut own)?;
    page.render_description_section(&mut own)?;
    page.render_options_section(&mut own)?;
    // Sections of a page become paragraphs of the command's own section.
    out.extend_from_slice(String::from_utf8_lossy(&own).replace(".SH ", ".SS ").as_bytes());
    Ok(())
}
