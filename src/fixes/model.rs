//! A fix as a value: steps, price and way back. Checks make them; nothing here does I/O.

use serde::{Deserialize, Serialize};

use super::AwsCall;

/// The remedy of one finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// One line: what changes.
    pub summary: String,
    /// Who does it.
    pub mode: Mode,
    /// In the order in which they must run.
    pub steps: Vec<Step>,
    /// Other ways, each with its price in words; shown, never applied.
    pub alternatives: Vec<String>,
}

impl Fix {
    /// A fix that this program can apply.
    #[must_use]
    pub fn new(mode: Mode, summary: impl Into<String>, steps: Vec<Step>) -> Self {
        Self { summary: summary.into(), mode, steps, alternatives: Vec::new() }
    }

    /// A fix that a person must make; the steps say how.
    #[must_use]
    pub fn manual(summary: impl Into<String>, notes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let steps = notes.into_iter().map(|n| Step::new(Cost::None, Action::Note(n.into()))).collect();
        Self::new(Mode::Manual, summary, steps)
    }

    /// Adds another way, with its price in words.
    #[must_use]
    pub fn or(mut self, alternative: impl Into<String>) -> Self {
        self.alternatives.push(alternative.into());
        self
    }

    /// The dearest step's cost.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.steps.iter().map(|s| s.cost).max().unwrap_or(Cost::None)
    }
}

/// Who applies a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Reversible and without outage: safe once the plan was shown.
    Auto,
    /// Needs a yes: it locks, restarts, rewrites or changes who may do what.
    Confirm,
    /// By hand.
    Manual,
}

/// What a step costs, cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cost {
    /// Nothing.
    None,
    /// Locks a table while it runs.
    Lock,
    /// Loads a table again.
    Reload,
    /// Restarts a process or task.
    Restart,
    /// Reboots a database server: needs `--allow-reboot`.
    Reboot,
}

impl Cost {
    /// As a person reads it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::None => "costs nothing",
            Self::Lock => "locks the table",
            Self::Reload => "reloads the table",
            Self::Restart => "restarts",
            Self::Reboot => "reboots the server",
        }
    }
}

/// What a person has permitted beyond an ordinary yes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permits {
    /// A database server may be rebooted: `--allow-reboot`.
    pub reboot: bool,
    /// Stored rows may be removed or changed: `--allow-data-loss`.
    pub data_loss: bool,
}

/// One step of a fix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// What it costs.
    pub cost: Cost,
    /// A word beside it: how long, how many rows.
    pub note: Option<String>,
    /// What takes it back, where something does.
    pub undo: Option<Action>,
    /// It removes or changes stored rows: needs `--allow-data-loss`.
    pub data_loss: bool,
}

impl Step {
    /// A step without note and undo.
    #[must_use]
    pub fn new(cost: Cost, action: Action) -> Self {
        Self { action, cost, note: None, undo: None, data_loss: false }
    }

    /// With a word beside it.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// With a way back.
    #[must_use]
    pub fn undo(mut self, action: Action) -> Self {
        self.undo = Some(action);
        self
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A statement on the source. `database` where it is not the pipeline's own.
    SourceSql {
        /// The statement, without semicolon.
        sql: String,
    },
    /// A statement on the target.
    TargetSql {
        /// The statement, without semicolon.
        sql: String,
    },
    /// Sets one key of the pipeline file; comments and layout stay.
    EditPipeline {
        /// Dotted, such as `source.tls`.
        key: String,
        /// The new value, a string.
        value: String,
        /// Values to pick from, where there is more than one sensible; `value` is among them.
        choices: Vec<String>,
    },
    /// A call to AWS.
    Aws(AwsCall),
    /// Something to do by hand.
    Note(String),
}

impl Action {
    /// One line, as the plan and the JSON report show it.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::SourceSql { sql } => format!("source: {sql}"),
            Self::TargetSql { sql } => format!("target: {sql}"),
            Self::EditPipeline { key, value, .. } => {
                let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
                format!("pipeline file: {name} = \"{value}\" in [{section}]")
            }
            Self::Aws(call) => call.command(),
            Self::Note(text) => text.clone(),
        }
    }

    /// Sets a key of the pipeline file to the only sensible value.
    #[must_use]
    pub fn edit(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::EditPipeline { key: key.into(), value: value.into(), choices: Vec::new() }
    }

    /// A statement on the source.
    #[must_use]
    pub fn source(sql: impl Into<String>) -> Self {
        Self::SourceSql { sql: sql.into() }
    }

    /// A statement on the target.
    #[must_use]
    pub fn target(sql: impl Into<String>) -> Self {
        Self::TargetSql { sql: sql.into() }
    }
}
