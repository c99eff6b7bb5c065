//! A progress bar.

/// `width` columns, filled by eighths; `done` is clamped to 0..=1.
pub fn bar(done: f64, width: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let done = if done.is_finite() { done.clamp(0.0, 1.0) } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "clamped")]
    let eighths = (done * width as f64 * 8.0).floor() as usize;
    let full = eighths / 8;
    let part = if full < width { PARTS[eighths % 8] } else { "" };
    let used = full + usize::from(!part.is_empty());
    format!("{}{part}{}", "█".repeat(full), "░".repeat(width - used))
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn fills_by_eighths_and_keeps_its_width() {
        assert_eq!(bar(0.0, 4), "░░░░");
        assert_eq!(bar(0.5, 4), "██░░");
        assert_eq!(bar(0.60, 4), "██▍░");
        assert_eq!(bar(7.0, 4), "████");
        assert_eq!(bar(f64::NAN, 4), "░░░░");
        for i in 0..=100 {
            assert_eq!(bar(f64::from(i) / 100.0, 7).width(), 7);
        }
    }
}
