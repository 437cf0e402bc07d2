//! What it is to ask registers about several keys in one call: nothing where nobody else
//! asks, and calls that fill where many do. Two engines that differ in nothing else, in
//! turns.

use std::time::Duration;

use clap::Args;
use fixtures::{Country, Fleet, Profile};

use crate::beside::opened;
use crate::figures::{median, say, spread};
use crate::peers::side::{Side, pause};
use crate::peers::wrk::{Load, Wrk};
use crate::peers::{form, sides};

/// The country: enough people whom three registers know.
const POPULATION: u64 = 8_000_000;
/// More misses than the engine has in a second.
const MISSES_PER_SECOND: usize = 45_000;
/// Requests under way where calls fill.
const CONNECTIONS: usize = 256;
/// Forms a second where it is idle: one after the other.
const IDLE: u64 = 200;

/// `benches batches`.
#[derive(Args)]
pub struct Options {
    /// How often everything is measured, in turns.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each measurement takes, in seconds.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
}

/// One engine, and what was seen of it.
struct Seen {
    side: Side,
    /// Milliseconds of the median miss where nobody else asks.
    idle: Vec<f64>,
    /// Misses a second, and keys in a call, where many ask.
    rates: Vec<f64>,
    keys: Vec<f64>,
}

/// Measures both, and prints them.
///
/// # Errors
/// Where an engine fails.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let Options { rounds, seconds } = *options;
    anyhow::ensure!(rounds > 0 && seconds > 0, "nothing is to be measured");
    let dir = tempfile::Builder::new().prefix("batches-").tempdir()?;
    let fleet = Fleet::start(Country::new(1, POPULATION)?, Profile::Instant, None)?;
    let (few, many) = ((IDLE * seconds) as usize, seconds as usize * MISSES_PER_SECOND);
    let people = form::people(&Country::new(1, POPULATION)?, rounds * (few + many))?;
    let nobody = dir.path().join("refusals");
    std::fs::write(&nobody, "")?;
    let start = |batching| -> anyhow::Result<Seen> {
        let side = Side::start(sides::engine(batching)?, dir.path(), &nobody, &fleet)?;
        Ok(Seen { side, idle: Vec::new(), rates: Vec::new(), keys: Vec::new() })
    };
    let mut both = [start(false)?, start(true)?];
    let listed = dir.path().join("people");
    std::fs::write(&listed, people.join("\n") + "\n")?;
    let wrk = Wrk::prepare(dir.path(), listed)?;
    let calls = || fleet.register(form::REGISTERS[0].0).calls();
    for round in 0..rounds {
        let from = round * (few + many);
        for Seen { side, idle, rates, keys } in &mut both {
            let alone = &people[from..from + few];
            let felt = opened(side.address, &side.asking, alone, (IDLE, seconds), 1)?;
            idle.push(felt.at(0.5).as_secs_f64() * 1e3);
            pause(Duration::from_millis(300));
            let (before, connections) = (calls(), CONNECTIONS);
            let load = Load { connections, seconds, from: from + few, count: many, once: true };
            let rate = wrk.run(side.address, &side.asking, load)?.rate();
            rates.push(rate);
            keys.push(rate * seconds as f64 / (calls() - before) as f64);
            pause(Duration::from_millis(300));
        }
    }
    tell(&both);
    Ok(())
}

fn tell(both: &[Seen; 2]) {
    let [single, batching] = both;
    for (name, seen) in [("one key a call", single), ("up to twenty", batching)] {
        say(&format!(
            "{name}: a miss alone {:.3} ms; under load {:.0} a second, {:.1} keys a call",
            median(&seen.idle),
            median(&seen.rates),
            median(&seen.keys),
        ));
    }
    let added: Vec<f64> = single
        .idle
        .iter()
        .zip(&batching.idle)
        .map(|(single, batching)| batching / single)
        .collect();
    say(&format!("alone, with batches by without: {}", spread(&added)));
}
