//! What somebody who waits before a form feels of a bulk job: their latency alone and
//! beside one, in turns, as a ratio of one run.
//!
//! Whoever sends is on the same machine here and nowhere else. So people's threads get a
//! core whenever they want one, and the job's get what is left: what is measured is the
//! engine, and not who waits for its cores.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use engine::clock::{Instant, monotonic};
use fixtures::{Country, Fleet, Profile};
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

use crate::figures::{median, say, spread};
use crate::peers::bulk;
use crate::peers::client::Client;
use crate::peers::described::Asking;
use crate::peers::side::{Side, pause};
use crate::peers::{form, sides};

/// The country: enough people whom three registers know.
const POPULATION: u64 = 1_000_000;
/// Whom forms are about, and whom the job is about: of nobody both.
const PEOPLE: usize = 2_000;
const LINES: usize = 20_000;
/// How far the job's sender stands back, as `nice` counts; its threads inherit it.
const NICENESS: i32 = 19;
/// People before forms, each on a connection of their own: enough for the rate where
/// an answer takes what it takes out of memory, and where it takes half a second.
const WAITING: usize = 8;
const WAITING_FOR_REGISTERS: usize = 128;

/// `benches beside`.
#[derive(Args)]
pub struct Options {
    /// How often both are measured, in turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement takes, in seconds.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Forms that are opened in a second: a harsh peak is a few.
    #[arg(long, default_value_t = 400)]
    rate: u64,
    /// Forms about people not seen before, whose registers are as slow as real ones;
    /// otherwise all is out of memory, and the machine is the limit.
    #[arg(long)]
    realistic: bool,
}

/// Latencies of one measurement, sorted, and the bundles that a job had meanwhile.
pub(crate) struct Felt {
    pub(crate) latencies: Vec<Duration>,
    bundles: f64,
    /// Whether everybody had a core when they wanted one.
    pub(crate) elsewhere: bool,
}

impl Felt {
    pub(crate) fn at(&self, share: f64) -> Duration {
        let place = (self.latencies.len() as f64 * share) as usize;
        self.latencies[place.min(self.latencies.len() - 1)]
    }
}

/// Measures, and prints both and their ratio.
///
/// # Errors
/// Where the engine fails, or refuses somebody.
pub fn run(options: &Options) -> anyhow::Result<()> {
    anyhow::ensure!(options.rounds > 0 && options.seconds > 0, "nothing is to be measured");
    anyhow::ensure!(options.rate > 0, "nobody opens a form");
    let dir = tempfile::Builder::new().prefix("beside-").tempdir()?;
    let country = Country::new(1, POPULATION)?;
    let profile = if options.realistic { Profile::Realistic } else { Profile::Instant };
    let fleet = Fleet::start(country, profile, None)?;
    // Each form of each measurement is about somebody else, where none may be known.
    let opened = (options.rate * options.seconds) as usize * options.rounds * 2;
    let count = if options.realistic { opened } else { PEOPLE };
    let people = form::people(&country, count + LINES)?;
    let (people, lines) = people.split_at(count);
    let mut unseen = people.chunks(count / (options.rounds * 2));
    let nobody = dir.path().join("refusals");
    std::fs::write(&nobody, "")?;
    let side = Side::start(sides::engine(false)?, dir.path(), &nobody, &fleet)?;
    let asking = &side.asking;
    bulk::bundles(side.address, asking, lines, 2, 1)?;
    if !options.realistic {
        bulk::bundles(side.address, asking, people, 1, 1)?;
    }
    let mut next = || match options.realistic {
        true => unseen.next().context("nobody is left who was not seen"),
        false => Ok(people),
    };
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        alone.push(felt(side.address, asking, next()?, options)?);
        pause(Duration::from_millis(300));
        let people = next()?;
        let both = thread::scope(|scope| {
            let job = scope.spawn(|| {
                // Its sender is elsewhere, where it takes no core from anybody.
                rustix::process::nice(NICENESS)?;
                bulk::bundles(side.address, asking, lines, options.seconds, 1)
            });
            let felt = felt(side.address, asking, people, options);
            let bundles = job.join().ok().context("the job panicked")??;
            felt.map(|felt| Felt { bundles, ..felt })
        })?;
        beside.push(both);
        pause(Duration::from_millis(300));
    }
    tell(options, &alone, &beside);
    Ok(())
}

