//! `cdc-doctor lab`: the practice pipeline, in the session or as a story.

use std::io::IsTerminal;

use clap::ValueEnum;

use super::{Answer, Context, Failure, session, story};
use crate::facts::MyFlavor;
use crate::lab::aws::Simulator;
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
    /// With --story: through which engine the rows go; dms plays it on a simulated AWS account, on this machine
    #[arg(long, value_enum, default_value_t = StoryEngine::Direct)]
    engine: StoryEngine,
    /// Leave the servers running at the end, and print how to connect to them
    #[arg(long)]
    keep: bool,
    /// With up: a simulated AWS account (RDS, DMS and what they need) on top of the servers, at an address of this
    /// machine for any AWS SDK; all goes on until Ctrl-C
    #[arg(long)]
    aws: bool,
    /// Which server the target is [default: MariaDB, or MySQL where only that is installed]
    #[arg(long, value_enum)]
    target: Option<Target>,
}

impl Args {
    /// The interactive practice.
    pub(super) fn practise() -> Self {
        Self {
            action: None,
            yes: false,
            story: false,
            engine: StoryEngine::Direct,
            keep: false,
            aws: false,
            target: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    Up,
    Down,
    Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StoryEngine {
    Direct,
    Dms,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    Mariadb,
    Mysql,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<Answer, Failure> {
    match args.action {
        Some(Action::Up) | None => start(&args, context).await,
        Some(_) if args.aws => Err(only_with_up()),
        Some(Action::Down) => down(),
        Some(Action::Status) => status(),
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

fn only_with_up() -> Failure {
    Failure::usage("--aws goes with `up`: the simulated account is for other programs").hint("cdc-doctor lab up --aws")
}

async fn start(args: &Args, context: &Context) -> Result<Answer, Failure> {
    if args.aws && args.action != Some(Action::Up) {
        return Err(only_with_up());
    }
    if args.engine == StoryEngine::Dms && (!args.story || args.keep) {
        return Err(Failure::usage(
            "--engine dms goes with --story, and without --keep: the simulated AWS ends with it",
        )
        .hint("cdc-doctor lab --story --engine dms")
        .hint("cdc-doctor lab up --aws"));
    }
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
    if args.aws {
        return with_aws(lab).await;
    }
    let context = context.with_config(lab.pipeline_path());
    if args.engine == StoryEngine::Dms {
        return with_dms(&context, lab).await;
    }
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

/// Plays the story through DMS, on a simulated account.
async fn with_dms(context: &Context, lab: Lab) -> Result<Answer, Failure> {
    let (lab, simulator) = simulate(lab).await?;
    lab.use_dms(&simulator).map_err(failure)?;
    let answer = super::story_dms::play(context).await;
    simulator.stop();
    answer
}

async fn simulate(lab: Lab) -> Result<(Lab, Simulator), Failure> {
    eprintln!("lab: starting the simulated AWS …");
    let started = tokio::task::spawn_blocking(move || {
        let simulator = lab.aws();
        (lab, simulator)
    });
    let (lab, simulator) =
        started.await.map_err(|e| Failure::job(format!("starting the simulated AWS failed: {e}")))?;
    Ok((lab, simulator.map_err(|e| Failure::job(color_eyre::Report::new(e)))?))
}

/// Runs the simulated AWS until a signal, or until `lab down` in another terminal; then all of it goes.
async fn with_aws(lab: Lab) -> Result<Answer, Failure> {
    let (lab, simulator) = simulate(lab).await?;
    let kept = lab.announce(Some(simulator.url())).map_err(failure)?;
    println!("{}\n\n{}", connections(&kept), example(&simulator.url(), simulator.region()));
    eprintln!("lab: running; Ctrl-C ends it");
    let gone = async {
        while kept.folder.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        () = super::sync::wait_for_signal() => eprintln!("lab: stopping …"),
        () = gone => eprintln!("lab: stopped by `cdc-doctor lab down`"),
    }
    simulator.stop();
    lab::down().map_err(failure)?;
    Ok(Answer::Done)
}

/// How AWS tools and a pipeline file get at the simulation.
fn example(url: &str, region: &str) -> String {
    format!(
        "For AWS tools (the keys are dummies; this is a simulation, and nothing leaves this machine):\n\
         \x20 export AWS_ENDPOINT_URL={url} AWS_REGION={region} AWS_ACCESS_KEY_ID=simulation AWS_SECRET_ACCESS_KEY=simulation\n\
         \x20 aws rds describe-db-instances\n\
         \n\
         For a pipeline file:\n\
         \x20 [aws]\n\
         \x20 region = \"{region}\"\n\
         \x20 endpoint_url = \"{url}\"\n\
         \n\
         \x20 [dms]\n\
         \x20 instance = \"charts-ri\"\n\
         \x20 source_endpoint = \"charts-src\"\n\
         \x20 target_endpoint = \"charts-tgt\"\n\
         \x20 task = \"charts-task\""
    )
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
    let or = if kept.aws.is_some() { ", or Ctrl-C where it was started" } else { "" };
    let aws = kept.aws.as_deref().map(|url| format!("\n  aws      {url} (simulated)")).unwrap_or_default();
    format!(
        "The practice pipeline runs until `cdc-doctor lab down`{or}.\n\
         \x20 session  cdc-doctor -c {pipeline}\n\
         \x20 source   PGPASSWORD=$(cat {folder}/source-password) psql 'host=localhost port={source} user=dms dbname=postgres sslmode=require'\n\
         \x20 target   MYSQL_PWD=$(cat {folder}/target-password) {client} --protocol=tcp -h 127.0.0.1 -P {target} -u dms charts{aws}",
        pipeline = kept.pipeline.display(),
        source = kept.source_port,
        target = kept.target_port,
    )
}

fn failure(error: LabError) -> Failure {
    Failure::job(color_eyre::Report::new(error))
}
