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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_to_the_largest() {
        assert_eq!(spark([0, 50, 100].into_iter(), 8), "▁▄█");
        assert_eq!(spark([900, 1, 1].into_iter(), 2), "██");
        assert_eq!(spark([0, 0].into_iter(), 2), "▁▁");
        assert_eq!(spark([u64::MAX].into_iter(), 2), "█");
    }
}
