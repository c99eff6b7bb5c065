//! Threads that work beside a test, until they are done or stopped; a test that fails stops them too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// A thread with a flag that asks it to end.
pub struct Worker<T> {
    stop: Stop,
    handle: Option<JoinHandle<T>>,
}

/// The flag.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl<T: Send + 'static> Worker<T> {
    pub fn start(work: impl FnOnce(Stop) -> T + Send + 'static) -> Self {
        let stop = Stop::default();
        let flag = stop.clone();
        Self { stop, handle: Some(thread::spawn(move || work(flag))) }
    }
}

impl<T> Worker<T> {
    /// Waits for its own end; a panic in it becomes the test's.
    pub fn finish(mut self) -> T {
        let ended = self.handle.take().unwrap().join();
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Asks it to end.
    pub fn ask_to_stop(&self) {
        self.stop.0.store(true, Ordering::Release);
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}
