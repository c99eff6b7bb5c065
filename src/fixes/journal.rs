//! What was changed, beside the pipeline file: one JSON object a line, on the disk before the next step begins. A step is
//! written down before it is done and again when it is done, so that a crash between the two shows. Values of the
//! pipeline file and SQL are in it; passwords are in neither.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Action;
use crate::text;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Which run: when it began, and the process.
    pub run: String,
    /// The step of the run, counted from 1.
    pub step: usize,
    /// When.
    pub at: jiff::Timestamp,
    /// What happened.
    pub event: JournalEvent,
}

/// What happened to a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JournalEvent {
    /// It is about to be done.
    Begun {
        /// The checks that asked for it.
        codes: Vec<String>,
        /// What is done.
        action: Action,
        /// The value before, of a key of the pipeline file.
        before: Option<String>,
        /// What takes it back.
        undo: Option<Action>,
    },
    /// It was done.
    Applied,
    /// It failed; the reason.
    Failed {
        /// In the server's words.
        why: String,
    },
    /// It was taken back.
    Undone,
    /// An undo left it as it is; the reason.
    Kept {
        /// In words.
        why: String,
    },
}

/// A step as the journal has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The run.
    pub run: String,
    /// Counted from 1.
    pub step: usize,
    /// The checks that asked for it.
    pub codes: Vec<String>,
    /// What was done.
    pub action: Action,
    /// The value before.
    pub before: Option<String>,
    /// What takes it back.
    pub undo: Option<Action>,
    /// False when the program ended between doing it and saying so.
    pub confirmed: bool,
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read or written.
    #[error("the journal {} cannot be used: {why}. Make its folder writable: fixes are written down before they are made", text::safe(&path.display().to_string()))]
    Io {
        /// The journal.
        path: PathBuf,
        /// In the system's words.
        why: String,
    },
    /// Another process applies fixes.
    #[error("another cdc-doctor is changing this pipeline (it holds {}); wait for it to end", text::safe(&path.display().to_string()))]
    Busy {
        /// The journal.
        path: PathBuf,
    },
    /// A line is not the journal's.
    #[error("the journal {}, line {line}, cannot be understood; move the file away to begin a new one", text::safe(&path.display().to_string()))]
    Foreign {
        /// The journal.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

/// The open journal; nobody else can write to it meanwhile.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    entries: Vec<Entry>,
}

/// The journal of a pipeline file: `charts.toml` has `charts.journal.jsonl` beside it.
#[must_use]
pub fn path_of(pipeline_file: &Path) -> PathBuf {
    pipeline_file.with_extension("journal.jsonl")
}

/// Waits a moment for the lock: a program that was just started by whoever held it may hold it still.
fn locked(file: &File) -> std::io::Result<bool> {
    let until = Instant::now() + Duration::from_millis(500);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(why)) => return Err(why),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => return Ok(false),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

impl Journal {
    /// Opens the journal of a pipeline file, and makes it where there is none.
    ///
    /// # Errors
    /// It cannot be written, is in use, or is not a journal.
    pub fn open(pipeline_file: &Path) -> Result<Self, JournalError> {
        let path = path_of(pipeline_file);
        let io = |why: std::io::Error| JournalError::Io { path: path.clone(), why: why.to_string() };
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(&path).map_err(io)?;
        if !locked(&file).map_err(io)? {
            return Err(JournalError::Busy { path });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let entries = read(&bytes[..whole]).map_err(|line| JournalError::Foreign { path: path.clone(), line })?;
        if whole < bytes.len() {
            // A line torn by a crash or a full disk says nothing; what it was about is in the line before.
            file.set_len(whole as u64).map_err(io)?;
            file.seek(SeekFrom::End(0)).map_err(io)?;
        }
        Ok(Self { path, file, entries })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a line, and waits until it is on the disk.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&mut self, run: &str, step: usize, event: JournalEvent) -> Result<(), JournalError> {
        let entry = Entry { run: run.to_owned(), step, at: jiff::Timestamp::now(), event };
        let io = |why: String| JournalError::Io { path: self.path.clone(), why };
        let mut line = serde_json::to_string(&entry).map_err(|why| io(why.to_string()))?;
        line.push('\n');
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|why| io(why.to_string()))?;
        self.entries.push(entry);
        Ok(())
    }

