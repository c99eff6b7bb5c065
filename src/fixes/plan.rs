//! Fixes of many findings as one plan. Pure: nothing is looked up and nothing is changed here.

use serde::{Deserialize, Serialize};

use super::{Action, Cost, Fix, Mode, Permits, Step};

/// What would be done, in order, and what is left to a person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What this program does.
    pub steps: Vec<PlanStep>,
    /// What is to be done by hand.
    pub notes: Vec<PlanNote>,
}

/// One step, with the findings that asked for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanStep {
    /// The checks' codes, each once.
    pub codes: Vec<String>,
    /// What is done.
    pub step: Step,
}

/// Something to do by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanNote {
    /// The checks' codes, each once.
    pub codes: Vec<String>,
    /// What to do.
    pub text: String,
}

/// A choice that the step does not offer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step {step} does not take {value:?}; it takes {}", if choices.is_empty() { "no choice".to_owned() } else { choices.join(", ") })]
pub struct NoSuchChoice {
    /// Counted from 1.
    pub step: usize,
    /// What was chosen.
    pub value: String,
    /// What there is.
    pub choices: Vec<String>,
}

impl Plan {
    /// One plan of many fixes. What two of them ask for is done once; the order within each fix is kept.
    #[must_use]
    pub fn new(fixes: impl IntoIterator<Item = (String, Fix)>) -> Self {
        let mut plan = Self::default();
        for (code, fix) in fixes {
            plan.add(&code, fix);
        }
        plan
    }

    fn add(&mut self, code: &str, fix: Fix) {
        let actions: Vec<Action> = fix.steps.iter().map(|s| s.action.clone()).collect();
        for (i, step) in fix.steps.into_iter().enumerate() {
            if let Action::Note(text) = step.action {
                self.add_note(code, text);
            } else if fix.mode == Mode::Manual {
                self.add_note(code, step.action.describe());
            } else if let Some(same) = self.steps.iter_mut().find(|s| same_action(&s.step.action, &step.action)) {
                same.merge(code, step);
            } else {
                // A later step of this fix may be planned already: this one goes before it.
                let later = self.steps.iter().position(|s| actions[i..].iter().any(|a| same_action(a, &s.step.action)));
                let new = PlanStep { codes: vec![code.to_owned()], step };
                self.steps.insert(later.unwrap_or(self.steps.len()), new);
            }
        }
    }

    fn add_note(&mut self, code: &str, text: String) {
        match self.notes.iter_mut().find(|n| n.text == text) {
            Some(same) => add_code(&mut same.codes, code),
            None => self.notes.push(PlanNote { codes: vec![code.to_owned()], text }),
        }
    }

    /// Nothing for this program to do; there may be notes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The choices of a step (counted from 0), where there is more than one.
    #[must_use]
    pub fn choices(&self, step: usize) -> &[String] {
        match self.steps.get(step).map(|s| &s.step.action) {
            Some(Action::EditPipeline { choices, .. }) if choices.len() > 1 => choices,
            _ => &[],
        }
    }

    /// Chooses another value for a step (counted from 0).
    ///
    /// # Errors
    /// The step does not offer it.
    pub fn choose(&mut self, step: usize, chosen: &str) -> Result<(), NoSuchChoice> {
        let refused =
            |choices: &[String]| NoSuchChoice { step: step + 1, value: chosen.to_owned(), choices: choices.to_vec() };
        match self.steps.get_mut(step).map(|s| &mut s.step.action) {
            Some(Action::EditPipeline { value, choices, .. }) => {
                if value != chosen && !choices.iter().any(|c| c == chosen) {
                    return Err(refused(choices));
                }
                chosen.clone_into(value);
                Ok(())
            }
            _ => Err(refused(&[])),
        }
    }

    /// The plan without some of its steps (counted from 0).
    #[must_use]
    pub fn without(&self, steps: &[usize]) -> Self {
        let kept = self.steps.iter().enumerate().filter(|(i, _)| !steps.contains(i)).map(|(_, s)| s.clone());
        Self { steps: kept.collect(), notes: self.notes.clone() }
    }

