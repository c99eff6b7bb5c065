//! `cdc-doctor sync`: runs an engine and draws its events.

use clap::ValueEnum;

use super::progress::{self, ProgressKind};
use super::{Answer, Context, Failure};
use crate::checks::registry;
use crate::diagnose;
use crate::pipeline::{EngineKind, Pipeline, SyncMode};
use crate::sync::direct::{Direct, SyncOptions};
use crate::sync::{self, Engine as _, Stop, SyncError};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which engine moves the rows [default: the pipeline file's]
    #[arg(long, value_enum)]
    engine: Option<Engine>,
    /// What to move [default: the pipeline file's]
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// How to show progress on standard error (json: on standard output)
    #[arg(long, value_enum, default_value_t = ProgressKind::Auto)]
    progress: ProgressKind,
    /// Begin anew: empty target tables that hold rows (the rows there now are deleted), and drop this pipeline's slot
    #[arg(long)]
    truncate_target: bool,
    /// Load these tables again, then follow changes (schema.table, * within a part)
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    reload: Vec<String>,
    /// End when the target holds all that had committed on the source as following began
    #[arg(long)]
    until_caught_up: bool,
    /// Drop the replication slot at the end: for a cut-over, with --until-caught-up
    #[arg(long)]
    drop_slot: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Engine {
    Direct,
    Dms,
    S3,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    FullLoad,
    Cdc,
    FullLoadAndCdc,
}

impl Args {
    /// Load and changes, from the beginning.
    pub(super) fn from_the_beginning() -> Self {
        Self { truncate_target: true, ..Self::plain() }
    }

    /// What is left to do, and then no more: the slot is dropped.
    pub(super) fn cut_over() -> Self {
        Self { until_caught_up: true, drop_slot: true, ..Self::plain() }
    }

    fn plain() -> Self {
        Self {
            engine: None,
            mode: None,
            progress: ProgressKind::Auto,
            truncate_target: false,
            reload: Vec::new(),
            until_caught_up: false,
            drop_slot: false,
        }
    }
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<Answer, Failure> {
    run_until(args, context, Stop::default()).await
}

/// Runs until it is done or told to stop, by a signal or by `stop`.
pub(super) async fn run_until(args: Args, context: &Context, stop: Stop) -> Result<Answer, Failure> {
    let mut pipeline = context.pipeline()?;
    override_settings(&mut pipeline, &args);
    refuse_what_is_missing(&pipeline)?;
    refuse_what_does_nothing(&pipeline, &args)?;
    let passwords = context.passwords(&pipeline)?;

    let (reporter, feed) = sync::channel();
    let signals = tokio::spawn(stop_on_signal(stop.clone()));
    let drawing = tokio::spawn(progress::draw(args.progress, feed));
    let options = SyncOptions {
        truncate_target: args.truncate_target,
        reload: args.reload,
        until_caught_up: args.until_caught_up,
        drop_slot: args.drop_slot,
    };
    let outcome = Direct { pipeline, passwords, options }.run(reporter, stop).await;
    signals.abort();
    // The drawing task ends with the feed, which the engine has closed; a panic in it lost only a picture.
    let _ = drawing.await;
    outcome.map(|_| Answer::Done).map_err(explained)
}

/// With what the error decoder knows of it.
fn explained(error: SyncError) -> Failure {
    let decoded = diagnose::decode(&error.to_string()).filter(|d| registry::find(&d.code).is_some());
    let failure = Failure::job(color_eyre::Report::new(error));
    match decoded {
        Some(d) => failure.hint(format!("cdc-doctor explain {}   ({})", d.code, d.cause)),
        None => failure,
    }
}

fn override_settings(pipeline: &mut Pipeline, args: &Args) {
    if let Some(engine) = args.engine {
        pipeline.sync.engine = match engine {
            Engine::Direct => EngineKind::Direct,
            Engine::Dms => EngineKind::Dms,
            Engine::S3 => EngineKind::S3,
        };
    }
    if let Some(mode) = args.mode {
        pipeline.sync.mode = match mode {
            Mode::FullLoad => SyncMode::FullLoad,
            Mode::Cdc => SyncMode::Cdc,
            Mode::FullLoadAndCdc => SyncMode::FullLoadAndCdc,
        };
    }
}

fn refuse_what_is_missing(pipeline: &Pipeline) -> Result<(), Failure> {
    let engine = pipeline.sync.engine;
    if engine != EngineKind::Direct {
        return Err(Failure::usage(format!("this version cannot run the engine `{}` yet", engine.as_str()))
            .hint("cdc-doctor sync --engine direct --mode full-load"));
    }
    Ok(())
}

/// What is asked for must be what happens.
fn refuse_what_does_nothing(pipeline: &Pipeline, args: &Args) -> Result<(), Failure> {
    if pipeline.sync.mode.has_cdc() {
        return Ok(());
    }
    let given = [
        (!args.reload.is_empty(), "--reload"),
        (args.until_caught_up, "--until-caught-up"),
        (args.drop_slot, "--drop-slot"),
    ];
    match given.iter().find(|(given, _)| *given) {
        Some((_, flag)) => Err(Failure::usage(format!("{flag} is for following changes, and the mode is `full-load`"))
            .hint(format!("cdc-doctor sync --mode full-load-and-cdc {flag}"))),
        None => Ok(()),
    }
}

/// The first Ctrl-C or SIGTERM stops cleanly, the second leaves at once.
async fn stop_on_signal(stop: Stop) {
    wait_for_signal().await;
    stop.request();
    eprintln!("stopping: what is not complete is rolled back; Ctrl-C again leaves at once");
    wait_for_signal().await;
    std::process::exit(130);
}

pub(super) async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
    }
}
