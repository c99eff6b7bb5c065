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
    /// The tables on both sides.
    Schema,
    /// The detail pane of a table.
    Table,
    /// The DMS side as a plan.
    Provision,
    /// The sync.
    Sync,
    /// What happened in this session.
    Log,
    /// The filter line.
    Filter,
    /// A text over the screen.
    Page,
    /// The list of all commands.
    Palette,
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
    /// Show the list of all commands.
    Palette,
    /// Take what is chosen to the clipboard, as text.
    Copy,
    /// Take the statements of its fix to the clipboard.
    CopySql,
    /// Write the report of the checks to a file.
    Report,
    /// Show the whole explanation of a check.
    Explain,
    /// Look again at the part that the chosen check is about.
    RerunPart,
    /// Show only the next area, or all.
    Area,
    /// Show only the next kind of outcome, state or level, or all.
    Only,
    /// Take the last applied plan back.
    Undo,
    /// Create or repair the chosen table on the target.
    Create,
    /// Create or repair all tables.
    CreateAll,
    /// Read what is there and make the plan anew.
    ReadPlan,
    /// Make the DMS side as planned.
    Provision,
    /// Halt the sync, or let it go on.
    Pause,
    /// Compare source and target.
    Verify,
    /// Send a row through the running pipeline.
    Canary,
    /// Load the chosen table again.
    Reload,
    /// Order the list by something else.
    Sort,
    /// The other colours.
    Theme,
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

const SCREENS: &[Context] =
    &[In::Overview, In::Checks, In::Detail, In::Schema, In::Table, In::Provision, In::Sync, In::Log];
