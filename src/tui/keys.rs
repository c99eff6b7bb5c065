//! The one key map. What a key does, what the footer says and what the help lists are all read from it.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Where the keys go at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// The overview.
    Overview,
    /// The list of checks.
    Checks,
    /// The detail pane of the checks.
    Detail,
    /// The sync.
    Sync,
    /// The filter line.
    Filter,
    /// The plan of a fix, being looked at.
    Plan,
    /// The plan of a fix, being applied.
    Applying,
    /// The plan of a fix, over.
    Applied,
    /// A question that a key answers.
    Question,
    /// A question that a typed word answers.
    Typed,
    /// The help.
    Help,
}

/// What a key can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Leave, asking where something runs.
    Quit,
    /// Leave now, stopping what runs.
    Interrupt,
    /// Show or hide the help.
    Help,
    /// Back to where one was.
    Close,
    /// The screen of this number, from 0.
    Screen(usize),
    /// The next screen.
    NextScreen,
    /// The screen before.
    PreviousScreen,
    /// A line up.
    Up,
    /// A line down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first line.
    First,
    /// To the last line.
    Last,
    /// Into what is chosen.
    Open,
    /// Unfold.
    Unfold,
    /// Fold.
    Fold,
    /// Type a filter.
    Filter,
    /// Filter typed.
    Accept,
    /// Run the checks again.
    Rerun,
    /// Show the plan that mends what is chosen.
    Fix,
    /// Show the plan that mends everything that can be.
    FixAll,
    /// Take a step of the plan, or leave it.
    Toggle,
    /// The value before.
    PreviousValue,
    /// The next value.
    NextValue,
    /// Apply the plan.
    Apply,
    /// Start the sync.
    Start,
    /// Stop the sync.
    Stop,
    /// Empty the target tables and start the sync.
    Truncate,
    /// Answer yes.
    Yes,
}

/// A key press.
type Press = (KeyCode, KeyModifiers);

/// One line of the map.
#[derive(Debug)]
pub struct Binding {
    /// The key presses.
    presses: &'static [Press],
    /// How they are written.
    pub shown: &'static str,
    /// What they ask for.
    pub command: Command,
    /// One or two words for the footer; empty for what goes without saying.
    pub label: &'static str,
    /// A line for the help.
    pub help: &'static str,
    contexts: &'static [Context],
}

const fn key(c: char) -> Press {
    (KeyCode::Char(c), KeyModifiers::NONE)
}

const fn ctrl(c: char) -> Press {
    (KeyCode::Char(c), KeyModifiers::CONTROL)
}

const fn code(code: KeyCode) -> Press {
    (code, KeyModifiers::NONE)
}

use Command as Do;
use Context as In;

const SCREENS: &[Context] = &[In::Overview, In::Checks, In::Detail, In::Sync];
const LISTS: &[Context] = &[In::Checks];
const SCROLLED: &[Context] = &[In::Checks, In::Detail, In::Sync, In::Plan, In::Applied, In::Help];
/// Those where something is up that covers the screen.
const OVER: &[Context] = &[In::Filter, In::Plan, In::Applying, In::Applied, In::Question, In::Typed, In::Help];

macro_rules! bindings {
    ($([$($press:expr),+] $shown:literal $command:expr, $label:literal, $help:literal, $contexts:expr;)+) => {
        &[$(Binding {
            presses: &[$($press),+], shown: $shown, command: $command, label: $label, help: $help, contexts: $contexts,
        }),+]
    };
}

