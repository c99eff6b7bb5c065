//! The checks: runs, the list, the detail pane, the filter.

use super::super::keys::Command;
use super::super::message::Effect;
use super::super::model::{Checks, Model, Screen};
use super::super::rows::{Row, RowKey};
use super::super::view;

/// Begins a run; a run that is still going on is forgotten.
pub fn run(model: &mut Model) -> Vec<Effect> {
    let checks = &mut model.checks;
    checks.run += 1;
    checks.running_since = Some(model.now);
    vec![Effect::Check { run: checks.run }]
}

/// Shows a check in the list.
pub fn show(model: &mut Model, code: &'static str) {
    model.screen = Screen::Checks;
    let checks = &mut model.checks;
    checks.filter.clear();
    checks.filtering = false;
    checks.relist();
    let at = checks.rows.iter().position(|row| row.key(&checks.judgements) == RowKey::Check(code));
    checks.cursor = at.unwrap_or(0);
    checks.moved = true;
    checks.scroll = 0;
    checks.reading = true;
}

/// A command on the list.
pub fn list(model: &mut Model, command: Command) {
    let page = usize::from(model.size.1 / 2).max(1);
    let checks = &mut model.checks;
    let last = checks.rows.len().saturating_sub(1);
    let before = checks.cursor;
    checks.moved = true;
    match command {
        Command::Up => checks.cursor = checks.cursor.saturating_sub(1),
        Command::Down => checks.cursor = (checks.cursor + 1).min(last),
        Command::PageUp => checks.cursor = checks.cursor.saturating_sub(page),
        Command::PageDown => checks.cursor = (checks.cursor + page).min(last),
        Command::First => checks.cursor = 0,
        Command::Last => checks.cursor = last,
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
        Command::Filter => checks.filtering = true,
        Command::Close => {
            checks.filter.clear();
            checks.relist();
        }
        _ => {}
    }
    if checks.cursor != before {
        checks.scroll = 0;
    }
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
    let page = usize::from(model.size.1 / 2).max(1);
    let top = match command {
        Command::Up => top.saturating_sub(1),
        Command::Down => top + 1,
        Command::PageUp => top.saturating_sub(page),
        Command::PageDown => top + page,
        Command::First => 0,
        Command::Last => end,
        _ => top,
    };
    top.min(end)
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyCode;

    use super::super::super::testing::{self, keys, press};
    use super::super::context;
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
        assert_eq!(keys(&mut model, "r"), [Effect::Check { run: 2 }]);
        assert!(model.checks.running_since.is_some() && model.moving());
    }
}
