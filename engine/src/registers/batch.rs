//! Gathers keys into one call while the previous call is under way.
//!
//! An idle register is called at once, by whoever asks and as if it took one key a
//! call. What arrives meanwhile goes out together when the call returns, or as soon as
//! it fills a call.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Failure, Group, Line, Query};
use crate::model::{Answer, Unavailable};
use crate::trace::Context;

/// One core's batches for one register.
pub(super) struct Batcher {
    pub(super) line: Arc<Line>,
    /// Those with a call under way.
    groups: Mutex<HashMap<Group, Gathering>>,
}

/// The keys of one group that wait. It is gone when no call is under way, and then
/// none waits: whichever ends takes them along.
struct Gathering {
    calls: usize,
    waiting: VecDeque<Waiter>,
}

struct Waiter {
    key: (Box<str>, Uuid),
    trace: Option<Context>,
    reply: oneshot::Sender<Result<Answer, Failure>>,
}

/// How somebody's key goes out.
enum Way {
    /// At once, in a call that they make themselves.
    Alone(Turn, Box<Query>),
    /// In a call that another one makes.
    Along(oneshot::Receiver<Result<Answer, Failure>>),
}

/// A call under way. However it ends, what has gathered meanwhile goes out then.
struct Turn {
    batcher: Arc<Batcher>,
    group: Group,
    /// One of those that it is for, and their trace.
    first: (Uuid, Option<Context>),
}

impl Batcher {
    pub(super) fn new(line: Arc<Line>) -> Arc<Self> {
        Arc::new(Self { line, groups: Mutex::default() })
    }

    pub(super) async fn ask(self: &Arc<Self>, query: Query) -> Result<Answer, Failure> {
        match self.enter(query)? {
            Way::Alone(_turn, query) => self.line.one(*query).await,
            Way::Along(answer) => answer.await.unwrap_or(Err(Unavailable::Error.into())),
        }
    }

    fn enter(self: &Arc<Self>, query: Query) -> Result<Way, Failure> {
        let dialect = self.line.register().http();
        let mut groups = self.groups.lock().expect("no panic under it");
        let gathering = match groups.entry(query.group.clone()) {
            Entry::Occupied(gathering) => gathering.into_mut(),
            Entry::Vacant(idle) => {
                idle.insert(Gathering { calls: 1, waiting: VecDeque::new() });
                let first = (query.disclosure, query.trace.clone());
                let turn = Turn { batcher: self.clone(), group: query.group.clone(), first };
                return Ok(Way::Alone(turn, Box::new(query)));
            }
        };
        if gathering.waiting.len() >= dialect.limits.waiting {
            return Err(Unavailable::Overloaded.into());
        }
        let (reply, answer) = oneshot::channel();
        let key = (query.key, query.disclosure);
        gathering.waiting.push_back(Waiter { key, trace: query.trace, reply });
        if gathering.waiting.len() >= dialect.batch
            && let Some(full) = gathering.next(dialect.batch)
        {
            tokio::spawn(self.clone().call(query.group, full));
        }
        Ok(Way::Along(answer))
    }

    /// One call for several, counted as under way.
    async fn call(self: Arc<Self>, group: Group, batch: Vec<Waiter>) {
        let trace = batch.iter().find_map(|waiter| waiter.trace.clone());
        let (keys, replies): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|waiter| (waiter.key, waiter.reply)).unzip();
        let first = (keys[0].1, trace.clone());
        let turn = Turn { batcher: self.clone(), group, first };
        match self.line.ask(&turn.group, &keys, trace.as_ref()).await {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    // Whoever hung up needs no answer.
                    let _ = reply.send(answer);
                }
            }
            Err(failure) => replies.into_iter().for_each(|reply| drop(reply.send(Err(failure)))),
        }
    }

    /// A call of a group has ended: the next one's keys.
    fn ended(&self, group: &Group) -> Option<Vec<Waiter>> {
        let mut groups = self.groups.lock().expect("no panic under it");
        let gathering = groups.get_mut(group)?;
        gathering.calls -= 1;
        let next = gathering.next(self.line.register().http().batch);
        if gathering.calls == 0 {
            groups.remove(group);
        }
        next
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

impl Drop for Turn {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let register = &*self.batcher.line.register().name;
            let (disclosure, trace) = (self.first.0, self.first.1.as_ref());
            let (disclosure, trace) = (tracing::field::display(disclosure), trace.map(Context::id));
            tracing::error!(disclosure, trace, register, "a call panicked");
        }
        let Some(next) = self.batcher.ended(&self.group) else { return };
        // Without a runtime the engine is gone, and those who wait learn of it.
        if let Ok(runtime) = Handle::try_current() {
            let group = self.group.clone();
            runtime.spawn(self.batcher.clone().call(group, next));
        }
    }
}
