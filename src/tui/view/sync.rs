//! The sync: totals, a line for each table, what happened.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::model::Model;
use super::super::sync_run::{self, Order, State, SyncRun, table_fraction};
use super::super::theme;
use super::super::widgets::{bar, bytes, clock, count, head, plural, seconds, spark, tall, window, wrap, wrap_lines};
use super::{checks, line_in, put, put_all};
use crate::sync::{Event, Phase, TableProgress, TableState};
use crate::text;

/// Lines for what happened.
const EVENTS: u16 = 4;
/// From this height on rates and lag are drawn as charts of several lines.
const TALL: u16 = 32;
/// Lines of a chart.
const CHART: usize = 4;

pub fn draw(frame: &mut Frame<'_>, body: Rect, model: &Model) {
    let area = Rect { x: body.x + 1, width: body.width - 2, ..body };
    let run = &model.sync;
    if run.state == State::Idle {
        put_all(frame, Rect { y: area.y + 1, height: area.height - 1, ..area }, &idle(model, usize::from(area.width)));
        return;
    }
    let mut top = vec![title(model), totals(run, usize::from(area.width))];
    top.extend(outcome(run, usize::from(area.width)));
    top.extend(charts(run, usize::from(area.width), area.height));
    top.push(Line::default());
    let used = u16::try_from(top.len()).unwrap_or(u16::MAX).min(area.height);
    put_all(frame, area, &top);
    let rest = Rect { y: area.y + used, height: area.height - used, ..area };
    let events = if rest.height > EVENTS + 6 { EVENTS } else { rest.height / 3 };
    tables(frame, Rect { height: rest.height - events, ..rest }, model);
    happened(frame, Rect { y: rest.bottom() - events, height: events, ..rest }, model);
}

/// The table at a line of the screen.
pub fn line_at(body: Rect, model: &Model, row: u16) -> Option<usize> {
    let run = &model.sync;
    let width = usize::from(body.width - 2);
    let above = 3 + outcome(run, width).len() + charts(run, width, body.height).len();
    let top = body.y + u16::try_from(above).unwrap_or(u16::MAX) + 1;
    let rest = body.bottom().saturating_sub(top);
    let events = if rest + 1 > EVENTS + 6 { EVENTS } else { (rest + 1) / 3 };
    let list = Rect { y: top, height: rest.saturating_sub(events), ..body };
    line_in(list, shown(run, list), row)
}

/// Rates and lag over the last two minutes, where there is room.
fn charts(run: &SyncRun, width: usize, height: u16) -> Vec<Line<'static>> {
    if height < TALL || run.rates.is_empty() {
        return Vec::new();
    }
    let half = width / 2 - 2;
    let top = |samples: &VecDeque<u64>| samples.iter().copied().max().unwrap_or(0);
    let what = if run.follows() { "changes/s" } else { "rows/s" };
    let left = (format!("{what}, up to {}", count(top(&run.rates))), tall(run.rates.iter().copied(), half, CHART));
    let right = if run.lags.is_empty() {
        (format!("bytes/s, up to {}", bytes(top(&run.byte_rates))), tall(run.byte_rates.iter().copied(), half, CHART))
    } else {
        (format!("behind, up to {} ms", count(top(&run.lags))), tall(run.lags.iter().copied(), half, CHART))
    };
    let mut lines = vec![
        Line::default(),
        Line::styled(format!("  {:<half$}  {}", text::fit(&left.0, half), text::fit(&right.0, half)), theme::FAINT),
    ];
    for (l, r) in left.1.iter().zip(&right.1) {
        lines.push(Line::styled(format!("  {l:<half$}  {r}"), theme::BUSY));
    }
    lines
}

/// What would be done.
fn idle(model: &Model, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Line::styled("Nothing is running.", theme::STRONG), Line::default()];
    let Some(pipeline) = &model.pipeline else { return lines };
    let tables = model.checks.seen.source_tables.map_or_else(
        || "the selected tables".to_owned(),
        |n| format!("{} ({})", plural(n, "table"), bytes(model.checks.seen.source_bytes)),
    );
    let mut say = |text: &str| lines.extend(wrap(text, width).into_iter().map(Line::raw));
    let follows = pipeline.sync.mode.has_cdc();
    say(&format!(
        "Starting copies the rows of {tables} from {} to {}, all from one moment of the source. Missing tables are \
         created with their keys. A table that has rows already is refused, not added to.",
        pipeline.source.database,
        pipeline.target_databases().join(", ")
    ));
    if follows {
        say("");
        say(
            "Then every change on the source follows, each once, until it is stopped. What an earlier run has loaded is \
             not loaded again.",
        );
    }
    let errors = model.checks.failed().filter(|j| j.check.severity == crate::checks::Severity::Error).count();
    if errors > 0 {
        say("");
        say(&format!(
            "{} in the way. Look at the checks first.",
            if errors == 1 { "1 error stands".to_owned() } else { format!("{errors} errors stand") }
        ));
    }
    lines.push(Line::default());
    lines.push(Line::from(vec![Span::styled("s", theme::ACCENT), Span::raw(" start")]));
    lines
}

