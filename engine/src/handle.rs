//! The library's front door: posts a request to a core and waits.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::consent::{Bundle, Consent};
use crate::drain::Phase;
use crate::ledger::{Disclosed, Own};
use crate::model::Subject;
use crate::prefill::{Asked, Core, Rejection, Seat, prefer, prefill};

/// Requests that wait for one core; further ones are refused as `overloaded`.
const WAITING_MAX: usize = 1_024;

type Bundled = Result<Disclosed<Bundle>, Rejection>;
type Preferred = Result<Own<Arc<Consent>>, Rejection>;

/// A request on its way to a core.
enum Job {
    Prefill(Box<Asked>, oneshot::Sender<Bundled>),
    Prefer(Preference, oneshot::Sender<Preferred>),
    /// To take what is in force now.
    Renew,
}

/// A citizen's Yes or No.
struct Preference {
    subject: Subject,
    register: Box<str>,
    allow: bool,
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
    pub async fn prefill(&self, asked: Asked) -> Bundled {
        self.post(|reply| Job::Prefill(Box::new(asked), reply)).await
    }

    /// Records a citizen's Yes or No to a register, by name. The caller has made
    /// sure that it is theirs. It is in force when it comes back.
    ///
    /// # Errors
    /// As over HTTP: see [`Rejection`].
    pub async fn prefer(&self, subject: Subject, register: &str, allow: bool) -> Preferred {
        let preference = Preference { subject, register: register.into(), allow };
        self.post(|reply| Job::Prefer(preference, reply)).await
    }

    /// Has every core take what is in force now, also one that nobody asks: with the
    /// last request of before, connections and secrets of before go.
    pub(crate) fn renew(&self) {
        // One with a full queue looks with the next job.
        self.cores.iter().for_each(|core| drop(core.try_send(Job::Renew)));
    }

    async fn post<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, Rejection>>) -> Job,
    ) -> Result<T, Rejection> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.cores.len();
        let (reply, answer) = oneshot::channel();
        // Full, or the engine has stopped.
        self.cores[turn].try_send(job(reply)).map_err(|_| Rejection::Overloaded)?;
        answer.await.unwrap_or(Err(Rejection::NotRecorded))
    }
}

impl Jobs {
    /// Answers what is posted, until no handle is left, or the engine is on its way
    /// out and has answered everything.
    pub async fn work(mut self, seat: Arc<Seat>) {
        let drain = seat.core().shared().drain.clone();
        let mut phase = drain.watch();
        let mut closing = pin!(phase.wait_for(|phase| *phase >= Phase::Closing));
        let (mut closed, mut begun) = (false, JoinSet::new());
        loop {
            tokio::select! {
                job = self.0.recv() => {
                    let Some(job) = job else { break };
                    let (core, under_way) = (seat.core(), drain.begin());
                    begun.spawn(async move {
                        work_off(core, job).await;
                        drop(under_way);
                    });
                }
                // Further ones are refused; those that wait are answered.
                _ = &mut closing, if !closed => {
                    closed = true;
                    self.0.close();
                }
                Some(_) = begun.join_next() => {}
            }
        }
        while begun.join_next().await.is_some() {}
    }
}

/// Whoever hung up needs no answer; the entry stands.
async fn work_off(core: Arc<Core>, job: Job) {
    if !matches!(job, Job::Renew) {
        core.shared().bulk.give_way();
    }
    match job {
        Job::Prefill(asked, reply) => drop(reply.send(prefill(&core, &asked).await)),
        Job::Prefer(Preference { subject, register, allow }, reply) => {
            let known = core.catalogue().find_register(&register);
            let answer = match known {
                Some(register) => prefer(&core, subject, register, allow).await,
                None => Err(Rejection::value("register", "no register of that name")),
            };
            drop(reply.send(answer));
        }
        // Taking a core for it was all.
        Job::Renew => {}
    }
}
