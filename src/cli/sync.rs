//! `cdc-doctor sync`: runs an engine and draws its events.

use clap::ValueEnum;

use super::progress::{self, ProgressKind};
use super::{Answer, Context, Failure};
use crate::checks::registry;
use crate::diagnose;
use crate::pipeline::secrets::Passwords;
use crate::pipeline::{EngineKind, Pipeline, SyncMode};
use crate::sync::direct::{Direct, SyncOptions};
use crate::sync::dms::{self, Dms, DmsOptions};
use crate::sync::{self, Engine as _, Reporter, Stop, SyncError, Totals};

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
    /// Engine dms: start the task without a premigration assessment
    #[arg(long)]
    skip_assessment: bool,
    /// Engine dms: stop the task, which otherwise goes on in AWS whether or not it is watched
    #[arg(long, conflicts_with_all = ["truncate_target", "reload", "until_caught_up", "drop_slot"])]
    stop: bool,
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
            skip_assessment: false,
            stop: false,
        }
    }

    /// What is left to do; the task is stopped, and its slot stays until the task is deleted.
    pub(super) fn until_caught_up() -> Self {
        Self { until_caught_up: true, ..Self::plain() }
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
    if args.stop {
        let stopped = dms::stop(&pipeline).await.map_err(explained)?;
        eprintln!(
            "{}",
            if stopped { "the task has stopped; it goes on with: cdc-doctor sync" } else { "the task does not run" }
        );
        return Ok(Answer::Done);
    }
    let (reporter, feed) = sync::channel();
    let signals = tokio::spawn(stop_on_signal(stop.clone(), pipeline.sync.engine));
    let drawing = tokio::spawn(progress::draw(args.progress, feed));
    let outcome = move_rows(pipeline, passwords, args, reporter, stop).await;
    signals.abort();
    // The drawing task ends with the feed, which the engine has closed; a panic in it lost only a picture.
    let _ = drawing.await;
    outcome.map(|_| Answer::Done).map_err(explained)
}

async fn move_rows(
    pipeline: Pipeline,
    passwords: Passwords,
    args: Args,
    reporter: Reporter,
    stop: Stop,
) -> Result<Totals, SyncError> {
    let Args { truncate_target, reload, until_caught_up, drop_slot, skip_assessment, .. } = args;
    if pipeline.sync.engine == EngineKind::Dms {
        let options = DmsOptions { truncate_target, reload, until_caught_up, skip_assessment };
        return Dms { pipeline, passwords, options }.run(reporter, stop).await;
    }
    let options = SyncOptions { truncate_target, reload, until_caught_up, drop_slot };
    Direct { pipeline, passwords, options }.run(reporter, stop).await
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
    match pipeline.sync.engine {
        EngineKind::Direct => Ok(()),
        EngineKind::Dms if pipeline.dms.is_some() && pipeline.aws.is_some() => Ok(()),
        EngineKind::Dms => Err(Failure::usage("the engine `dms` needs the sections [aws], with region, and [dms]")
            .hint("cdc-doctor sync --engine direct")),
        EngineKind::S3 => {
            Err(Failure::usage("this version cannot run the engine `s3` yet").hint("cdc-doctor sync --engine direct"))
        }
    }
}

/// What is asked for must be what happens.
fn refuse_what_does_nothing(pipeline: &Pipeline, args: &Args) -> Result<(), Failure> {
    let managed = pipeline.sync.engine == EngineKind::Dms;
    if managed && args.drop_slot {
        return Err(Failure::usage("DMS drops its slot when the task is deleted, so --drop-slot does nothing here")
            .hint("cdc-doctor provision destroy"));
    }
    for (given, flag) in [(args.skip_assessment, "--skip-assessment"), (args.stop, "--stop")] {
        if given && !managed {
            return Err(Failure::usage(format!("{flag} is for the engine `dms`"))
                .hint(format!("cdc-doctor sync --engine dms {flag}")));
        }
    }
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
async fn stop_on_signal(stop: Stop, engine: EngineKind) {
    wait_for_signal().await;
    stop.request();
    eprintln!(
        "{}; Ctrl-C again leaves at once",
        if engine == EngineKind::Dms {
            "no longer watching: the task goes on in AWS"
        } else {
            "stopping: what is not complete is rolled back"
        }
    );
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
