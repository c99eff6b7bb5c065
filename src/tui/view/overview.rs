//! The overview: the pipeline as hops, what to do next, what else was found.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Block;

use super::super::model::{Hop, Model, hop};
use super::super::sync_run::State;
use super::super::theme;
use super::super::widgets::{bytes, count, plural, seconds, wrap};
use super::{put, put_all, signed};
use crate::checks::Severity;
use crate::diagnose::{Judgement, Outcome, Summary};
use crate::facts::{Attempt, UnknownKind};
use crate::pipeline::{Endpoint, Pipeline, SyncMode};
use crate::text;

/// Height of the hops.
const HOPS: u16 = 8;

pub fn draw(frame: &mut Frame<'_>, body: Rect, model: &Model) {
    let area = Rect { x: body.x + 2, y: body.y + 1, width: body.width - 4, height: body.height - 1 };
    if let Some(pipeline) = &model.pipeline {
        hops(frame, Rect { height: HOPS, ..area }, model, pipeline);
    }
    let below = Rect { y: area.y + HOPS + 1, height: area.height.saturating_sub(HOPS + 3), ..area };
    let mut lines = next(model, usize::from(below.width));
    lines.push(Line::default());
    others(model, &mut lines, usize::from(below.width), usize::from(below.height));
    put_all(frame, below, &lines);
    let last = Rect { y: area.bottom() - 1, height: 1, ..area };
    counts(frame, last, model);
}

fn hops(frame: &mut Frame<'_>, area: Rect, model: &Model, pipeline: &Pipeline) {
    let arrow: u16 = if area.width >= 90 { 8 } else { 5 };
    let engine = if area.width >= 74 { 19 } else { 14 };
    let further = further(pipeline, area.width);
    let arrows = 2 + u16::try_from(further.len()).unwrap_or(0);
    let middles = engine * (arrows - 1);
    let side = (area.width - middles - arrows * arrow) / 2;
    let facts = model.checks.facts.as_deref();
    let source = Rect { width: side, ..area };

    let seen = &model.checks.seen;
    let session = facts.and_then(|f| f.source.session.value());
    let rds = if session.is_some_and(|s| s.is_rds) { " (RDS)" } else { "" };
    let name = session.map_or_else(|| "PostgreSQL".to_owned(), |s| format!("PostgreSQL {}{rds}", s.version));
    let tables = seen.source_tables.map_or_else(
        || "tables not seen yet".to_owned(),
        |n| format!("{} · {}", plural(n, "table"), bytes(seen.source_bytes)),
    );
    let attempt = facts.map(|f| &f.source.configured);
    let lines = server(model, Hop::Source, &name, &pipeline.source, attempt, &tables, usize::from(side));
    boxed(frame, source, "source", &lines);
    link(frame, Rect { x: source.right(), width: arrow, ..area }, attempt);

    let mut middle = Rect { x: source.right() + arrow, width: engine, ..area };
    boxed(frame, middle, "engine", &engine_lines(model, pipeline, usize::from(engine), area.width));
    for (title, name) in further {
        link(frame, Rect { x: middle.right(), width: arrow, ..area }, None);
        middle.x = middle.right() + arrow;
        boxed(frame, middle, title, &[Line::raw(text::fit(&name, usize::from(engine) - 4))]);
    }
    let target = Rect { x: middle.right() + arrow, width: side, ..area };

    let session = facts.and_then(|f| f.target.session.value());
    let name = session.map_or_else(|| "MySQL or MariaDB".to_owned(), crate::facts::MySession::label);
    let tables = match (seen.target_tables, seen.source_tables) {
        (Some(n), Some(of)) => format!("{n} of {} exist", plural(of, "table")),
        _ => "tables not seen yet".to_owned(),
    };
    let attempt = facts.map(|f| &f.target.configured);
    let lines = server(model, Hop::Target, &name, &pipeline.target, attempt, &tables, usize::from(side));
    boxed(frame, target, "target", &lines);
    link(frame, Rect { x: middle.right(), width: arrow, ..area }, attempt);
}

