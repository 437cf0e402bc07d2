//! Places for connections, as many as the limits of the moment say.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of one core.
pub(super) struct Places {
    semaphore: Arc<Semaphore>,
    /// How many there are, taken or not. Only the core's own task changes it.
    size: AtomicUsize,
}

impl Places {
    pub(super) fn new(size: usize) -> Self {
        Self { semaphore: Arc::new(Semaphore::new(size)), size: AtomicUsize::new(size) }
    }

    /// Makes them as many. Those that are taken are left, and go once they are free.
    pub(super) fn resize(&self, size: usize) {
        let now = self.size.load(Relaxed);
        if size > now {
            self.semaphore.add_permits(size - now);
            self.size.store(size, Relaxed);
        } else if size < now {
            let gone = self.semaphore.forget_permits(now - size);
            self.size.store(now - gone, Relaxed);
        }
    }

    /// One that is free now.
    pub(super) fn free(&self) -> Option<OwnedSemaphorePermit> {
        self.semaphore.clone().try_acquire_owned().ok()
    }

    /// The next one that gets free.
    pub(super) async fn next(&self) -> Option<OwnedSemaphorePermit> {
        self.semaphore.clone().acquire_owned().await.ok()
    }

    /// Waits until none is taken.
    pub(super) async fn all(&self) {
        let all = u32::try_from(self.size.load(Relaxed)).unwrap_or(u32::MAX);
        // It is never closed, so there is no other way for it to end.
        let _ = self.semaphore.acquire_many(all).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_the_limits_and_those_that_are_taken_go_once_they_are_free() {
        let places = Places::new(3);
        let held: Vec<_> = std::iter::from_fn(|| places.free()).collect();
        assert_eq!(held.len(), 3);
        places.resize(4);
        let fourth = places.free().unwrap();
        assert!(places.free().is_none());
        places.resize(1);
        assert_eq!(places.size.load(Relaxed), 4, "all are taken");
        drop(fourth);
        drop(held);
        places.resize(1);
        assert_eq!(places.size.load(Relaxed), 1);
        assert_eq!(std::iter::from_fn(|| places.free()).map(std::mem::forget).count(), 1);
    }
}
