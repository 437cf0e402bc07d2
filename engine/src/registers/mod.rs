//! Talks to registers: connections, batches, limits, decoding.
//!
//! A register is an unsafe input. Its answers are bounded in size, depth and
//! time; one that is not about the key asked for is dropped and counted. No
//! code here knows any one register: descriptions do.

mod batch;
mod decode;
mod endpoint;
mod errors;
mod exchange;
mod json;
mod pool;
mod probe;
mod rate;
mod template;
mod value;

use std::fmt;
use std::sync::Arc;

use tokio::time::{sleep_until, timeout_at};
use uuid::Uuid;

pub use decode::decode;
pub use endpoint::{Endpoint, Endpoints, Host, PROTOCOLS, Secured};
pub use probe::{Outcome, Probe, Report, probe};
pub use rate::Rates;

use crate::catalogue::{Catalogue, Limits, Register};
use crate::clock::{self, Civil, Instant};
use crate::metrics::{self, Metrics};
use crate::model::{Answer, AttributeMask, RegisterId, Unavailable};
use crate::net::Connect;
use crate::trace;
use batch::Batcher;
use exchange::{Answered, Head};
use pool::{Lease, Pool};
use rate::Rate;

/// What to ask, and on whose behalf. `Debug` does not show the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Query {
    /// The key it names.
    pub key: Box<str>,
    /// The disclosure that it is for; it goes into the register's own log.
    pub disclosure: Uuid,
    /// What it asks for, and for whom.
    pub group: Group,
    /// The trace that it is part of. A call about several keys is part of the first
    /// one's: a request has one parent, and each key's disclosure is named anyway.
    pub trace: Option<trace::Context>,
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Query");
        shown.field("disclosure", &self.disclosure).field("group", &self.group);
        shown.finish_non_exhaustive()
    }
}

/// What keys of one batch have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// What is asked for.
    pub attributes: AttributeMask,
    /// The receiving organisation, by name.
    pub organisation: Box<str>,
    /// The procedure, by name.
    pub procedure: Box<str>,
}

/// Why there is no usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// As the bundle tells it.
    pub reason: Unavailable,
    /// Seconds, where the register said when to try again.
    pub retry_after: Option<u32>,
}

impl From<Unavailable> for Failure {
    fn from(reason: Unavailable) -> Self {
        Self { reason, retry_after: None }
    }
}

/// One core's clients of all registers.
pub struct Clients {
    ways: Vec<Option<Way>>,
}

/// How one core asks one register: key by key, or in batches.
enum Way {
    Single(Arc<Line>),
    Batched(Arc<Batcher>),
}

/// One core's client of one register.
struct Line {
    catalogue: Arc<Catalogue>,
    id: RegisterId,
    /// Of its requests; none where it has no place.
    head: Option<Head>,
    pool: Pool,
    rate: Option<Arc<Rate>>,
    civil: Civil,
    counts: Arc<metrics::Register>,
}

impl Line {
    fn register(&self) -> &Register {
        self.catalogue.register(self.id)
    }
}

impl Clients {
    /// Clients without connections yet, which keep to `rates` together with
    /// those of other cores, and to their share of a register's connections: so all
    /// `cores` together open no more than it stands, and one has no word with another
    /// before a call. A register without an endpoint fails every call.
    #[must_use]
    pub fn new(
        catalogue: &Arc<Catalogue>,
        endpoints: &Endpoints,
        connect: &Arc<dyn Connect>,
        rates: &Rates,
        civil: &Civil,
        metrics: &Arc<Metrics>,
        cores: usize,
    ) -> Self {
        let way = |register: &Register| {
            let dialect = register.dialect.as_ref()?;
            let counts = metrics.register(&register.name);
            let line = Arc::new(Line {
                catalogue: catalogue.clone(),
                id: register.id,
                head: endpoints.get(&register.name).and_then(|it| Head::of(it, register)),
                pool: Pool::new(
                    connect.clone(),
                    endpoints.get(&register.name).cloned(),
                    shared_among(dialect.limits, cores),
                    counts.clone(),
                ),
                rate: rates.of(register.id.index()),
                civil: civil.clone(),
                counts,
            });
            Some(match dialect.batch {
                1 => Way::Single(line),
                _ => Way::Batched(Batcher::new(line)),
            })
        };
        Self { ways: catalogue.registers().iter().map(way).collect() }
    }

    /// What is counted of a register; `None` for citizens' own data, which is none.
    #[must_use]
    pub fn counts(&self, register: RegisterId) -> Option<&metrics::Register> {
        match self.ways[register.index()].as_ref()? {
            Way::Single(line) => Some(&line.counts),
            Way::Batched(batcher) => Some(&batcher.line.counts),
        }
    }

