//! One thread's places to send: a connection each, or a stream of one that they
//! share. A request that is due takes an idle one, or opens another, or waits
//! where there may be no more.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Ended, Pace, Shared};
use crate::clock::{self, Instant};
#[cfg(test)]
use crate::connection::Dial;
use crate::connection::{Connection, Protocol};
use crate::honesty::Honesty;
use crate::pace::Pacer;
use crate::results::{Ending, Sample};
use crate::schedule::Event;
use crate::target::Error;

/// A connection that fails this often in a row has lost its target.
const FAILURES_MAX: u32 = 5;
/// Requests that wait for a connection, of one thread: some 30 MB. Beyond it,
/// the schedule itself waits; as it is lazy, what it has not come to takes no
/// memory.
const WAITING_MAX: usize = if cfg!(test) { 1 << 8 } else { 1 << 18 };
/// A schedule that is behind lets answers in after so many requests.
const BEHIND_MAX: u32 = 16;

/// A request that is due.
struct Job {
    event: Event,
    /// When the schedule came to it.
    at: Instant,
    /// How late that was, by the generator's own fault.
    late: Duration,
}

/// A connection's place to wait for work.
#[derive(Default)]
struct Seat {
    job: RefCell<Option<Job>>,
    waker: RefCell<Option<Waker>>,
}

