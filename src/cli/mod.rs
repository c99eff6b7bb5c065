//! The command line: one thin file per subcommand.

mod check;
mod checks;
mod comparison;
mod context;
mod exit;
mod explain;
mod fix;
mod generate;
mod keep;
mod lab;
mod progress;
mod provision;
mod schema;
mod session;
mod setup;
mod story;
mod story_dms;
mod sync;
mod tables;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub(crate) use context::Context;
pub(crate) use exit::{Answer, Failure};

/// Finds what breaks a change-data-capture pipeline from PostgreSQL to MySQL or MariaDB, fixes it, and moves the rows.
///
/// Without a command it opens the interactive session on ./cdc-doctor.toml.
#[derive(Debug, Parser)]
#[command(name = "cdc-doctor", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "\
Exit status: 0 healthy or done · 1 findings, or data differ · 2 command line or pipeline file is wrong\n\
             3 could not do the job · 70 a bug in cdc-doctor")]
pub(crate) struct Cli {
    /// The pipeline file
    #[arg(short, long, global = true, value_name = "FILE", default_value = "cdc-doctor.toml")]
    config: PathBuf,
    /// Say more (also what passed)
    #[arg(short, long, global = true)]
    verbose: bool,
    /// No colours (also: set NO_COLOR)
    #[arg(long, global = true)]
    no_color: bool,
    /// Write a log of what is done to this file; `CDC_DOCTOR_LOG` sets the level, such as debug
    #[arg(long, global = true, value_name = "FILE")]
    log_file: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer questions and get a pipeline file: servers, TLS and databases are looked up on the way
    Setup(setup::Args),
    /// Look at both databases and say what will break or lose data
    Check(check::Args),
    /// List the rule book
    Checks(checks::Args),
    /// Say what a check means, or which check an error message belongs to
    Explain(explain::Args),
    /// Show the plan that ends the findings, and apply it once agreed to
    Fix(fix::Args),
    /// Print the target's tables as DDL, or how the target differs, or keep its definitions
    Schema(schema::Args),
    /// Make the DMS side: roles, subnet group, replication instance, endpoints, task
    Provision(provision::Args),
    /// Move the rows, with live progress
    Sync(sync::Args),
    /// Say whether source and target are equal, down to the row
    Verify(verify::Args),
    /// A practice pipeline on this machine, broken as in real life
    Lab(lab::Args),
    /// Print completions for a shell
    Completions(generate::CompletionArgs),
    /// Print the manual page
    Man,
}

/// Runs the program and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // clap answers 0 for --help and --version, 2 for a wrong command line, as the contract says.
        Err(error) => error.exit(),
    };
    let context = Context::new(&cli);
    if context.no_color {
        inquire::set_global_render_config(inquire::ui::RenderConfig::empty());
    }
    match start(cli, &context) {
        Ok(answer) => answer.into(),
        Err(failure) => failure.report(&context),
    }
}

fn start(cli: Cli, context: &Context) -> Result<Answer, Failure> {
    // Commands that need neither a database nor a runtime answer at once.
    match &cli.command {
        Some(Command::Checks(args)) => return checks::run(args, context),
        Some(Command::Explain(args)) => return explain::run(args, context),
        Some(Command::Completions(args)) => return generate::completions(args),
        Some(Command::Man) => return generate::man(),
        _ => {}
    }
    context.start_log()?;
    // Fails only when another provider was installed first, and then there is one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // As much as the main thread has: what makes the DMS side nests the futures of many AWS calls.
        .thread_stack_size(8 << 20)
        .build()
        .map_err(|e| Failure::job(format!("cannot start threads: {e}")))?;
    let answer = runtime.block_on(async {
        match cli.command {
            Some(Command::Setup(args)) => setup::run(args, context).await,
            Some(Command::Check(args)) => check::run(args, context).await,
            Some(Command::Fix(args)) => fix::run(args, context).await,
            Some(Command::Schema(args)) => schema::run(args, context).await,
            Some(Command::Provision(args)) => provision::run(args, context).await,
            Some(Command::Sync(args)) => sync::run(args, context).await,
            Some(Command::Verify(args)) => verify::run(args, context).await,
            Some(Command::Lab(args)) => lab::run(args, context).await,
            None => session::run(context).await,
            Some(Command::Checks(_) | Command::Explain(_) | Command::Completions(_) | Command::Man) => Ok(Answer::Done),
        }
    });
    // A name look-up or a closing session may still hang; nobody waits for it.
    runtime.shutdown_background();
    answer
}
