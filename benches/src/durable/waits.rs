//! What a disclosure waits for its entry, beside what a bare commit takes, at half load.
//!
//! Half load is half of the disclosures that the whole engine makes in a second, since no more
//! reach its ledger: half of what a bulk job is answered with at most, beside which forms one by
//! one are fewer (`benches peers`). The ledger by itself takes several times as many; what a
//! disclosure waits at half of that is told as well, and judged by nothing: whoever makes a
//! writer faster would raise that load, and so the wait.
//!
//! Disclosures fall due one after another at a fixed rate, whoever still waits. Whoever sends them
//! sleeps in between, as a core of an engine does that is not saturated, and so leaves a processor
//! to whom it belongs; what it is late by is told apart. The bare commits are of as many rows as
//! the ledger's batches had, and run beside the same sender, whose disclosures then go nowhere.
//! A commit counts for as long as it takes: of entries that fall due at any moment, so many meet
//! it. By number, a stall of the disk that keeps a thousand entries waiting would be one commit of
//! ten thousand on that side alone, and so would SQLite's checkpoints; that is told as well.

use std::path::Path;
use std::time::Duration;

use engine::clock::{Instant, monotonic};
use engine::consent::Bundle;
use engine::ledger::Facts;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::os::fd::OwnedFd;
use tokio::io::unix::AsyncFd;

use super::running::Running;
use super::{Options, WAIT, Work, anew, at, bare, seconds, tell};
use crate::figures::spread;

/// Whom paced disclosures are about, in turns.
const SUBJECTS: u64 = 4_096;
/// How many paced disclosures wait at the same time: half of what the ledger lets
/// wait, or it would refuse some. Whoever has no place begins late, which is told.
const WAITING_MAX: usize = 4_096;
/// How often it is looked who is due: well below what a commit takes.
const TICK: Duration = Duration::from_micros(50);

/// How long each side writes first: until its log no longer grows, but starts over.
const WARM: Duration = Duration::from_millis(500);

/// How disclosures fall due.
struct Paced {
    gap: Duration,
    time: Duration,
}

/// What came of them, each in ascending order.
struct Seen {
    took: Vec<Duration>,
    late: Vec<Duration>,
    rate: f64,
}

/// What both sides took in one round, at p50 and p99; bare commits by their time and by their
/// number.
struct Round {
    ours: [Duration; 2],
    bare: [Duration; 2],
    by_number: [Duration; 2],
}

impl Work {
    /// What a disclosure waits at this rate, and a bare commit of as many rows, in turns.
    pub(super) fn waits(
        &self,
        options: &Options,
        full: &Path,
        outer: &Path,
        rate: f64,
    ) -> anyhow::Result<()> {
        tell(&format!("wait at {rate:.0}/s, against a bare commit of as many entries:"));
        let time = Duration::from_secs(options.seconds);
        let paced = Paced { gap: Duration::from_secs_f64(1.0 / rate), time };
        let mut rounds = Vec::new();
        for round in 0..options.rounds {
            let file = outer.join(format!("waits-{rate:.0}-{round}.db"));
            rounds.push(self.round(full, &file, &paced)?);
        }
        for (place, name, wanted) in [(0, "p50", 2), (1, "p99", 4)] {
            let against = |bare: fn(&Round) -> &[Duration; 2]| {
                let of = |it: &Round| seconds(it.ours[place]) / seconds(bare(it)[place]);
                spread(&rounds.iter().map(of).collect::<Vec<_>>())
            };
            let (by_time, by_number) = (against(|it| &it.bare), against(|it| &it.by_number));
            tell(&format!(
                "  {name} {by_time} times (at most {wanted}); of commits by number {by_number}"
            ));
        }
        Ok(())
    }

