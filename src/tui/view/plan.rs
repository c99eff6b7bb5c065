//! The plan of a fix: every step as it will be done, its price, its way back; then how far each is.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::model::Model;
use super::super::plan::{Item, ItemState, PlanDialog, Stage};
use super::super::theme;
use super::super::widgets::{head, plural, wrap_lines};
use super::{dialog, put, put_all};
use crate::fixes::{Action, Cost, Plan, PlanLineKind, PlanStep};
use crate::text;

/// Statements are shown in full up to this length.
const LONGEST: usize = 20_000;

pub fn draw(frame: &mut Frame<'_>, body: Rect, model: &Model, plan: &PlanDialog) {
    let (lines, _) = lines(plan, room(body));
    let end = foot(model, plan, room(body));
    let title = match plan.stage {
        Stage::Review => plan.verb,
        Stage::Applying => "Applying",
        Stage::Over(None) => "Applied",
        Stage::Over(Some(_)) => "Failed",
    };
    let title = format!("{title} {}", text::fit(&plan.codes.join(", "), room(body).saturating_sub(12)));
    let tall = u16::try_from(lines.len() + end.len() + 1).unwrap_or(u16::MAX);
    let inner = dialog::window(frame, body, &title, body.width, tall);
    let foot = u16::try_from(end.len()).unwrap_or(u16::MAX).min(inner.height);
    let upper = Rect { height: inner.height.saturating_sub(foot + 1), ..inner };
    dialog::scrolled(frame, upper, &lines, plan.scroll);
    if plan.items.len() > 1 && plan.stage == Stage::Review {
        mark(frame, upper, plan, room(body));
    }
    put_all(frame, Rect { y: upper.bottom() + 1, height: foot, ..inner }, &end);
}

/// Where the steps start on the screen, so that the chosen one is there when `moved`, and nothing beyond the last.
pub fn scroll(body: Rect, model: &Model, plan: &PlanDialog, moved: bool) -> usize {
    let (lines, starts) = lines(plan, room(body));
    let end = foot(model, plan, room(body)).len();
    let height = usize::from(body.height.saturating_sub(2)).saturating_sub(end + 1).max(1);
    let last = lines.len().saturating_sub(height);
    if !moved {
        return plan.scroll.min(last);
    }
    let from = starts.get(plan.cursor).copied().unwrap_or(0);
    let to = starts.get(plan.cursor + 1).copied().unwrap_or(lines.len());
    let visible = from >= plan.scroll && to <= plan.scroll + height;
    if visible { plan.scroll } else { from.min(last) }
}

/// Columns inside the frame.
fn room(body: Rect) -> usize {
    usize::from(body.width).saturating_sub(4)
}

/// Marks the chosen step at the left edge.
fn mark(frame: &mut Frame<'_>, area: Rect, plan: &PlanDialog, width: usize) {
    let (_, starts) = lines(plan, width);
    let Some(at) = starts.get(plan.cursor).and_then(|s| s.checked_sub(plan.scroll)) else { return };
    if let Some(row) = area.rows().nth(at) {
        put(frame, Rect { width: 1, ..row }, &Line::styled("❯", theme::ACCENT));
    }
}

/// Width of what stands before a step: mark, box, side.
const LEAD: usize = 16;

/// All lines above the foot, and where each step starts in them.
fn lines(plan: &PlanDialog, width: usize) -> (Vec<Line<'static>>, Vec<usize>) {
    let mut lines = Vec::new();
    let mut starts = Vec::new();
    for item in &plan.items {
        starts.push(lines.len());
        step(item, plan, width, &mut lines);
    }
    for note in &plan.notes {
        let text = wrap_lines(&head(note, LONGEST), width.saturating_sub(2));
        lines.extend(text.into_iter().map(|l| Line::styled(format!("  {l}"), theme::FAINT)));
    }
    (lines, starts)
}

