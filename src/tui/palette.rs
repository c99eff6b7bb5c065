//! All commands of a screen, found by their words. Made from the key map. Pure.

use super::keys::{self, Binding, Command, Context};
use super::widgets::{Input, Words};

/// The list while it is up.
#[derive(Debug, Default)]
pub struct Palette {
    /// What was typed.
    pub typed: Input,
    /// The chosen entry.
    pub cursor: usize,
}

/// What can be done in a context: commands with a help line, each once, in the order of the key map.
pub fn entries(at: Context, typed: &str, available: impl Fn(Command) -> bool) -> Vec<&'static Binding> {
    let words = Words::new(typed);
    let moves = |command| {
        matches!(
            command,
            Command::Up
                | Command::Down
                | Command::PageUp
                | Command::PageDown
                | Command::First
                | Command::Last
                | Command::Fold
                | Command::Unfold
                | Command::Palette
                | Command::Close
        )
    };
    keys::bindings(at)
        .filter(|b| !moves(b.command) && available(b.command))
        .filter(|b| words.are_in(&format!("{} {}", b.label, b.help)))
        .collect()
}
