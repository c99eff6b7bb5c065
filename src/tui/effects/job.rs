//! What runs beside the screens: comparing, the canary, the DMS side, files.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::super::message::{JobEnd, Message};
use super::pass_on;
use crate::aws::Session;
use crate::canary;
use crate::pipeline::Pipeline;
use crate::pipeline::secrets::Passwords;
use crate::provision::apply::{Site, Told};
use crate::provision::{self, Plan, ProvisionError};
use crate::sync::Stop;
use crate::text::thousands;
use crate::verify::{self, Progress, VerifyOptions};

/// How long each change of the canary may take.
const CANARY: Duration = Duration::from_secs(30);
/// How often a comparison tells how far it is.
const TELL: Duration = Duration::from_millis(200);

/// Compares both sides.
pub async fn verify(pipeline: Box<Pipeline>, passwords: Passwords, stop: Stop, out: mpsc::Sender<Message>) {
    let (progress, mut seen) = watch::channel(Progress::default());
    let options = VerifyOptions::default();
    let comparing = verify::run(&pipeline, &passwords, &options, progress, &stop);
    let telling = async {
        while seen.changed().await.is_ok() {
            let says = line(&seen.borrow_and_update());
            let _ = out.send(Message::JobSays(says)).await;
            tokio::time::sleep(TELL).await;
        }
    };
    let (result, ()) = tokio::join!(comparing, telling);
    if stop.requested() {
        return;
    }
    let end = JobEnd::Verified(result.map(Box::new).map_err(|why| why.to_string()));
    let _ = out.send(Message::JobOver(end)).await;
}

fn line(p: &Progress) -> String {
    format!("{} of {} tables, {} rows", p.tables_done, p.tables, thousands(p.rows))
}

/// Sends a row through the running pipeline.
pub async fn canary(pipeline: Box<Pipeline>, passwords: Passwords, out: mpsc::Sender<Message>) {
    let run = canary::run(&pipeline, &passwords, CANARY).await;
    let _ = out.send(Message::JobOver(JobEnd::Canary(Box::new(run)))).await;
}

/// Reads what is there in AWS and makes the plan.
pub async fn read_plan(pipeline: Box<Pipeline>, passwords: Passwords, out: mpsc::Sender<Message>) {
    let planning = async {
        let aws = pipeline.aws.as_ref().ok_or(ProvisionError::NoAws)?;
        let session = Session::open(aws).await;
        provision::plan(&pipeline, &passwords, &session).await
    };
    let end = JobEnd::Planned(planning.await.map(Box::new).map_err(|why| words(&why)));
    let _ = out.send(Message::JobOver(end)).await;
}

/// Makes the DMS side as it was planned. Told to stop, it leaves between two calls; what was begun goes on in AWS.
pub async fn provision(
    pipeline: Box<Pipeline>,
    plan: Plan,
    passwords: Passwords,
    stop: Stop,
    out: mpsc::Sender<Message>,
) {
    let (tell, told) = mpsc::unbounded_channel();
    let applying = async move {
        let aws = pipeline.aws.as_ref().ok_or(ProvisionError::NoAws)?;
        let session = Session::open(aws).await;
        let site = Site { pipeline: &pipeline, passwords: &passwords, session: &session };
        let mut tell = |news: &Told| {
            let _ = tell.send(Message::Told(news.clone()));
        };
        provision::apply::apply(&site, &plan, &mut tell).await
    };
    let work = async { tokio::join!(applying, pass_on(told, &out)).0 };
    let result = tokio::select! {
        biased;
        () = stop.wait() => return,
        result = work => result,
    };
    let _ = out.send(Message::JobOver(JobEnd::Provisioned(result.map_err(|why| words(&why))))).await;
}

/// What failed, and where the decoder knows it, why and what to do.
fn words(error: &ProvisionError) -> String {
    match error {
        ProvisionError::Test { decoded: Some(known), .. } => {
            format!("{error}\n{}: {} (check {})", known.cause.trim_end_matches('.'), known.fix, known.code)
        }
        ProvisionError::Aws(_) | ProvisionError::Late { .. } => {
            format!("{error}\nTrying again goes on with what is there.")
        }
        _ => error.to_string(),
    }
}

/// Writes a file that is not there yet.
pub fn write(path: PathBuf, text: &str) -> Result<PathBuf, String> {
    let written = OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    match written {
        Ok(()) => Ok(path),
        Err(why) => Err(format!("Cannot write {}: {why}.", path.display())),
    }
}