fn title(model: &Model) -> Line<'static> {
    let run = &model.sync;
    let (sign, style) = match &run.state {
        State::Idle => theme::NOTHING,
        State::Running => ("⇣", theme::BUSY),
        State::Stopping => theme::WAITING,
        State::Done(_) => theme::OK,
        State::Failed(_) => ("✗", theme::BAD),
    };
    let phase = match (&run.state, run.progress.phase) {
        (State::Done(_), _) if run.paused => "paused: space lets it go on".to_owned(),
        (State::Done(_), _) if run.follows() && model.managed() => "not watched: the task goes on in AWS".to_owned(),
        (State::Done(_), _) if run.follows() => "stopped, and can go on".to_owned(),
        (State::Done(_), _) => "all rows are there".to_owned(),
        (State::Failed(_), _) => "ended before its work was done".to_owned(),
        (State::Stopping, _) | (_, Phase::Stopping) => "stopping".to_owned(),
        (_, Phase::Prepare) => "preparing".to_owned(),
        (_, Phase::FullLoad) => match run.fraction() {
            Some(f) => format!("full load {:.0} %", f * 100.0),
            None => "full load".to_owned(),
        },
        (_, Phase::CatchUp) => "catching up".to_owned(),
        (_, Phase::Streaming) => "streaming".to_owned(),
    };
    let engine = model.pipeline.as_ref().map_or("", super::engine);
    let mut spans = vec![
        Span::styled(format!("{sign} "), style),
        Span::styled(format!("{engine} · {phase}"), theme::STRONG),
        Span::raw(format!("   {}", clock(run.elapsed(model.now)))),
    ];
    if let Some(left) = run.left(model.now) {
        spans.push(Span::styled(format!("   left {}", clock(left)), theme::FAINT));
    }
    if let Some(memory) = run.memory.filter(|_| run.busy()) {
        spans.push(Span::styled(format!("   mem {}", bytes(memory)), theme::FAINT));
    }
    Line::from(spans)
}

fn totals(run: &SyncRun, width: usize) -> Line<'static> {
    let totals = run.progress.totals;
    let tables = run.progress.tables.len();
    if tables == 0 {
        return Line::default();
    }
    if run.follows() {
        return following(run, width);
    }
    let loaded = format!("{} of {}", count(totals.tables as u64), plural(tables, "table"));
    let mut spans = vec![Span::raw(format!("  {} rows   {}   {loaded}", count(totals.rows), bytes(totals.bytes)))];
    if let (true, Some(rate)) = (run.busy(), run.rates.back()) {
        spans.push(Span::raw(format!("   {} rows/s", count(*rate))));
        if let Some(rate) = run.byte_rates.back() {
            spans.push(Span::raw(format!("   {}/s", bytes(*rate))));
        }
    } else if let State::Done(totals) = &run.state {
        spans.push(Span::raw(format!("   {}", seconds(totals.seconds))));
        if totals.seconds > 0.05 {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a rate"
            )]
            let rate = (totals.rows as f64 / totals.seconds) as u64;
            spans.push(Span::raw(format!("   {} rows/s", count(rate))));
        }
    }
    let used: usize = spans.iter().map(Span::width).sum();
    spans.push(Span::raw(" "));
    spans.push(Span::styled(spark(run.rates.iter().copied(), width.saturating_sub(used + 1).min(40)), theme::BUSY));
    Line::from(spans)
}