    /// The steps of the last run that still stands, in the order in which they were done; empty when none does.
    #[must_use]
    pub fn last_run(&self) -> Vec<Recorded> {
        let standing = self.standing();
        let Some(run) = standing.last().map(|s| s.run.clone()) else { return Vec::new() };
        standing.into_iter().filter(|s| s.run == run).collect()
    }

    fn standing(&self) -> Vec<Recorded> {
        let mut steps: Vec<Recorded> = Vec::new();
        for entry in &self.entries {
            let same = |s: &Recorded| s.run == entry.run && s.step == entry.step;
            match &entry.event {
                JournalEvent::Begun { codes, action, before, undo } => steps.push(Recorded {
                    run: entry.run.clone(),
                    step: entry.step,
                    codes: codes.clone(),
                    action: action.clone(),
                    before: before.clone(),
                    undo: undo.clone(),
                    confirmed: false,
                }),
                JournalEvent::Applied => steps.iter_mut().filter(|s| same(s)).for_each(|s| s.confirmed = true),
                JournalEvent::Failed { .. } | JournalEvent::Undone | JournalEvent::Kept { .. } => {
                    steps.retain(|s| !same(s));
                }
            }
        }
        steps
    }
}

/// The entries of whole lines, or the number of the first line that is none. Empty lines are passed over.
fn read(bytes: &[u8]) -> Result<Vec<Entry>, usize> {
    let lines = bytes.split(|b| *b == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    lines.map(|(i, line)| serde_json::from_slice(line).map_err(|_| i + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(sql: &str) -> JournalEvent {
        JournalEvent::Begun { codes: vec!["A".into()], action: Action::source(sql), before: None, undo: None }
    }

    fn file() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("charts.toml");
        (folder, file)
    }

    fn sqls(journal: &Journal) -> Vec<String> {
        journal.last_run().iter().map(|s| s.action.describe()).collect()
    }

    #[test]
    fn runs_are_taken_back_last_first() {
        let (_folder, file) = file();
        let mut journal = Journal::open(&file).unwrap();
        for (run, step) in [("r1", 1), ("r1", 2), ("r2", 1)] {
            journal.write(run, step, begun(&format!("{run}.{step}"))).unwrap();
            journal.write(run, step, JournalEvent::Applied).unwrap();
        }
        drop(journal);
        let mut journal = Journal::open(&file).unwrap();
        assert_eq!(journal.path(), file.with_file_name("charts.journal.jsonl"));
        assert_eq!(sqls(&journal), ["source: r2.1"]);
        journal.write("r2", 1, JournalEvent::Undone).unwrap();
        assert_eq!(sqls(&journal), ["source: r1.1", "source: r1.2"]);
        journal.write("r1", 2, JournalEvent::Failed { why: "no".into() }).unwrap();
        assert_eq!(sqls(&journal), ["source: r1.1"]);
        journal.write("r1", 1, JournalEvent::Kept { why: "no undo".into() }).unwrap();
        assert_eq!(sqls(&journal), [""; 0]);
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_a_foreign_line_is_refused() {
        let (_folder, file) = file();
        let mut journal = Journal::open(&file).unwrap();
        journal.write("r1", 1, begun("x")).unwrap();
        drop(journal);
        let path = path_of(&file);
        let good = std::fs::read(&path).unwrap();
        for cut in 1..good.len() {
            let mut torn = good.clone();
            torn.extend(&good[..cut]);
            std::fs::write(&path, &torn).unwrap();
            let mut journal = Journal::open(&file).unwrap();
            assert_eq!(journal.last_run().len(), 1);
            assert!(!journal.last_run()[0].confirmed);
            journal.write("r1", 1, JournalEvent::Applied).unwrap();
            drop(journal);
            assert!(Journal::open(&file).unwrap().last_run()[0].confirmed, "lines after a torn one are whole");
        }
        std::fs::write(&path, "{\"x\": 1}\n").unwrap();
        let error = Journal::open(&file).unwrap_err();
        assert!(error.to_string().contains("line 1"), "{error}");
    }

    #[test]
    fn two_processes_do_not_write_at_once() {
        let (_folder, file) = file();
        let journal = Journal::open(&file).unwrap();
        assert!(matches!(Journal::open(&file), Err(JournalError::Busy { .. })));
        drop(journal);
        Journal::open(&file).unwrap();
    }
}