/// A step in the words of every other place that shows plans.
fn step(item: &Item, plan: &PlanDialog, width: usize, lines: &mut Vec<Line<'static>>) {
    let room = width.saturating_sub(LEAD).max(10);
    let planned = &item.planned;
    let alone = Plan { steps: vec![planned.clone()], notes: Vec::new() };
    let (sign, sign_style) = sign(item, plan);
    let plain = if item.wanted { theme::PLAIN } else { theme::FAINT };
    let dear = planned.step.cost >= Cost::Restart || planned.step.data_loss;
    for line in alone.lines() {
        let (text, style) = match (line.kind, &item.state) {
            (PlanLineKind::Step, _) => (line.text, plain),
            (PlanLineKind::Price, ItemState::Failed(why)) => (why.clone(), theme::BAD),
            (PlanLineKind::Price, _) => (line.text, if dear { theme::WARN } else { theme::FAINT }),
            (PlanLineKind::Choice, _) if plan.stage == Stage::Review => (pick(planned), theme::ACCENT),
            _ => continue,
        };
        for (i, text) in wrap_lines(&head(&text, LONGEST), room).into_iter().enumerate() {
            let lead = if i == 0 && line.kind == PlanLineKind::Step {
                vec![
                    Span::raw("  "),
                    Span::styled(sign, sign_style),
                    Span::styled(format!(" {:<10}", line.place), theme::FAINT),
                ]
            } else {
                vec![Span::raw(" ".repeat(LEAD))]
            };
            lines.push(Line::from([lead, vec![Span::styled(text, style)]].concat()));
        }
    }
}

/// The values to pick from, the picked one in brackets.
fn pick(planned: &PlanStep) -> String {
    let Action::EditPipeline { value, choices, .. } = &planned.step.action else { return String::new() };
    let shown: Vec<String> = choices.iter().map(|c| if c == value { format!("[{c}]") } else { c.clone() }).collect();
    format!("pick: {}", shown.join("  "))
}

fn sign(item: &Item, plan: &PlanDialog) -> (&'static str, Style) {
    match (&item.state, &plan.stage, item.wanted) {
        (ItemState::Done, ..) => (" ✓ ", theme::GOOD),
        (ItemState::Running, ..) => (" … ", theme::BUSY),
        (ItemState::Failed(_), ..) => (" ✗ ", theme::BAD),
        (ItemState::Waiting, Stage::Review, true) => ("[x]", theme::ACCENT),
        (ItemState::Waiting, Stage::Review, false) => ("[ ]", theme::FAINT),
        (ItemState::Waiting, ..) => (" · ", theme::FAINT),
    }
}

/// What stands at the end: sums and keys, or how it went.
fn foot(model: &Model, plan: &PlanDialog, width: usize) -> Vec<Line<'static>> {
    match &plan.stage {
        Stage::Review if plan.items.is_empty() => {
            vec![Line::styled("This is to be done by hand; then r looks again.", theme::WARN)]
        }
        Stage::Review => {
            let text = if plan.wanted().is_empty() { "nothing is chosen".to_owned() } else { plan.chosen().summary() };
            vec![Line::styled(text, theme::STRONG)]
        }
        Stage::Applying => {
            let done = plan.items.iter().filter(|i| i.state == ItemState::Done).count();
            vec![Line::styled(format!("{done} of {} done", plural(plan.wanted().len(), "step")), theme::BUSY)]
        }
        Stage::Over(result) => over(model, plan, result.as_deref(), width),
    }
}

