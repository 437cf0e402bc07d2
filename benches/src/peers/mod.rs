//! The engine beside everything else that does its job, in one run: each side is
//! started, its answers are compared with what is true, rounds alternate, and one
//! table of ratios comes out. Afterwards the ledger's audit must be clean.
//!
//! Absolute rates mean nothing on another machine; ratios of one run do.

pub mod bulk;
pub mod client;
pub mod described;
pub mod form;
mod further;
pub mod serve;
#[cfg(feature = "service")]
mod service;
pub mod side;
pub mod sides;
pub mod table;
pub mod wall;
pub mod wrk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use engine::{ledger, store};
use fixtures::{Country, Fleet, Profile};

use described::Description;
use side::Side;
use table::{Comparison, Series, Table};
use wrk::{Load, Wrk};

/// People who are asked about again and again.
const HITS: usize = 500;
/// For how long the engine's bulk jobs give way after a single hit, and a little more.
const GIVES_WAY: Duration = Duration::from_secs(11);
/// The last of them, who say No to one register.
const REFUSING: usize = 20;
/// People who are looked at in each side's answers.
const SAMPLE: usize = 60;
/// The country: enough people whom three registers know.
const POPULATION: u64 = 20_000_000;
/// More misses than any side has in a second.
const MISSES_PER_SECOND: usize = 45_000;
/// Between two measurements, so that what the first left to do is done.
const PAUSE: Duration = Duration::from_millis(700);
/// Calls of a miss, and its own exchange.
const EXCHANGES_OF_A_MISS: f64 = 5.0;

const STATED: &str = "One form of sixteen fields out of four registers, one bundle a request; \
    registers `instant`, share = \"any\", ask = \"all\"; ";

/// `benches peers`.
#[derive(Args)]
pub struct Options {
    /// How often everything is measured; sides take turns within each.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement takes, in seconds.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// How many requests are under way.
    #[arg(long, default_value_t = 256)]
    connections: usize,
    /// Only this part.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// A further peer, as a file describes it (see `benches/src/peers/described.rs`).
    #[arg(long)]
    peer: Vec<PathBuf>,
    /// Where `peers.txt`, `peers.md` and `peers.json` are written.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// A part of the table.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Answers out of the cache.
    Hits,
    /// Answers that registers are asked for.
    Misses,
    /// Bulk jobs.
    Bulk,
}

/// How one series is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Hits,
    Misses,
    Bulk,
    Wall,
}

const HIT: Series = "engine: hits";
const MISS: Series = "engine, one key a call: misses";
const MISS_BATCHING: Series = "engine, batches: misses";
const BULK: Series = "engine: bulk";
const WALL: Series = "bare client: exchanges with the registers";
const HYPER_HIT: Series = "bare hyper";
const STATIC_HIT: Series = "nginx, static";
const LUA_HIT: Series = "nginx + Lua: hits";
const LUA_MISS: Series = "nginx + Lua: misses";
const SERVICE_HIT: Series = "axum service: hits";
const SERVICE_MISS: Series = "axum service: misses";

const SERIES: [(Series, &str, Work); 11] = [
    (HIT, sides::ENGINE, Work::Hits),
    (HYPER_HIT, sides::HYPER, Work::Hits),
    (LUA_HIT, sides::LUA, Work::Hits),
    (STATIC_HIT, sides::STATIC, Work::Hits),
    (SERVICE_HIT, sides::SERVICE, Work::Hits),
    (BULK, sides::ENGINE, Work::Bulk),
    (MISS, sides::ENGINE, Work::Misses),
    (LUA_MISS, sides::LUA, Work::Misses),
    (MISS_BATCHING, sides::ENGINE_BATCHING, Work::Misses),
    (SERVICE_MISS, sides::SERVICE, Work::Misses),
    (WALL, "", Work::Wall),
];

const fn by(
    what: &'static str,
    ours: Series,
    theirs: Series,
    targets: Option<(f64, f64)>,
) -> Comparison {
    Comparison { what, ours, theirs, share: 1.0, targets }
}

const COMPARISONS: [Comparison; 10] = [
    by("hit by bare hyper, same bytes", HIT, HYPER_HIT, Some((0.65, 0.80))),
    by("hit by nginx + Lua", HIT, LUA_HIT, Some((2.7, 3.5))),
    by("hit by nginx, static file", HIT, STATIC_HIT, None),
    by("hit by axum service", HIT, SERVICE_HIT, None),
    by("miss, one key a call, by nginx + Lua", MISS, LUA_MISS, Some((2.0, 2.5))),
    Comparison {
        share: EXCHANGES_OF_A_MISS,
        ..by("miss, one key a call, by the wall", MISS, WALL, Some((0.6, 0.75)))
    },
    by("miss, batches, by nginx + Lua", MISS_BATCHING, LUA_MISS, Some((4.0, 6.0))),
    by("miss, one key a call, by axum service", MISS, SERVICE_MISS, None),
    by("miss, batches, by axum service", MISS_BATCHING, SERVICE_MISS, None),
    by("bulk by single hits", BULK, HIT, Some((2.0, 3.0))),
];

