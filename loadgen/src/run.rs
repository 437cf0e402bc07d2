//! The run: connections on threads, each taking turns, sending and verifying.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};

use crate::clock;
use crate::plan::{Ask, Plan};
use crate::schedule::ClosedLoop;
use crate::tally::{Answered, Tally};
use crate::target::{Connection, Error, Reply, Target};
use crate::verify::{self, Verified, Wrong};

/// A connection that fails this often in a row has lost its target.
const FAILURES_MAX: u32 = 5;
/// A problem's type is a word or two.
const PROBLEM_CHARS_MAX: usize = 40;

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its time or its requests were over.
    Done,
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// The target went away.
    TargetClosed,
}

/// What a run gave.
#[derive(Debug)]
pub struct Outcome {
    /// The counts.
    pub tally: Tally,
    /// How long it took.
    pub took: Duration,
    /// Why it ended.
    pub ended: Ended,
}

/// What all connections share.
struct Shared {
    target: Target,
    plan: Plan,
    schedule: ClosedLoop,
    ended: watch::Sender<Option<Ended>>,
}

/// Runs until the schedule is over, the target goes away, or Ctrl-C.
///
/// # Errors
/// Where a thread cannot be had.
pub async fn run(
    target: Target,
    plan: Plan,
    schedule: ClosedLoop,
    connections: usize,
    threads: usize,
) -> io::Result<Outcome> {
    let shared = Arc::new(Shared { target, plan, schedule, ended: watch::Sender::new(None) });
    let began = clock::now();
    let mut results = Vec::new();
    for thread in 0..threads {
        let share = connections / threads + usize::from(thread < connections % threads);
        results.push(start(shared.clone(), share, thread)?);
    }
    let interrupted = {
        let shared = shared.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                shared.end(Ended::Interrupted);
            }
        })
    };
    let mut tally = Tally::default();
    for result in results {
        // A thread that panicked has said so itself.
        tally.merge(result.await.map_err(|_| io::Error::other("a thread of the run panicked"))?);
    }
    interrupted.abort();
    let took = clock::now() - began;
    tally.count_duplicates();
    let ended = shared.ended.borrow().unwrap_or(Ended::Done);
    Ok(Outcome { tally, took, ended })
}

impl Shared {
    fn end(&self, why: Ended) {
        self.ended.send_replace(Some(why));
    }
}

/// One thread with a runtime and a tally of its own.
fn start(
    shared: Arc<Shared>,
    connections: usize,
    thread: usize,
) -> io::Result<oneshot::Receiver<Tally>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (sender, receiver) = oneshot::channel();
    let work = move || {
        let tally = Arc::new(Mutex::new(Tally::default()));
        runtime.block_on(async {
            let workers: Vec<_> = (0..connections)
                .map(|_| tokio::spawn(work(shared.clone(), tally.clone())))
                .collect();
            for worker in workers {
                if worker.await.is_err() {
                    return;
                }
            }
            let tally = std::mem::take(&mut *tally.lock().unwrap_or_else(PoisonError::into_inner));
            // Whoever waits for it is gone only when the process ends.
            let _ = sender.send(tally);
        });
    };
    std::thread::Builder::new().name(format!("loadgen-{thread}")).spawn(work)?;
    Ok(receiver)
}

/// One connection: takes turns until there are no more.
async fn work(shared: Arc<Shared>, tally: Arc<Mutex<Tally>>) {
    let mut ended = shared.ended.subscribe();
    let mut connection = Connection::new(shared.target.clone());
    let mut failures = 0;
    while let Some(turn) = shared.schedule.next().await {
        let ask = shared.plan.ask(turn.number);
        let answered = tokio::select! {
            biased;
            answered = connection.send(&ask.message) => answered,
            // What is on its way is given up, and not counted.
            _ = ended.wait_for(Option::is_some) => return,
        };
        let took = clock::now() - turn.due;
        let judged = answered.map(|reply| (status(&reply), judge(&ask, &reply)));
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        match judged {
            Ok((answered, verified)) => {
                failures = 0;
                tally.answered(answered, took);
                verified.into_iter().for_each(|it| tally.verified(turn.number, it));
            }
            Err(error) => {
                failures += 1;
                tally.failed(error);
                if error == Error::Refused || failures == FAILURES_MAX {
                    return shared.end(Ended::TargetClosed);
                }
            }
        }
    }
}

fn judge(ask: &Ask, reply: &Reply) -> Option<Verified> {
    if reply.is_html {
        let finding = ask.expected.finding(Wrong::Html, String::new());
        return Some(Verified { findings: vec![finding], ..Verified::default() });
    }
    (reply.status == 200).then(|| verify::verify(&ask.expected, &reply.body))
}

fn status(reply: &Reply) -> Answered {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(rename = "type")]
        kind: String,
    }

    let problem = match reply.status {
        200 => None,
        _ => serde_json::from_slice::<Problem>(&reply.body).ok(),
    };
    let kind = problem.map(|it| it.kind.chars().take(PROBLEM_CHARS_MAX).collect::<String>());
    Answered { status: reply.status, problem: kind.map(Into::into) }
}