fn over(model: &Model, plan: &PlanDialog, error: Option<&str>, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(why) = error {
        lines.extend(wrap_lines(&head(why, 800), width).into_iter().take(6).map(|l| Line::styled(l, theme::BAD)));
    }
    if model.checks.running_since.is_some() {
        lines.push(Line::styled("Looking again.", theme::BUSY));
        return lines;
    }
    if error.is_none() && plan.verb != "Fix" {
        lines.push(Line::styled("Done.", theme::GOOD));
        return lines;
    }
    let mut spans = vec![Span::raw("Now:  ")];
    for code in &plan.codes {
        let Some(j) = model.checks.judgements.iter().find(|j| j.check.code == code) else { continue };
        let (sign, style) = theme::judgement(j);
        spans.push(Span::styled(sign, style));
        spans.push(Span::raw(format!(" {code} {}   ", j.outcome.as_str())));
    }
    lines.push(Line::from(spans));
    lines
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use ratatui::crossterm::event::KeyCode;

    use super::super::super::message::Message;
    use super::super::super::model::Model;
    use super::super::super::plan::ItemState;
    use super::super::super::testing::{self, judgement, keys, press, screen};
    use super::super::super::theme::Look;
    use super::super::super::update::update;
    use crate::checks::Finding;
    use crate::diagnose::Outcome;
    use crate::fixes::{Action, Cost, Fix, Mode, Step};

    fn story(width: u16, height: u16) -> Model {
        testing::judged(width, height, testing::story(), testing::facts())
    }

    #[test]
    fn all_at_once() {
        for (name, width, height) in
            [("all_80", 80, 24), ("all_120", 120, 36), ("all_160", 160, 50), ("all_60", 60, 20)]
        {
            let mut model = story(width, height);
            keys(&mut model, "F");
            assert_snapshot!(name, screen(&model));
        }
    }

    #[test]
    fn ascii() {
        let mut model = story(80, 24);
        model.look = Look { no_color: true, ascii: true, light: false };
        keys(&mut model, "F j");
        let text = screen(&model);
        assert!(text.is_ascii(), "{text}");
        assert_snapshot!(text);
    }

    #[test]
    fn a_value_to_pick_and_a_dear_step() {
        let choices = ["charts", "postgres", "sales"].map(String::from).to_vec();
        let edit = Action::EditPipeline { key: "source.database".into(), value: "charts".into(), choices };
        let mut dear = Step::new(Cost::Reboot, Action::target("DELETE FROM `charts`.`weekly_chart`"));
        dear.data_loss = true;
        let fix = Fix::new(Mode::Confirm, "pick", vec![Step::new(Cost::None, edit), dear]);
        let finding = Finding::new("source.database", "It names the instance.").fix(fix);
        let mut model = testing::judged(80, 24, vec![judgement(1, Outcome::Fail(vec![finding]))], testing::facts());
        keys(&mut model, "fl");
        assert_snapshot!("pick", screen(&model));
        press(&mut model, KeyCode::Enter);
        assert_snapshot!("pick_word", screen(&model));
    }

    #[test]
    fn applying_failing_and_looking_again() {
        let mut model = story(80, 24);
        keys(&mut model, "2jjf");
        press(&mut model, KeyCode::Enter);
        update(&mut model, Message::Step(0, ItemState::Done));
        update(&mut model, Message::Step(1, ItemState::Running));
        assert_snapshot!("applying", screen(&model));
        let why = "1062 Duplicate entry '2020-01-04' for key 'PRIMARY'";
        update(&mut model, Message::Step(1, ItemState::Failed(why.into())));
        update(&mut model, Message::Applied(Err("step 2 of 2 failed; step 1 stays".into())));
        assert_snapshot!("failed", screen(&model));
        model.checks.running_since = None;
        assert_snapshot!("failed_looked_again", screen(&model));
    }

    #[test]
    fn by_hand() {
        let fix = Fix::manual("open the port", ["Let the security group admit this machine."]);
        let finding = Finding::new("source", "It does not answer.").fix(fix);
        let mut model = testing::judged(80, 24, vec![judgement(6, Outcome::Fail(vec![finding]))], testing::facts());
        keys(&mut model, "f");
        assert_snapshot!(screen(&model));
    }

    #[test]
    fn a_long_hostile_plan_scrolls() {
        let sql = |i| format!("ALTER TABLE `t{i}\x1b[2J\u{202e}` ADD COLUMN `{}` int", "x".repeat(3000));
        let steps = (0..500).map(|i| Step::new(Cost::Lock, Action::target(sql(i)))).collect();
        let finding = Finding::new("x", "y").fix(Fix::new(Mode::Confirm, "many", steps));
        let mut model = testing::judged(80, 24, vec![judgement(3, Outcome::Fail(vec![finding]))], testing::facts());
        keys(&mut model, "fG");
        let text = screen(&model);
        assert!(text.contains("`t499") && !text.contains('\x1b') && !text.contains('\u{202e}'), "{text}");
    }
}