/// From this width on what stands between engine and target has boxes of its own.
const ROOMY: u16 = 150;

/// What stands between the engine and the target: S3 and Glue, where the pipeline has them and there is room.
fn further(pipeline: &Pipeline, width: u16) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    if width >= ROOMY {
        all.extend(pipeline.s3.as_ref().map(|s3| ("S3", format!("{}/{}", s3.bucket, s3.prefix))));
        all.extend(pipeline.glue.as_ref().map(|glue| {
            let script = glue.script.as_ref().map(|path| path.to_string_lossy().into_owned());
            ("Glue", glue.job.clone().or(script).unwrap_or_default())
        }));
    }
    all
}

fn boxed(frame: &mut Frame<'_>, area: Rect, title: &str, lines: &[Line<'_>]) {
    let block = Block::bordered().border_style(theme::FAINT).title(format!(" {title} "));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    put_all(frame, Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner }, lines);
}

/// What stands in the box of a server.
fn server(
    model: &Model,
    which: Hop,
    name: &str,
    endpoint: &Endpoint,
    attempt: Option<&Attempt>,
    tables: &str,
    width: usize,
) -> Vec<Line<'static>> {
    let fit = |s: &str| text::fit(s, width.saturating_sub(4));
    let tls = match attempt {
        Some(Attempt::Accepted { tls: Some(version) }) => {
            format!("{} {}", version.replace("TLSv", "TLS "), endpoint.tls.as_str())
        }
        Some(Attempt::Accepted { tls: None }) => "without TLS".to_owned(),
        _ => format!("tls = {}", endpoint.tls.as_str()),
    };
    vec![
        Line::styled(fit(name), theme::STRONG),
        Line::raw(fit(&format!("{}:{}", endpoint.host, endpoint.port))),
        Line::raw(fit(&endpoint.database)),
        Line::raw(fit(&tls)),
        Line::raw(fit(tables)),
        Line::from(health(model, which)),
    ]
}

fn engine_lines(model: &Model, pipeline: &Pipeline, width: usize, whole: u16) -> Vec<Line<'static>> {
    let mode = match pipeline.sync.mode {
        SyncMode::FullLoad => "full load",
        SyncMode::Cdc => "changes",
        SyncMode::FullLoadAndCdc => "load + changes",
    };
    let mut name = super::engine(pipeline).to_owned();
    if whole < ROOMY {
        name.push_str(if pipeline.s3.is_some() { " → S3" } else { "" });
        name.push_str(if pipeline.glue.is_some() { " → Glue" } else { "" });
    }
    let fit = |s: &str| text::fit(s, width.saturating_sub(4));
    let run = &model.sync;
    let (state, style) = match &run.state {
        State::Idle => ("not started".to_owned(), theme::FAINT),
        State::Stopping => ("stopping".to_owned(), theme::WARN),
        State::Done(_) if run.paused => ("paused".to_owned(), theme::WARN),
        State::Done(_) if run.follows() && model.managed() => ("not watched".to_owned(), theme::FAINT),
        State::Done(_) if run.follows() => ("stopped".to_owned(), theme::FAINT),
        State::Done(_) => ("✓ loaded".to_owned(), theme::GOOD),
        State::Running if run.follows() => ("⇣ following changes".to_owned(), theme::BUSY),
        State::Failed(_) => ("✗ not finished".to_owned(), theme::BAD),
        State::Running => match run.fraction() {
            Some(f) => (format!("⇣ loading {:.0} %", f * 100.0), theme::BUSY),
            None => ("⇣ preparing".to_owned(), theme::BUSY),
        },
    };
    let totals = run.progress.totals;
    let rate = run.rates.back().filter(|_| run.busy()).map(|rate| count(*rate));
    let (moved, pace) = match (run.follows(), run.progress.lag) {
        (true, Some(lag)) => {
            (rate.map(|rate| format!("{rate} changes/s")), Some(format!("behind {}", seconds(lag.seconds))))
        }
        (true, None) => (rate.map(|rate| format!("{rate} changes/s")), None),
        (false, _) => (
            (totals.rows > 0).then(|| format!("{} rows", count(totals.rows))),
            rate.map(|rate| format!("{rate} rows/s")),
        ),
    };
    vec![
        Line::styled(fit(&name), theme::STRONG),
        Line::raw(fit(mode)),
        Line::styled(fit(&state), style),
        Line::raw(fit(&moved.unwrap_or_default())),
        Line::raw(fit(&pace.unwrap_or_default())),
        Line::from(health(model, Hop::Engine)),
    ]
}