    fn round(&self, full: &Path, file: &Path, paced: &Paced) -> anyhow::Result<Round> {
        let running = Running::start(full, &self.catalogue)?;
        self.saturate(&running, WARM)?;
        running.count_anew();
        let before = running.port.published().head().sequence;
        let seen = running.runtime.block_on(self.paced(paced, async |bundle, facts, from| {
            running.port.disclose(bundle, facts, from + WAIT).await?;
            anyhow::Ok(())
        }))?;
        let written = running.port.published().head().sequence - before;
        let (rows, commit) = running.batches(written);
        running.end();
        let (bare, beside) = self.bare_beside(file, rows, paced)?;
        std::fs::remove_file(file)?;
        let both = |took: &[Duration]| [at(took, 0.5), at(took, 0.99)];
        let by_time = [by_time(&bare, 0.5), by_time(&bare, 0.99)];
        let round = Round { ours: both(&seen.took), bare: by_time, by_number: both(&bare) };
        let late = [both(&seen.late), both(&beside.late)];
        tell(&format!(
            "  {:.0}/s, {rows} a batch, {commit:?} of it in SQLite: {:?} against {:?} ({:?} by \
             number), sent late by {late:?}, which is in neither",
            seen.rate, round.ours, round.bare, round.by_number
        ));
        Ok(round)
    }

    /// How long bare commits take beside whoever makes as many disclosures.
    fn bare_beside(
        &self,
        file: &Path,
        rows: u64,
        paced: &Paced,
    ) -> anyhow::Result<(Vec<Duration>, Seen)> {
        let bodies = self.bodies(rows);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::scope(|scope| {
            let bare = scope.spawn(|| bare::commits(file, &bodies, WARM, paced.time));
            let beside = runtime.block_on(self.paced(paced, async |bundle, facts, _| {
                std::hint::black_box((bundle, facts));
                anyhow::Ok(())
            }))?;
            let bare = bare.join().map_err(|_| anyhow::anyhow!("bare commits panicked"))??;
            Ok((bare, beside))
        })
    }

    /// What each of many disclosures waits, and how late each was sent.
    async fn paced(
        &self,
        paced: &Paced,
        disclose: impl AsyncFn(Bundle, Facts, Instant) -> anyhow::Result<()>,
    ) -> anyhow::Result<Seen> {
        let facts: Vec<_> = (0..SUBJECTS).map(|number| self.facts(number)).collect();
        let clock = Ticks::every(TICK)?;
        let (began, mut begun, mut told) = (monotonic(), 0_u32, Vec::new());
        let mut waiting = FuturesUnordered::new();
        loop {
            let now = monotonic();
            let going_on = now - began < paced.time;
            while going_on && waiting.len() < WAITING_MAX && paced.gap * begun <= now - began {
                let due = began + paced.gap * begun;
                let (facts, disclose) = (&facts[begun as usize % facts.len()], &disclose);
                begun += 1;
                waiting.push(async move {
                    // Composed before: what it waits for is its entry.
                    let (bundle, facts) = (anew(&self.light), facts.clone());
                    let from = monotonic();
                    let told = disclose(bundle, facts, from).await;
                    told.map(|()| (monotonic() - from, from - due))
                });
            }
            if !going_on && waiting.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                Some(one) = waiting.next() => told.push(one?),
                tick = clock.next() => tick?,
            }
        }
        let rate = told.len() as f64 / seconds(monotonic() - began);
        let (mut took, mut late): (Vec<_>, Vec<_>) = told.into_iter().unzip();
        took.sort_unstable();
        late.sort_unstable();
        Ok(Seen { took, late, rate })
    }
}

/// The duration within which this share of the time was spent, of commits one after another.
fn by_time(sorted: &[Duration], share: f64) -> Duration {
    let mut left = sorted.iter().sum::<Duration>().mul_f64(share);
    let within = sorted.iter().find(|took| {
        let ends = left <= **took;
        left = left.saturating_sub(**took);
        ends
    });
    within.or(sorted.last()).copied().unwrap_or_default()
}

/// A timer that is finer than the runtime's.
struct Ticks(AsyncFd<OwnedFd>);

impl Ticks {
    fn every(tick: Duration) -> anyhow::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK)?;
        let tick = Timespec { tv_sec: 0, tv_nsec: tick.subsec_nanos().into() };
        let turns = Itimerspec { it_interval: tick, it_value: tick };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &turns)?;
        #[expect(deprecated, reason = "an `OwnedFd` always tells the same file, and owns it")]
        let timer = AsyncFd::new(timer)?;
        Ok(Self(timer))
    }

    async fn next(&self) -> anyhow::Result<()> {
        let mut ready = self.0.readable().await?;
        let read = |timer: &AsyncFd<OwnedFd>| Ok(rustix::io::read(timer, &mut [0; 8])?);
        // What came meanwhile is one tick.
        let _ = ready.try_io(read);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
