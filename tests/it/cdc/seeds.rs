//! Which seeds a test runs, and how a failed one is run again.

use std::time::{Duration, Instant};

use super::random::Random;

/// Says how to run the seed again, when its test fails.
pub struct Told<'a> {
    pub seed: u64,
    pub test: &'a str,
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}; again: CDC_DOCTOR_SEED={0} tests/run --test it {}", self.seed, self.test);
        }
    }
}

/// The one seed asked for; else the known ones and so many fresh ones, in a long run fresh ones until time is up.
pub fn seeds(known: &'static [u64], fresh: usize) -> Box<dyn Iterator<Item = u64>> {
    if let Some(seed) = asked() {
        return Box::new(std::iter::once(seed));
    }
    let known = known.iter().copied();
    let Some(time) = soak() else {
        return Box::new(known.chain(std::iter::repeat_with(Random::fresh_seed).take(fresh)));
    };
    let end = Instant::now() + time;
    Box::new(known.chain(std::iter::from_fn(move || (Instant::now() < end).then(Random::fresh_seed))))
}

fn asked() -> Option<u64> {
    let text = std::env::var("CDC_DOCTOR_SEED").ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("CDC_DOCTOR_SEED takes a number, not {text:?}")))
}

/// How long each test is to go on, in a long run.
fn soak() -> Option<Duration> {
    let text = std::env::var("CDC_DOCTOR_SOAK").ok()?;
    let minutes: u64 = text.parse().unwrap_or_else(|_| panic!("CDC_DOCTOR_SOAK takes minutes, not {text:?}"));
    Some(Duration::from_secs(minutes * 60))
}