/// The worst that is known about a hop.
fn health(model: &Model, which: Hop) -> Vec<Span<'static>> {
    let of_hop: Vec<&Judgement> = model.checks.judgements.iter().filter(|j| hop(j.check) == which).collect();
    let failed = |severity| {
        of_hop.iter().filter(|j| j.check.severity == severity && matches!(j.outcome, Outcome::Fail(_))).count()
    };
    for (severity, noun) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
        let n = failed(severity);
        if n > 0 {
            return signed(theme::severity(severity), plural(n, noun));
        }
    }
    let how_many = |is: fn(&Outcome) -> bool| of_hop.iter().filter(|j| is(&j.outcome)).count();
    let running = how_many(|o| matches!(o, Outcome::Running));
    if running > 0 && model.checks.running_since.is_some() {
        return signed(theme::RUNNING, "looking");
    }
    let waiting = how_many(|o| matches!(o, Outcome::Blocked(_)));
    if waiting > 0 {
        return signed(theme::WAITING, format!("{waiting} waiting"));
    }
    let unknown = how_many(|o| matches!(o, Outcome::Unknown(_) | Outcome::Running));
    if unknown > 0 {
        return signed(theme::UNKNOWN, format!("{unknown} unknown"));
    }
    if how_many(|o| matches!(o, Outcome::Pass)) == 0 {
        return signed(theme::NOTHING, "no checks");
    }
    signed(theme::OK, "healthy")
}

fn link(frame: &mut Frame<'_>, area: Rect, attempt: Option<&Attempt>) {
    let width = usize::from(area.width) - 1;
    let (line, style): (String, Style) = match attempt {
        Some(Attempt::Accepted { .. }) => ("━".repeat(width), theme::GOOD),
        Some(Attempt::Refused(_)) => {
            let left = width / 2;
            (format!("{}╳{}", "━".repeat(left), "━".repeat(width - left - 1)), theme::BAD)
        }
        Some(Attempt::NotTried(why)) if why.kind != UnknownKind::Pending => ("?".repeat(width), theme::WARN),
        _ => ("─".repeat(width), theme::FAINT),
    };
    let line = Line::styled(format!("{line}▶"), style);
    put(frame, Rect { y: area.y + 2, height: 1, ..area }, &line);
}

/// The one obvious next step.
fn next(model: &Model, width: usize) -> Vec<Line<'static>> {
    let label = "Next   ";
    let (text, style) = if let Some(why) = &model.pipeline_error {
        (format!("The pipeline file cannot be used. {why}"), theme::BAD)
    } else if let Some(why) = stuck(model) {
        (format!("The sync did not finish: {why}"), theme::BAD)
    } else if let Some(worst) = model.checks.failed().next() {
        let message = match &worst.outcome {
            Outcome::Fail(findings) => findings.first().map_or(worst.check.title, |f| f.message.as_str()),
            _ => worst.check.title,
        };
        (message.to_owned(), theme::STRONG)
    } else if let Some(since) = model.checks.running_since {
        let elapsed = (model.now - since).total(jiff::Unit::Second).unwrap_or(0.0);
        (format!("Looking at both databases: {}.", seconds(elapsed.max(0.0))), theme::PLAIN)
    } else if model.sync.busy() {
        let text = if model.sync.follows() {
            "The rows are there, and changes follow as they are made."
        } else {
            "The rows are on their way."
        };
        (text.to_owned(), theme::PLAIN)
    } else if model.sync.follows() && model.managed() && !model.sync.paused {
        ("The task goes on in AWS; nobody watches it here.".to_owned(), theme::PLAIN)
    } else if model.sync.follows() {
        ("The sync is stopped, and the source keeps its WAL until it goes on.".to_owned(), theme::WARN)
    } else if matches!(model.sync.state, State::Done(_)) {
        ("All rows are on the target, and everything that was looked at is fine.".to_owned(), theme::GOOD)
    } else if Summary::of(&model.checks.judgements).unknown > 0 {
        ("Nothing wrong was seen, but not everything could be looked at.".to_owned(), theme::PLAIN)
    } else {
        ("Everything that was looked at is fine.".to_owned(), theme::GOOD)
    };
    let mut lines: Vec<Line<'static>> = wrap(&super::super::widgets::head(&text, 600), width - label.len())
        .into_iter()
        .take(4)
        .enumerate()
        .map(|(i, line)| {
            let lead = if i == 0 { label } else { "       " };
            Line::from(vec![Span::styled(lead, theme::ACCENT), Span::styled(line, style)])
        })
        .collect();
    if let Some(keys) = next_keys(model) {
        let mut spans = vec![Span::raw(" ".repeat(label.len()))];
        for (key, what) in keys {
            spans.push(Span::styled(key, theme::ACCENT));
            spans.push(Span::raw(format!(" {what}   ")));
        }
        lines.push(Line::from(spans));
    }
    lines
}

