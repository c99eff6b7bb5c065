//! The DMS side: its plan, and how far each resource is while it is made. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::provision::apply::Told;
use crate::provision::plan::Step;
use crate::provision::{Plan, Verb};

/// The plan and its run.
#[derive(Debug, Default)]
pub struct ProvisionRun {
    /// What would be done, as read last.
    pub plan: Option<Plan>,
    /// Why it could not be read, or was not carried out.
    pub error: Option<String>,
    /// When it was read.
    pub read_at: Option<jiff::Timestamp>,
    /// It was carried out to its end.
    pub done: bool,
    /// What was told of each resource, the newest state last.
    pub states: Vec<State>,
    /// The chosen resource.
    pub cursor: usize,
    /// Resources whose values are shown against their default.
    pub toggled: BTreeSet<usize>,
    /// Lines of the tree that are above the screen.
    pub scroll: usize,
}

/// A resource on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Kind and name, as the plan's steps have them.
    pub what: String,
    /// In words.
    pub state: String,
    /// Since it was begun.
    pub elapsed: Duration,
}

/// How a resource is called where its states are told.
pub fn what(step: &Step) -> String {
    format!("{} {}", step.kind.label(), step.name)
}

impl ProvisionRun {
    /// A plan that was just read.
    pub fn planned(&mut self, at: jiff::Timestamp, result: Result<Plan, String>) {
        let cursor = self.cursor;
        let error = result.as_ref().err().cloned();
        let plan = result.ok().or_else(|| self.plan.take());
        let last = plan.as_ref().map_or(0, |p| p.steps.len().saturating_sub(1));
        *self = Self { plan, error, read_at: Some(at), cursor: cursor.min(last), ..Self::default() };
    }

    /// It begins to be carried out.
    pub fn begin(&mut self) {
        self.states.clear();
        self.error = None;
        self.done = false;
    }

    /// Takes in how far a resource is.
    pub fn told(&mut self, told: &Told) {
        let state = State { what: told.what.clone(), state: told.state.clone(), elapsed: told.elapsed };
        match self.states.iter_mut().find(|s| s.what == told.what) {
            Some(known) => *known = state,
            None => self.states.push(state),
        }
    }

    /// How far a step is, where that was told.
    pub fn state(&self, step: &Step) -> Option<&State> {
        let what = what(step);
        self.states.iter().find(|s| s.what == what)
    }

    /// The values of the resource at this place are shown: by default of what is changed.
    pub fn open(&self, at: usize) -> bool {
        let by_default = self.plan.as_ref().and_then(|p| p.steps.get(at)).is_some_and(|s| s.verb == Verb::Change);
        by_default != self.toggled.contains(&at)
    }

    /// Shows the values of the chosen resource, or hides them.
    pub fn toggle(&mut self) {
        if !self.toggled.remove(&self.cursor) {
            self.toggled.insert(self.cursor);
        }
    }

    /// There is something to do.
    pub fn applicable(&self) -> bool {
        self.plan.as_ref().is_some_and(|p| !p.is_empty()) && !self.done
    }
}
