//! A sparkline.

/// The last `width` samples as blocks, the largest of them as the full height.
pub fn spark(samples: impl DoubleEndedIterator<Item = u64>, width: usize) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let mut last: Vec<u64> = samples.rev().take(width).collect();
    last.reverse();
    let top = last.iter().copied().max().unwrap_or(0).max(1);
    last.iter()
        .map(|&n| {
            let step = usize::try_from(u128::from(n) * 7 / u128::from(top)).unwrap_or(7);
            BLOCKS[step.min(7)]
        })
        .collect()
}

/// The same in several lines, the upper first.
pub fn tall(samples: impl DoubleEndedIterator<Item = u64>, width: usize, height: usize) -> Vec<String> {
    const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let mut last: Vec<u64> = samples.rev().take(width).collect();
    last.reverse();
    let top = last.iter().copied().max().unwrap_or(0).max(1);
    let steps = |n: u64| {
        let all = u128::from(n) * 8 * (height as u128) / u128::from(top);
        usize::try_from(all).unwrap_or(usize::MAX)
    };
    let line = |row: usize| last.iter().map(|&n| BLOCKS[steps(n).saturating_sub(row * 8).min(8)]).collect();
    (0..height).rev().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_lines_share_the_height() {
        assert_eq!(tall([0, 50, 100].into_iter(), 8, 2), ["  █", " ██"]);
        assert_eq!(tall([25].into_iter().chain([100]), 8, 2), [" █", "▄█"]);
    }

    #[test]
    fn scales_to_the_largest() {
        assert_eq!(spark([0, 50, 100].into_iter(), 8), "▁▄█");
        assert_eq!(spark([900, 1, 1].into_iter(), 2), "██");
        assert_eq!(spark([0, 0].into_iter(), 2), "▁▁");
        assert_eq!(spark([u64::MAX].into_iter(), 2), "█");
    }
}
