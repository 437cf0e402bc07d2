//! Waiting for a moment, far more exactly than the runtime's timers, which
//! count milliseconds: a timer of the kernel; and on a core of our own only
//! until close before the moment, and turns of the runtime for the rest.

use std::io;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::net::unix::pipe::Receiver;

use crate::clock::{self, Instant};

#[cfg(test)]
mod tests;

/// What a wake-up of the kernel's may cost. Turning meanwhile takes the core
/// from whoever else would have it, which may be the target: at 8,000 moments a
/// second, up to a third of it.
const CLOSE: Duration = Duration::from_micros(40);

/// A timer of the kernel.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// No pipe, but what the runtime needs is the same: it polls for being
    /// readable, and reads bytes.
    timer: Receiver,
    /// How long before the moment turns begin.
    close: Duration,
    /// Whether time is the runtime's, and no timer of the kernel knows of it.
    #[cfg(test)]
    is_simulated: bool,
}

impl Pacer {
    /// A timer of the runtime that this is called in, on a core of our own or
    /// on one that others want, too.
    pub(crate) fn new(is_core_ours: bool) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let close = if is_core_ours { CLOSE } else { Duration::ZERO };
        Ok(Self {
            timer: Receiver::from_owned_fd_unchecked(timer)?,
            close,
            #[cfg(test)]
            is_simulated: false,
        })
    }

    /// The same in the time of the runtime.
    #[cfg(test)]
    pub(crate) fn simulated(self, is_simulated: bool) -> Self {
        Self { is_simulated, ..self }
    }

    /// Returns at this moment or later, and says when.
    pub(crate) async fn until(&self, due: Instant) -> io::Result<Instant> {
        #[cfg(test)]
        if self.is_simulated {
            tokio::time::sleep_until(due.into()).await;
        }
        loop {
            let now = clock::now();
            let left = due.saturating_duration_since(now);
            if left.is_zero() {
                return Ok(now);
            }
            match left.checked_sub(self.close).filter(|it| !it.is_zero()) {
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
