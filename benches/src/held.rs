//! What the cache costs: bytes for each subject over four registers, and a lookup
//! among millions of people against one among those of a country, in turns.

use std::fmt;
use std::hint::black_box;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use engine::cache::{Cache, Config, Slot};
use engine::catalogue::{Catalogue, Register};
use engine::clock::{Civil, monotonic};
use engine::model::{Answer, CivilMs, ProcedureId, Subject};
use fixtures::{Authority, Country, Profile};

use crate::answers;
use crate::figures::{median, say, spread};
use crate::peers::form;

/// The country of the people whom three registers know.
const POPULATION: u64 = 8_000_000;
/// Longer than it runs.
const TTL: Duration = Duration::from_secs(24 * 3600);
/// Room for everybody.
const BYTES: u64 = 16 << 30;
/// Lookups in one measurement.
const LOOKUPS: usize = 1_000_000;
/// Threads that decode answers, before anything is measured.
const FILLING: usize = 2;

/// `benches held`.
#[derive(Args)]
pub struct Options {
    /// How many people a cache holds.
    #[arg(long, default_value_t = 170_000)]
    few: usize,
    /// And the other.
    #[arg(long, default_value_t = 2_500_000)]
    many: usize,
    /// How often both are measured, in turns.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

/// A cache full of people, and what that took.
struct Full {
    cache: Cache,
    people: Vec<Subject>,
    values: u64,
    dates: u64,
    resident: u64,
}

/// Four registers that answer, and where their answers are kept.
struct Four<'a> {
    registers: [(&'a Register, fixtures::Register); 4],
    procedure: ProcedureId,
    now: CivilMs,
}

/// Fills both, and prints what they cost.
///
/// # Errors
/// Where a register answers wrongly.
pub fn run(options: &Options) -> anyhow::Result<()> {
    anyhow::ensure!(options.rounds > 0 && options.few > 0, "nothing is to be measured");
    let catalogue = form::catalogue(true)?;
    let civil = Civil::system();
    let known = Country::new(1, POPULATION)?;
    let people = form::people(&known, options.few)?;
    say(&Full::of(&Four::of(&catalogue, known, civil.now())?, &civil, &people)?.to_string());
    // There are not so many whom they know: lookups are of anybody's answers.
    let (country, people) = form::anybody(options.few.max(options.many))?;
    let four = Four::of(&catalogue, country, civil.now())?;
    let few = Full::of(&four, &civil, &people[..options.few])?;
    let many = Full::of(&four, &civil, &people[..options.many])?;
    let (mut of_few, mut of_many) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        of_few.push(few.lookup(&four));
        of_many.push(many.lookup(&four));
    }
    let ratios: Vec<f64> = of_few.iter().zip(&of_many).map(|(few, many)| many / few).collect();
    say(&format!(
        "a lookup of four answers: {:.0} ns among {}, {:.0} ns among {}: {} times",
        median(&of_few),
        few.people.len(),
        median(&of_many),
        many.people.len(),
        spread(&ratios),
    ));
    Ok(())
}

impl<'a> Four<'a> {
    fn of(catalogue: &'a Catalogue, country: Country, now: CivilMs) -> anyhow::Result<Self> {
        let one = |name: &str| {
            let id = catalogue.find_register(name).context("a register of the form")?;
            let authority = Authority::named(name).context("a register of the demonstration")?;
            let simulated = fixtures::Register::new(authority, country, Profile::Instant);
            anyhow::Ok((catalogue.register(id), simulated))
        };
        let [a, b, c, d] = form::REGISTERS.map(|(name, _)| one(name));
        let procedure = catalogue.find_procedure(form::NAME).context("the form")?;
        Ok(Self { registers: [a?, b?, c?, d?], procedure, now })
    }

    fn slot(&self, register: &Register) -> Slot {
        Slot {
            terms: 0,
            register: register.id,
            key: None,
            organisation: None,
            purpose: self.procedure,
            epoch: 0,
        }
    }

