//! The only door to what changes or stops something. A screen asks for a [`Guarded`] action; a person answers the
//! [`Confirm`] that it becomes; only the answer makes a [`Confirmed`], and only that is an effect.

use super::widgets::Input;

/// What is not done without a yes.
#[derive(Debug, Clone, PartialEq)]
pub enum Guarded {
    /// Empties the target tables, then loads them.
    TruncateAndLoad {
        /// Where, for the question.
        target: String,
    },
    /// Stops the running sync.
    StopSync,
    /// Stops the running sync, then leaves.
    StopAndQuit,
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
}

impl Confirm {
    /// Asks.
    pub fn new(action: Guarded) -> Self {
        Self { action, typed: Input::default() }
    }

    /// The word to type; `None` where a key is enough.
    pub fn word(&self) -> Option<&'static str> {
        match self.action {
            Guarded::TruncateAndLoad { .. } => Some("truncate"),
            Guarded::StopSync | Guarded::StopAndQuit => None,
        }
    }

    /// The yes, where the word (if any) was typed.
    pub fn accept(&self) -> Option<Confirmed> {
        let enough = self.word().is_none_or(|word| self.typed.text().trim().eq_ignore_ascii_case(word));
        enough.then(|| Confirmed(self.action.clone()))
    }

    /// The question.
    pub fn title(&self) -> &'static str {
        match self.action {
            Guarded::TruncateAndLoad { .. } => "Empty the target tables and load them again?",
            Guarded::StopSync => "Stop the sync?",
            Guarded::StopAndQuit => "A sync is running. Stop it and quit?",
        }
    }

    /// What will happen, in words.
    pub fn consequence(&self) -> String {
        match &self.action {
            Guarded::TruncateAndLoad { target } => {
                format!("Every row that is now in the selected tables of {target} is deleted. This cannot be undone.")
            }
            Guarded::StopSync | Guarded::StopAndQuit => {
                "Tables that are loaded stay; a table in the middle keeps the rows it has and must be loaded again."
                    .to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::{KeyCode, KeyEvent};

    use super::*;

    #[test]
    fn deleting_rows_needs_the_whole_word() {
        let mut confirm = Confirm::new(Guarded::TruncateAndLoad { target: "charts".into() });
        assert_eq!(confirm.accept(), None);
        for c in "truncat".chars() {
            confirm.typed.key(KeyEvent::from(KeyCode::Char(c)));
        }
        assert_eq!(confirm.accept(), None);
        confirm.typed.key(KeyEvent::from(KeyCode::Char('e')));
        assert!(confirm.accept().is_some());
    }

    #[test]
    fn stopping_needs_a_key_only() {
        assert!(Confirm::new(Guarded::StopSync).accept().is_some());
    }
}
