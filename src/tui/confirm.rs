//! The only door to what changes or stops something. A screen asks for a [`Guarded`] action; a person answers the
//! [`Confirm`] that it becomes; only the answer makes a [`Confirmed`], and only that is an effect.

use super::widgets::Input;
use crate::fixes::{Cost, Plan, Step};
use crate::pipeline::Pipeline;
use crate::provision::{self, Verb};

/// What is not done without a yes.
#[derive(Debug, Clone, PartialEq)]
pub enum Guarded {
    /// Applies a plan that was shown.
    Apply(Box<Apply>),
    /// Empties the target tables, then loads them.
    TruncateAndLoad(Box<Pipeline>),
    /// Stops the running sync.
    StopSync,
    /// Stops watching a task of DMS, which goes on.
    LeaveTask,
    /// Stops the running sync, then leaves.
    StopAndQuit,
    /// Loads tables again.
    Reload {
        /// Where to.
        pipeline: Box<Pipeline>,
        /// `schema.table`.
        table: String,
    },
    /// Takes the last applied plan back.
    Undo {
        /// Where.
        pipeline: Box<Pipeline>,
        /// What is done, a line a step.
        steps: Vec<String>,
    },
    /// Makes the DMS side.
    Provision {
        /// For which pipeline.
        pipeline: Box<Pipeline>,
        /// As it was shown.
        plan: Box<provision::Plan>,
    },
}

/// What was chosen from a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Apply {
    /// Where to.
    pub pipeline: Pipeline,
    /// What is done.
    pub plan: Plan,
}

/// A question on the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirm {
    action: Guarded,
    /// What was typed so far, where a word is asked for.
    pub typed: Input,
}

/// The answer yes. Made here only.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirmed(Guarded);

impl Confirmed {
    /// What may be done now.
    pub fn action(&self) -> &Guarded {
        &self.0
    }

    /// The same, to keep.
    pub fn into_action(self) -> Guarded {
        self.0
    }
}

impl Confirm {
    /// Asks.
    pub fn new(action: Guarded) -> Self {
        Self { action, typed: Input::default() }
    }