    /// Asks one register about one key. Takes at most the register's timeout,
    /// the wait for a connection included. Where the register has a rate, it may
    /// wait that long for a connection and its turn, and then has the whole
    /// timeout; where it takes several keys at a time, it may wait as long as
    /// the call before takes.
    ///
    /// # Errors
    /// Where there is no usable answer.
    pub async fn ask(&self, register: RegisterId, query: Query) -> Result<Answer, Failure> {
        match &self.ways[register.index()] {
            // Citizens' own data is no register.
            None => Err(Unavailable::Error.into()),
            Some(Way::Batched(batcher)) => batcher.ask(query).await,
            Some(Way::Single(line)) => line.one(query).await,
        }
    }
}

/// One core's share of a register's connections, which is one at least.
fn shared_among(limits: Limits, cores: usize) -> Limits {
    Limits { connections: (limits.connections / cores).max(1), ..limits }
}

impl Line {
    /// One call about one key.
    async fn one(&self, query: Query) -> Result<Answer, Failure> {
        let keys = [(query.key, query.disclosure)];
        let mut answers = self.ask(&query.group, &keys, query.trace.as_ref()).await?;
        answers.pop().unwrap_or(Err(Unavailable::Invalid.into()))
    }

    /// One call about one or several keys; an answer for each, in their order.
    async fn ask(
        &self,
        group: &Group,
        keys: &[(Box<str>, Uuid)],
        trace: Option<&trace::Context>,
    ) -> Result<Vec<Result<Answer, Failure>>, Failure> {
        let (register, began) = (self.register(), clock::monotonic());
        let lease = self.lease(began + register.timeout).await;
        // A wait for a turn is the rate's, and tells nothing of the register.
        let began = if self.rate.is_some() { clock::monotonic() } else { began };
        let since = self.civil.now();
        let answered = match lease {
            Ok(lease) => self.exchange(lease, group, keys, trace, began + register.timeout).await,
            Err(failure) => Err(failure),
        };
        let decoded = answered.and_then(|answered| match answered {
            Answered::NotFound => Ok(decode::not_found(group.attributes, since, keys.len())),
            Answered::Body(mut body) => {
                let names: Vec<&str> = keys.iter().map(|(key, _)| &**key).collect();
                decode(register, &names, group.attributes, since, &mut body)
            }
        });
        self.count(&decoded, keys.len(), clock::monotonic() - began);
        decoded
    }

    /// A connection on which a call may go out now. The connection comes first:
    /// turns that passed while calls waited for one would be used all at once.
    async fn lease(&self, latest: Instant) -> Result<Lease<'_>, Failure> {
        let late = match self.rate {
            Some(_) => Unavailable::Overloaded,
            None => Unavailable::Timeout,
        };
        let permit = timeout_at(latest, self.pool.permit()).await.map_err(|_| late)??;
        let connected = timeout_at(latest, self.pool.connected(permit)).await;
        let lease = connected.map_err(|_| Unavailable::Timeout)??;
        match self.turn(latest).await {
            Ok(()) => Ok(lease),
            Err(failure) => {
                lease.give_back();
                Err(failure)
            }
        }
    }

    /// Waits until the register's rate allows a call; fails at once where that
    /// is later than `latest`.
    async fn turn(&self, latest: Instant) -> Result<(), Failure> {
        let Some(rate) = &self.rate else { return Ok(()) };
        let now = clock::monotonic();
        let mut at = rate.take(now, latest).ok_or(Unavailable::Overloaded)?;
        loop {
            if at > clock::monotonic() {
                sleep_until(at).await;
            }
            match rate.leave(clock::monotonic()) {
                Ok(()) => return Ok(()),
                Err(later) => at = later,
            }
        }
    }

    /// One call that may go out now.
    async fn exchange(
        &self,
        lease: Lease<'_>,
        group: &Group,
        keys: &[(Box<str>, Uuid)],
        trace: Option<&trace::Context>,
        until: Instant,
    ) -> Result<Answered, Failure> {
        let register = self.register();
        let head = self.head.as_ref();
        let request = head.and_then(|head| exchange::request(head, register, group, keys));
        let Some(mut request) = request else {
            lease.give_back();
            return Err(Unavailable::Error.into());
        };
        exchange::put_trace(request.headers_mut(), trace);
        let dialect = register.http();
        let sent = timeout_at(until, exchange::send(lease, request, dialect.limits.body)).await;
        exchange::judge(dialect, sent.map_err(|_| Unavailable::Timeout)??)
    }

    fn count(
        &self,
        decoded: &Result<Vec<Result<Answer, Failure>>, Failure>,
        keys: usize,
        took: std::time::Duration,
    ) {
        let outcome = match decoded {
            Ok(answers) => {
                let dropped = answers.iter().filter(|answer| answer.is_err()).count();
                self.counts.wrong_subject.add(dropped as u64);
                if dropped > 0 { Unavailable::Invalid.as_str() } else { "answered" }
            }
            Err(failure) => failure.reason.as_str(),
        };
        self.counts.call(outcome, keys, took);
    }
}

#[cfg(test)]
mod tests;
