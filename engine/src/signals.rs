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

    /// Reads again at each SIGHUP; from the first signal to end, waits for what has begun.
    /// A second one cuts that.
    pub fn obey(mut self, engine: &Running, pauses: Pauses, read_again: impl AsyncFnMut()) {
        let Self { runtime, interrupted, terminated, hung_up } = &mut self;
        let leaves = async {
            told(interrupted, terminated).await;
            tokio::select! {
                _ = engine.drain(pauses) => {}
                () = told(interrupted, terminated) => tracing::warn!("told twice: it ends at once"),
            }
        };
        let asked = async || {
            hung_up.recv().await;
        };
        runtime.block_on(while_reading_again(asked, read_again, leaves));
    }
}

/// Waits for `leaves`, and reads again whenever somebody asks. To read again may last for as
/// long as the ledger's writer hangs; it goes on beside a drain, since a catalogue that the ledger
/// has recorded must come into force.
async fn while_reading_again(
    mut asked: impl AsyncFnMut(),
    mut read_again: impl AsyncFnMut(),
    leaves: impl Future<Output = ()>,
) {
    let reads_again = async {
        loop {
            asked().await;
            read_again().await;
        }
    };
    tokio::select! {
        () = reads_again => {}
        () = leaves => {}
    }
}

async fn told(interrupted: &mut Signal, terminated: &mut Signal) {
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reload_that_hangs_keeps_no_signal_to_end_from_being_heard() {
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let mut begun = Some(begun);
        let reads_again = async || {
            begun.take().expect("it never ends").send(()).expect("it is awaited");
            pending().await
        };
        let leaves = async { has_begun.await.expect("it begins") };
        let obeyed = while_reading_again(async || ready(()).await, reads_again, leaves);
        tokio::time::timeout(Duration::from_secs(60), obeyed).await.expect("it is heard");
    }
}