impl Work {
    fn within(self, only: Option<Part>) -> bool {
        match only {
            None => true,
            Some(Part::Hits) => self == Self::Hits,
            Some(Part::Misses) => matches!(self, Self::Misses | Self::Wall),
            // Compared with single hits.
            Some(Part::Bulk) => matches!(self, Self::Bulk | Self::Hits),
        }
    }
}

/// Everything that is running.
struct Field {
    country: Country,
    fleet: Fleet,
    people: Vec<String>,
    wrk: Wrk,
    sides: Vec<Side>,
    /// Those that files describe.
    further: Vec<String>,
    /// By name, why sides are not there.
    skipped: BTreeMap<String, String>,
}

/// Measures everything, and prints the table.
///
/// # Errors
/// Where a side answers wrongly, fails, or the audit is not clean.
pub fn run(options: &Options) -> anyhow::Result<()> {
    anyhow::ensure!(options.rounds > 0 && options.seconds > 0, "nothing is to be measured");
    let dir = tempfile::Builder::new().prefix("peers-").tempdir()?;
    let field = Field::prepare(options, dir.path())?;
    field.verify()?;
    let series = field.series(options);
    let mut rates: BTreeMap<Series, Vec<f64>> = BTreeMap::new();
    for round in 0..options.rounds {
        // Forth and back, so that no side always comes after the same one.
        let mut turns: Vec<_> = series.iter().collect();
        if round % 2 == 1 {
            turns.reverse();
        }
        for (name, side, work) in turns {
            let rate = field.measure(options, side.as_deref(), *work, round);
            let rate = rate.with_context(|| format!("{name}, round {}", round + 1))?;
            rates.entry(name).or_default().push(rate);
            side::pause(PAUSE);
        }
    }
    // What was measured was still true at the end.
    field.verify()?;
    let Field { sides, skipped, fleet, further, .. } = field;
    let further = further.iter().flat_map(|name| further::comparisons(name));
    let comparisons: Vec<_> = COMPARISONS.into_iter().chain(further).collect();
    let lacks = sides.iter().map(|side| (side.name.clone(), side.lacks.clone())).collect();
    drop((sides, fleet));
    let audit = [sides::ENGINE, sides::ENGINE_BATCHING].map(|name| audit(&dir.path().join(name)));
    let audit = audit.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let table = Table::of(options.stated(), &comparisons, rates, lacks, skipped, audit);
    tell(options, &table)
}

impl Options {
    fn stated(&self) -> String {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let Self { rounds, seconds, connections, .. } = self;
        format!(
            "{STATED}wrk -t1 -c{connections} on the same {cores} cores; \
             {rounds} rounds of {seconds} s for each side, in turns."
        )
    }
}

impl Field {
    fn prepare(options: &Options, dir: &Path) -> anyhow::Result<Self> {
        let country = Country::new(1, POPULATION)?;
        let fleet = Fleet::start(country, Profile::Instant, None)?;
        let misses = options.rounds * options.seconds as usize * MISSES_PER_SECOND;
        let people = form::people(&country, HITS + misses)?;
        let listed = dir.join("people");
        std::fs::write(&listed, people.join("\n") + "\n")?;
        let refusals = dir.join("refusals");
        let refusing = &people[HITS - REFUSING..HITS];
        let lines = refusing.iter().map(|person| format!("{person} {}\n", form::REFUSED));
        std::fs::write(&refusals, lines.collect::<String>())?;
        let wrk = Wrk::prepare(dir, listed)?;
        let mut field = Self {
            country,
            fleet,
            people,
            wrk,
            sides: Vec::new(),
            further: Vec::new(),
            skipped: BTreeMap::new(),
        };
        let place = (dir, &*refusals);
        for batching in [false, true] {
            field.sides.push(Side::start(sides::engine(batching)?, dir, &refusals, &field.fleet)?);
        }
        field.refuse()?;
        let bundle = field.sides[0].ask(&field.people[0])?;
        let file = dir.join("bundle.json");
        std::fs::write(&file, &bundle)?;
        field.add(sides::HYPER, sides::hyper(&file), place)?;
        let bundle = String::from_utf8(bundle).context("a bundle is text")?;
        field.add(sides::STATIC, sides::static_file(&bundle), place)?;
        field.add(sides::LUA, sides::lua(), place)?;
        field.add(sides::SERVICE, sides::service(), place)?;
        for file in &options.peer {
            let text = std::fs::read_to_string(file);
            let text = text.with_context(|| file.display().to_string())?;
            let description: Description =
                toml::from_str(&text).with_context(|| file.display().to_string())?;
            let (name, program) = (description.name.clone(), description.start.first());
            let program = program.cloned().context("`start` is empty")?;
            let there = further::is_installed(&program).then_some(description);
            field.add(
                &name,
                there.with_context(|| format!("`{program}` is not installed")),
                place,
            )?;
            field.further.push(name);
        }
        Ok(field)
    }

