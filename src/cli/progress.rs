//! Draws a run's events: bars on a terminal, lines elsewhere, or JSON for programs.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::check::print;
use crate::sync::{Event, Feed, Phase, Progress, TableProgress, TableState, Totals};
use crate::text::{fit, safe, thousands};

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressKind {
    /// Bars on a terminal, plain lines elsewhere
    Auto,
    /// Lines
    Plain,
    /// One JSON object a line, on standard output
    Json,
}

/// How often counters are shown where each showing is a line.
const LINE_EVERY: Duration = Duration::from_secs(2);
/// How often bars are drawn.
const FRAME_EVERY: Duration = Duration::from_millis(100);

/// Draws until the engine has closed its end.
pub(crate) async fn draw(kind: ProgressKind, feed: Feed) {
    match kind {
        ProgressKind::Json => run(feed, Json::new(), LINE_EVERY).await,
        ProgressKind::Auto if std::io::stderr().is_terminal() => run(feed, Bars::new(), FRAME_EVERY).await,
        ProgressKind::Auto | ProgressKind::Plain => run(feed, Lines, LINE_EVERY).await,
    }
}

/// One way to show a run.
trait Drawing {
    fn event(&mut self, event: &Event);
    fn counters(&mut self, progress: &Progress, rates: Rates);
}

/// Speed since the last showing.
#[derive(Debug, Clone, Copy, Default)]
struct Rates {
    rows: f64,
    changes: f64,
    bytes: f64,
}

