//! How long batches go one after another when going side by side has just failed.
//!
//! A lock that brings two batches into another order costs a wait of seconds before they are rolled back. Where the
//! data bring such locks again and again, side by side would be slower than one by one: so each failure asks for more
//! batches alone than the last, and success asks for fewer. Pure.

/// Batches that go alone after a first failure.
const FIRST: u32 = 8;
/// The most that go alone; then it is tried again.
const MOST: u32 = 512;

/// The state of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caution {
    /// Batches that still go alone.
    alone: u32,
    /// How many will after the next failure.
    next: u32,
    /// Batches that went side by side since the last failure.
    fine: u32,
}

impl Caution {
    /// Nothing has failed yet.
    pub(super) fn none() -> Self {
        Self { alone: 0, next: FIRST, fine: 0 }
    }

    /// The next batch has to wait for all others.
    pub(super) fn alone(self) -> bool {
        self.alone > 0
    }

    /// Side by side has failed.
    pub(super) fn failed(&mut self) {
        *self = Self { alone: self.next, next: self.next.saturating_mul(2).min(MOST), fine: 0 };
    }

    /// A batch has been applied.
    pub(super) fn went_well(&mut self) {
        if self.alone > 0 {
            self.alone -= 1;
            return;
        }
        self.fine += 1;
        // What went well for as long as the last caution took is trusted again.
        if self.fine >= self.next {
            self.next = (self.next / 2).max(FIRST);
            self.fine = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well(caution: &mut Caution, times: u32) {
        (0..times).for_each(|_| caution.went_well());
    }

    #[test]
    fn repeated_failures_ask_for_ever_more_batches_alone() {
        let mut caution = Caution::none();
        assert!(!caution.alone());
        for length in [8, 16, 32, 64, 128, 256, 512, 512] {
            caution.failed();
            well(&mut caution, length - 1);
            assert!(caution.alone(), "{length}");
            caution.went_well();
            assert!(!caution.alone(), "{length}");
        }
    }

    #[test]
    fn success_is_trusted_again() {
        let mut caution = Caution::none();
        caution.failed();
        caution.failed();
        well(&mut caution, 16 + 32 + 16 + 8);
        assert_eq!(caution, Caution::none());
    }
}
