//! Outside text broken into lines.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::text;

/// The first `limit` characters of outside text, a cut marked by `…`: a hostile value cannot fill a screen.
pub fn head(text: &str, limit: usize) -> String {
    let mut chars = text.chars();
    let mut out: String = chars.by_ref().take(limit).collect();
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

/// One paragraph of outside text, made safe and broken at spaces, its indent kept; a word wider than a line is broken anywhere.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let text = text::safe(text);
    let indent = (text.len() - text.trim_start_matches(' ').len()).min(width / 2);
    let mut lines = Vec::new();
    let mut line = " ".repeat(indent);
    let mut used = indent;
    for word in text.trim_start_matches(' ').split(' ') {
        let wide = word.width();
        if used > indent && used + 1 + wide > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            used = indent;
        }
        if used > indent {
            line.push(' ');
            used += 1;
        }
        for c in word.chars() {
            let w = c.width().unwrap_or(0);
            if used + w > width {
                lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
                used = indent;
            }
            line.push(c);
            used += w;
        }
    }
    lines.push(line);
    lines
}

/// Outside text whose line breaks are kept, as statements have them.
pub fn wrap_lines(text: &str, width: usize) -> Vec<String> {
    text.lines().flat_map(|line| wrap(line, width)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_at_spaces_and_inside_long_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrap("日本語日本語", 5), ["日本", "語日", "本語"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("  one two three", 8), ["  one", "  two", "  three"]);
    }

    #[test]
    fn hostile_text_stays_on_its_lines() {
        let lines = wrap_lines(&format!("a\x1b[2Jb\nc{}", "x".repeat(50)), 20);
        assert!(lines.iter().all(|l| l.width() <= 20 && !l.contains('\x1b')), "{lines:?}");
    }

    #[test]
    fn a_long_value_is_cut() {
        assert_eq!(head("abcdef", 3), "abc…");
        assert_eq!(head("abc", 3), "abc");
    }
}
