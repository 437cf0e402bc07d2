//! Gathers keys into one call while the previous call is under way.
//!
//! An idle register is called at once. What arrives meanwhile goes out together
//! when the call returns, or as soon as it fills a call.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Failure, Group, Line, Query};
use crate::model::{Answer, Unavailable};
use crate::trace;

/// One core's batches for one register.
pub(super) struct Batcher {
    pub(super) line: Arc<Line>,
    groups: Arc<Mutex<HashMap<Group, Gathering>>>,
}

/// The keys of one group. It is gone when none waits and no call is under way.
#[derive(Default)]
struct Gathering {
    calls: usize,
    waiting: VecDeque<Waiter>,
}

struct Waiter {
    key: (Box<str>, Uuid),
    trace: Option<trace::Context>,
    reply: oneshot::Sender<Result<Answer, Failure>>,
}

impl Batcher {
    pub(super) fn new(line: Arc<Line>) -> Self {
        Self { line, groups: Arc::default() }
    }

    pub(super) async fn ask(&self, query: Query) -> Result<Answer, Failure> {
        let dialect = self.line.register().http();
        let (reply, answer) = oneshot::channel();
        let batch = {
            let mut groups = self.groups.lock().expect("no panic under it");
            let gathering = groups.entry(query.group.clone()).or_default();
            // Where no call is under way, this one goes out and does not wait.
            let idle = gathering.calls == 0;
            if !idle && gathering.waiting.len() >= dialect.limits.waiting {
                return Err(Unavailable::Overloaded.into());
            }
            gathering.waiting.push_back(Waiter {
                key: (query.key, query.disclosure),
                trace: query.trace,
                reply,
            });
            let full = gathering.waiting.len() >= dialect.batch;
            (idle || full).then(|| gathering.next(dialect.batch)).flatten()
        };
        if let Some(batch) = batch {
            tokio::spawn(run(self.line.clone(), self.groups.clone(), query.group, batch));
        }
        answer.await.unwrap_or(Err(Unavailable::Error.into()))
    }
}

impl Gathering {
    /// The next call's keys, counted as under way.
    fn next(&mut self, most: usize) -> Option<Vec<Waiter>> {
        let count = self.waiting.len().min(most);
        (count > 0).then(|| {
            self.calls += 1;
            self.waiting.drain(..count).collect()
        })
    }
}

/// Calls, answers, and goes on with what has gathered meanwhile.
async fn run(
    line: Arc<Line>,
    groups: Arc<Mutex<HashMap<Group, Gathering>>>,
    group: Group,
    mut batch: Vec<Waiter>,
) {
    loop {
        // One of those that it was for; each of them has a gap.
        let disclosure = batch.first().map(|waiter| waiter.key.1);
        let trace = batch.first().and_then(|waiter| waiter.trace.clone());
        // A task of its own, so that a panic ends this call and not the group.
        let called = tokio::spawn(call(line.clone(), group.clone(), batch)).await;
        if called.is_err() {
            let register = &*line.register().name;
            let disclosure = disclosure.map(tracing::field::display);
            let trace = trace.as_ref().map(trace::Context::id);
            tracing::error!(disclosure, trace, register, "a call panicked");
        }
        let mut groups = groups.lock().expect("no panic under it");
        let Some(gathering) = groups.get_mut(&group) else { return };
        gathering.calls -= 1;
        match gathering.next(line.register().http().batch) {
            Some(next) => batch = next,
            None => {
                if gathering.calls == 0 {
                    groups.remove(&group);
                }
                return;
            }
        }
    }
}

async fn call(line: Arc<Line>, group: Group, batch: Vec<Waiter>) {
    let trace = batch.iter().find_map(|waiter| waiter.trace.clone());
    let (keys, replies): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|waiter| (waiter.key, waiter.reply)).unzip();
    match line.ask(&group, &keys, trace.as_ref()).await {
        Ok(answers) => {
            for (reply, answer) in replies.into_iter().zip(answers) {
                // Whoever hung up needs no answer.
                let _ = reply.send(answer);
            }
        }
        Err(failure) => replies.into_iter().for_each(|reply| drop(reply.send(Err(failure)))),
    }
}