    /// The word to type; `None` where a key is enough.
    pub fn word(&self) -> Option<&'static str> {
        match &self.action {
            Guarded::Apply(apply) => match (apply.plan.needs().reboot, apply.plan.needs().data_loss) {
                (true, true) => Some("reboot and lose data"),
                (true, false) => Some("reboot"),
                (false, true) => Some("lose data"),
                (false, false) => None,
            },
            Guarded::TruncateAndLoad(_) => Some("truncate"),
            Guarded::Provision { plan, .. } if plan.count(Verb::Delete) > 0 => Some("delete"),
            Guarded::StopSync
            | Guarded::LeaveTask
            | Guarded::StopAndQuit
            | Guarded::Reload { .. }
            | Guarded::Undo { .. }
            | Guarded::Provision { .. } => None,
        }
    }

    /// It makes no sense any more once the sync has ended.
    pub fn is_about_running_sync(&self) -> bool {
        matches!(self.action, Guarded::StopSync | Guarded::LeaveTask | Guarded::StopAndQuit)
    }

    /// The yes, where the word (if any) was typed.
    pub fn accept(&self) -> Option<Confirmed> {
        let enough = self.word().is_none_or(|word| self.typed.text().trim().eq_ignore_ascii_case(word));
        enough.then(|| Confirmed(self.action.clone()))
    }

    /// The yes of Ctrl-C and of signals, which are answers by themselves.
    pub fn interrupt() -> Confirmed {
        Confirmed(Guarded::StopAndQuit)
    }

    /// The yes of the pause key: what is followed goes on from where it stops.
    pub fn pause() -> Confirmed {
        Confirmed(Guarded::StopSync)
    }

    /// The question.
    pub fn title(&self) -> &'static str {
        match &self.action {
            Guarded::Apply(_) => "Apply the plan?",
            Guarded::TruncateAndLoad(_) => "Empty the target tables and load them again?",
            Guarded::StopSync => "Stop the sync?",
            Guarded::LeaveTask => "Stop watching the task?",
            Guarded::StopAndQuit => "Something is running. Stop it and quit?",
            Guarded::Reload { .. } => "Load the table again?",
            Guarded::Undo { .. } => "Take the last applied plan back?",
            Guarded::Provision { .. } => "Make the DMS side as planned?",
        }
    }

    /// What will happen, in words.
    pub fn consequence(&self) -> String {
        match &self.action {
            Guarded::Apply(apply) => {
                let steps = &apply.plan.steps;
                let numbers = |is: fn(&Step) -> bool| -> String {
                    let places =
                        steps.iter().enumerate().filter(|(_, s)| is(&s.step)).map(|(i, _)| (i + 1).to_string());
                    places.collect::<Vec<_>>().join(", ")
                };
                let mut text = Vec::new();
                if apply.plan.needs().reboot {
                    let at = numbers(|s| s.cost == Cost::Reboot);
                    text.push(format!("Step {at} reboots a database server: every connection to it is cut."));
                }
                if apply.plan.needs().data_loss {
                    let at = numbers(|s| s.data_loss);
                    text.push(format!("Step {at} removes or changes stored rows. No undo brings their values back."));
                }
                text.join(" ")
            }
            Guarded::TruncateAndLoad(pipeline) => format!(
                "Every row that is now in the selected tables of {} at {}:{} is deleted, then they are loaded again. \
                 This cannot be undone.",
                pipeline.target_databases().join(", "),
                pipeline.target.host,
                pipeline.target.port
            ),
            Guarded::Reload { table, .. } => format!(
                "The rows of {table} on the target are removed and copied anew; the other tables go on from where they \
                 are."
            ),
            Guarded::Undo { steps, .. } => format!("Last step first:\n{}", steps.join("\n")),
            Guarded::Provision { plan, .. } => {
                let cost = plan.cost.as_deref().map_or(String::new(), |cost| format!("\n{cost}"));
                format!("{}{cost}", plan.summary())
            }
            Guarded::LeaveTask => {
                "The task goes on in AWS, and can be watched again. To stop it: cdc-doctor sync --stop.".to_owned()
            }
            Guarded::StopSync | Guarded::StopAndQuit => {
                "Tables that are loaded stay, and changes go on from where they are; a table in the middle of its load \
                 must be loaded again."
                    .to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::{KeyCode, KeyEvent};

    use super::super::testing;
    use super::*;
    use crate::fixes::{Action, PlanStep};

    #[test]
    fn deleting_rows_needs_the_whole_word() {
        let mut confirm = Confirm::new(Guarded::TruncateAndLoad(Box::new(testing::pipeline())));
        assert_eq!(confirm.accept(), None);
        for c in "truncat".chars() {
            confirm.typed.key(KeyEvent::from(KeyCode::Char(c)));
        }
        assert_eq!(confirm.accept(), None);
        confirm.typed.key(KeyEvent::from(KeyCode::Char('e')));
        assert!(confirm.accept().is_some());
    }

    #[test]
    fn a_plan_that_reboots_or_loses_data_names_it() {
        let word = |reboots, data_loss| {
            let cost = if reboots { Cost::Reboot } else { Cost::Lock };
            let mut step = Step::new(cost, Action::target("SELECT 1"));
            step.data_loss = data_loss;
            let plan = Plan { steps: vec![PlanStep { codes: Vec::new(), step }], notes: Vec::new() };
            let apply = Apply { pipeline: testing::pipeline(), plan };
            Confirm::new(Guarded::Apply(Box::new(apply))).word()
        };
        assert_eq!(word(false, false), None);
        assert_eq!(word(true, false), Some("reboot"));
        assert_eq!(word(false, true), Some("lose data"));
        assert_eq!(word(true, true), Some("reboot and lose data"));
    }

    #[test]
    fn stopping_needs_a_key_only() {
        assert!(Confirm::new(Guarded::StopSync).accept().is_some());
    }
}
