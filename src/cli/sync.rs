//! `cdc-doctor sync`: runs an engine and draws its events.

use clap::ValueEnum;

use super::progress::{self, ProgressKind};
use super::{Answer, Context, Failure};
use crate::pipeline::{EngineKind, Pipeline, SyncMode};
use crate::sync::direct::{self, LoadOptions};
use crate::sync::{self, Stop};

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
    /// Empty target tables that hold rows before loading them: the rows there now are deleted
    #[arg(long)]
    truncate_target: bool,
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
    /// A full load into emptied tables.
    pub(super) fn full_load_from_scratch() -> Self {
        Self { engine: None, mode: Some(Mode::FullLoad), progress: ProgressKind::Auto, truncate_target: true }
    }
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<Answer, Failure> {
    let mut pipeline = context.pipeline()?;
    override_settings(&mut pipeline, &args);
    refuse_what_is_missing(&pipeline)?;
    let passwords = context.passwords(&pipeline)?;

    let (reporter, feed) = sync::channel();
    let stop = Stop::default();
    let signals = tokio::spawn(stop_on_signal(stop.clone()));
    let drawing = tokio::spawn(progress::draw(args.progress, feed));
    let options = LoadOptions { truncate_target: args.truncate_target };
    let outcome = direct::full_load(&pipeline, &passwords, options, reporter, stop).await;
    signals.abort();
    // The drawing task ends with the feed, which the engine has closed; a panic in it lost only a picture.
    let _ = drawing.await;
    outcome.map(|_| Answer::Done).map_err(|e| Failure::job(color_eyre::Report::new(e)))
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
    let mode = pipeline.sync.mode;
    if mode.has_cdc() {
        return Err(Failure::usage(format!(
            "this version does full loads only, and the mode is `{}`; nothing was read or written",
            mode.as_str()
        ))
        .hint("cdc-doctor sync --mode full-load"));
    }
    Ok(())
}

/// The first Ctrl-C or SIGTERM stops cleanly, the second leaves at once.
async fn stop_on_signal(stop: Stop) {
    wait_for_signal().await;
    stop.request();
    eprintln!("stopping: parts that are not complete are rolled back; Ctrl-C again leaves at once");
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