/// Why the last sync did not finish, where no failed check is the likely cause.
fn stuck(model: &Model) -> Option<&str> {
    let State::Failed(why) = &model.sync.state else { return None };
    let errors = model.checks.failed().any(|j| j.check.severity == Severity::Error);
    if errors { None } else { why.reason.lines().next() }
}

fn next_keys(model: &Model) -> Option<Vec<(&'static str, &'static str)>> {
    if model.pipeline_error.is_some() {
        return Some(vec![("r", "once it is mended")]);
    }
    if stuck(model).is_some() {
        return Some(vec![("5", "look at it")]);
    }
    if let Some(worst) = model.checks.failed().next() {
        let fix = super::super::model::fixes(worst).next().map(|_| ("f", "fix it"));
        let managed = model.pipeline.as_ref().is_some_and(|p| p.dms.is_some()) && hop(worst.check) == Hop::Engine;
        let make = managed.then_some(("4", "the DMS side"));
        return Some([("enter", "look at it")].into_iter().chain(fix).chain(make).collect());
    }
    if model.checks.running_since.is_some() {
        return None;
    }
    Some(match model.sync.state {
        State::Idle => vec![("s", "start the sync")],
        _ if model.sync.paused => vec![("5", "let it go on")],
        _ => vec![("5", "watch it"), ("v", "verify")],
    })
}

/// The other failed checks, as far as there is room.
fn others(model: &Model, lines: &mut Vec<Line<'static>>, width: usize, height: usize) {
    let told = usize::from(stuck(model).is_none());
    let rest: Vec<&Judgement> = model.checks.failed().skip(told).collect();
    let room = height.saturating_sub(lines.len());
    let shown = if rest.len() > room { room.saturating_sub(1) } else { rest.len() };
    for j in &rest[..shown] {
        let (sign, style) = theme::judgement(j);
        lines.push(Line::from(vec![
            Span::styled(format!("{sign} "), style),
            Span::styled(format!("{:<8} ", j.check.code), theme::FAINT),
            Span::raw(text::fit(j.check.title, width.saturating_sub(11))),
        ]));
    }
    if rest.len() > shown && room > 0 {
        lines.push(Line::styled(format!("  and {} more", rest.len() - shown), theme::FAINT));
    }
}

