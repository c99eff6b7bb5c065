//! Keeps within the rate that a service grants.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A bucket of calls: so many at once, and so many more a second.
#[derive(Debug)]
pub(super) struct Pacer {
    burst: f64,
    per_second: f64,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// Below zero, the calls that wait already.
    left: f64,
    at: Instant,
}

impl Pacer {
    pub fn new(burst: u32, per_second: u32) -> Self {
        let bucket = Bucket { left: f64::from(burst), at: Instant::now() };
        Self { burst: f64::from(burst), per_second: f64::from(per_second), bucket: Mutex::new(bucket) }
    }

    /// Waits for this call's turn; calls go in the order in which they came.
    pub async fn turn(&self) {
        let wait = self.take(Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes one call, and says how long it must wait.
    fn take(&self, now: Instant) -> Duration {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.left = (bucket.left + since * self.per_second).min(self.burst) - 1.0;
        bucket.at = bucket.at.max(now);
        Duration::from_secs_f64((-bucket.left / self.per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_then_the_rate_holds() {
        let pacer = Pacer::new(3, 4);
        let start = Instant::now();
        let waits: Vec<u128> = (0..6).map(|_| pacer.take(start).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 250, 500, 750]);
        // Those three are served after 750 ms; a second later the bucket is full again, and no fuller.
        let later = start + Duration::from_secs(10);
        let waits: Vec<u128> = (0..4).map(|_| pacer.take(later).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 250]);
    }
}
