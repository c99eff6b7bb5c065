//! The plan of a fix while it is looked at, chosen from, and applied. Pure.

use crate::fixes::{Action, Cost, Fix, Step};

/// What the dialog shows.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanDialog {
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
    /// The checks that ask for it.
    pub codes: Vec<String>,
    /// What is done.
    pub step: Step,
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
    /// The plan of these fixes. Identical steps become one; what is to be done by hand is kept apart.
    pub fn new(fixes: &[(&str, &Fix)]) -> Self {
        let mut dialog = Self {
            codes: Vec::new(),
            items: Vec::new(),
            notes: Vec::new(),
            cursor: 0,
            scroll: 0,
            stage: Stage::Review,
        };
        for (code, fix) in fixes {
            push_once(&mut dialog.codes, code);
            for step in &fix.steps {
                match &step.action {
                    Action::Note(text) => push_once(&mut dialog.notes, &format!("by hand: {text}")),
                    _ => dialog.add(code, step),
                }
            }
            fix.alternatives.iter().for_each(|other| push_once(&mut dialog.notes, &format!("or: {other}")));
        }
        dialog
    }

    fn add(&mut self, code: &str, step: &Step) {
        match self.items.iter_mut().find(|item| item.step.action == step.action) {
            Some(item) => push_once(&mut item.codes, code),
            None => self.items.push(Item {
                codes: vec![code.to_owned()],
                step: step.clone(),
                wanted: true,
                state: ItemState::Waiting,
            }),
        }
    }

    /// Places of the steps that are to be done.
    pub fn wanted(&self) -> Vec<usize> {
        (0..self.items.len()).filter(|&i| self.items[i].wanted).collect()
    }

    /// What is to be done, each step as a fix of its own, in order.
    pub fn fixes(&self) -> Vec<(String, Fix)> {
        let item = |i: usize| &self.items[i];
        let fix = |i| Fix::new(crate::fixes::Mode::Confirm, item(i).step.action.describe(), vec![item(i).step.clone()]);
        self.wanted().into_iter().map(|i| (item(i).codes.join(", "), fix(i))).collect()
    }

    /// Some step that is to be done reboots a server.
    pub fn reboots(&self) -> bool {
        self.items.iter().any(|i| i.wanted && i.step.cost == Cost::Reboot)
    }

    /// Some step that is to be done removes or changes rows.
    pub fn loses_data(&self) -> bool {
        self.items.iter().any(|i| i.wanted && i.step.data_loss)
    }

    /// The dearest price of what is to be done.
    pub fn cost(&self) -> Cost {
        self.items.iter().filter(|i| i.wanted).map(|i| i.step.cost).max().unwrap_or(Cost::None)
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
        let Action::EditPipeline { value, choices, .. } = &mut item.step.action else { return };
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
        let action = self.items.get(self.cursor).map(|i| &i.step.action);
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

fn push_once(all: &mut Vec<String>, text: &str) {
    if !all.iter().any(|t| t == text) {
        all.push(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

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
        assert_eq!(plan.items[0].codes, ["TSC-001", "TSC-002"]);
        assert_eq!(plan.fixes()[0].0, "TSC-001, TSC-002");
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
        let value = |p: &PlanDialog| match &p.items[0].step.action {
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
        assert!(plan.loses_data() && plan.reboots());
        plan.toggle();
        assert!(!plan.loses_data());
        assert_eq!((plan.wanted(), plan.cost()), (vec![1], Cost::Reboot));
        plan.step(0, ItemState::Running);
        assert_eq!(plan.items[1].state, ItemState::Running, "news are about wanted steps");
    }
}