async fn run(mut feed: Feed, mut drawing: impl Drawing, every: Duration) {
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    tick.tick().await;
    let mut last = (Instant::now(), Totals::default());
    loop {
        tokio::select! {
            event = feed.events.recv() => match event {
                Some(event) => drawing.event(&event),
                None => break,
            },
            _ = tick.tick() => {
                let progress = feed.progress.borrow_and_update().clone();
                let rates = rates(&mut last, &progress);
                drawing.counters(&progress, rates);
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "rates are for the eye")]
fn rates(last: &mut (Instant, Totals), progress: &Progress) -> Rates {
    let seconds = last.0.elapsed().as_secs_f64().max(1e-3);
    let (before, now) = (last.1, progress.totals);
    let rate = |before: u64, now: u64| now.saturating_sub(before) as f64 / seconds;
    *last = (Instant::now(), now);
    Rates {
        rows: rate(before.rows, now.rows),
        changes: rate(before.changes, now.changes),
        bytes: rate(before.bytes, now.bytes),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rates are positive and small")]
fn whole(rate: f64) -> u64 {
    rate.max(0.0).round() as u64
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Prepare => "prepare",
        Phase::FullLoad => "full load",
        Phase::CatchUp => "catch up",
        Phase::Streaming => "streaming",
        Phase::Stopping => "stopping",
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes for the eye")]
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The line for an event, where it has one.
fn line(event: &Event) -> Option<String> {
    match event {
        Event::Started { engine, mode, tables } => Some(format!("{engine} engine, {mode}, {tables} tables")),
        Event::Phase { phase } => Some(format!("phase: {}", phase_name(*phase))),
        Event::Table(t) => table_line(t),
        Event::Warning { table, message } => {
            let at = table.as_deref().map(|t| format!("{}: ", safe(t))).unwrap_or_default();
            Some(format!("warning: {at}{}", safe(message)))
        }
        Event::Stopped { reason, resume } => {
            let resume = resume.as_deref().map(|r| format!("\n  to go on: {}", safe(r))).unwrap_or_default();
            Some(format!("stopped: {}{resume}", safe(reason)))
        }
        Event::Finished { totals } => {
            let changes =
                if totals.changes > 0 { format!(", {} changes", thousands(totals.changes)) } else { String::new() };
            Some(format!(
                "done: {} rows in {} tables{changes}, {} MB, {:.1} s",
                thousands(totals.rows),
                totals.tables,
                thousands(totals.bytes / 1_000_000),
                totals.seconds
            ))
        }
    }
}

fn table_line(t: &TableProgress) -> Option<String> {
    let name = safe(&format!("{}.{}", t.schema, t.table));
    match t.state {
        // The phase says it of all of them.
        TableState::Waiting | TableState::Streaming => None,
        TableState::Loading => Some(format!("{name}: loading")),
        TableState::Loaded => Some(format!("{name}: loaded, {} rows", thousands(t.rows_done))),
        TableState::Failed => Some(format!("{name}: failed")),
        TableState::Interrupted => Some(format!("{name}: interrupted, {} rows done", thousands(t.rows_done))),
    }
}

struct Lines;

impl Drawing for Lines {
    fn event(&mut self, event: &Event) {
        if let Some(line) = line(event) {
            eprintln!("{line}");
        }
    }

    fn counters(&mut self, progress: &Progress, rates: Rates) {
        eprintln!("{}", totals_line(progress, rates));
    }
}

fn totals_line(progress: &Progress, rates: Rates) -> String {
    if matches!(progress.phase, Phase::CatchUp | Phase::Streaming) {
        let lag = progress.lag.unwrap_or_default();
        let kept = lag.retained.map_or_else(String::new, |bytes| format!(", WAL kept {}", megabytes(bytes)));
        return format!(
            "{}: {} changes, {}/s, behind by {} and {:.1} s{kept}",
            phase_name(progress.phase),
            thousands(progress.totals.changes),
            thousands(whole(rates.changes)),
            megabytes(lag.bytes),
            lag.seconds
        );
    }
    let loaded = progress.tables.iter().filter(|t| t.state == TableState::Loaded).count();
    format!(
        "{}: {} rows, {}/{} tables, {} rows/s, {:.1} MB/s",
        phase_name(progress.phase),
        thousands(progress.totals.rows),
        loaded,
        progress.tables.len(),
        thousands(whole(rates.rows)),
        rates.bytes / 1e6
    )
}

struct Json;

impl Json {
    fn new() -> Self {
        let tool = format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        print(&format!("{}\n", json!({"event": "version", "ui": "1.0", "tool": tool})));
        Self
    }

    fn object(name: &str, value: Value) {
        let mut object = serde_json::Map::new();
        object.insert("at".into(), jiff::Timestamp::now().to_string().into());
        object.insert("event".into(), name.into());
        if let Value::Object(fields) = value {
            object.extend(fields.into_iter().filter(|(k, _)| k != "event"));
        }
        print(&format!("{}\n", Value::Object(object)));
    }
}

impl Drawing for Json {
    fn event(&mut self, event: &Event) {
        let value = serde_json::to_value(event).unwrap_or(Value::Null);
        let name = value.get("event").and_then(Value::as_str).unwrap_or("event").to_owned();
        Self::object(&name, value);
    }

    fn counters(&mut self, progress: &Progress, rates: Rates) {
        let t = progress.totals;
        Self::object(
            "progress",
            json!({"rows": t.rows, "bytes": t.bytes, "tables": t.tables, "changes": t.changes, "seconds": t.seconds,
                   "rows_per_second": rates.rows, "changes_per_second": rates.changes,
                   "bytes_per_second": rates.bytes}),
        );
        if let Some(lag) = progress.lag {
            Self::object("lag", serde_json::to_value(lag).unwrap_or(Value::Null));
        }
    }
}

/// A bar for each table that is loading, and a line of sums below.
struct Bars {
    all: MultiProgress,
    sums: ProgressBar,
    tables: HashMap<String, ProgressBar>,
    style: ProgressStyle,
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(30));
        let style = ProgressStyle::with_template("  {prefix:32} {bar:24} {percent:>3} %  {human_pos:>12} rows")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let sums = all.add(ProgressBar::new_spinner());
        sums.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { all, sums, tables: HashMap::new(), style }
    }

    fn say(&self, text: &str) {
        // A terminal that went away is no reason to stop the run.
        let _ = self.all.println(text);
    }
}

impl Drawing for Bars {
    fn event(&mut self, event: &Event) {
        if let Event::Table(t) = event {
            let name = format!("{}.{}", t.schema, t.table);
            match t.state {
                TableState::Loading => {
                    let bar = ProgressBar::new(t.rows_total.unwrap_or(0)).with_style(self.style.clone());
                    let bar = self.all.insert_before(&self.sums, bar);
                    bar.set_prefix(fit(&name, 32));
                    self.tables.insert(name, bar);
                }
                _ => {
                    if let Some(bar) = self.tables.remove(&name) {
                        bar.finish_and_clear();
                    }
                    if let Some(text) = table_line(t) {
                        self.say(&text);
                    }
                }
            }
            return;
        }
        if matches!(event, Event::Finished { .. } | Event::Stopped { .. }) {
            self.sums.finish_and_clear();
        }
        if let Some(text) = line(event) {
            self.say(&text);
        }
    }

    fn counters(&mut self, progress: &Progress, rates: Rates) {
        for t in &progress.tables {
            if let Some(bar) = self.tables.get(&format!("{}.{}", t.schema, t.table)) {
                // An estimate may be low; a bar never says more than 100 %.
                bar.set_length(t.rows_total.unwrap_or(0).max(t.rows_done));
                bar.set_position(t.rows_done);
            }
        }
        self.sums.set_message(totals_line(progress, rates));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_cannot_move_the_cursor() {
        let event = Event::Warning { table: Some("a\x1b[2Jb".into()), message: "x\ny".into() };
        assert_eq!(line(&event).unwrap(), "warning: a\\u{1b}[2Jb: x\\ny");
    }
}
