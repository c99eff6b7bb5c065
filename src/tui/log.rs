//! What happened in this session, a line each. Pure.

use std::collections::VecDeque;

use super::message::{JobEnd, Message};
use super::plan::ItemState;
use super::widgets::{Input, Words, plural};
use crate::diagnose::Summary;
use crate::sync::{Event, TableState};
use crate::verify::Outcome;

/// Lines that are kept.
const KEPT: usize = 5000;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// It went as it should.
    #[default]
    Info,
    /// A person should know.
    Warning,
    /// It failed.
    Error,
}

impl Level {
    /// As it is filtered and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The next higher; from the highest back to all.
    pub fn next(self) -> Self {
        match self {
            Self::Info => Self::Warning,
            Self::Warning => Self::Error,
            Self::Error => Self::Info,
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: jiff::Timestamp,
    /// How much it matters.
    pub level: Level,
    /// Who says it: `checks`, `sync`, `fix`, …
    pub by: &'static str,
    /// What, in one line.
    pub text: String,
}

/// All lines and what of them is shown.
#[derive(Debug, Default)]
pub struct Log {
    /// The oldest first.
    pub entries: VecDeque<Entry>,
    /// Words that a line must have.
    pub filter: Input,
    /// The least that is shown.
    pub level: Level,
    /// How many of the shown lines lie below the chosen one; 0 follows the newest.
    pub back: usize,
}

impl Log {
    /// Takes in what a message tells.
    pub fn hear(&mut self, now: jiff::Timestamp, message: &Message) {
        if let Some((level, by, text)) = told(message) {
            self.push(Entry { at: now, level, by, text });
        }
    }

    fn push(&mut self, entry: Entry) {
        // Somebody who reads further up stays at the line.
        if self.back > 0 && self.shows(&Words::new(self.filter.text()), &entry) {
            self.back += 1;
        }
        self.entries.push_back(entry);
        if self.entries.len() > KEPT {
            self.entries.pop_front();
        }
    }

    fn shows(&self, words: &Words, entry: &Entry) -> bool {
        let text = || format!("{} {} {}", entry.by, entry.level.as_str(), entry.text);
        entry.level >= self.level && (!words.any() || words.are_in(&text()))
    }

    /// The lines that pass level and filter, the oldest first.
    pub fn shown(&self) -> Vec<&Entry> {
        let words = Words::new(self.filter.text());
        self.entries.iter().filter(|e| self.shows(&words, e)).collect()
    }
}

/// What of a message belongs into the log; counters, keys and clocks do not.
fn told(message: &Message) -> Option<(Level, &'static str, String)> {
    Some(match message {
        Message::Pipeline(_, Err(why)) => (Level::Error, "file", first(why)),
        Message::Judged(judged) if judged.done => {
            let sum = Summary::of(&judged.judgements);
            let level = match (sum.errors, sum.warnings) {
                (1.., _) => Level::Error,
                (0, 1..) => Level::Warning,
                _ => Level::Info,
            };
            let text = format!(
                "{}, {}, {} unknown, {} passed, {:.1} s",
                plural(sum.errors, "error"),
                plural(sum.warnings, "warning"),
                sum.unknown,
                sum.pass,
                judged.elapsed.as_secs_f64()
            );
            (level, "checks", text)
        }
        Message::Step(place, ItemState::Done) => (Level::Info, "fix", format!("step {} done", place + 1)),
        Message::Step(place, ItemState::Failed(why)) => {
            (Level::Error, "fix", format!("step {} failed: {}", place + 1, first(why)))
        }
        Message::Applied(Ok(())) => (Level::Info, "fix", "the plan is applied".to_owned()),
        Message::Applied(Err(why)) => (Level::Error, "fix", first(why)),
        Message::SyncEvent(_, event) => return of_sync(event),
        Message::SyncEnded(_, Err(why)) => (Level::Error, "sync", first(&why.reason)),
        Message::JobOver(end) => return Some(of_job(end)),
        Message::Told(told) => (Level::Info, "provision", format!("{}: {}", told.what, told.state)),
        _ => return None,
    })
}

fn of_job(end: &JobEnd) -> (Level, &'static str, String) {
    let (by, failed) = match end {
        JobEnd::Verified(result) => match result {
            Ok(comparison) => {
                let (level, text) = match comparison.outcome() {
                    Outcome::Equal => (Level::Info, "source and target are equal"),
                    Outcome::Different => (Level::Error, "source and target differ"),
                    Outcome::Incomplete => (Level::Warning, "not everything could be compared"),
                };
                return (level, "verify", text.to_owned());
            }
            Err(why) => ("verify", Some(why)),
        },
        JobEnd::Canary(run) => {
            return (Level::Info, "canary", format!("{}: {}", run.source, super::words::canary(run)));
        }
        JobEnd::Undoable(result) => ("fix", result.as_ref().err()),
        JobEnd::Undone(result) => ("fix", result.as_ref().err()),
        JobEnd::Planned(result) => ("provision", result.as_ref().err()),
        JobEnd::Provisioned(result) => ("provision", result.as_ref().err()),
        JobEnd::Written(result) => ("report", result.as_ref().err()),
        JobEnd::Halted(result) => ("sync", result.as_ref().err()),
    };
    match failed {
        Some(why) => (Level::Error, by, first(why)),
        None => (Level::Info, by, "done".to_owned()),
    }
}

fn of_sync(event: &Event) -> Option<(Level, &'static str, String)> {
    let (level, text) = match event {
        Event::Started { engine, mode, tables } => (Level::Info, format!("{mode} of {tables} tables by {engine}")),
        Event::Phase { phase } => (Level::Info, format!("phase: {}", super::words::phase(*phase))),
        Event::Table(t) => match t.state {
            TableState::Loaded => (Level::Info, format!("{}.{}: {} rows loaded", t.schema, t.table, t.rows_done)),
            TableState::Failed => (Level::Error, format!("{}.{} failed", t.schema, t.table)),
            TableState::Interrupted => (Level::Warning, format!("{}.{} interrupted", t.schema, t.table)),
            TableState::Waiting | TableState::Loading | TableState::Streaming => return None,
        },
        Event::Warning { table: Some(table), message } => (Level::Warning, format!("{table}: {message}")),
        Event::Warning { table: None, message } => (Level::Warning, message.clone()),
        Event::Stopped { reason, .. } => (Level::Warning, first(reason)),
        Event::Finished { totals } => {
            (Level::Info, format!("finished: {} rows, {} changes", totals.rows, totals.changes))
        }
    };
    Some((level, "sync", text))
}

fn first(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn warning(text: &str) -> Message {
        Message::SyncEvent(testing::start(), Event::Warning { table: None, message: text.into() })
    }

    #[test]
    fn level_and_words_choose_lines() {
        let mut log = Log::default();
        log.hear(testing::start(), &warning("it has no key"));
        log.hear(testing::start(), &Message::Applied(Ok(())));
        log.hear(testing::start(), &Message::Applied(Err("lock timeout\nmore".into())));
        assert_eq!(log.shown().len(), 3);
        log.level = Level::Warning;
        assert_eq!(log.shown().iter().map(|e| e.text.as_str()).collect::<Vec<_>>(), ["it has no key", "lock timeout"]);
        log.filter.set("sync KEY");
        assert_eq!(log.shown().len(), 1);
        log.level = Level::Error;
        assert!(log.shown().is_empty());
    }

    #[test]
    fn a_reader_further_up_is_not_moved() {
        let mut log = Log::default();
        for i in 0..10 {
            log.hear(testing::start(), &warning(&i.to_string()));
        }
        log.back = 3;
        log.hear(testing::start(), &warning("new"));
        assert_eq!(log.back, 4);
        log.back = 0;
        log.hear(testing::start(), &warning("newer"));
        assert_eq!(log.back, 0, "at the end it follows");
    }

    #[test]
    fn old_lines_are_dropped() {
        let mut log = Log::default();
        for i in 0..=KEPT {
            log.hear(testing::start(), &warning(&i.to_string()));
        }
        assert_eq!((log.entries.len(), log.entries[0].text.as_str()), (KEPT, "1"));
    }
}
