//! The run: connections on threads, each taking turns, sending and verifying.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};

use crate::clock::{self, Instant};
use crate::honesty::Honesty;
use crate::plan::{Ask, Plan};
use crate::results::{Channel, Ending, Results, Sample};
use crate::schedule::ClosedLoop;
use crate::tally::Answered;
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
    /// What was found.
    pub results: Results,
    /// Whether the generator kept its own promises.
    pub honesty: Honesty,
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
    began: Instant,
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
    let began = clock::now();
    let ended = watch::Sender::new(None);
    let shared = Arc::new(Shared { target, plan, schedule, began, ended });
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
    let mut merged = Results::default();
    for result in results {
        // A thread that panicked has said so itself.
        merged.merge(result.await.map_err(|_| io::Error::other("a thread of the run panicked"))?);
    }
    interrupted.abort();
    let took = clock::now() - began;
    merged.tally.count_duplicates();
    let ended = shared.ended.borrow().unwrap_or(Ended::Done);
    Ok(Outcome { results: merged, honesty: Honesty::default(), took, ended })
}

impl Shared {
    fn end(&self, why: Ended) {
        self.ended.send_replace(Some(why));
    }
}

/// One thread with a runtime and results of its own.
fn start(
    shared: Arc<Shared>,
    connections: usize,
    thread: usize,
) -> io::Result<oneshot::Receiver<Results>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (sender, receiver) = oneshot::channel();
    let work = move || {
        let found = Arc::new(Mutex::new(Results::new(shared.plan.groups())));
        runtime.block_on(async {
            let workers: Vec<_> = (0..connections)
                .map(|_| tokio::spawn(work(shared.clone(), found.clone())))
                .collect();
            for worker in workers {
                if worker.await.is_err() {
                    return;
                }
            }
            let found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
            // Whoever waits for it is gone only when the process ends.
            let _ = sender.send(found);
        });
    };
    std::thread::Builder::new().name(format!("loadgen-{thread}")).spawn(work)?;
    Ok(receiver)
}

/// One connection: takes turns until there are no more.
async fn work(shared: Arc<Shared>, found: Arc<Mutex<Results>>) {
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
        let ended_at = clock::now() - shared.began;
        let (ending, verified) = match answered {
            Ok(reply) => {
                failures = 0;
                (ending(&reply), judge(&ask, &reply))
            }
            Err(error) => {
                failures += 1;
                if error == Error::Refused || failures == FAILURES_MAX {
                    shared.end(Ended::TargetClosed);
                }
                (Ending::Failed(error), None)
            }
        };
        let intended = turn.due.saturating_duration_since(shared.began);
        let sample = Sample {
            number: turn.number,
            intended,
            sent: intended,
            ended: ended_at,
            group: ask.group,
            channel: Channel::FrontOffice,
            ending,
            cache: None,
            compared: verified.is_some(),
            verified,
        };
        found.lock().unwrap_or_else(PoisonError::into_inner).record(&sample);
    }
}

fn judge(ask: &Ask, reply: &Reply) -> Option<Verified> {
    if reply.is_html {
        let finding = ask.expected.finding(Wrong::Html, String::new());
        return Some(Verified { findings: vec![finding], ..Verified::default() });
    }
    (reply.status == 200).then(|| verify::verify(&ask.expected, &reply.body))
}

fn ending(reply: &Reply) -> Ending {
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
    let answered = Answered { status: reply.status, problem: kind.map(Into::into) };
    if reply.status == 200 { Ending::Answered(answered) } else { Ending::Unexpected(answered) }
}
