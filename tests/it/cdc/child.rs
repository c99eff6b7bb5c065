//! The built program as a child process that tells its events, and that can be ended at any moment.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Project;

/// More than any step of a run takes on a busy machine; a hang becomes a failure.
pub const LIMIT: Duration = Duration::from_secs(120);

/// A running `cdc-doctor sync --progress json`.
pub struct Sync {
    child: Child,
    events: Receiver<Value>,
    seen: Vec<Value>,
    errors: Option<JoinHandle<String>>,
}

/// How a run ended.
pub struct Ended {
    /// Exit status; none when a signal ended it.
    pub status: Option<i32>,
    pub events: Vec<Value>,
    pub errors: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last: Vec<String> = self.events.iter().rev().take(12).rev().map(ToString::to_string).collect();
        write!(f, "status {:?}\n-- last events\n{}\n-- err\n{}", self.status, last.join("\n"), self.errors)
    }
}

impl Sync {
    /// Starts it with these further words.
    pub fn start(project: &Project, words: &[&str]) -> Self {
        let mut child = project
            .program()
            .args(["sync", "--mode", "full-load-and-cdc", "--progress", "json"])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines, events) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.split(b'\n').map_while(Result::ok) {
                // A killed program may leave half a line.
                let event = serde_json::from_slice(&line);
                let event = event.unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&line).into_owned()));
                if lines.send(event).is_err() {
                    break;
                }
            }
        });
        let mut err = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = err.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Self { child, events, seen: Vec::new(), errors: Some(errors) }
    }

    /// Waits for an event; false when the program ended without it.
    pub fn until(&mut self, what: &str, reached: impl Fn(&Value) -> bool) -> bool {
        if self.seen.iter().any(&reached) {
            return true;
        }
        let begun = Instant::now();
        loop {
            match self.events.recv_timeout(LIMIT.saturating_sub(begun.elapsed())) {
                Ok(event) => {
                    let is_it = reached(&event);
                    self.seen.push(event);
                    if is_it {
                        return true;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.child.kill();
                    panic!("no {what} after {} s; {}", LIMIT.as_secs(), self.collect());
                }
            }
        }
    }

    /// Waits until it is in one of these phases or was; false when it ended before.
    pub fn until_phase(&mut self, phases: &[&str]) -> bool {
        self.until(&phases.join(" or "), |e| phases.iter().any(|phase| is_phase(e, phase)))
    }

    /// True when it has said by now that it entered the phase.
    pub fn was_in(&self, phase: &str) -> bool {
        self.seen.iter().any(|e| is_phase(e, phase))
    }

    /// Lets it work for so long; false when it ended before.
    pub fn work(&mut self, time: Duration) -> bool {
        let end = Instant::now() + time;
        loop {
            match self.events.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(event) => self.seen.push(event),
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => return true,
            }
        }
    }

    /// Ends it as a crash does.
    pub fn kill(mut self) -> Ended {
        let _ = self.child.kill();
        self.collect()
    }

    /// Asks it to stop, and waits for that.
    pub fn terminate(self) -> Ended {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", &id]).stderr(Stdio::null()).status();
        self.finish()
    }

    /// Waits for its own end.
    pub fn finish(mut self) -> Ended {
        self.until("end", |_| false);
        self.collect()
    }

    fn collect(&mut self) -> Ended {
        let status = self.child.wait().unwrap().code();
        self.seen.extend(self.events.iter());
        let errors = self.errors.take().map(|thread| thread.join().unwrap()).unwrap_or_default();
        Ended { status, events: std::mem::take(&mut self.seen), errors }
    }
}

impl Drop for Sync {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_phase(event: &Value, phase: &str) -> bool {
    event["event"] == "phase" && event["phase"] == phase
}
