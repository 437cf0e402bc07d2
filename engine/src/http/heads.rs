//! One timer for all the heads of a connection.
//!
//! hyper wants a timer for each head, and drops it when the head has come. To enter
//! each into the runtime's list, and to take it out again, would be a cost of every
//! request. So a connection has one entry, which stays: at most once in the time that
//! a head may take it rings for a head that has long come, and is set to the newest.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Sleep, Timer};

use crate::clock::{self, Instant};

type Bell = Pin<Box<tokio::time::Sleep>>;

/// The heads of one connection, which come one after the other.
#[derive(Default)]
pub(super) struct Heads(Arc<Mutex<Option<Bell>>>);

/// Until when one head may take.
struct Until {
    deadline: Instant,
    bell: Arc<Mutex<Option<Bell>>>,
}

impl Timer for Heads {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Until { deadline: deadline.into(), bell: self.0.clone() })
    }

    fn now(&self) -> std::time::Instant {
        clock::monotonic().into()
    }
}

impl Sleep for Until {}

impl Future for Until {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut bell = self.bell.lock().unwrap_or_else(PoisonError::into_inner);
        let bell = bell.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(self.deadline)));
        if bell.deadline() > self.deadline {
            bell.as_mut().reset(self.deadline);
        }
        loop {
            ready!(bell.as_mut().poll(cx));
            if bell.deadline() >= self.deadline {
                return Poll::Ready(());
            }
            // It rang for a head of before.
            bell.as_mut().reset(self.deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const HEAD: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_head_has_its_whole_time_whatever_became_of_those_before() {
        let heads = Heads::default();
        let began = clock::monotonic();
        let mut first = heads.sleep(HEAD);
        poll_fn(|cx| {
            assert!(first.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        tokio::time::advance(HEAD / 2).await;
        drop(first);
        // The bell is still set for the first.
        heads.sleep(HEAD).await;
        let took = clock::monotonic() - began;
        assert!(took >= HEAD + HEAD / 2 && took < 2 * HEAD, "{took:?}");
        heads.sleep(HEAD / 3).await;
        let took = clock::monotonic() - began - took;
        assert!(took >= HEAD / 3 && took < HEAD, "{took:?}");
    }
}
