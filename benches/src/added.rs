//! What a miss takes longer than its slowest register: registers that take a fixed time,
//! and forms opened at half of the rate that the engine has at most.
//!
//! The time is fixed, but not to the microsecond: so the slowest register is also asked
//! by itself, at the same rate and by the same clients, in turns with the engine.

use std::time::Duration;

use clap::Args;
use fixtures::{Country, Fleet, Profile};
use hyper::Method;

use crate::beside::{Felt, opened};
use crate::figures::{median, say, spread};
use crate::peers::client::Client;
use crate::peers::described::Asking;
use crate::peers::side::{Side, pause};
use crate::peers::wrk::{Load, Wrk};
use crate::peers::{form, sides, wall};

/// The country: enough people whom three registers know.
const POPULATION: u64 = 4_000_000;
/// More misses than the engine has in a second.
const MISSES_PER_SECOND: usize = 45_000;
/// How many requests are under way where as many as possible are answered.
const CONNECTIONS: usize = 256;
/// Clients that open forms in turn: each is back long before its next turn.
const CLIENTS: usize = 64;
/// What the faster registers take, in milliseconds.
const FASTER: u64 = 1;

/// `benches added`.
#[derive(Args)]
pub struct Options {
    /// How often both are measured, in turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement takes, in seconds.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// What the slowest register takes, in milliseconds.
    #[arg(long, default_value_t = 3)]
    slowest: u64,
}

/// Measures, and prints what a miss takes, what its slowest register takes, and the
/// difference.
///
/// # Errors
/// Where the engine or a register fails.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let Options { rounds, seconds, slowest } = *options;
    anyhow::ensure!(rounds > 0 && seconds > 0, "nothing is to be measured");
    let dir = tempfile::Builder::new().prefix("added-").tempdir()?;
    let country = Country::new(1, POPULATION)?;
    let fleet = Fleet::start(country, Profile::Instant, None)?;
    let at_most = seconds as usize * MISSES_PER_SECOND;
    let people = form::people(&country, at_most * 2)?;
    let (first, mut unseen) = people.split_at(at_most);
    let [nobody, listed] = ["refusals", "people"].map(|file| dir.path().join(file));
    std::fs::write(&nobody, "")?;
    std::fs::write(&listed, first.join("\n") + "\n")?;
    let side = Side::start(sides::engine(false)?, dir.path(), &nobody, &fleet)?;
    for (place, (register, _, _)) in wall::QUERIES.iter().enumerate() {
        takes(&fleet, register, if place == 0 { slowest } else { FASTER })?;
    }
    let load = Load { connections: CONNECTIONS, seconds, from: 0, count: first.len(), once: true };
    let most = Wrk::prepare(dir.path(), listed)?.run(side.address, &side.asking, load)?.rate();
    let rate = most as u64 / 2;
    say(&format!("{most:.0} misses a second at most; {rate} a second from here on"));
    let (register, path, body) = wall::QUERIES[0];
    let asking = Asking {
        method: Method::POST.to_string(),
        path: path.to_owned(),
        authorization: "none".to_owned(),
        body: body.to_owned(),
    };
    let count = (rate * seconds) as usize;
    let (mut misses, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        anyhow::ensure!(unseen.len() >= count, "nobody is left who was not seen");
        let (these, rest) = unseen.split_at(count);
        unseen = rest;
        let load = (rate, seconds);
        alone.push(opened(fleet.address(register), &asking, these, load, CLIENTS)?);
        pause(Duration::from_millis(300));
        misses.push(opened(side.address, &side.asking, these, load, CLIENTS)?);
        pause(Duration::from_millis(300));
    }
    tell(options, &misses, &alone);
    Ok(())
}

/// Lets a register take so long for every answer.
fn takes(fleet: &Fleet, register: &str, milliseconds: u64) -> anyhow::Result<()> {
    let change = format!("{{\"latencyMs\":{milliseconds}}}");
    let head = "PUT /_control HTTP/1.1\r\ncontent-type: application/json\r\n";
    let (status, _) = Client::connect(fleet.address(register))?.ask(head, &change)?;
    anyhow::ensure!(status < 300, "{register} takes no `latencyMs`: {status}");
    Ok(())
}

fn tell(options: &Options, misses: &[Felt], alone: &[Felt]) {
    if !misses.iter().chain(alone).all(|felt| felt.elsewhere) {
        say("clients may not go before others here, so waiting for a core is in it");
    }
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let ms = |felt: &Felt| felt.at(share).as_secs_f64() * 1e3;
        let (misses, alone): (Vec<_>, Vec<_>) =
            (misses.iter().map(ms).collect(), alone.iter().map(ms).collect());
        let added: Vec<f64> = misses.iter().zip(&alone).map(|(miss, alone)| miss - alone).collect();
        let set: Vec<f64> = misses.iter().map(|miss| miss - options.slowest as f64).collect();
        say(&format!(
            "{name}  a miss {:.2} ms, its slowest register by itself {:.2} ms: {} ms more; \
             {} ms more than the register is set to",
            median(&misses),
            median(&alone),
            spread(&added),
            spread(&set),
        ));
    }
}
