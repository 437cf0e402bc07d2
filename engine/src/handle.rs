//! The library's front door: posts a request to a core and waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};

use crate::consent::Bundle;
use crate::ledger::Disclosed;
use crate::prefill::{Asked, Core, Rejection, prefill};

/// Requests that wait for one core; further ones are refused as `overloaded`.
const WAITING_MAX: usize = 1_024;

type Answer = Result<Disclosed<Bundle>, Rejection>;

/// A request on its way to a core.
struct Job {
    asked: Asked,
    reply: oneshot::Sender<Answer>,
}

/// Asks an engine from any thread and any runtime. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    cores: Arc<[mpsc::Sender<Job>]>,
    turn: Arc<AtomicUsize>,
}

/// What one core works off.
pub struct Jobs(mpsc::Receiver<Job>);

impl Handle {
    /// A handle on `count` cores, and what each of them works off.
    #[must_use]
    pub fn new(count: usize) -> (Self, Vec<Jobs>) {
        let (senders, jobs): (Vec<_>, Vec<_>) = (0..count)
            .map(|_| {
                let (sender, receiver) = mpsc::channel(WAITING_MAX);
                (sender, Jobs(receiver))
            })
            .unzip();
        (Self { cores: senders.into(), turn: Arc::default() }, jobs)
    }

    /// Asks for a bundle. It is recorded before it comes back.
    ///
    /// # Errors
    /// As over HTTP: see [`Rejection`].
    pub async fn prefill(&self, asked: Asked) -> Answer {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.cores.len();
        let (reply, answer) = oneshot::channel();
        // Full, or the engine has stopped.
        self.cores[turn].try_send(Job { asked, reply }).map_err(|_| Rejection::Overloaded)?;
        answer.await.unwrap_or(Err(Rejection::NotRecorded))
    }
}

impl Jobs {
    /// Answers what is posted, until no handle is left.
    pub async fn work(mut self, core: Arc<Core>) {
        while let Some(Job { asked, reply }) = self.0.recv().await {
            let core = core.clone();
            tokio::spawn(async move {
                // Whoever hung up needs no answer; the entry stands.
                let _ = reply.send(prefill(&core, &asked).await);
            });
        }
    }
}