fn counts(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    let sum = Summary::of(&model.checks.judgements);
    let running = model.checks.judgements.iter().filter(|j| j.outcome == Outcome::Running).count();
    let parts = [
        (sum.errors, theme::severity(Severity::Error), "wrong"),
        (sum.warnings, theme::severity(Severity::Warning), "to watch"),
        (sum.advice, theme::severity(Severity::Advice), "advice"),
        (sum.unknown - running, theme::UNKNOWN, "unknown"),
        (running, theme::RUNNING, "looking"),
        (sum.blocked, theme::WAITING, "waiting"),
        (sum.pass, theme::OK, "fine"),
    ];
    let line = |words: bool| {
        let mut spans = Vec::new();
        for (n, (sign, style), what) in parts.iter().filter(|(n, ..)| *n > 0) {
            let gap = if spans.is_empty() { "" } else { "   " };
            let text = if words { format!(" {n} {what}") } else { format!(" {n}") };
            spans.extend([Span::raw(gap), Span::styled(*sign, *style), Span::raw(text)]);
        }
        Line::from(spans)
    };
    let right = match (model.checks.running_since, model.checks.last) {
        (Some(_), _) => "looking…".to_owned(),
        (None, Some((at, took))) => {
            let time = at.to_zoned(model.zone.clone()).strftime("%H:%M:%S").to_string();
            format!("last run {time}, {}", seconds(took.as_secs_f64()))
        }
        (None, None) => String::new(),
    };
    let right = Line::styled(right, theme::FAINT);
    let room = usize::from(area.width).saturating_sub(right.width());
    // Where there is no room for both, the signs are enough: the help says what they mean.
    let left = Some(line(true)).filter(|l| l.width() + 2 <= room).unwrap_or_else(|| line(false));
    put(frame, area, &left);
    let wide = u16::try_from(right.width()).unwrap_or(0);
    put(frame, Rect { x: area.right().saturating_sub(wide), width: wide, ..area }, &right);
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::super::message::{Message, SyncFailure};
    use super::super::super::testing::{self, screen};
    use super::super::super::theme::Look;
    use super::super::super::update;

    #[test]
    fn before_any_answer() {
        assert_snapshot!(screen(&testing::model(80, 24)));
    }

    #[test]
    fn a_refused_source() {
        assert_snapshot!("refused_80", screen(&testing::judged(80, 24, testing::story(), testing::facts())));
        assert_snapshot!("refused_120", screen(&testing::judged(120, 36, testing::story(), testing::facts())));
        assert_snapshot!("refused_60", screen(&testing::judged(60, 20, testing::story(), testing::facts())));
    }

    #[test]
    fn healthy() {
        assert_snapshot!(screen(&testing::judged(80, 24, testing::healthy(), testing::healthy_facts())));
    }

    #[test]
    fn ascii() {
        let mut model = testing::judged(80, 24, testing::story(), testing::facts());
        model.look = Look { no_color: true, ascii: true, light: false };
        let text = screen(&model);
        assert!(text.is_ascii(), "{text}");
        assert_snapshot!(text);
    }

    #[test]
    fn a_refused_sync_is_what_comes_next() {
        let mut model = testing::judged(80, 24, testing::healthy(), testing::healthy_facts());
        testing::keys(&mut model, "s1");
        let reason = "one table cannot be loaded as it is; no row was moved\n  public.chart: it has rows".to_owned();
        let why = SyncFailure { reason, resume: None, truncate_helps: true };
        update::update(&mut model, Message::SyncEnded(testing::start(), Err(why)));
        let text = screen(&model);
        assert!(text.contains("The sync did not finish: one table cannot be loaded"), "{text}");
        assert!(text.contains("5 look at it"), "{text}");
    }

    #[test]
    fn a_broken_file_is_shown_in_place() {
        let mut model = testing::judged(80, 24, testing::story(), testing::facts());
        let run = model.checks.run;
        let why = "cdc-doctor.toml:4: unknown key `hots` in [source]; did you mean `host`?".to_owned();
        update::update(&mut model, Message::Pipeline(run, Err(why)));
        assert_snapshot!(screen(&model));
    }

    #[test]
    fn hostile_names_do_not_disturb() {
        let mut model = testing::judged(80, 24, testing::story(), testing::facts());
        if let Some(p) = &mut model.pipeline {
            p.name = "\x1b[2J\x1b]0;title\x07name".into();
            p.source.host = "\u{202e}evil".into();
            p.source.database = "日本語".repeat(2000);
            p.target.database = "a\nb\u{200b}c".into();
        }
        let text = screen(&model);
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'));
        assert_snapshot!(text);
    }
}