    /// What the registers say about somebody.
    fn answers(&self, person: &str) -> anyhow::Result<Vec<(Slot, Answer)>> {
        let one = |(register, simulated): &(&'a Register, fixtures::Register)| {
            let asked = register.all();
            let call = answers::call(register, &[person], asked);
            let said = simulated.answer(&call);
            anyhow::ensure!(said.status().is_success(), "{} {}", register.name, said.status());
            let mut body = said.into_body().to_vec();
            let decoded =
                engine::registers::decode(register, &[person], asked, self.now, &mut body);
            let answer = decoded.ok().and_then(|mut it| it.pop()?.ok());
            Ok((self.slot(register), answer.context("an answer about the key")?))
        };
        self.registers.iter().map(one).collect()
    }
}

impl Full {
    fn of(four: &Four<'_>, civil: &Civil, people: &[String]) -> anyhow::Result<Self> {
        let mut subjects: Vec<Subject> = people.iter().filter_map(|it| it.parse().ok()).collect();
        shuffle(&mut subjects);
        let before = resident()?;
        let cache = Cache::new(Config { bytes: BYTES }, civil.clone());
        let sizes = thread::scope(|scope| {
            let cache = &cache;
            let part = |people| scope.spawn(move || fill(cache, four, people));
            let parts: Vec<_> = people.chunks(people.len().div_ceil(FILLING)).map(part).collect();
            let ended = parts.into_iter().map(|it| it.join().ok().context("a thread panicked")?);
            ended.collect::<anyhow::Result<Vec<_>>>()
        })?;
        let resident = resident()?.saturating_sub(before);
        let values = sizes.iter().map(|(values, _)| values).sum();
        let dates = sizes.iter().map(|(_, dates)| dates).sum();
        Ok(Self { cache, people: subjects, values, dates, resident })
    }

    /// Nanoseconds for a subject's four answers, of people in no order.
    fn lookup(&self, four: &Four<'_>) -> f64 {
        let slots =
            four.registers.each_ref().map(|(register, _)| (four.slot(register), register.all()));
        let people = || self.people.iter().cycle().take(LOOKUPS);
        let began = monotonic();
        for person in people() {
            let held = self.cache.get(*person).expect("everybody is held");
            for (slot, asked) in &slots {
                let found = held.find(slot, *asked, four.now, None);
                assert!(black_box(found).is_some(), "a benchmark of misses would look fast");
            }
        }
        (monotonic() - began).as_secs_f64() * 1e9 / LOOKUPS as f64
    }
}

/// Keeps what is said about everybody; bytes of the values, and of their dates.
fn fill(cache: &Cache, four: &Four<'_>, people: &[String]) -> anyhow::Result<(u64, u64)> {
    let (mut values, mut dates) = (0, 0);
    for person in people {
        let subject = person.parse().ok().context("a matricule")?;
        for (slot, answer) in four.answers(person)? {
            for attribute in answer.asked.iter() {
                values += answer.value(attribute).map_or(0, <[u8]>::len) as u64;
                dates += answer.last_updated(attribute).map_or(0, |day| day.len()) as u64;
            }
            cache.keep(subject, &slot, &answer, TTL);
        }
    }
    Ok((values, dates))
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load = self.cache.load();
        let each = |bytes: u64| bytes as f64 / self.people.len() as f64;
        write!(
            f,
            "{} subjects over four registers: {:.0} bytes of memory each, {:.0} as the cache \
             weighs itself, for {:.0} of values: {:.2} times; {:.0} of dates are not counted",
            load.subjects,
            each(self.resident),
            each(load.weight),
            each(self.values),
            self.resident as f64 / self.values as f64,
            each(self.dates),
        )
    }
}

/// Bytes of this process in memory.
fn resident() -> anyhow::Result<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = pages.split(' ').nth(1).context("statm(5)")?.parse()?;
    Ok(pages * rustix::param::page_size() as u64)
}

/// Into no order, and always the same one.
pub(crate) fn shuffle<T>(people: &mut [T]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for place in (1..people.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        people.swap(place, (state % (place as u64 + 1)) as usize);
    }
}