/// The totals while changes are followed.
fn following(run: &SyncRun, width: usize) -> Line<'static> {
    let mut text = format!("  {} changes", count(run.progress.totals.changes));
    if run.progress.totals.batches > 0 && width >= 100 {
        text.push_str(&format!(
            " in {}",
            plural(usize::try_from(run.progress.totals.batches).unwrap_or(usize::MAX), "batch")
        ));
    }
    if let Some(lag) = run.progress.lag {
        text.push_str(&format!("   behind {}, {}", seconds(lag.seconds), bytes(lag.bytes)));
        if let Some(kept) = lag.retained {
            text.push_str(&format!("   WAL kept {}", bytes(kept)));
        }
    }
    if let (true, Some(rate)) = (run.busy(), run.rates.back()) {
        text.push_str(&format!("   {}/s", count(*rate)));
    }
    let room = width.saturating_sub(text.len() + 1).min(40);
    Line::from(vec![Span::raw(text), Span::raw(" "), Span::styled(spark(run.rates.iter().copied(), room), theme::BUSY)])
}

/// How it ended, when not well, and what can be done.
fn outcome(run: &SyncRun, width: usize) -> Vec<Line<'static>> {
    let State::Failed(why) = &run.state else { return Vec::new() };
    let mut lines = vec![Line::default()];
    lines.extend(wrap_lines(&head(&why.reason, 1000), width).into_iter().take(8).map(|l| Line::styled(l, theme::BAD)));
    if why.truncate_helps {
        lines.push(Line::from(vec![
            Span::styled("t", theme::ACCENT),
            Span::raw(" empty the target tables and load again   "),
            Span::styled("2", theme::ACCENT),
            Span::raw(" look at the checks"),
        ]));
    } else if let Some(resume) = &why.resume {
        lines.push(Line::styled(text::fit(&format!("outside: {resume}"), width), theme::FAINT));
    }
    lines
}

/// The tables that have a line; the last line says which part of them it is, where not all fit.
fn shown(run: &SyncRun, list: Rect) -> std::ops::Range<usize> {
    let more = run.rows.len() > usize::from(list.height) || run.rows.len() < run.progress.tables.len();
    window(run.cursor, run.rows.len(), usize::from(list.height).saturating_sub(usize::from(more)))
}

fn tables(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let run = &model.sync;
    if area.height < 2 || run.progress.tables.is_empty() {
        return;
    }
    let width = usize::from(area.width);
    let bar = if width >= 76 { 16 } else { 6 };
    let rates = width >= 100;
    let name = width.saturating_sub(2 + 13 + 14 + 2 + bar + 6 + if rates { 12 } else { 0 });
    let rate = if rates { format!("{:>12}", "a second") } else { String::new() };
    let mut header =
        vec![Span::styled(format!("  {:<name$}{:<13}{:>14}{rate}", "table", "state", "rows"), theme::FAINT)];
    if run.order != Order::Plan {
        header.push(Span::styled(format!("  by {}  ", run.order.label()), theme::ACCENT));
    }
    header.push(Span::raw("  "));
    header.extend(checks::filter(&run.filter, model.filtering));
    put(frame, Rect { height: 1, ..area }, &Line::from(header));
    let all = &run.progress.tables;
    let list = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let shown = shown(run, list);
    for (at, row) in shown.clone().zip(list.rows()) {
        let Some((place, progress)) = run.rows.get(at).and_then(|&i| Some((i, all.get(i)?))) else { continue };
        let rate = rates.then(|| run.table_rates.get(place).copied().unwrap_or(0));
        put(frame, row, &table(progress, name, bar, rate));
        if at == run.cursor && run.rows.len() > 1 {
            frame.buffer_mut().set_style(row, theme::CHOSEN);
        }
    }
    let more = run.rows.len() > shown.len() || run.rows.len() < all.len();
    if more {
        let text = if run.rows.is_empty() {
            format!("  none of {} is shown: esc takes the filter away", plural(all.len(), "table"))
        } else if run.rows.len() < all.len() {
            format!(
                "  {} to {} of {} shown, {} in all",
                shown.start + 1,
                shown.end,
                count(run.rows.len() as u64),
                plural(all.len(), "table")
            )
        } else {
            format!("  {} to {} of {}", shown.start + 1, shown.end, plural(all.len(), "table"))
        };
        put(frame, Rect { y: list.bottom() - 1, height: 1, ..list }, &Line::styled(text, theme::FAINT));
    }
}

