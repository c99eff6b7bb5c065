//! What runs beside the screens: one thing at a time, and Esc ends it. Pure.

/// What kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Rows of both sides are compared.
    Verify,
    /// A row is followed through the running pipeline.
    Canary,
    /// The last applied plan is being read from the journal.
    ReadUndo,
    /// It is being taken back.
    Undo,
    /// What is there of the DMS side is being read.
    ReadPlan,
    /// The DMS side is being made.
    Provision,
}

impl JobKind {
    /// As a notice says it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Verify => "Comparing both sides",
            Self::Canary => "A canary is on its way",
            Self::ReadUndo => "Reading what was done last",
            Self::Undo => "Taking it back",
            Self::ReadPlan => "Reading what is there in AWS",
            Self::Provision => "Making the DMS side",
        }
    }

    /// It can be ended in the middle, and nothing is left half done by that.
    pub fn cancels(self) -> bool {
        self != Self::Undo
    }
}

/// The one that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What.
    pub kind: JobKind,
    /// Since when.
    pub began: jiff::Timestamp,
    /// How far it is, in words.
    pub says: String,
}

impl Job {
    /// One that begins now.
    pub fn new(kind: JobKind, now: jiff::Timestamp) -> Self {
        Self { kind, began: now, says: String::new() }
    }
}
