//! Text from outside (names, server messages, values) made safe for a terminal.

/// Replaces what could disturb a terminal: control characters (escape sequences, bells, line
/// breaks), zero-width characters and bidirectional overrides become visible `\u{..}` escapes.
///
/// Everything that came from a server, a file or the command line goes through here before it is
/// drawn or printed for people. Machine formats (JSON) escape on their own.
#[must_use]
pub fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if disturbs(c) {
            match c {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                _ => out.extend(c.escape_unicode()),
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// True for a character that moves the cursor, is invisible, or reorders its neighbours.
fn disturbs(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E0FFF}')
}

/// [`safe`] text cut to `width` terminal columns; a cut is marked by `…`.
#[must_use]
pub fn fit(text: &str, width: usize) -> String {
    use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
    // A hostile name can be long; no terminal shows more than a few columns per character.
    let head: String = text.chars().take(width.saturating_mul(2) + 1).collect();
    let clean = safe(&head);
    if clean.width() <= width {
        return clean;
    }
    let mut out = String::new();
    let mut used = 0;
    for c in clean.chars() {
        let w = c.width().unwrap_or(0);
        if used + w + 1 > width {
            break;
        }
        used += w;
        out.push(c);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// `18 GB`, `4.2 MB`, `512 B`.
#[must_use]
pub fn bytes(n: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 || value >= 9.95 {
        format!("{value:.0} {}", units[unit])
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

/// `12,345,678`.
#[must_use]
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// So many names stand in one line.
const NAMED: usize = 5;

/// `a, b, c, d, e and 3 more`: names in one line.
#[must_use]
pub fn short_list(names: &[String]) -> String {
    let shown = names.get(..NAMED).unwrap_or(names).join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The candidate nearest in spelling to `word`, when it is near enough to be a slip.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&word.to_lowercase(), &c.to_lowercase()), c))
        .filter(|(distance, c)| *distance <= 1 + c.chars().count().max(word.chars().count()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = ["a", "b", "c", "d", "e", "f", "g"].map(str::to_owned).into();
        assert_eq!(short_list(&names[..5]), "a, b, c, d, e");
        assert_eq!(short_list(&names), "a, b, c, d, e and 2 more");
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(4_200_000), "4.2 MB");
        assert_eq!(bytes(999_900), "1.0 MB");
        assert_eq!(bytes(18_000_000_000), "18 GB");
        assert_eq!([0, 999, 1_500, 2_500_000_000_000].map(bytes), ["0 B", "999 B", "1.5 kB", "2.5 TB"]);
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn escape_sequences_become_visible() {
        assert_eq!(safe("a\x1b[31mb\u{202e}c\nd"), "a\\u{1b}[31mb\\u{202e}c\\nd");
        assert_eq!(safe("Ünïcödé 🎵 ok"), "Ünïcödé 🎵 ok");
    }

    #[test]
    fn fit_respects_width_of_wide_characters() {
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("short", 10), "short");
        assert_eq!(fit("exactly", 7), "exactly");
        assert_eq!(fit("anything", 0), "");
    }

    #[test]
    fn nearest_takes_slips_and_not_strangers() {
        assert_eq!(nearest("databse", ["host", "database", "user"]), Some("database"));
        assert_eq!(nearest("zebra", ["host", "database", "user"]), None);
    }
}
