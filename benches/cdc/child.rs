//! The program as users run it, watched from outside.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use crate::servers::Servers;
use crate::support::{Outcome, peak_memory};

/// How often memory is looked at: the highest value so far, so nothing but what came after the last look is missed.
const LOOK: Duration = Duration::from_millis(2);

/// A run of the program.
pub struct Run {
    child: Child,
    said: PathBuf,
}

/// What a run that has ended took.
pub struct Took {
    pub wall: Duration,
    /// KiB, where the system tells it.
    pub peak: Option<u64>,
}

impl Run {
    /// Starts `sync` for a pipeline file; its events go into a file beside it.
    pub fn start(servers: &Servers, pipeline: &Path, arguments: &[&str]) -> Outcome<Self> {
        let said = pipeline.with_extension("out");
        let mut command = Command::new(env!("CARGO_BIN_EXE_cdc-doctor"));
        command.arg("--config").arg(pipeline).args(["sync", "--progress", "json"]).args(arguments);
        command.env("BENCH_SOURCE", servers.source.password().expose_secret());
        command.env("BENCH_TARGET", servers.target.password().expose_secret());
        let out = File::create(&said)?;
        let child = command.stdin(Stdio::null()).stderr(out.try_clone()?).stdout(out).spawn()?;
        Ok(Self { child, said })
    }

    /// Waits until the run has told this.
    pub fn has_told(&mut self, what: &str) -> Outcome<()> {
        while !fs::read_to_string(&self.said)?.contains(what) {
            if self.child.try_wait()?.is_some() {
                return Err(self.words("ended early"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Waits for the end of the run.
    pub fn ended(mut self) -> Outcome<Took> {
        let (began, process) = (Instant::now(), self.child.id().to_string());
        let mut peak = None;
        let status = loop {
            peak = peak.max(peak_memory(&process));
            match self.child.try_wait()? {
                Some(status) => break status,
                None => std::thread::sleep(LOOK),
            }
        };
        if status.success() { Ok(Took { wall: began.elapsed(), peak }) } else { Err(self.words("failed")) }
    }

    /// Asks for the stop, as Ctrl-C does, and waits for the end.
    pub fn stop(self) -> Outcome<()> {
        let asked = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status()?;
        if asked.success() { self.ended().map(drop) } else { Err("the run could not be stopped".into()) }
    }

    fn words(&self, how: &str) -> Box<dyn std::error::Error + Send + Sync> {
        format!("cdc-doctor {how}: {}", fs::read_to_string(&self.said).unwrap_or_default()).into()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // One that has ended is no matter.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