/// A table's line; `name` and `columns` are the widths of its name and its bar.
fn table(t: &TableProgress, name: usize, columns: usize, rate: Option<u64>) -> Line<'static> {
    use unicode_width::UnicodeWidthStr;
    let label = text::fit(&format!("{}.{}", head(&t.schema, 200), head(&t.table, 200)), name.saturating_sub(1));
    let pad = name.saturating_sub(label.width());
    let (sign, style) = theme::table(t.state);
    let state = sync_run::state(t.state);
    let rate = match rate {
        Some(0) => format!("{:>12}", "–"),
        Some(rate) => format!("{:>12}", count(rate)),
        None => String::new(),
    };
    let progress = match table_fraction(t) {
        Some(f) if !matches!(t.state, TableState::Waiting | TableState::Streaming) => {
            format!("  {} {:>3.0} %", bar(f, columns), f * 100.0)
        }
        _ => String::new(),
    };
    let rows = match (t.state, t.rows_total) {
        (TableState::Streaming, _) => format!("{} changes", count(t.changes)),
        (TableState::Waiting, Some(total)) => format!("about {}", count(total)),
        _ => count(t.rows_done),
    };
    Line::from(vec![
        Span::raw("  "),
        Span::raw(label),
        Span::raw(" ".repeat(pad)),
        Span::styled(sign, style),
        Span::raw(format!(" {state:<11}{rows:>14}{rate}")),
        Span::styled(progress, style),
    ])
}

fn happened(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    if area.height < 2 {
        return;
    }
    put(frame, Rect { height: 1, ..area }, &Line::styled("─".repeat(usize::from(area.width)), theme::FAINT));
    let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let told = model.sync.events.iter().filter_map(|(at, event)| Some((at, words(event)?)));
    for ((at, (text, style)), row) in told.zip(below.rows()) {
        let time = at.to_zoned(model.zone.clone()).strftime("%H:%M:%S").to_string();
        let text = text::fit(&text, usize::from(row.width).saturating_sub(time.len() + 2));
        put(frame, row, &Line::from(vec![Span::styled(format!("{time}  "), theme::FAINT), Span::styled(text, style)]));
    }
}

