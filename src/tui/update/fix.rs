//! Fixes: the plan, what is chosen of it, its end.

use super::super::confirm::{Apply, Confirm, Guarded};
use super::super::keys::Command;
use super::super::message::Effect;
use super::super::model::{Model, Screen, fixes};
use super::super::plan::{ItemState, PlanDialog, Stage};
use super::super::view;
use super::{checks, command};
use crate::fixes::{Action, Fix};

/// The fixes that `f` is about: of the worst on the overview, else of what is chosen.
fn chosen(model: &Model) -> Vec<(&'static str, &Fix)> {
    match model.screen {
        Screen::Checks => model.checks.chosen_fixes(),
        _ => model.checks.failed().next().map(|j| fixes(j).map(|(_, c, f)| (c, f)).collect()).unwrap_or_default(),
    }
}

/// Whether there is one.
pub fn has_fix(model: &Model) -> bool {
    !chosen(model).is_empty()
}

/// Shows the plan that mends what is chosen.
pub fn open(model: &mut Model) {
    let plan = PlanDialog::new(&chosen(model));
    show(model, plan);
}

/// Shows one plan for everything.
pub fn open_all(model: &mut Model) {
    let plan = PlanDialog::new(&model.checks.all_fixes());
    show(model, plan);
}

/// Shows a plan, where there is something in it.
pub fn show(model: &mut Model, plan: PlanDialog) {
    if plan.codes.is_empty() {
        model.notice = Some("There is nothing here that this program could mend.".into());
    } else {
        model.plan = Some(plan);
    }
}

/// A command in the dialog. How far it can scroll, and where a step stands, is known to the view.
pub fn dialog(model: &mut Model, command: Command) {
    let page = usize::from(model.size.1 / 2).max(1);
    let Some(plan) = &mut model.plan else { return };
    let last = plan.items.len().saturating_sub(1);
    match command {
        Command::Up => plan.cursor = plan.cursor.saturating_sub(1),
        Command::Down => plan.cursor = (plan.cursor + 1).min(last),
        Command::First => plan.cursor = 0,
        Command::Last => plan.cursor = last,
        Command::Toggle => plan.toggle(),
        Command::PreviousValue => plan.choose(false),
        Command::NextValue => plan.choose(true),
        Command::PageUp => plan.scroll = plan.scroll.saturating_sub(page),
        Command::PageDown => plan.scroll += page,
        _ => {}
    }
    let moved = matches!(command, Command::Up | Command::Down | Command::First | Command::Last);
    let scroll = view::plan_scroll(model, moved);
    if let Some(plan) = &mut model.plan {
        plan.scroll = scroll;
    }
}

/// Takes the plan to the clipboard: statements ready to run, the rest in words.
pub fn copy(model: &mut Model) -> Vec<Effect> {
    let Some(plan) = &model.plan else { return Vec::new() };
    let line = |action: &Action| match action {
        Action::SourceSql { sql } => format!("-- on the source\n{sql};"),
        Action::TargetSql { sql } => format!("-- on the target\n{sql};"),
        other => format!("-- {}", other.describe()),
    };
    let steps = plan.chosen().steps;
    let text: Vec<String> =
        steps.iter().map(|s| line(&s.step.action)).chain(plan.notes.iter().map(|n| format!("-- {n}"))).collect();
    command::copied(model, text.join("\n"))
}

/// Applies what is chosen; the plan on the screen is the question, and a dear one asks for a word as well.
pub fn apply(model: &mut Model) -> Vec<Effect> {
    let (Some(plan), Some(pipeline)) = (&model.plan, &model.pipeline) else { return Vec::new() };
    if plan.wanted().is_empty() {
        model.notice = Some("No step is chosen: space takes one.".into());
        return Vec::new();
    }
    if model.sync.busy() {
        model.notice = Some("A sync is running: stop it before something is changed below it.".into());
        return Vec::new();
    }
    let apply = Apply { pipeline: pipeline.clone(), plan: plan.chosen() };
    let confirm = Confirm::new(Guarded::Apply(Box::new(apply)));
    match confirm.accept() {
        Some(confirmed) => command::perform(model, confirmed),
        None => {
            model.confirm = Some(confirm);
            Vec::new()
        }
    }
}

