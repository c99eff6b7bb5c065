//! Styles and signs. Screens are drawn in full; [`degrade`] then takes away what the terminal or its user does not
//! want, in one pass over the finished frame, so that no screen has a second way of drawing itself.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use crate::checks::Severity;
use crate::diagnose::{Judgement, Outcome};
use crate::sync::TableState;

/// What the terminal can show, or its user wants to see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// No colours; weight and inversion stay.
    pub no_color: bool,
    /// Colours that can be read on a light background.
    pub light: bool,
    /// Nothing beyond ASCII.
    pub ascii: bool,
}

impl Look {
    /// The other colours, in a round: dark, light, none.
    pub fn next(self) -> Self {
        match (self.no_color, self.light) {
            (false, false) => Self { light: true, ..self },
            (false, true) => Self { no_color: true, light: false, ..self },
            (true, _) => Self { no_color: false, ..self },
        }
    }
}

/// Ordinary text.
pub const PLAIN: Style = Style::new();
/// What stands back.
pub const FAINT: Style = Style::new().fg(Color::DarkGray);
/// What stands out.
pub const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);
/// Keys and the active tab.
pub const ACCENT: Style = Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD);
/// The chosen line.
pub const CHOSEN: Style = Style::new().add_modifier(Modifier::REVERSED);
/// Fine.
pub const GOOD: Style = Style::new().fg(Color::Green);
/// Wrong.
pub const BAD: Style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
/// Not good.
pub const WARN: Style = Style::new().fg(Color::Yellow);
/// On its way.
pub const BUSY: Style = Style::new().fg(Color::Blue);

/// A sign and how it is drawn.
pub type Sign = (&'static str, Style);

/// Fine.
pub const OK: Sign = ("✓", GOOD);
/// Not known.
pub const UNKNOWN: Sign = ("?", WARN);
/// Under way.
pub const RUNNING: Sign = ("…", BUSY);
/// Waits for something else.
pub const WAITING: Sign = ("‖", FAINT);
/// Nothing to look at.
pub const NOTHING: Sign = ("·", FAINT);

/// The sign of a failed check.
pub fn severity(severity: Severity) -> Sign {
    match severity {
        Severity::Error => ("✗", BAD),
        Severity::Warning => ("!", WARN),
        Severity::Advice => ("i", ACCENT),
    }
}

/// The sign of a check.
pub fn judgement(judgement: &Judgement) -> Sign {
    match &judgement.outcome {
        Outcome::Pass => OK,
        Outcome::Fail(_) => severity(judgement.check.severity),
        Outcome::Unknown(_) => UNKNOWN,
        Outcome::Running => RUNNING,
        Outcome::Blocked(_) => WAITING,
        Outcome::NotApplicable(_) => NOTHING,
    }
}

/// The sign of a table in a run.
pub fn table(state: TableState) -> Sign {
    match state {
        TableState::Waiting => NOTHING,
        TableState::Loading => ("⇣", BUSY),
        TableState::Loaded => OK,
        TableState::Streaming => ("↻", GOOD),
        TableState::Failed => ("✗", BAD),
        TableState::Interrupted => ("‖", WARN),
    }
}

/// Takes away colours and characters that are not wanted.
pub fn degrade(buffer: &mut Buffer, look: Look) {
    if !look.no_color && !look.ascii && !look.light {
        return;
    }
    for cell in &mut buffer.content {
        if look.light {
            cell.fg = darker(cell.fg);
        }
        if look.no_color {
            cell.fg = Color::Reset;
            cell.bg = Color::Reset;
        }
        if look.ascii && !cell.symbol().is_ascii() {
            cell.set_char(cell.symbol().chars().next().map_or(' ', ascii));
        }
    }
}

/// Terminals draw the bright ones of the sixteen colours too pale for a light background: these are of the 256.
fn darker(color: Color) -> Color {
    match color {
        Color::DarkGray => Color::Indexed(242),
        Color::Yellow => Color::Indexed(130),
        Color::Cyan => Color::Indexed(30),
        Color::Green => Color::Indexed(28),
        Color::Blue => Color::Indexed(26),
        Color::Red => Color::Indexed(124),
        other => other,
    }
}

/// The nearest ASCII character of the same width.
fn ascii(c: char) -> char {
    match c {
        '✓' => '+',
        '✗' | '╳' => 'X',
        '·' | '…' => '.',
        '‖' => '=',
        '⇣' | '▾' => 'v',
        '↻' | '~' => '~',
        '▸' | '▶' | '→' | '❯' => '>',
        '←' | '◀' => '<',
        '↑' => '^',
        '↓' => 'v',
        '─' | '━' | '–' | '—' | '−' => '-',
        '│' | '┃' | '▏' => '|',
        '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' | '╭' | '╮' | '╯' | '╰' => '+',
        '█' => '#',
        '▉' | '▊' | '▋' | '▌' | '▍' | '▎' => '=',
        '░' => '.',
        '▁' | '▂' => '_',
        '▃' | '▄' => '-',
        '▅' | '▆' => '=',
        '▇' => '#',
        '’' | '‘' => '\'',
        '“' | '”' => '"',
        '×' => 'x',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;

    #[test]
    fn colours_go_round() {
        let dark = Look::default();
        let light = dark.next();
        assert!(light.light && !light.no_color);
        let none = light.next();
        assert!(none.no_color && !none.light);
        assert_eq!(none.next(), dark);
    }

    #[test]
    fn pale_colours_are_darker_on_a_light_terminal() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 1));
        buffer.set_string(0, 0, "!x", WARN);
        degrade(&mut buffer, Look { light: true, ..Look::default() });
        assert_eq!(buffer.content[0].fg, Color::Indexed(130));
    }

    #[test]
    fn ascii_keeps_the_place_of_every_character() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(0, 0, "✗ 日本 é │x", BAD);
        degrade(&mut buffer, Look { no_color: true, ascii: true, light: false });
        let text: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(text, "X ? ?  ? |x ");
        assert!(buffer.content.iter().all(|c| c.fg == Color::Reset));
        assert!(buffer.content[0].modifier.contains(Modifier::BOLD), "weight stays without colour");
    }
}