/// An event in words; those that the counters show already are not told.
fn words(event: &Event) -> Option<(String, ratatui::style::Style)> {
    Some(match event {
        Event::Started { mode, tables, .. } => {
            (format!("{mode} of {} started", plural(*tables, "table")), theme::PLAIN)
        }
        Event::Table(t) if t.state == TableState::Loaded => {
            (format!("{}.{}: {} rows loaded", t.schema, t.table, count(t.rows_done)), theme::PLAIN)
        }
        Event::Table(t) if t.state == TableState::Failed => (format!("{}.{} failed", t.schema, t.table), theme::BAD),
        Event::Phase { .. } | Event::Table(_) => return None,
        Event::Warning { table: Some(table), message } => (format!("{table}: {message}"), theme::WARN),
        Event::Warning { table: None, message } => (message.clone(), theme::WARN),
        // The first line says what; the rest stands above the table.
        Event::Stopped { reason, .. } => (reason.lines().next().unwrap_or_default().to_owned(), theme::BAD),
        Event::Finished { totals } => (
            format!("{} in {}, {} rows", plural(totals.tables, "table"), seconds(totals.seconds), count(totals.rows)),
            theme::GOOD,
        ),
    })
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::SignedDuration;

    use super::super::super::message::{Message, SyncFailure};
    use super::super::super::model::{Model, Screen};
    use super::super::super::testing::{self, keys, screen};
    use super::super::super::theme::Look;
    use super::super::super::update::update;
    use crate::sync::{Event, Lag, Phase, Progress, TableProgress, TableState, Totals};

    fn table(name: &str, state: TableState, rows_done: u64, rows_total: Option<u64>) -> TableProgress {
        TableProgress {
            schema: "public".into(),
            table: name.into(),
            state,
            rows_done,
            rows_total,
            bytes: rows_done * 90,
            changes: 0,
            kinds: crate::sync::Kinds::default(),
        }
    }

    fn running(width: u16, height: u16) -> Model {
        let mut model = testing::judged(width, height, testing::healthy(), testing::healthy_facts());
        keys(&mut model, "s");
        let at = |s| testing::start() + SignedDuration::from_secs(s);
        update(
            &mut model,
            Message::SyncEvent(at(0), Event::Started { engine: "direct".into(), mode: "full-load".into(), tables: 3 }),
        );
        let loaded = table("weekly_chart", TableState::Loaded, 52_000, Some(52_000));
        update(&mut model, Message::SyncEvent(at(2), Event::Table(loaded.clone())));
        let warning = Event::Warning { table: Some("public.plays".into()), message: "it has no key".into() };
        update(&mut model, Message::SyncEvent(at(3), warning));
        let mut progress = Progress {
            phase: Phase::FullLoad,
            tables: vec![
                loaded,
                table("plays", TableState::Loading, 7_481_200, Some(12_000_000)),
                table("artists", TableState::Waiting, 0, Some(90_114)),
            ],
            totals: Totals { tables: 1, rows: 0, bytes: 678_000_000, seconds: 41.0, ..Totals::default() },
            lag: None,
        };
        for second in 1..=41 {
            progress.totals.rows += 150_000 + 3_000 * second;
            update(&mut model, Message::SyncProgress(progress.clone()));
            update(&mut model, Message::Tick(at(i64::try_from(second).unwrap())));
        }
        model
    }

    #[test]
    fn nothing_running() {
        let mut model = testing::judged(80, 24, testing::story(), testing::facts());
        model.screen = Screen::Sync;
        assert_snapshot!(screen(&model));
    }

    #[test]
    fn rows_moving() {
        assert_snapshot!("moving_80", screen(&running(80, 24)));
        assert_snapshot!("moving_120", screen(&running(120, 36)));
        assert_snapshot!("moving_160", screen(&running(160, 50)));
        let mut model = running(60, 20);
        model.look = Look { no_color: true, ascii: true, light: false };
        assert_snapshot!("moving_60_ascii", screen(&model));
    }

    #[test]
    fn done() {
        let mut model = running(80, 24);
        let tables = ["weekly_chart", "plays", "artists"].map(|t| table(t, TableState::Loaded, 4_047_371, None));
        let totals = Totals { tables: 3, rows: 12_142_114, bytes: 1_092_790_260, seconds: 66.0, ..Totals::default() };
        let at = testing::start() + SignedDuration::from_secs(66);
        update(&mut model, Message::SyncProgress(Progress { tables: tables.to_vec(), totals, ..Progress::default() }));
        update(&mut model, Message::SyncEnded(at, Ok(totals)));
        assert_snapshot!(screen(&model));
    }

    #[test]
    fn changes_followed_and_stopped() {
        let mut model = running(80, 24);
        let mut tables: Vec<_> =
            ["weekly_chart", "plays"].map(|t| table(t, TableState::Streaming, 52_000, None)).into();
        tables[1].changes = 170_000;
        let lag = Some(Lag { bytes: 1_200_000, seconds: 0.2, retained: Some(84_000_000) });
        let totals = Totals { tables: 2, rows: 104_000, changes: 170_000, ..Totals::default() };
        let progress = Progress { phase: Phase::Streaming, tables, totals, lag };
        update(&mut model, Message::SyncProgress(progress.clone()));
        assert_snapshot!("following", screen(&model));
        update(&mut model, Message::SyncProgress(Progress { phase: Phase::Stopping, ..progress }));
        update(&mut model, Message::SyncEnded(testing::start() + SignedDuration::from_secs(66), Ok(totals)));
        let text = screen(&model);
        assert!(text.contains("stopped, and can go on"), "{text}");
    }

    #[test]
    fn refused_and_the_way_on() {
        let mut model = running(80, 24);
        let why = SyncFailure {
            reason: "one table cannot be loaded as it is; no row was moved\n  public.weekly_chart: the target table has rows".into(),
            resume: None,
            truncate_helps: true,
        };
        update(&mut model, Message::SyncEnded(testing::start(), Err(why)));
        assert_snapshot!("refused", screen(&model));
        keys(&mut model, "t");
        keys(&mut model, "trun");
        assert_snapshot!("refused_question", screen(&model));
    }

    #[test]
    fn quitting_asks() {
        let mut model = running(80, 24);
        keys(&mut model, "q");
        assert_snapshot!(screen(&model));
    }

    #[test]
    fn thousands_of_hostile_tables_scroll() {
        let mut model = running(80, 24);
        let tables = (0..10_000)
            .map(|i| table(&format!("\x1b[2J{i}\u{202e}{}", "日".repeat(3000)), TableState::Loading, i, None))
            .collect();
        update(&mut model, Message::SyncProgress(Progress { tables, ..Progress::default() }));
        keys(&mut model, "G");
        let text = screen(&model);
        assert!(text.contains("of 10,000 tables") && text.contains("[2J9999"), "{text}");
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'));
    }
}
