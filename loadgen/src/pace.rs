//! Waiting for a moment, far more exactly than the runtime's timers, which
//! count milliseconds: a timer of the kernel until close before it, and turns
//! of the runtime for the rest.

use std::io;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::net::unix::pipe::Receiver;

use crate::clock::{self, Instant};

/// What a wake-up of the kernel's may cost. Meanwhile other work of this thread
/// goes on, and its core is ours: no more than this for each moment.
const CLOSE: Duration = Duration::from_micros(40);

/// A timer of the kernel.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// No pipe, but what the runtime needs is the same: it polls for being
    /// readable, and reads bytes.
    timer: Receiver,
}

impl Pacer {
    /// A timer of the runtime that this is called in.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self { timer: Receiver::from_owned_fd_unchecked(timer)? })
    }

    /// Returns at this moment or later, and says when.
    pub(crate) async fn until(&self, due: Instant) -> io::Result<Instant> {
        loop {
            let now = clock::now();
            let left = due.saturating_duration_since(now);
            if left.is_zero() {
                return Ok(now);
            }
            match left.checked_sub(CLOSE).filter(|it| !it.is_zero()) {
                Some(sleep) => self.sleep(sleep).await?,
                None => tokio::task::yield_now().await,
            }
        }
    }

    async fn sleep(&self, sleep: Duration) -> io::Result<()> {
        let once = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec {
                tv_sec: i64::try_from(sleep.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: sleep.subsec_nanos().into(),
            },
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        let mut expired = [0; 8];
        loop {
            self.timer.readable().await?;
            match self.timer.try_read(&mut expired) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read.map(|_| ()),
            }
        }
    }
}
