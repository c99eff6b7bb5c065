//! Which part of a long list is on the screen.

use std::ops::Range;

/// The rows to show of `len` in `height` lines, so that `cursor` stays in the middle where it can. No state: the same
/// cursor always shows the same rows.
pub fn window(cursor: usize, len: usize, height: usize) -> Range<usize> {
    let start = cursor.saturating_sub(height / 2).min(len.saturating_sub(height));
    start..(start + height).min(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_always_inside() {
        assert_eq!(window(0, 3, 10), 0..3);
        assert_eq!(window(0, 100, 10), 0..10);
        assert_eq!(window(50, 100, 10), 45..55);
        assert_eq!(window(99, 100, 10), 90..100);
        assert_eq!(window(0, 0, 10), 0..0);
    }
}