/// The map, in the order in which footers and help show it.
static BINDINGS: &[Binding] = bindings![
    [code(KeyCode::Enter)] "enter" Do::Open, "look at it", "look at what is wrong first", &[In::Overview];
    [code(KeyCode::Enter)] "enter" Do::Open, "open", "read the details, or fold and unfold", &[In::Checks];
    [code(KeyCode::Enter)] "enter" Do::Accept, "keep", "keep the filter", &[In::Filter];
    [code(KeyCode::Enter), key('y')] "enter y" Do::Yes, "yes", "do it", &[In::Question];
    [code(KeyCode::Enter)] "enter" Do::Yes, "do it", "do it, once the word is typed", &[In::Typed];
    [code(KeyCode::Enter)] "enter" Do::Apply, "apply", "apply the chosen steps", &[In::Plan];
    [key(' ')] "space" Do::Toggle, "choose", "take this step, or leave it", &[In::Plan];
    [code(KeyCode::Left), key('h')] "← →" Do::PreviousValue, "other value", "another of the values to pick from", &[In::Plan];
    [code(KeyCode::Right), key('l')] "→ l" Do::NextValue, "", "the next value", &[In::Plan];
    [key('f')] "f" Do::Fix, "fix", "show the plan that mends it", &[In::Overview, In::Checks, In::Detail];
    [key('F')] "F" Do::FixAll, "fix all", "show one plan for everything that can be mended now", &[In::Overview, In::Checks, In::Detail];
    [key('s')] "s" Do::Start, "start the sync", "copy all rows of the selected tables", &[In::Overview, In::Sync];
    [key('x')] "x" Do::Stop, "stop", "stop the sync, after a question", &[In::Overview, In::Sync];
    [key('t')] "t" Do::Truncate, "empty and load", "delete the target's rows and load again, after a question", &[In::Sync];
    [key('r')] "r" Do::Rerun, "run again", "look at everything again", SCREENS;
    [key('/')] "/" Do::Filter, "filter", "show only checks that hold all typed words", LISTS;
    [code(KeyCode::Right), key('l')] "→ l" Do::Unfold, "", "unfold", LISTS;
    [code(KeyCode::Left), key('h')] "← h" Do::Fold, "", "fold, or go to what it is folded under", LISTS;
    [code(KeyCode::Up), key('k')] "↑ k" Do::Up, "", "a line up", SCROLLED;
    [code(KeyCode::Down), key('j')] "↓ j" Do::Down, "", "a line down", SCROLLED;
    [code(KeyCode::PageUp), ctrl('b')] "PgUp" Do::PageUp, "", "a page up", SCROLLED;
    [code(KeyCode::PageDown), ctrl('f')] "PgDn" Do::PageDown, "", "a page down", SCROLLED;
    [code(KeyCode::Home), key('g')] "Home g" Do::First, "", "to the first line", SCROLLED;
    [code(KeyCode::End), key('G')] "End G" Do::Last, "", "to the last line", SCROLLED;
    [code(KeyCode::Esc), key('n'), key('q')] "esc n" Do::Close, "no", "leave everything as it is", &[In::Question];
    [code(KeyCode::Esc)] "esc" Do::Close, "leave", "leave everything as it is", &[In::Typed];
    [code(KeyCode::Esc)] "esc" Do::Close, "no filter", "show all checks again", &[In::Filter];
    [code(KeyCode::Esc), code(KeyCode::Left), key('h')] "esc" Do::Close, "back", "back to the list", &[In::Detail];
    [code(KeyCode::Esc)] "esc" Do::Close, "", "take the filter away", LISTS;
    [code(KeyCode::Esc), key('q')] "esc" Do::Close, "leave", "leave everything as it is", &[In::Plan];
    [code(KeyCode::Enter), code(KeyCode::Esc), key('q')] "enter" Do::Close, "close", "back to the screen", &[In::Applied];
    [code(KeyCode::Esc), key('q'), key('?')] "esc" Do::Close, "close", "close the help", &[In::Help];
    [key('1')] "1" Do::Screen(0), "", "overview", SCREENS;
    [key('2')] "2" Do::Screen(1), "", "checks", SCREENS;
    [key('3')] "3" Do::Screen(2), "", "sync", SCREENS;
    [code(KeyCode::Tab)] "tab" Do::NextScreen, "screens", "the next screen", SCREENS;
    [code(KeyCode::BackTab)] "shift-tab" Do::PreviousScreen, "", "the screen before", SCREENS;
    [key('?'), code(KeyCode::F(1))] "?" Do::Help, "help", "the keys of this screen", SCREENS;
    [key('q')] "q" Do::Quit, "quit", "leave; asks while a sync runs", SCREENS;
    [ctrl('c')] "ctrl-c" Do::Interrupt, "", "leave; stops a running sync first", SCREENS;
    [ctrl('c')] "ctrl-c" Do::Interrupt, "", "leave; stops what runs first", OVER;
];

/// The keys of a context, in the order in which they are shown.
pub fn bindings(context: Context) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |b| b.contexts.contains(&context))
}

/// What a key asks for.
pub fn command(context: Context, event: KeyEvent) -> Option<Command> {
    // Terminals differ in whether they report Shift beside the letter that it already made.
    let plain = match event.code {
        KeyCode::Char(_) | KeyCode::BackTab => event.modifiers - KeyModifiers::SHIFT,
        _ => event.modifiers,
    };
    bindings(context).find(|b| b.presses.contains(&(event.code, plain))).map(|b| b.command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_means_one_thing_in_a_context() {
        for &context in SCREENS.iter().chain(OVER) {
            let mut seen: Vec<Press> = Vec::new();
            for binding in bindings(context) {
                for press in binding.presses {
                    assert!(!seen.contains(press), "{context:?}: {press:?} twice");
                    seen.push(*press);
                }
            }
        }
    }

    #[test]
    fn every_screen_has_help_and_quit() {
        for &context in SCREENS {
            assert_eq!(command(context, KeyEvent::from(KeyCode::Char('?'))), Some(Command::Help));
            assert_eq!(command(context, KeyEvent::from(KeyCode::Char('q'))), Some(Command::Quit));
        }
    }

    #[test]
    fn every_tab_has_its_digit() {
        for (i, _) in super::super::model::Screen::ALL.iter().enumerate() {
            let digit = char::from_digit(u32::try_from(i).unwrap() + 1, 10).unwrap();
            let command = command(Context::Overview, KeyEvent::from(KeyCode::Char(digit)));
            assert_eq!(command, Some(Command::Screen(i)));
        }
    }

    #[test]
    fn shift_beside_a_capital_letter_does_not_matter() {
        let g = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(command(Context::Checks, g), Some(Command::Last));
        assert_eq!(command(Context::Checks, KeyEvent::new(KeyCode::Char('c'), KeyModifiers::NONE)), None);
    }
}