    /// Starts a side; one that is not installed is skipped by name.
    fn add(
        &mut self,
        name: &str,
        description: anyhow::Result<Description>,
        (dir, refusals): (&Path, &Path),
    ) -> anyhow::Result<()> {
        match description {
            Ok(description) => {
                self.sides.push(Side::start(description, dir, refusals, &self.fleet)?);
            }
            Err(why) => {
                self.skipped.insert(name.to_owned(), format!("{why:#}"));
            }
        }
        Ok(())
    }

    /// Has some people say No, at the engines. All other sides read it from a file.
    fn refuse(&self) -> anyhow::Result<()> {
        for side in &self.sides {
            let mut client = client::Client::connect(side.address)?;
            for person in &self.people[HITS - REFUSING..HITS] {
                let path = format!("/v1/me/consents/preferences/{}", form::REFUSED);
                let head = format!(
                    "PUT {path} HTTP/1.1\r\nauthorization: Bearer demo-person-{person}\r\n"
                );
                let (status, _) = client.ask(&head, "{\"allow\":false}")?;
                anyhow::ensure!(status == 200, "a No is answered with {status}");
            }
        }
        Ok(())
    }

    /// Compares answers of every side that does the job with what is true.
    fn verify(&self) -> anyhow::Result<()> {
        let sample = || (HITS - SAMPLE..HITS + SAMPLE).map(|place| (place, &self.people[place]));
        for side in self.sides.iter().filter(|side| side.verified) {
            for (place, person) in sample() {
                let refuses = (HITS - REFUSING..HITS).contains(&place);
                let answer = side.ask(person)?;
                form::check(&self.country, person, refuses, &answer)
                    .with_context(|| format!("{} is wrong", side.name))?;
            }
        }
        Ok(())
    }

    /// What is to be measured, of the sides that are there.
    fn series(&self, options: &Options) -> Vec<(Series, Option<String>, Work)> {
        let own = SERIES.iter().filter(|(_, side, work)| {
            let there = *work == Work::Wall || self.sides.iter().any(|it| it.name == *side);
            there && work.within(options.only)
        });
        let own = own.map(|(name, side, work)| {
            (*name, (*work != Work::Wall).then(|| (*side).to_owned()), *work)
        });
        let there = |name: &&String| self.sides.iter().any(|side| side.name == **name);
        let further = self.further.iter().filter(there).flat_map(|name| {
            further::series(name).map(|(series, work)| (series, Some(name.clone()), work))
        });
        own.chain(further.filter(|(_, _, work)| work.within(options.only))).collect()
    }

    fn measure(
        &self,
        options: &Options,
        side: Option<&str>,
        work: Work,
        round: usize,
    ) -> anyhow::Result<f64> {
        let Options { seconds, connections, .. } = *options;
        let slice = seconds as usize * MISSES_PER_SECOND;
        let address = |register: &str| self.fleet.address(register);
        let Some(name) = side else {
            return wall::exchanges(&address, &self.people[..HITS], seconds);
        };
        let side = self.sides.iter().find(|side| side.name == name);
        let side = side.context("a side that is there")?;
        let hits = Load { connections, seconds: 1, from: 0, count: HITS, once: false };
        let run = |load: Load| Ok(self.wrk.run(side.address, &side.asking, load)?.rate());
        match work {
            Work::Misses => {
                let from = HITS + round * slice;
                run(Load { seconds, from, count: slice, once: true, ..hits })
            }
            Work::Bulk => {
                // Single hits that came just before are somebody, to whom a job gives way.
                side::pause(GIVES_WAY);
                bulk::bundles(side.address, &side.asking, &self.people[..HITS], seconds, bulk::JOBS)
            }
            Work::Hits | Work::Wall => {
                // What misses have pushed out of the cache comes back first.
                run(hits)?;
                run(Load { seconds, ..hits })
            }
        }
    }
}

fn audit(side: &Path) -> anyhow::Result<String> {
    let mut storage = store::open_read_only(&side.join("data"), ledger::subjects_of)?;
    let report = ledger::audit(&mut storage, None)?;
    let side = side.file_name().unwrap_or_default().display();
    Ok(format!(
        "The audit of {side} is clean: {} entries, {} of them disclosures.",
        report.head.map_or(0, |head| head.sequence),
        report.disclosures
    ))
}

#[expect(clippy::print_stdout, reason = "the table is what was asked for")]
fn tell(options: &Options, table: &Table) -> anyhow::Result<()> {
    print!("{}", table.text());
    let Some(dir) = &options.out else { return Ok(()) };
    std::fs::create_dir_all(dir)?;
    std::fs::write(dir.join("peers.txt"), table.text())?;
    std::fs::write(dir.join("peers.md"), table.markdown())?;
    let json = serde_json::to_string_pretty(table)?;
    std::fs::write(dir.join("peers.json"), json + "\n")?;
    Ok(())
}