impl Seat {
    fn give(&self, job: Job) {
        *self.job.borrow_mut() = Some(job);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    async fn job(&self) -> Job {
        std::future::poll_fn(|context| match self.job.borrow_mut().take() {
            Some(job) => Poll::Ready(job),
            None => {
                *self.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}

struct Pool {
    shared: Arc<Shared>,
    thread: usize,
    /// This thread's share of the connections where requests share them;
    /// otherwise what each is made after.
    connections: Vec<Connection>,
    /// Requests that it may have on their way, and how many of those places
    /// there are.
    seats_max: usize,
    seats: Cell<usize>,
    idle: RefCell<Vec<Rc<Seat>>>,
    waiting: RefCell<VecDeque<Job>>,
    /// Requests handed out and not yet recorded.
    open: Cell<u64>,
    /// Somebody waits for `open` to fall to zero or `waiting` to shrink.
    eased: Notify,
    honesty: RefCell<Honesty>,
    flying: Cell<(u32, Instant)>,
}

/// Sends this thread's share of the load, until it is over or the run ends.
pub(super) async fn work(shared: Arc<Shared>, thread: usize) -> io::Result<Honesty> {
    let load = &shared.load;
    let connections =
        load.connections / load.threads + usize::from(thread < load.connections % load.threads);
    let connection = || Connection::new(load.target.clone(), load.keeping.clone());
    let shares = load.keeping.protocol == Protocol::Http2;
    let pool = Rc::new(Pool {
        thread,
        connections: std::iter::repeat_with(connection)
            .take(if shares { connections } else { 1 })
            .collect(),
        seats_max: connections * if shares { load.streams } else { 1 },
        seats: Cell::new(0),
        idle: RefCell::default(),
        waiting: RefCell::default(),
        open: Cell::new(0),
        eased: Notify::new(),
        honesty: RefCell::default(),
        flying: Cell::new((0, shared.began)),
        shared: shared.clone(),
    });
    let mut ended = shared.ended.subscribe();
    tokio::select! {
        biased;
        worked = pool.clone().work() => worked?,
        why = ended.wait_for(Option::is_some) => {
            let is_target = why.is_ok_and(|why| *why == Some(Ended::TargetClosed));
            pool.give_up(is_target).await;
        }
    }
    Ok(pool.honesty.take())
}

impl Pool {
    async fn work(self: Rc<Self>) -> io::Result<()> {
        match self.shared.load.pace.clone() {
            Pace::Closed(duration, requests) => {
                let seats = (0..self.seats_max)
                    .map(|number| self.clone().turns(number, duration, requests))
                    .map(tokio::task::spawn_local);
                for seat in seats.collect::<Vec<_>>() {
                    seat.await.map_err(io::Error::other)?;
                }
            }
            Pace::Open(events) => {
                self.follow(events()).await?;
                while self.open.get() > 0 {
                    self.eased.notified().await;
                }
            }
        }
        Ok(())
    }

    /// Nothing more is sent. Of a target that went away, the answers that are
    /// on their way still count: it may have closed one connection only.
    async fn give_up(&self, waits_for_answers: bool) {
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut()).len() as u64;
        self.open.set(self.open.get() - waiting);
        while waits_for_answers && self.open.get() > 0 {
            self.eased.notified().await;
        }
        self.honesty.borrow_mut().aborted = waiting + self.open.get();
    }

    /// One request is over.
    fn close(&self) {
        self.open.set(self.open.get() - 1);
        if self.open.get() == 0 {
            self.eased.notify_one();
        }
    }

    /// Hands out each request of this thread when it is due.
    async fn follow(
        self: &Rc<Self>,
        events: Box<dyn Iterator<Item = Event> + Send>,
    ) -> io::Result<()> {
        let pacer = Pacer::new(!self.shared.load.cpus.is_empty())?;
        #[cfg(test)]
        let pacer = pacer.simulated(matches!(self.shared.load.keeping.dial, Dial::Memory(_)));
        let (threads, thread) = (self.shared.load.threads as u64, self.thread as u64);
        let (mut behind, mut held) = (0, None);
        for event in events.filter(|event| event.number % threads == thread) {
            let due = self.shared.began + event.at;
            behind = if clock::now() < due { 0 } else { behind + 1 };
            if behind == 0 {
                held = None;
            } else if behind == BEHIND_MAX {
                behind = 1;
                tokio::task::yield_now().await;
            }
            let at = pacer.until(due).await?;
            held = self.hold().await.or(held);
            self.honesty.borrow_mut().due(event.at);
            self.shared.board.due();
            self.hand(event, due, held.map_or(at, |held| held.max(at)), held);
        }
        Ok(())
    }

    /// Waits while there are too many that wait; says until when, if it did.
    async fn hold(&self) -> Option<Instant> {
        let mut held = None;
        while self.waiting.borrow().len() >= WAITING_MAX {
            self.eased.notified().await;
            held = Some(clock::now());
        }
        held
    }

    /// Hands out what the schedule came to at this moment. While it catches up
    /// with what it was `held` from, until then, what has to wait in turn would
    /// have had to in any case, and nothing of it is late.
    fn hand(self: &Rc<Self>, event: Event, due: Instant, at: Instant, held: Option<Instant>) {
        self.open.set(self.open.get() + 1);
        let idle = self.idle.borrow_mut().pop();
        let waits = idle.is_none() && self.seats.get() == self.seats_max;
        let late = match held {
            Some(_) if waits => Duration::ZERO,
            Some(held) => at.saturating_duration_since(due.max(held)),
            None => at.saturating_duration_since(due),
        };
        let job = Job { event, at, late };
        match idle {
            Some(seat) => seat.give(job),
            None if waits => self.waiting.borrow_mut().push_back(job),
            None => {
                let number = self.seats.replace(self.seats.get() + 1);
                tokio::task::spawn_local(self.clone().jobs(number, job));
            }
        }
    }

    /// One place of an open loop.
    async fn jobs(self: Rc<Self>, number: usize, first: Job) {
        let seat = Rc::new(Seat::default());
        let mut line = self.line(number);
        let (mut job, mut free) = (first, None);
        loop {
            let could = free.map_or(job.at, |free: Instant| free.max(job.at));
            let due = self.shared.began + job.event.at;
            let ended = line.exchange(&job.event, Some((due, could, job.late))).await;
            self.close();
            let waiting = self.waiting.borrow_mut().pop_front();
            if waiting.is_some() {
                self.eased.notify_one();
            }
            (job, free) = match waiting {
                Some(job) => (job, Some(ended)),
                None => {
                    self.idle.borrow_mut().push(seat.clone());
                    (seat.job().await, None)
                }
            };
        }
    }

    /// One place of a closed loop.
    async fn turns(self: Rc<Self>, number: usize, duration: Duration, requests: Option<u64>) {
        let mut line = self.line(number);
        while let Some(number) = self.shared.turn(duration, requests) {
            self.open.set(self.open.get() + 1);
            line.exchange(&Event { number, at: Duration::ZERO, visit: None }, None).await;
            self.close();
        }
    }

    /// The first places have a connection each before any two share one.
    fn line(self: &Rc<Self>, seat: usize) -> Line {
        let connection = self.connections[seat % self.connections.len()].beside();
        Line { pool: self.clone(), connection, failures: 0 }
    }

    /// Counts how many are on their way, for Little's law. It reads the clock
    /// by itself: what it adds up must not follow from what samples say.
    fn fly(&self, change: i32) {
        let now = clock::now();
        let (flying, since) = self.flying.get();
        self.honesty.borrow_mut().in_flight += f64::from(flying) * (now - since).as_secs_f64();
        self.flying.set((flying.saturating_add_signed(change), now));
    }
}

/// A place to send, and how it fares.
struct Line {
    pool: Rc<Pool>,
    connection: Connection,
    failures: u32,
}

impl Line {
    /// Sends one request and records how it ended; says when that was. Of an
    /// open loop, with the moments when it was due, when it could be sent, and
    /// how late the schedule was.
    async fn exchange(
        &mut self,
        event: &Event,
        open: Option<(Instant, Instant, Duration)>,
    ) -> Instant {
        let pool = self.pool.clone();
        let shared = &pool.shared;
        let ask = shared.load.script.ask(event);
        let sent = clock::now();
        let (due, lag) = match open {
            Some((due, could, late)) => {
                let lag = late + sent.saturating_duration_since(could);
                pool.honesty.borrow_mut().sent(lag, sent.saturating_duration_since(due));
                (due, Some(lag))
            }
            None => {
                pool.honesty.borrow_mut().sent_in_turn();
                (sent, None)
            }
        };
        pool.fly(1);
        let answered = self.connection.send(&ask.message).await;
        let ended = clock::now();
        pool.fly(-1);
        pool.honesty.borrow_mut().in_service += (ended - sent).as_secs_f64();
        let (ending, cache, verified, compared) = match answered {
            Ok(reply) => {
                self.failures = 0;
                let judged = ask.expects.judge(&reply);
                (judged.ending, reply.cache, judged.verified, judged.compared)
            }
            Err(error) => {
                self.failed(error);
                (Ending::Failed(error), None, None, false)
            }
        };
        let since = |at: Instant| at.saturating_duration_since(shared.began);
        let sample = Sample {
            number: event.number,
            intended: since(due),
            sent: since(sent),
            ended: since(ended),
            lag,
            group: ask.group,
            channel: ask.channel,
            ending,
            cache,
            verified,
            compared,
        };
        let results = &shared.board.results[pool.thread];
        results.lock().unwrap_or_else(PoisonError::into_inner).record(&sample);
        ended
    }

    fn failed(&mut self, error: Error) {
        self.failures += 1;
        if error == Error::Refused || self.failures == FAILURES_MAX {
            self.pool.shared.end(Ended::TargetClosed);
        }
    }
}
