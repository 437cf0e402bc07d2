//! What an operating system tells a running engine: to end, or to read its
//! configuration again.

use std::io;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::drain::Pauses;
use crate::engine::Running;

/// Ctrl-C, SIGTERM and SIGHUP, caught from its making on.
pub struct Signals {
    runtime: Runtime,
    interrupted: Signal,
    terminated: Signal,
    hung_up: Signal,
}

impl Signals {
    /// Catches them from now on.
    ///
    /// # Errors
    /// Where they cannot be caught.
    pub fn catch() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let caught = |kind| {
            let _inside = runtime.enter();
            signal(kind)
        };
        let (interrupted, terminated) =
            (caught(SignalKind::interrupt())?, caught(SignalKind::terminate())?);
        let hung_up = caught(SignalKind::hangup())?;
        Ok(Self { runtime, interrupted, terminated, hung_up })
    }

    /// Reads again at each SIGHUP, until the first signal to end; then waits for what
    /// has begun. A second one cuts that.
    pub fn obey(mut self, engine: &Running, pauses: Pauses, mut read_again: impl AsyncFnMut()) {
        let Self { runtime, interrupted, terminated, hung_up } = &mut self;
        runtime.block_on(async {
            loop {
                tokio::select! {
                    () = told(interrupted, terminated) => break,
                    _ = hung_up.recv() => read_again().await,
                }
            }
            tokio::select! {
                _ = engine.drain(pauses) => {}
                () = told(interrupted, terminated) => tracing::warn!("told twice: it ends at once"),
            }
        });
    }
}

async fn told(interrupted: &mut Signal, terminated: &mut Signal) {
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
}
