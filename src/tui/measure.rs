//! Frames of a session with very many tables, timed, for `cargo bench --bench tui`. Nothing is looked at and no terminal
//! is taken: keys go through `update`, frames are drawn into memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent};

use super::message::{Judged, Message};
use super::model::{Model, Screen};
use super::schema_list;
use super::theme::Look;
use super::{update, view};
use crate::checks::{Finding, registry};
use crate::diagnose::{Judgement, Outcome};
use crate::facts::Facts;
use crate::sync::{Phase, Progress, TableProgress, TableState, Totals};

/// What was measured of a screen.
#[derive(Debug, Clone)]
pub struct Frames {
    /// The screen.
    pub screen: &'static str,
    /// What happens before each frame.
    pub what: &'static str,
    /// A key or a message taken in, and the frame drawn, each.
    pub took: Vec<Duration>,
}

/// Scrolls through each list of a session with what these facts hold, a key and a frame at a time; of the sync, new
/// counters of all tables come before each frame.
#[must_use]
pub fn frames(facts: &Facts, size: (u16, u16), count: usize) -> Vec<Frames> {
    let mut model = session(facts, size);
    let down = || Message::Key(KeyEvent::from(KeyCode::Down));
    let mut all = Vec::new();
    for (screen, what) in [
        (Screen::Overview, "a key"),
        (Screen::Checks, "a line down"),
        (Screen::Schema, "a line down"),
        (Screen::Sync, "new counters, a line down"),
        (Screen::Log, "a line up"),
    ] {
        model.screen = screen;
        let message = |i: usize| match screen {
            Screen::Sync if i.is_multiple_of(2) => Message::SyncProgress(counters(facts, i)),
            Screen::Log => Message::Key(KeyEvent::from(KeyCode::Up)),
            _ => down(),
        };
        all.push(Frames { screen: screen.title(), what, took: timed(&mut model, count, message) });
    }
    all
}

fn timed(model: &mut Model, count: usize, message: impl Fn(usize) -> Message) -> Vec<Duration> {
    // Drawing into memory cannot fail.
    let Ok(mut terminal) = Terminal::new(TestBackend::new(model.size.0, model.size.1));
    (0..count)
        .map(|i| {
            let message = message(i);
            let begun = Instant::now();
            update::update(model, message);
            let Ok(_) = terminal.draw(|frame| view::draw(frame, model));
            begun.elapsed()
        })
        .collect()
}

fn session(facts: &Facts, size: (u16, u16)) -> Model {
    let now = jiff::Timestamp::UNIX_EPOCH;
    let mut model = Model::new(facts.pipeline.path.clone(), Look::default(), size, now, jiff::tz::TimeZone::UTC);
    update::start(&mut model);
    update::update(&mut model, Message::Pipeline(1, Ok(Box::new(facts.pipeline.clone()))));
    // Every table has a finding, and every check that asks for tables has it.
    let tables = facts.source.tables.value().map_or(&[][..], Vec::as_slice);
    let found = || tables.iter().map(|t| Finding::new(t.label(), "It has no primary key.")).collect();
    let judgements = registry::ALL
        .iter()
        .enumerate()
        .map(|(i, check)| Judgement { check, outcome: if i < 3 { Outcome::Fail(found()) } else { Outcome::Pass } })
        .collect();
    let schema = schema_list::report(facts).map(Arc::new);
    let judged =
        Judged { run: 1, facts: Arc::new(facts.clone()), judgements, schema, elapsed: Duration::ZERO, done: true };
    update::update(&mut model, Message::Judged(judged));
    for _ in 0..3 {
        // Unfolds the findings of the first checks.
        model.screen = Screen::Checks;
        update::update(&mut model, Message::Key(KeyEvent::from(KeyCode::Char('l'))));
    }
    model.sync.begin(now);
    for i in 0..5000 {
        let message = format!("public.table_{i} has no primary key");
        let event = crate::sync::Event::Warning { table: None, message };
        update::update(&mut model, Message::SyncEvent(now, event));
    }
    model
}

fn counters(facts: &Facts, step: usize) -> Progress {
    let tables = facts.source.tables.value().map_or(&[][..], Vec::as_slice);
    let one = |(i, table): (usize, &crate::facts::PgTable)| TableProgress {
        schema: table.schema.clone(),
        table: table.name.clone(),
        state: if i.is_multiple_of(7) { TableState::Loading } else { TableState::Waiting },
        rows_done: (step * i) as u64,
        rows_total: Some(1_000_000),
        ..TableProgress::default()
    };
    let totals = Totals { rows: step as u64 * 1000, ..Totals::default() };
    Progress { phase: Phase::FullLoad, tables: tables.iter().enumerate().map(one).collect(), totals, lag: None }
}
