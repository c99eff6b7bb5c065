//! The plan of a fix while it is looked at, chosen from, and applied. Pure.

use crate::fixes::{Action, Fix, Plan, PlanStep};

/// What the dialog shows.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanDialog {
    /// What it is there for, such as `Fix`.
    pub verb: &'static str,
    /// The checks that it mends.
    pub codes: Vec<String>,
    /// What it can do, each thing once.
    pub items: Vec<Item>,
    /// What a person must do, and other ways.
    pub notes: Vec<String>,
    /// The chosen step.
    pub cursor: usize,
    /// First line of the steps on the screen.
    pub scroll: usize,
    /// How far it is.
    pub stage: Stage,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What is done, and the checks that ask for it.
    pub planned: PlanStep,
    /// It is to be done.
    pub wanted: bool,
    /// How far it is.
    pub state: ItemState,
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemState {
    /// Not begun.
    Waiting,
    /// Being done.
    Running,
    /// Done.
    Done,
    /// Failed: the reason.
    Failed(String),
}

/// How far the plan is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Being looked at.
    Review,
    /// Being applied.
    Applying,
    /// Over; the reason where it failed.
    Over(Option<String>),
}

impl PlanDialog {
    /// The plan of these fixes.
    pub fn new(fixes: &[(&str, &Fix)]) -> Self {
        let plan = Plan::new(fixes.iter().map(|(code, fix)| ((*code).to_owned(), (*fix).clone())));
        let mut codes = Vec::new();
        let mut notes = Vec::new();
        fixes.iter().for_each(|(code, _)| push_once(&mut codes, (*code).to_owned()));
        plan.notes.into_iter().for_each(|note| push_once(&mut notes, format!("by hand: {}", note.text)));
        for other in fixes.iter().flat_map(|(_, fix)| &fix.alternatives) {
            push_once(&mut notes, format!("or: {other}"));
        }
        let items = plan.steps.into_iter().map(|planned| Item { planned, wanted: true, state: ItemState::Waiting });
        Self { verb: "Fix", codes, items: items.collect(), notes, cursor: 0, scroll: 0, stage: Stage::Review }
    }

    /// Places of the steps that are to be done.
    pub fn wanted(&self) -> Vec<usize> {
        (0..self.items.len()).filter(|&i| self.items[i].wanted).collect()
    }

    /// What is to be done.
    pub fn chosen(&self) -> Plan {
        let steps = self.items.iter().filter(|i| i.wanted).map(|i| i.planned.clone()).collect();
        Plan { steps, notes: Vec::new() }
    }

    /// Wants the chosen step, or not.
    pub fn toggle(&mut self) {
        if let Some(item) = self.items.get_mut(self.cursor) {
            item.wanted = !item.wanted;
        }
    }

    /// Takes another of the values that the chosen step offers.
    pub fn choose(&mut self, forward: bool) {
        let Some(item) = self.items.get_mut(self.cursor) else { return };
        let Action::EditPipeline { value, choices, .. } = &mut item.planned.step.action else { return };
        let n = choices.len();
        if n < 2 {
            return;
        }
        let at = choices.iter().position(|c| c == value).unwrap_or(0);
        let next = if forward { (at + 1) % n } else { (at + n - 1) % n };
        value.clone_from(&choices[next]);
    }

    /// The chosen step offers several values.
    pub fn has_choice(&self) -> bool {
        let action = self.items.get(self.cursor).map(|i| &i.planned.step.action);
        matches!(action, Some(Action::EditPipeline { choices, .. }) if choices.len() > 1)
    }

    /// News of the step at a place of [`Self::wanted`].
    pub fn step(&mut self, place: usize, state: ItemState) {
        let index = self.wanted().get(place).copied();
        if let Some(item) = index.and_then(|i| self.items.get_mut(i)) {
            item.state = state;
        }
    }
}

fn push_once(all: &mut Vec<String>, text: String) {
    if !all.contains(&text) {
        all.push(text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use crate::fixes::{Cost, Permits, Step};

    fn choice() -> Fix {
        let choices = ["charts", "postgres", "sales"].map(String::from).to_vec();
        let edit = Action::EditPipeline { key: "source.database".into(), value: "charts".into(), choices };
        Fix::new(crate::fixes::Mode::Auto, "name a database", vec![Step::new(Cost::None, edit)])
    }

    #[test]
    fn identical_steps_are_one_and_name_both_checks() {
        let fix = testing::key_fix();
        let plan = PlanDialog::new(&[("TSC-001", &fix), ("TSC-002", &fix)]);
        assert_eq!(plan.items.len(), 2);
        assert_eq!(plan.items[0].planned.codes, ["TSC-001", "TSC-002"]);
    }

    #[test]
    fn what_is_done_by_hand_is_kept_apart() {
        let by_hand = Fix::manual("open the port", ["Let the security group admit this machine."]);
        let plan = PlanDialog::new(&[("NET-020", &by_hand), ("TLS-001", &testing::edit_fix())]);
        assert_eq!(plan.items.len(), 1);
        assert!(plan.notes[0].starts_with("by hand: Let") && plan.notes[1].starts_with("or: set rds.force_ssl"));
    }

    #[test]
    fn values_are_chosen_in_a_round() {
        let mut plan = PlanDialog::new(&[("AUT-005", &choice())]);
        assert!(plan.has_choice());
        let value = |p: &PlanDialog| match &p.items[0].planned.step.action {
            Action::EditPipeline { value, .. } => value.clone(),
            _ => String::new(),
        };
        plan.choose(true);
        assert_eq!(value(&plan), "postgres");
        plan.choose(false);
        plan.choose(false);
        assert_eq!(value(&plan), "sales");
    }

    #[test]
    fn only_what_is_wanted_counts() {
        let mut fix = testing::key_fix();
        fix.steps[0].data_loss = true;
        fix.steps[1].cost = Cost::Reboot;
        let mut plan = PlanDialog::new(&[("X", &fix)]);
        assert_eq!(plan.chosen().needs(), Permits { reboot: true, data_loss: true });
        plan.toggle();
        assert_eq!(plan.chosen().needs(), Permits { reboot: true, data_loss: false });
        assert_eq!(plan.wanted(), [1]);
        plan.step(0, ItemState::Running);
        assert_eq!(plan.items[1].state, ItemState::Running, "news are about wanted steps");
    }
}
