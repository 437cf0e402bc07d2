//! When a connection over which many requests go has been quiet for too long.
//!
//! HTTP/2 can be kept quiet in more ways than one sees at its streams: a client
//! may open no window, and then the answer waits inside of the protocol. So the
//! question is whether we owe something, and whether something has moved.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

use super::open::{Line, Verdict};
use crate::clock;

/// Looks twice in the time that a connection may be idle.
const LOOKS: u32 = 2;

/// Watches one connection. No request pays for it: the watch looks now and then.
pub(super) struct Idle {
    look: Pin<Box<Sleep>>,
    every: Duration,
    last: u64,
    quiet: u32,
}

impl Idle {
    pub(super) fn new(limit: Duration) -> Self {
        let every = limit / LOOKS;
        let look = Box::pin(tokio::time::sleep_until(clock::monotonic() + every));
        Self { look, every, last: 0, quiet: 0 }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, line: &Line) -> Verdict {
        while let Poll::Ready(()) = self.look.as_mut().poll(cx) {
            let quiet = line.is_idle() && line.last() == self.last;
            self.quiet = if quiet { self.quiet + 1 } else { 0 };
            self.last = line.last();
            self.look.as_mut().reset(clock::monotonic() + self.every);
        }
        match self.quiet / LOOKS {
            0 => Verdict::Stay,
            1 => Verdict::WindDown,
            _ => Verdict::Cut,
        }
    }
}
