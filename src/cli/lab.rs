//! `cdc-doctor lab`: the practice pipeline, in the session or as a story.

use std::io::IsTerminal;

use clap::ValueEnum;

use super::{Answer, Context, Failure, session, story};
use crate::facts::MyFlavor;
use crate::lab::install;
use crate::lab::{self, Kept, Lab, LabError, LabOptions};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// up: start it and leave it running · down: stop it · status: is it running, and where
    #[arg(value_enum)]
    action: Option<Action>,
    /// Install what is missing without asking
    #[arg(long)]
    yes: bool,
    /// Play the whole story in plain text and end (also without a terminal)
    #[arg(long)]
    story: bool,
    /// Leave the servers running at the end, and print how to connect to them
    #[arg(long)]
    keep: bool,
    /// Which server the target is [default: MariaDB, or MySQL where only that is installed]
    #[arg(long, value_enum)]
    target: Option<Target>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    Up,
    Down,
    Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    Mariadb,
    Mysql,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<Answer, Failure> {
    match args.action {
        Some(Action::Down) => down(),
        Some(Action::Status) => status(),
        Some(Action::Up) | None => start(&args, context).await,
    }
}

fn down() -> Result<Answer, Failure> {
    match lab::down().map_err(failure)? {
        Some(kept) => println!("stopped; {} is gone", kept.folder.display()),
        None => println!("no practice pipeline is running"),
    }
    Ok(Answer::Done)
}

fn status() -> Result<Answer, Failure> {
    match lab::status().map_err(failure)? {
        Some(kept) => println!("{}", connections(&kept)),
        None => println!("no practice pipeline is running; start one with: cdc-doctor lab up"),
    }
    Ok(Answer::Done)
}

async fn start(args: &Args, context: &Context) -> Result<Answer, Failure> {
    let keep = args.keep || args.action == Some(Action::Up);
    if keep && let Some(kept) = lab::status().map_err(failure)? {
        return Err(Failure::job(format!("a practice pipeline is running already\n{}", connections(&kept)))
            .hint("cdc-doctor lab down"));
    }
    let flavor = args.target.map(|t| match t {
        Target::Mariadb => MyFlavor::MariaDb,
        Target::Mysql => MyFlavor::MySql,
    });
    install_missing(flavor, args.yes, context)?;
    // Starting blocks for seconds, and the servers' own set-up uses runtimes of its own.
    let started = tokio::task::spawn_blocking(move || {
        Lab::start(LabOptions { target: flavor }, |step| eprintln!("lab: {step} …"))
    });
    let lab = started.await.map_err(|e| Failure::job(format!("starting the practice pipeline failed: {e}")))?;
    let lab = lab.map_err(failure)?;
    let context = context.with_config(lab.pipeline_path());
    let answer = if args.action == Some(Action::Up) {
        Ok(Answer::Done)
    } else if args.story || !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        story::play(&context).await
    } else {
        session::run(&context).await
    };
    if keep {
        println!("\n{}", connections(&lab.keep().map_err(failure)?));
    }
    answer
}

fn install_missing(flavor: Option<MyFlavor>, yes: bool, context: &Context) -> Result<(), Failure> {
    let missing = install::missing(flavor);
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().map(|m| m.name()).collect::<Vec<_>>().join(" and ");
    let installation = install::plan(&missing)
        .map_err(|e| Failure::job(format!("the practice pipeline needs {names}, which is not on this machine: {e}")))?;
    if !yes {
        if !context.interactive {
            return Err(Failure::usage(format!(
                "the practice pipeline needs {names}, and nobody can be asked whether to install it: standard input is no terminal"
            ))
            .hint("cdc-doctor lab --yes").hint(installation.command()));
        }
        let question = format!("The practice pipeline needs {names}. Install it now: {}?", installation.command());
        let agreed = inquire::Confirm::new(&question).with_default(true).prompt();
        if !agreed.map_err(|e| Failure::job(format!("{e}; nothing was installed")))? {
            return Err(Failure::job("nothing was installed"));
        }
    }
    eprintln!("lab: installing {names} …");
    installation.run().map_err(|e| Failure::job(format!("{names} could not be installed: {e}")))
}

fn connections(kept: &Kept) -> String {
    let folder = kept.folder.display();
    let client = match kept.target {
        MyFlavor::MariaDb => "mariadb",
        MyFlavor::MySql => "mysql",
    };
    format!(
        "The practice pipeline runs until `cdc-doctor lab down`.\n\
         \x20 session  cdc-doctor -c {pipeline}\n\
         \x20 source   PGPASSWORD=$(cat {folder}/source-password) psql 'host=localhost port={source} user=dms dbname=postgres sslmode=require'\n\
         \x20 target   MYSQL_PWD=$(cat {folder}/target-password) {client} --protocol=tcp -h 127.0.0.1 -P {target} -u dms charts",
        pipeline = kept.pipeline.display(),
        source = kept.source_port,
        target = kept.target_port,
    )
}

fn failure(error: LabError) -> Failure {
    Failure::job(color_eyre::Report::new(error))
}