/// Opens forms at a rate, and measures each from when it was meant to be opened.
fn felt(
    at: SocketAddr,
    asking: &Asking,
    people: &[String],
    options: &Options,
) -> anyhow::Result<Felt> {
    let waiting = if options.realistic { WAITING_FOR_REGISTERS } else { WAITING };
    opened(at, asking, people, (options.rate, options.seconds), waiting)
}

/// Opens forms at a rate for so many seconds, on so many connections in turn.
pub(crate) fn opened(
    at: SocketAddr,
    asking: &Asking,
    people: &[String],
    (rate, seconds): (u64, u64),
    waiting: usize,
) -> anyhow::Result<Felt> {
    let each = Duration::from_secs_f64(waiting as f64 / rate as f64);
    let count = (seconds * rate) as usize / waiting;
    let began = monotonic() + Duration::from_millis(20);
    let waited = thread::scope(|scope| {
        let one = |place: usize| {
            let first = began + each.mul_f64(place as f64 / waiting as f64);
            let theirs = people.iter().skip(place).step_by(waiting);
            scope.spawn(move || wait(at, asking, theirs.cycle().take(count), first, each))
        };
        let all: Vec<_> = (0..waiting).map(one).collect();
        let ended = all.into_iter().map(|it| it.join().ok().context("somebody panicked")?);
        ended.collect::<anyhow::Result<Vec<_>>>()
    })?;
    let elsewhere = waited.iter().all(|(_, elsewhere)| *elsewhere);
    let mut latencies: Vec<_> = waited.into_iter().flat_map(|(latencies, _)| latencies).collect();
    latencies.sort_unstable();
    anyhow::ensure!(!latencies.is_empty(), "nobody opened a form");
    Ok(Felt { latencies, bundles: 0.0, elsewhere })
}

fn wait<'a>(
    at: SocketAddr,
    asking: &Asking,
    people: impl Iterator<Item = &'a String>,
    first: Instant,
    each: Duration,
) -> anyhow::Result<(Vec<Duration>, bool)> {
    let elsewhere = be_elsewhere();
    let mut client = Client::connect(at)?;
    let mut latencies = Vec::new();
    for (turn, person) in people.enumerate() {
        let due = first + each * turn as u32;
        pause(due.saturating_duration_since(monotonic()));
        let (head, body) = asking.about(person);
        let (status, _) = client.ask(&head, &body)?;
        anyhow::ensure!(status == 200, "somebody was answered with {status}");
        latencies.push(monotonic() - due);
    }
    Ok((latencies, elsewhere))
}

/// Lets a thread have a core whenever it wants one: people before forms have machines
/// of their own. Where that is not allowed, they wait for a core of the engine's.
fn be_elsewhere() -> bool {
    let Ok(priority) = ThreadPriorityValue::try_from(1_u8) else { return false };
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    let this = thread_native_id();
    set_thread_priority_and_policy(this, ThreadPriority::Crossplatform(priority), policy).is_ok()
}

fn tell(options: &Options, alone: &[Felt], beside: &[Felt]) {
    let Options { rounds, seconds, rate, realistic } = options;
    let from = if *realistic { "of people not seen before" } else { "out of memory" };
    say(&format!(
        "{rate} forms a second {from}, each from when it was meant to be opened; \
         {rounds} rounds of {seconds} s alone and beside a bulk job, in turns, whose sender \
         stands back on the same cores (nice {NICENESS})"
    ));
    if !alone.iter().chain(beside).all(|felt| felt.elsewhere) {
        say("their threads may not go before others here, so waiting for a core is in it");
    }
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let of = |all: &[Felt]| all.iter().map(|felt| ms(felt.at(share))).collect::<Vec<_>>();
        let (alone, beside) = (of(alone), of(beside));
        let ratios = alone.iter().zip(&beside).map(|(alone, beside)| beside / alone);
        let ratios = ratios.collect::<Vec<_>>();
        say(&format!(
            "{name}  alone {:.2} ms, beside {:.2} ms: {} times",
            median(&alone),
            median(&beside),
            spread(&ratios),
        ));
    }
    let bundles: Vec<f64> = beside.iter().map(|felt| felt.bundles).collect();
    say(&format!("the job had {:.0} bundles a second meanwhile", median(&bundles)));
}
