//! A line that is being typed.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// No name that is typed here is longer.
const LIMIT: usize = 200;

/// What was typed so far; the cursor is at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Input {
    text: String,
}

impl Input {
    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As if this had been typed.
    #[cfg(test)]
    pub fn set(&mut self, text: &str) {
        text.clone_into(&mut self.text);
    }

    /// Nothing typed.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// Takes a key; true when the text changed.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let before = self.text.len();
        match (key.code, key.modifiers) {
            (KeyCode::Char('u'), KeyModifiers::CONTROL) => self.text.clear(),
            (KeyCode::Char('w'), KeyModifiers::CONTROL) => {
                let kept = self.text.trim_end().rfind(' ').map_or(0, |at| at + 1);
                self.text.truncate(kept);
            }
            (KeyCode::Backspace, _) => {
                self.text.pop();
            }
            (KeyCode::Char(c), m)
                if !m.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
                    && !c.is_control()
                    && self.text.len() < LIMIT =>
            {
                self.text.push(c);
            }
            _ => {}
        }
        self.text.len() != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_takes_back() {
        let mut input = Input::default();
        for c in "tls key".chars() {
            assert!(input.key(KeyEvent::from(KeyCode::Char(c))));
        }
        assert!(input.key(KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL)));
        assert_eq!(input.text(), "tls ");
        assert!(input.key(KeyEvent::from(KeyCode::Backspace)));
        assert_eq!(input.text(), "tls");
        assert!(!input.key(KeyEvent::new(KeyCode::Char('x'), KeyModifiers::ALT)));
        assert!(input.key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)));
        assert_eq!(input.text(), "");
    }
}
