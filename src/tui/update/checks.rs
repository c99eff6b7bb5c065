//! The checks: runs, the list, the detail pane, the filter.

use super::super::keys::Command;
use super::super::message::{Effect, Part};
use super::super::model::{Checks, Model, Screen};
use super::super::page::Page;
use super::super::rows::{Narrow, Row, RowKey};
use super::super::view;
use super::{command, moved, page};
use crate::checks::Area;
use crate::diagnose::Outcome;
use crate::fixes::Action;
use crate::report::{self, Report, Style};

/// Begins a run; a run that is still going on is forgotten.
pub fn run(model: &mut Model) -> Vec<Effect> {
    start(model, Part::All)
}

/// Begins a run that looks again only at what the chosen check is about.
pub fn run_part(model: &mut Model) -> Vec<Effect> {
    let part = model.checks.chosen().map_or(Part::All, |j| Part::Of(j.check.area));
    start(model, part)
}

fn start(model: &mut Model, part: Part) -> Vec<Effect> {
    let checks = &mut model.checks;
    checks.run += 1;
    checks.running_since = Some(model.now);
    vec![Effect::Check { run: checks.run, part }]
}

/// Ends the run that is going on. What it has not seen yet stays as it is shown.
pub fn cancel(model: &mut Model) -> Vec<Effect> {
    let checks = &mut model.checks;
    // Its late words are those of an older run.
    checks.run += 1;
    checks.running_since = None;
    model.notice = Some("The checks were ended: what was not seen yet is not known. r runs them again.".into());
    vec![Effect::CancelCheck]
}