    /// What must be permitted before it can be applied.
    #[must_use]
    pub fn needs(&self) -> Permits {
        Permits {
            reboot: self.steps.iter().any(|s| s.step.cost == Cost::Reboot),
            data_loss: self.steps.iter().any(|s| s.step.data_loss),
        }
    }

    /// Every code in the plan, each once, in its order.
    #[must_use]
    pub fn codes(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for code in self.steps.iter().flat_map(|s| &s.codes).chain(self.notes.iter().flat_map(|n| &n.codes)) {
            if !all.contains(&code.as_str()) {
                all.push(code);
            }
        }
        all
    }

    /// The price in one line: `2 steps · 1 lock · no restart`.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |cost| self.steps.iter().filter(|s| s.step.cost == cost).count();
        let mut parts = vec![counted(self.steps.len(), "step", "steps")];
        for (cost, one, many) in [
            (Cost::Lock, "lock", "locks"),
            (Cost::Reload, "reload", "reloads"),
            (Cost::Restart, "restart", "restarts"),
            (Cost::Reboot, "reboot", "reboots"),
        ] {
            if count(cost) > 0 {
                parts.push(counted(count(cost), one, many));
            }
        }
        if count(Cost::Restart) + count(Cost::Reboot) == 0 {
            parts.push("no restart".to_owned());
        }
        let lossy = self.steps.iter().filter(|s| s.step.data_loss).count();
        if lossy > 0 {
            parts.push(format!("{lossy} changing stored rows"));
        }
        if !self.notes.is_empty() {
            parts.push(format!("{} by hand", self.notes.len()));
        }
        parts.join(" · ")
    }
}

impl PlanStep {
    /// The same action asked for once more.
    fn merge(&mut self, code: &str, other: Step) {
        add_code(&mut self.codes, code);
        self.step.cost = self.step.cost.max(other.cost);
        self.step.data_loss |= other.data_loss;
        self.step.note = self.step.note.take().or(other.note);
        self.step.undo = match (self.step.undo.take(), other.undo) {
            (Some(Action::Aws(mut undo)), Some(Action::Aws(more))) => {
                undo.merge(more);
                Some(Action::Aws(undo))
            }
            (own, others) => own.or(others),
        };
        if let (Action::Aws(call), Action::Aws(more)) = (&mut self.step.action, &other.action) {
            call.merge(more.clone());
        }
        if let (
            Action::EditPipeline { value, choices, .. },
            Action::EditPipeline { value: other, choices: others, .. },
        ) = (&mut self.step.action, other.action)
        {
            // Two findings may want different values: the first stands, the others can be chosen.
            let mut all = vec![value.clone()];
            all.extend(choices.iter().cloned().chain([other]).chain(others));
            let mut seen = std::collections::BTreeSet::new();
            all.retain(|c| seen.insert(c.clone()));
            if all.len() > 1 {
                *choices = all;
            }
        }
    }
}

/// Whether two actions are one step of a plan: a key is set once.
fn same_action(a: &Action, b: &Action) -> bool {
    match (a, b) {
        (Action::EditPipeline { key: a, .. }, Action::EditPipeline { key: b, .. }) => a == b,
        (Action::Aws(a), Action::Aws(b)) => a.same_step(b),
        _ => a == b,
    }
}

fn add_code(codes: &mut Vec<String>, code: &str) {
    if !codes.iter().any(|c| c == code) {
        codes.push(code.to_owned());
    }
}

fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step(sql: &str) -> Step {
        Step::new(Cost::None, Action::target(sql))
    }

    fn fix(steps: Vec<Step>) -> Fix {
        Fix::new(Mode::Auto, "a fix", steps)
    }

    fn plan(fixes: Vec<(&str, Fix)>) -> Plan {
        Plan::new(fixes.into_iter().map(|(code, fix)| (code.to_owned(), fix)))
    }

    fn sqls(plan: &Plan) -> Vec<String> {
        plan.steps.iter().map(|s| s.step.action.describe().replace("target: ", "")).collect()
    }

    #[test]
    fn one_repair_for_many_findings_is_one_step() {
        let repair = || fix(vec![step("A")]);
        let dear = fix(vec![Step::new(Cost::Lock, Action::target("A")).note("n").undo(Action::target("U"))]);
        let plan = plan(vec![("TSC-001", repair()), ("TSC-002", dear), ("TSC-001", repair())]);
        assert_eq!(plan.steps.len(), 1);
        assert_eq!(plan.steps[0].codes, ["TSC-001", "TSC-002"]);
        assert_eq!(plan.steps[0].step.cost, Cost::Lock, "the dearer price is shown");
        assert!(plan.steps[0].step.undo.is_some());
    }

    #[test]
    fn a_fix_keeps_its_order_when_a_step_was_planned_before() {
        let plan = plan(vec![("A", fix(vec![step("y")])), ("B", fix(vec![step("x"), step("y"), step("z")]))]);
        assert_eq!(sqls(&plan), ["x", "y", "z"]);
    }

    #[test]
    fn what_is_done_by_hand_stands_apart() {
        let mut by_hand = Fix::manual("m", ["open the port"]);
        by_hand.steps.push(step("never run this"));
        let plan = plan(vec![("A", by_hand.clone()), ("B", by_hand)]);
        assert!(plan.is_empty());
        assert_eq!(plan.notes[0], PlanNote { codes: vec!["A".into(), "B".into()], text: "open the port".into() });
        assert_eq!(plan.notes[1].text, "target: never run this");
    }

    #[test]
    fn a_key_is_set_once_and_other_wishes_are_choices() {
        let edit = |value: &str| fix(vec![Step::new(Cost::None, Action::edit("source.tls", value))]);
        let mut plan = plan(vec![("A", edit("verify-full")), ("B", edit("require")), ("C", edit("verify-full"))]);
        assert_eq!(plan.steps.len(), 1);
        assert_eq!(plan.choices(0), ["verify-full", "require"]);
        plan.choose(0, "require").unwrap();
        assert_eq!(plan.steps[0].step.action.describe(), "pipeline file: tls = \"require\" in [source]");
        let refused = plan.choose(0, "disable").unwrap_err();
        assert_eq!(refused.to_string(), "step 1 does not take \"disable\"; it takes verify-full, require");
        assert!(plan.choose(7, "x").is_err());
    }

    #[test]
    fn the_price_is_one_line() {
        let lock = Step::new(Cost::Lock, Action::source("L"));
        let mut lossy = Step::new(Cost::Reboot, Action::source("R"));
        lossy.data_loss = true;
        let first = plan(vec![("A", fix(vec![lock.clone(), step("x")]))]);
        assert_eq!(first.summary(), "2 steps · 1 lock · no restart");
        assert_eq!(first.needs(), Permits::default());
        let second = plan(vec![("A", fix(vec![lock, lossy])), ("B", Fix::manual("m", ["n"]))]);
        assert_eq!(second.summary(), "2 steps · 1 lock · 1 reboot · 1 changing stored rows · 1 by hand");
        assert_eq!(second.needs(), Permits { reboot: true, data_loss: true });
        assert_eq!(second.without(&[1]).needs(), Permits::default());
        assert_eq!(second.codes(), ["A", "B"]);
    }

    proptest! {
        /// Fixes whose steps agree on an order (here: that of the alphabet) come out in it, each step once, no code lost.
        #[test]
        fn merging_keeps_agreed_order(fixes in prop::collection::vec(prop::collection::btree_set("[a-f]", 0..5), 0..6)) {
            let built: Vec<(String, Fix)> = fixes.iter().enumerate()
                .map(|(i, names)| (format!("C{i}"), fix(names.iter().map(|n| step(n)).collect())))
                .collect();
            let plan = Plan::new(built);
            let order = sqls(&plan);
            for (i, names) in fixes.iter().enumerate() {
                for name in names {
                    let found: Vec<&PlanStep> = plan.steps.iter().filter(|s| s.step == step(name)).collect();
                    prop_assert_eq!(found.len(), 1);
                    let code = format!("C{i}");
                    prop_assert!(found[0].codes.contains(&code));
                }
            }
            // Two fixes are always reconcilable; more may not be with insertion alone, where each fix is seen once.
            if fixes.len() <= 2 {
                for names in &fixes {
                    let at: Vec<usize> = names.iter().map(|n| order.iter().position(|o| o == n).unwrap()).collect();
                    prop_assert!(at.is_sorted(), "{:?} in {:?}", names, order);
                }
            }
        }
    }
}
