//! A run while it goes on: how far it is, its rate against the one that was
//! wanted, latencies, errors and the generator's own lag. A terminal shows them
//! in place; anything else gets a line now and then.

use std::convert::Infallible;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::clock;
use crate::report::duration;
use crate::results::{Results, lags, times};
use crate::run::Board;

#[cfg(test)]
mod tests;

/// How often a terminal shows something new.
const SHOWN_EVERY: Duration = Duration::from_secs(1);
/// How often a log gets a line.
const TOLD_EVERY: Duration = Duration::from_secs(5);
/// Of a bar's length.
const WHOLE: u64 = 1_000;
/// Kinds of errors that are shown; a report has all of them.
const ERRORS_SHOWN: usize = 6;

/// When a run will be over: at the first of these.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// After so long.
    pub length: Duration,
    /// After so many requests.
    pub requests: Option<u64>,
}

/// What a board had at one moment.
#[derive(Clone, Debug)]
struct Look {
    /// From the start of the run.
    at: Duration,
    /// Requests that the schedule came to.
    due: u64,
    /// Requests that ended.
    ended: u64,
    latency: Histogram<u64>,
    lag: Histogram<u64>,
    /// By kind, with those that no status tells.
    errors: Vec<(String, u64)>,
}

impl Look {
    fn none() -> Self {
        let (at, latency, lag) = (Duration::ZERO, times(3), lags(2));
        Self { at, due: 0, ended: 0, latency, lag, errors: Vec::new() }
    }

    fn at(board: &Board, at: Duration) -> Self {
        let mut look = Self { at, due: board.came_due(), ..Self::none() };
        board.look(|results| look.add(results));
        look
    }

    fn add(&mut self, results: &Results) {
        let tally = &results.tally;
        self.ended += tally.sent;
        self.latency.add(&tally.latency).expect("all threads have the same bounds");
        self.lag.add(&results.lag).expect("all threads have the same bounds");
        let wrong = tally.wrong.iter().map(|(kind, count)| (kind.to_string(), *count));
        let unexpected = tally.unexpected.iter().map(|(kind, count)| (kind.to_string(), *count));
        let errors = tally.errors.iter().map(|(kind, count)| (kind.to_string(), *count));
        for (kind, count) in wrong.chain(unexpected).chain(errors) {
            match self.errors.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, known)) => *known += count,
                None => self.errors.push((kind, count)),
            }
        }
    }

    fn errors(&self) -> String {
        let shown = self.errors.iter().take(ERRORS_SHOWN);
        let mut shown: Vec<_> = shown.map(|(kind, count)| format!("{kind} {count}")).collect();
        if self.errors.len() > ERRORS_SHOWN {
            shown.push(format!("{} more kinds", self.errors.len() - ERRORS_SHOWN));
        }
        if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
    }
}

/// What came between two looks.
struct Since<'a> {
    now: &'a Look,
    before: &'a Look,
}

impl Since<'_> {
    fn seconds(&self) -> f64 {
        (self.now.at - self.before.at).as_secs_f64().max(1e-3)
    }

    /// Ended, against due where a schedule wants something.
    fn rate(&self) -> String {
        let a_second = |now: u64, before: u64| now.saturating_sub(before) as f64 / self.seconds();
        let ended = a_second(self.now.ended, self.before.ended);
        match self.now.due {
            0 => format!("{ended:.0}/s"),
            _ => format!("{ended:.0}/s of {:.0}/s", a_second(self.now.due, self.before.due)),
        }
    }

    fn latency(&self) -> Histogram<u64> {
        rest(&self.now.latency, &self.before.latency)
    }

    fn lag(&self) -> Histogram<u64> {
        rest(&self.now.lag, &self.before.lag)
    }
}

fn rest(now: &Histogram<u64>, before: &Histogram<u64>) -> Histogram<u64> {
    let mut rest = now.clone();
    rest.subtract(before).expect("counts only grow");
    rest
}

/// In microseconds.
fn percentiles(times: &Histogram<u64>) -> String {
    let at = |quantile| duration(times.value_at_quantile(quantile));
    match times.is_empty() {
        true => "none".to_owned(),
        false => format!("p50 {}, p99 {}", at(0.5), at(0.99)),
    }
}

/// In nanoseconds.
fn lag(times: &Histogram<u64>) -> String {
    match times.is_empty() {
        true => "none".to_owned(),
        false => format!("p99 {}", duration(times.value_at_quantile(0.99) / 1_000)),
    }
}

impl Goal {
    /// Between 0 and 1.
    fn reached(&self, now: &Look) -> f64 {
        let of_time = now.at.as_secs_f64() / self.length.as_secs_f64().max(1e-9);
        let of_requests = self.requests.map_or(0.0, |all| now.ended as f64 / all.max(1) as f64);
        of_time.max(of_requests).min(1.0)
    }

    /// How far it is.
    fn progress(&self, now: &Look) -> String {
        let (at, length) = (now.at.as_secs_f64(), self.length.as_secs_f64());
        let share = self.reached(now) * 100.0;
        let behind = if at > length { ", behind its schedule" } else { "" };
        format!("{at:.0} s of {length:.0} s{behind}, {share:.0} %, {} requests", now.ended)
    }
}

/// One line of a log.
fn line(goal: &Goal, now: &Look, before: &Look) -> String {
    let since = Since { now, before };
    let lag = match now.lag.is_empty() {
        true => String::new(),
        false => format!("; lag {}", lag(&since.lag())),
    };
    format!(
        "{}; {}; {} ({} so far){lag}; errors {}",
        goal.progress(now),
        since.rate(),
        percentiles(&since.latency()),
        percentiles(&now.latency),
        now.errors(),
    )
}

/// What a terminal shows beside its bar.
fn screen(goal: &Goal, now: &Look, before: &Look) -> String {
    let since = Since { now, before };
    let mut text = format!(
        "{}\nrate       {}\nlatency    {} so far; {} in the last second\n",
        goal.progress(now),
        since.rate(),
        percentiles(&now.latency),
        percentiles(&since.latency()),
    );
    if !now.lag.is_empty() {
        let (all, last) = (lag(&now.lag), lag(&since.lag()));
        text.push_str(&format!("send lag   {all} so far; {last} in the last second\n"));
    }
    text.push_str(&format!("errors     {}", now.errors()));
    text
}

/// Shows a run until whoever waits for it stops waiting.
pub async fn watch(board: Board, goal: Goal) -> Infallible {
    let bar = io::stderr().is_terminal().then(Bar::new);
    let every = if bar.is_some() { SHOWN_EVERY } else { TOLD_EVERY };
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (began, mut before) = (clock::now(), Look::none());
    loop {
        ticks.tick().await;
        let now = Look::at(&board, clock::now() - began);
        match &bar {
            Some(bar) => bar.show(&goal, &now, &before),
            // A reader that has gone away takes nothing with it.
            None => drop(writeln!(io::stderr(), "loadgen: {}", line(&goal, &now, &before))),
        }
        before = now;
    }
}

/// The bar of a terminal; it leaves nothing behind.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let style = ProgressStyle::with_template("[{bar:40}] {msg}");
        let bar = ProgressBar::new(WHOLE);
        Self(bar.with_style(style.expect("it is a template")))
    }

    fn show(&self, goal: &Goal, now: &Look, before: &Look) {
        self.0.set_position((goal.reached(now) * WHOLE as f64) as u64);
        self.0.set_message(screen(goal, now, before));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