/// Writes the report as `check` prints it into a new file beside the pipeline file.
pub fn report(model: &mut Model) -> Vec<Effect> {
    let checks = &model.checks;
    let Some(facts) = &checks.facts else { return Vec::new() };
    let elapsed = checks.last.map_or(0, |(_, took)| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    let report = Report::new(facts, &checks.judgements, elapsed);
    let text = report::text(&report, Style { color: false, width: 100, verbose: true });
    let when = facts.taken_at.to_zoned(model.zone.clone()).strftime("%Y%m%d-%H%M%S");
    let path = model.path.with_extension(format!("report-{when}.txt"));
    vec![Effect::Write { path, text }]
}

/// Shows all that there is to read about the chosen check.
pub fn explain(model: &mut Model) {
    let Some(j) = model.checks.chosen() else { return };
    let c = j.check;
    let indented = |line: &str| line.strip_prefix(' ').unwrap_or(line).to_owned();
    let text: Vec<String> = c.explanation.lines().map(indented).collect();
    let waits = if c.after.is_empty() { String::new() } else { format!("\nWaits for: {}", c.after.join(", ")) };
    let page = format!("{}\n\n{}{waits}", c.title, text.join("\n"));
    model.page = Some(Page::new(format!("{} · {}", c.code, c.name), &page));
}

/// Takes the chosen finding to the clipboard, in the words of the detail pane.
pub fn copy(model: &mut Model) -> Vec<Effect> {
    let lines = view::detail_text(model, 100);
    if lines.is_empty() { Vec::new() } else { command::copied(model, lines) }
}

/// The statements of the chosen fix, a line each.
pub fn sql(model: &Model) -> Option<String> {
    let statement = |action: &Action| match action {
        Action::SourceSql { sql } => Some(format!("-- on the source\n{sql};")),
        Action::TargetSql { sql } => Some(format!("-- on the target\n{sql};")),
        _ => None,
    };
    let fixes = model.checks.chosen_fixes();
    let all: Vec<String> =
        fixes.iter().flat_map(|(_, f)| &f.steps).filter_map(|step| statement(&step.action)).collect();
    (!all.is_empty()).then(|| all.join("\n"))
}

/// Takes them to the clipboard.
pub fn copy_sql(model: &mut Model) -> Vec<Effect> {
    match sql(model) {
        Some(text) => command::copied(model, text),
        None => {
            model.notice = Some("Nothing chosen here is mended by a statement.".into());
            Vec::new()
        }
    }
}

/// The next area that has a check which applies; from the last back to all.
fn next_area(checks: &Checks) -> Option<Area> {
    let mut areas: Vec<Area> = Vec::new();
    for j in &checks.judgements {
        if !matches!(j.outcome, Outcome::NotApplicable(_)) && !areas.contains(&j.check.area) {
            areas.push(j.check.area);
        }
    }
    match checks.narrow.area {
        None => areas.first().copied(),
        Some(now) => areas.iter().position(|a| *a == now).and_then(|at| areas.get(at + 1)).copied(),
    }
}

/// Shows a check in the list.
pub fn show(model: &mut Model, code: &'static str) {
    model.screen = Screen::Checks;
    let checks = &mut model.checks;
    checks.filter.clear();
    checks.narrow = Narrow::default();
    checks.relist();
    let at = checks.rows.iter().position(|row| row.key(&checks.judgements) == RowKey::Check(code));
    checks.cursor = at.unwrap_or(0);
    checks.moved = true;
    checks.scroll = 0;
    checks.reading = true;
}

/// A command on the list.
pub fn list(model: &mut Model, command: Command) {
    let page = page(model);
    let checks = &mut model.checks;
    let last = checks.rows.len().saturating_sub(1);
    let before = checks.cursor;
    checks.moved = true;
    match command {
        Command::Open => match checks.rows.get(checks.cursor) {
            Some(Row::Waiting { .. } | Row::Group { .. }) => toggle(checks),
            Some(Row::Check { .. } | Row::Finding { .. }) => checks.reading = true,
            None => {}
        },
        Command::Unfold => match checks.rows.get(checks.cursor).map(Row::open) {
            Some(Some(false)) => toggle(checks),
            Some(_) => checks.cursor = (checks.cursor + 1).min(last),
            None => {}
        },
        Command::Fold => match checks.rows.get(checks.cursor).map(Row::open) {
            Some(Some(true)) => toggle(checks),
            Some(_) => checks.cursor = parent(checks),
            None => {}
        },
        Command::Area => {
            checks.narrow.area = next_area(checks);
            narrowed(checks);
        }
        Command::Only => {
            checks.narrow.only = checks.narrow.only.next();
            narrowed(checks);
        }
        command => checks.cursor = moved(checks.cursor, last, page, command),
    }
    if checks.cursor != before {
        checks.scroll = 0;
    }
}

fn narrowed(checks: &mut Checks) {
    checks.relist();
    checks.cursor = 0;
}

fn toggle(checks: &mut Checks) {
    let Some(row) = checks.rows.get(checks.cursor) else { return };
    let key = row.key(&checks.judgements);
    if !checks.toggled.remove(&key) {
        checks.toggled.insert(key);
    }
    checks.relist();
}

/// The line that the chosen one is folded under.
fn parent(checks: &Checks) -> usize {
    let inner = |row: &Row| matches!(row, Row::Finding { .. } | Row::Check { inside: true, .. });
    if !checks.rows.get(checks.cursor).is_some_and(inner) {
        return checks.cursor;
    }
    (0..checks.cursor).rev().find(|&i| !inner(&checks.rows[i])).unwrap_or(0)
}

/// A command in the detail pane.
pub fn detail(model: &mut Model, command: Command) {
    if command == Command::Close {
        model.checks.reading = false;
    } else {
        model.checks.scroll = scrolled(model, model.checks.scroll, command);
    }
}

/// The first line of a text after a command that scrolls it.
pub fn scrolled(model: &Model, top: usize, command: Command) -> usize {
    let end = view::scroll_end(model);
    moved(top, end, page(model), command)
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyCode;

    use super::super::super::testing::{self, keys, press};
    use std::time::Duration;

    use super::super::super::message::{Judged, Message};
    use super::super::{context, update};
    use super::*;
    use crate::tui::keys::Context;

    fn story() -> Model {
        let mut model = testing::judged(80, 24, testing::story(), testing::facts());
        model.screen = Screen::Checks;
        model
    }

    fn chosen(model: &Model) -> &str {
        model.checks.chosen().map_or("", |j| j.check.code)
    }

    #[test]
    fn the_worst_is_chosen_until_somebody_chooses() {
        let mut model = testing::judged(80, 24, testing::story(), testing::facts());
        // As after a first run in which the list began with what passed.
        model.checks.cursor = model.checks.rows.len() - 1;
        model.checks.relist();
        assert_eq!(model.checks.cursor, 0);
        list(&mut model, Command::Last);
        let chosen = model.checks.cursor;
        model.checks.relist();
        assert_eq!(model.checks.cursor, chosen);
    }

    #[test]
    fn the_cursor_stays_inside_the_list() {
        let mut model = story();
        keys(&mut model, "kk");
        assert_eq!(model.checks.cursor, 0);
        keys(&mut model, "Gjj");
        assert_eq!(model.checks.cursor, model.checks.rows.len() - 1);
        keys(&mut model, "g");
        press(&mut model, KeyCode::PageDown);
        assert_eq!(model.checks.cursor, model.checks.rows.len() - 1);
    }

    #[test]
    fn unfolding_goes_in_and_folding_comes_out() {
        let mut model = story();
        keys(&mut model, "j");
        assert!(matches!(model.checks.rows[1], Row::Waiting { open: false, .. }));
        keys(&mut model, "l");
        assert!(matches!(model.checks.rows[1], Row::Waiting { open: true, .. }));
        keys(&mut model, "ljh");
        assert_eq!(model.checks.cursor, 1, "back to the line above");
        keys(&mut model, "h");
        assert!(matches!(model.checks.rows[1], Row::Waiting { open: false, .. }));
    }

    #[test]
    fn enter_reads_and_escape_comes_back() {
        let mut model = story();
        press(&mut model, KeyCode::Enter);
        assert_eq!(context(&model), Context::Detail);
        keys(&mut model, "jjk");
        assert_eq!(model.checks.scroll, 1);
        keys(&mut model, "G");
        let end = model.checks.scroll;
        keys(&mut model, "jjjk");
        assert_eq!(model.checks.scroll, end - 1, "scrolling stops at the end");
        press(&mut model, KeyCode::Esc);
        assert_eq!(context(&model), Context::Checks);
    }

    #[test]
    fn typing_filters_and_escape_shows_all() {
        let mut model = story();
        let all = model.checks.rows.len();
        keys(&mut model, "/spark q");
        assert_eq!(model.checks.filter.text(), "spark q", "letters are typed, not commands");
        press(&mut model, KeyCode::Backspace);
        press(&mut model, KeyCode::Enter);
        assert_eq!((chosen(&model), context(&model)), ("TSC-002", Context::Checks));
        press(&mut model, KeyCode::Esc);
        assert_eq!(model.checks.rows.len(), all);
        assert_eq!(chosen(&model), "TSC-002", "what was chosen stays chosen");
    }

    #[test]
    fn the_chosen_check_stays_chosen_when_outcomes_change() {
        let mut model = story();
        keys(&mut model, "jj");
        assert_eq!(chosen(&model), "TSC-002");
        let mut judgements = testing::story();
        judgements[0] = testing::judgement(0, crate::diagnose::Outcome::Pass);
        model.checks.judgements = judgements;
        model.checks.relist();
        assert_eq!((chosen(&model), model.checks.cursor), ("TSC-002", 0));
    }

    #[test]
    fn running_again_takes_a_new_number() {
        let mut model = story();
        assert_eq!(keys(&mut model, "r"), [Effect::Check { run: 2, part: Part::All }]);
        assert!(model.checks.running_since.is_some() && model.moving());
    }

    #[test]
    fn areas_and_outcomes_narrow_the_list_and_esc_shows_all() {
        let mut model = story();
        let all = model.checks.rows.len();
        keys(&mut model, "a");
        assert!(testing::screen(&model).contains(&format!("area {}", Area::Tls.as_str())));
        assert_eq!(chosen(&model), "TLS-001");
        press(&mut model, KeyCode::Esc);
        keys(&mut model, "oo");
        assert!(testing::screen(&model).contains("only warnings"));
        assert_eq!(model.checks.rows.len(), 1);
        assert_eq!(chosen(&model), "TCF-012");
        press(&mut model, KeyCode::Esc);
        assert_eq!(model.checks.rows.len(), all);
    }

    #[test]
    fn areas_go_round() {
        let mut model = story();
        keys(&mut model, "a");
        let first = model.checks.narrow.area;
        let mut seen = 1;
        while model.checks.narrow.area.is_some() {
            keys(&mut model, "a");
            seen += 1;
        }
        keys(&mut model, "a");
        assert_eq!(model.checks.narrow.area, first);
        assert_eq!(seen, 7, "six areas apply, then all");
    }

    #[test]
    fn a_part_is_looked_at_again() {
        let mut model = story();
        assert_eq!(keys(&mut model, "R"), [Effect::Check { run: 2, part: Part::Of(Area::Tls) }]);
    }

    #[test]
    fn findings_and_statements_are_copied() {
        let mut model = story();
        let effects = keys(&mut model, "y");
        assert!(matches!(&effects[..], [Effect::Copy(text)] if text.contains("no pg_hba.conf entry")), "{effects:?}");
        assert!(keys(&mut model, "Y").is_empty(), "an edit of the file is no statement");
        let effects = keys(&mut model, "jjY");
        assert!(
            matches!(&effects[..], [Effect::Copy(text)] if text.starts_with("-- on the source\nALTER TABLE")),
            "{effects:?}"
        );
    }

    #[test]
    fn the_explanation_is_a_page_that_scrolls() {
        let mut model = story();
        keys(&mut model, "e");
        assert_eq!(context(&model), Context::Page);
        assert!(testing::screen(&model).contains("What it looks at"));
        keys(&mut model, "q");
        assert!(model.page.is_none());
    }

    #[test]
    fn a_run_is_ended_and_its_late_words_are_not_heard() {
        let mut model = testing::model(80, 24);
        assert_eq!(press(&mut model, KeyCode::Esc), [Effect::CancelCheck]);
        assert!(!model.moving() && model.notice.is_some());
        let late = testing::judged(80, 24, testing::healthy(), testing::healthy_facts());
        let facts = late.checks.facts.clone().unwrap();
        let word =
            Judged { run: 1, facts, judgements: testing::healthy(), schema: None, elapsed: Duration::ZERO, done: true };
        update(&mut model, Message::Judged(word));
        assert!(model.checks.last.is_none());
    }
}