/// Shows the plan as being applied.
pub fn begin(model: &mut Model) {
    if let Some(plan) = &mut model.plan {
        plan.stage = Stage::Applying;
    }
}

/// News of a step; the eyes follow it.
pub fn step(model: &mut Model, place: usize, state: ItemState) {
    let Some(plan) = &mut model.plan else { return };
    if let Some(at) = plan.wanted().get(place) {
        plan.cursor = *at;
    }
    plan.step(place, state);
    let scroll = view::plan_scroll(model, true);
    if let Some(plan) = &mut model.plan {
        plan.scroll = scroll;
    }
}

/// The plan is over: the checks look again, whether it failed or not.
pub fn over(model: &mut Model, result: Result<(), String>) -> Vec<Effect> {
    if let Some(plan) = &mut model.plan {
        plan.stage = Stage::Over(result.err());
    }
    // What was mended is folded away: the eyes belong on what is now the worst.
    model.checks.moved = false;
    if model.leaving { vec![Effect::Quit] } else { checks::run(model) }
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyCode;

    use super::super::super::message::{Message, Part};
    use super::super::super::testing::{self, judgement, keys, press};
    use super::super::{available, context, update};
    use super::*;
    use crate::checks::Finding;
    use crate::diagnose::Outcome;
    use crate::fixes::Cost;
    use crate::tui::keys::Context;

    fn story() -> Model {
        testing::judged(80, 24, testing::story(), testing::facts())
    }

    fn with_fix(fix: Fix) -> Model {
        let finding = Finding::new("source", "It is wrong.").fix(fix);
        testing::judged(80, 24, vec![judgement(0, Outcome::Fail(vec![finding]))], testing::facts())
    }

    fn plan(model: &Model) -> &PlanDialog {
        model.plan.as_ref().unwrap()
    }

    #[test]
    fn f_on_the_overview_mends_the_worst() {
        let mut model = story();
        keys(&mut model, "f");
        assert_eq!(plan(&model).codes, ["TLS-001"]);
        assert_eq!(context(&model), Context::Plan);
        press(&mut model, KeyCode::Esc);
        assert!(model.plan.is_none());
    }

    #[test]
    fn f_on_a_line_mends_that_and_capital_f_everything() {
        let mut model = story();
        keys(&mut model, "2jjf");
        assert_eq!(plan(&model).codes, ["TSC-002"]);
        press(&mut model, KeyCode::Esc);
        keys(&mut model, "F");
        assert_eq!(plan(&model).codes, ["TLS-001", "TSC-002"]);
        press(&mut model, KeyCode::Esc);
        keys(&mut model, "Gf");
        assert!(model.plan.is_none() && model.notice.is_some(), "a group has no fix");
        assert!(!available(&model, Command::Fix));
    }

    #[test]
    fn a_finding_is_mended_alone() {
        let mut judgements = testing::story();
        let with = |subject: &str| Finding::new(subject, "It is wrong.").fix(testing::key_fix());
        judgements[3] = judgement(3, Outcome::Fail(vec![Finding::new("a", "no fix"), with("b"), with("c")]));
        let mut model = testing::judged(80, 24, judgements, testing::facts());
        keys(&mut model, "2jjljj");
        assert_eq!(model.checks.chosen_fixes().len(), 1);
        keys(&mut model, "k");
        assert!(model.checks.chosen_fixes().is_empty());
    }

    #[test]
    fn enter_applies_what_is_chosen() {
        let mut model = story();
        keys(&mut model, "2jjf");
        keys(&mut model, " ");
        let effects = press(&mut model, KeyCode::Enter);
        let [Effect::Confirmed(confirmed)] = &effects[..] else { panic!("{effects:?}") };
        let Guarded::Apply(apply) = confirmed.action() else { panic!("{confirmed:?}") };
        assert_eq!(apply.plan.steps.len(), 1, "the first step was left out");
        assert_eq!(context(&model), Context::Applying);
        assert!(keys(&mut model, "q").is_empty(), "nothing closes it while it runs");
        assert!(model.plan.is_some() && model.moving());
    }

    #[test]
    fn nothing_chosen_applies_nothing() {
        let mut model = story();
        keys(&mut model, "f ");
        assert!(press(&mut model, KeyCode::Enter).is_empty());
        assert!(model.notice.is_some() && !available(&model, Command::Apply));
    }

    #[test]
    fn a_dear_plan_asks_for_its_word() {
        let mut fix = testing::key_fix();
        fix.steps[1].cost = Cost::Reboot;
        fix.steps[0].data_loss = true;
        let mut model = with_fix(fix);
        keys(&mut model, "f");
        assert!(press(&mut model, KeyCode::Enter).is_empty());
        assert_eq!(context(&model), Context::Typed);
        keys(&mut model, "reboot");
        assert!(press(&mut model, KeyCode::Enter).is_empty());
        keys(&mut model, " and lose data");
        assert!(matches!(&press(&mut model, KeyCode::Enter)[..], [Effect::Confirmed(_)]));
        assert_eq!(context(&model), Context::Applying);
    }

    #[test]
    fn steps_live_and_the_end_looks_again() {
        let mut model = story();
        keys(&mut model, "f");
        press(&mut model, KeyCode::Enter);
        update(&mut model, Message::Step(0, ItemState::Running));
        assert_eq!(plan(&model).items[0].state, ItemState::Running);
        let effects = update(&mut model, Message::Applied(Err("lock timeout".into())));
        assert_eq!(effects, [Effect::Check { run: 2, part: Part::All }]);
        assert_eq!(plan(&model).stage, Stage::Over(Some("lock timeout".into())));
        press(&mut model, KeyCode::Enter);
        assert!(model.plan.is_none());
    }

    #[test]
    fn ctrl_c_waits_for_the_plan_once() {
        let mut model = story();
        keys(&mut model, "f");
        press(&mut model, KeyCode::Enter);
        assert_eq!(update(&mut model, Message::Terminate), [Effect::EnoughSteps]);
        assert_eq!(update(&mut model, Message::Applied(Ok(()))), [Effect::Quit]);
        model.leaving = true;
        assert_eq!(update(&mut model, Message::Terminate), [Effect::Quit]);
    }

    #[test]
    fn by_hand_only_can_be_read_and_closed() {
        let mut model = with_fix(Fix::manual("open the port", ["Let the security group admit this machine."]));
        keys(&mut model, "f");
        assert_eq!(context(&model), Context::Applied);
        press(&mut model, KeyCode::Enter);
        assert!(model.plan.is_none());
    }

    #[test]
    fn nothing_is_changed_below_a_running_sync() {
        let mut model = story();
        keys(&mut model, "s1f");
        assert!(press(&mut model, KeyCode::Enter).is_empty());
        assert!(model.notice.is_some());
    }

    #[test]
    fn esc_lets_the_step_finish_and_begins_no_other() {
        let mut model = story();
        keys(&mut model, "f");
        press(&mut model, KeyCode::Enter);
        assert_eq!(press(&mut model, KeyCode::Esc), [Effect::EnoughSteps]);
        assert_eq!(context(&model), Context::Applying, "it is shown until it has ended");
    }

    #[test]
    fn the_step_that_failed_is_on_the_screen() {
        let mut fix = testing::key_fix();
        let step = fix.steps[0].clone();
        for i in 0..30 {
            let mut more = step.clone();
            more.action = crate::fixes::Action::target(format!("ALTER TABLE t{i} ADD PRIMARY KEY (id)"));
            fix.steps.push(more);
        }
        let mut model = with_fix(fix);
        keys(&mut model, "f");
        press(&mut model, KeyCode::Enter);
        update(&mut model, Message::Step(20, ItemState::Failed("a row has no id".into())));
        assert!(testing::screen(&model).contains("a row has no id"), "{}", testing::screen(&model));
        update(&mut model, Message::Applied(Err("Step 21 of 32 was not done.".into())));
        assert!(testing::screen(&model).contains("a row has no id"), "{}", testing::screen(&model));
    }
}