/// Those whose list has a filter.
const FILTERED: &[Context] = &[In::Checks, In::Schema, In::Sync, In::Log];
/// Those whose list unfolds.
const FOLDED: &[Context] = &[In::Checks, In::Provision];
/// Those where Esc first ends what runs beside.
const LISTS: &[Context] = &[In::Overview, In::Checks, In::Schema, In::Provision, In::Sync, In::Log];
const SCROLLED: &[Context] = &[
    In::Checks,
    In::Detail,
    In::Schema,
    In::Table,
    In::Provision,
    In::Sync,
    In::Log,
    In::Plan,
    In::Applied,
    In::Help,
    In::Page,
];
const PANES: &[Context] = &[In::Detail, In::Table];
const CHECKS: &[Context] = &[In::Overview, In::Checks, In::Detail];
/// Those where something is up that covers the screen.
const OVER: &[Context] =
    &[In::Filter, In::Plan, In::Applying, In::Applied, In::Question, In::Typed, In::Help, In::Page, In::Palette];

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
    [code(KeyCode::Enter)] "enter" Do::Open, "open", "read the columns and the statement", &[In::Schema];
    [code(KeyCode::Enter)] "enter" Do::Open, "values", "show or hide the values of a resource", &[In::Provision];
    [code(KeyCode::Enter)] "enter" Do::Accept, "keep", "keep the filter", &[In::Filter];
    [code(KeyCode::Enter)] "enter" Do::Accept, "do it", "do what is chosen", &[In::Palette];
    [code(KeyCode::Enter), key('y')] "enter y" Do::Yes, "yes", "do it", &[In::Question];
    [code(KeyCode::Enter)] "enter" Do::Yes, "do it", "do it, once the word is typed", &[In::Typed];
    [code(KeyCode::Enter)] "enter" Do::Apply, "apply", "apply the chosen steps", &[In::Plan];
    [key(' ')] "space" Do::Toggle, "choose", "take this step, or leave it", &[In::Plan];
    [code(KeyCode::Left), key('h')] "← →" Do::PreviousValue, "other value", "another of the values to pick from", &[In::Plan];
    [code(KeyCode::Right), key('l')] "→ l" Do::NextValue, "", "the next value", &[In::Plan];
    [key('y')] "y" Do::Copy, "copy", "take the plan to the clipboard", &[In::Plan, In::Applied];
    [key('f')] "f" Do::Fix, "fix", "show the plan that mends it", CHECKS;
    [key('F')] "F" Do::FixAll, "fix all", "show one plan for everything that can be mended now", CHECKS;
    [key('s')] "s" Do::Start, "start", "start the sync: copy rows, and follow changes where the mode says so", &[In::Overview, In::Sync];
    [key(' ')] "space" Do::Pause, "pause", "halt the sync, or let it go on", &[In::Sync];
    [key('x')] "x" Do::Stop, "stop", "stop the sync, after a question", &[In::Overview, In::Sync];
    [key('t')] "t" Do::Truncate, "empty and load", "delete the target's rows and load again, after a question", &[In::Sync];
    [key('v')] "v" Do::Verify, "verify", "compare all rows of both sides", &[In::Overview, In::Sync];
    [key('c')] "c" Do::Canary, "canary", "send one row through the running sync and follow it", &[In::Overview, In::Sync];
    [key('L')] "L" Do::Reload, "load again", "load the chosen table again, after a question", &[In::Sync];
    [key('o')] "o" Do::Sort, "order", "order the tables by name, state, rows or rate", &[In::Sync];
    [key('c')] "c" Do::Create, "create", "create or repair the chosen table, after its plan was shown", &[In::Schema, In::Table];
    [key('C')] "C" Do::CreateAll, "create all", "create or repair all tables, after the plan was shown", &[In::Schema, In::Table];
    [key('p')] "p" Do::ReadPlan, "read", "read what is there, and make the plan anew", &[In::Provision];
    [key('a')] "a" Do::Provision, "apply", "make it so, after a question", &[In::Provision];
    [key('r')] "r" Do::Rerun, "run again", "look at everything again", SCREENS;
    [key('/')] "/" Do::Filter, "filter", "show only what holds all typed words", FILTERED;
    [key('a')] "a" Do::Area, "area", "show only one area of the checks, the next, or all", &[In::Checks];
    [key('o')] "o" Do::Only, "only", "show only errors, warnings, unknown, passed, or all", &[In::Checks];
    [key('o')] "o" Do::Only, "only", "show only tables that are not as they should be, or all", &[In::Schema];
    [key('o')] "o" Do::Only, "only", "show only warnings, only errors, or all", &[In::Log];
    [key('e')] "e" Do::Explain, "explain", "read all about the check", &[In::Checks, In::Detail];
    [key('y')] "y" Do::Copy, "copy", "take what is chosen to the clipboard", &[In::Checks, In::Detail, In::Schema, In::Table, In::Provision, In::Log, In::Page];
    [key('Y')] "Y" Do::CopySql, "", "take the statements of its fix to the clipboard", &[In::Checks, In::Detail];
    [key('w')] "w" Do::Report, "", "write the report of the checks to a file", CHECKS;
    [key('R')] "R" Do::RerunPart, "", "look again at the side that the chosen check is about", &[In::Checks, In::Detail];
    [key('u')] "u" Do::Undo, "", "take the last applied plan back, after a question", CHECKS;
    [code(KeyCode::Right), key('l')] "→ l" Do::Unfold, "", "unfold", FOLDED;
    [code(KeyCode::Left), key('h')] "← h" Do::Fold, "", "fold, or go to what it is folded under", FOLDED;
    [code(KeyCode::Up), key('k')] "↑ k" Do::Up, "", "a line up", SCROLLED;
    [code(KeyCode::Down), key('j')] "↓ j" Do::Down, "", "a line down", SCROLLED;
    [code(KeyCode::Up), ctrl('p')] "↑" Do::Up, "", "a line up", &[In::Palette];
    [code(KeyCode::Down), ctrl('n')] "↓" Do::Down, "", "a line down", &[In::Palette];
    [code(KeyCode::PageUp), ctrl('b')] "PgUp" Do::PageUp, "", "a page up", SCROLLED;
    [code(KeyCode::PageDown), ctrl('f')] "PgDn" Do::PageDown, "", "a page down", SCROLLED;
    [code(KeyCode::Home), key('g')] "Home g" Do::First, "", "to the first line", SCROLLED;
    [code(KeyCode::End), key('G')] "End G" Do::Last, "", "to the last line", SCROLLED;
    [code(KeyCode::Esc), key('n'), key('q')] "esc n" Do::Close, "no", "leave everything as it is", &[In::Question];
    [code(KeyCode::Esc)] "esc" Do::Close, "leave", "leave everything as it is", &[In::Typed, In::Palette];
    [code(KeyCode::Esc)] "esc" Do::Close, "no filter", "show all again", &[In::Filter];
    [code(KeyCode::Esc), code(KeyCode::Left), key('h')] "esc" Do::Close, "back", "back to the list", PANES;
    [code(KeyCode::Esc)] "esc" Do::Close, "", "end what runs beside, or the run of the checks, or take the filter away", LISTS;
    [code(KeyCode::Esc), key('q')] "esc" Do::Close, "leave", "leave everything as it is", &[In::Plan];
    [code(KeyCode::Esc)] "esc" Do::Close, "enough", "finish the step that runs, and begin no other", &[In::Applying];
    [code(KeyCode::Enter), code(KeyCode::Esc), key('q')] "enter" Do::Close, "close", "back to the screen", &[In::Applied, In::Page];
    [code(KeyCode::Esc), key('q'), key('?')] "esc" Do::Close, "close", "close the help", &[In::Help];
    [key('1')] "1" Do::Screen(0), "", "overview", SCREENS;
    [key('2')] "2" Do::Screen(1), "", "checks", SCREENS;
    [key('3')] "3" Do::Screen(2), "", "schema", SCREENS;
    [key('4')] "4" Do::Screen(3), "", "provision", SCREENS;
    [key('5')] "5" Do::Screen(4), "", "sync", SCREENS;
    [key('6')] "6" Do::Screen(5), "", "log", SCREENS;
    [code(KeyCode::Tab)] "tab" Do::NextScreen, "screens", "the next screen", SCREENS;
    [code(KeyCode::BackTab)] "shift-tab" Do::PreviousScreen, "", "the screen before", SCREENS;
    [ctrl('t')] "ctrl-t" Do::Theme, "", "colours for a light or a dark terminal, or none", SCREENS;
    [key(':')] ":" Do::Palette, "commands", "all commands of this screen, by their words", SCREENS;
    [key('?'), code(KeyCode::F(1))] "?" Do::Help, "help", "the keys of this screen", SCREENS;
    [key('q')] "q" Do::Quit, "quit", "leave; asks while something runs", SCREENS;
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
