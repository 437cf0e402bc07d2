//! What a hit costs where millions of people are known, against one where a country's
//! are: two engines that differ in nothing else, in turns.

use std::path::Path;

use clap::Args;
use fixtures::{Fleet, Profile};

use crate::figures::{median, say, spread};
use crate::held::shuffle;
use crate::peers::side::Side;
use crate::peers::wrk::{Load, Wrk};
use crate::peers::{bulk, form, sides};

/// Room for the answers about everybody.
const CACHE_MIB: u64 = 8 << 10;

/// `benches grown`.
#[derive(Args)]
pub struct Options {
    /// How many people one engine knows.
    #[arg(long, default_value_t = 170_000)]
    few: usize,
    /// And the other.
    #[arg(long, default_value_t = 2_500_000)]
    many: usize,
    /// How often both are measured, in turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement takes, in seconds.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// How many requests are under way.
    #[arg(long, default_value_t = 256)]
    connections: usize,
}

/// An engine that has answered about each of some people.
struct Engine {
    side: Side,
    wrk: Wrk,
    known: usize,
}

/// Measures both, and prints them and their ratio.
///
/// # Errors
/// Where an engine fails, or refuses somebody.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let Options { few, many, rounds, seconds, connections } = *options;
    anyhow::ensure!(rounds > 0 && seconds > 0 && few > 0, "nothing is to be measured");
    let dir = tempfile::Builder::new().prefix("grown-").tempdir()?;
    let (country, people) = form::anybody(few.max(many))?;
    let fleet = Fleet::start(country, Profile::Instant, None)?;
    let started = |name, count: usize| Engine::started(name, &people[..count], dir.path(), &fleet);
    let (few, many) = (started("few", few)?, started("many", many)?);
    let (mut of_few, mut of_many) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for (engine, rates) in [(&few, &mut of_few), (&many, &mut of_many)] {
            // People whom the round before did not ask about, as far as there are such.
            let count = engine.known.min(few.known);
            let from = round * count % (engine.known - count + 1);
            let load = Load { connections, seconds, from, count, once: false };
            rates.push(engine.wrk.run(engine.side.address, &engine.side.asking, load)?.rate());
        }
    }
    let costs: Vec<f64> = of_few.iter().zip(&of_many).map(|(few, many)| few / many).collect();
    say(&format!(
        "a hit among {} people by one among {}: {} times ({:.0} and {:.0} a second)",
        many.known,
        few.known,
        spread(&costs),
        median(&of_many),
        median(&of_few),
    ));
    Ok(())
}

impl Engine {
    fn started(name: &str, people: &[String], dir: &Path, fleet: &Fleet) -> anyhow::Result<Self> {
        let dir = dir.join(name);
        std::fs::create_dir_all(&dir)?;
        let nobody = dir.join("refusals");
        std::fs::write(&nobody, "")?;
        let mut description = sides::engine(true)?;
        description.start.extend(["--cache-mib".to_owned(), CACHE_MIB.to_string()]);
        let side = Side::start(description, &dir, &nobody, fleet)?;
        let answered = bulk::once(side.address, &side.asking, people)?;
        anyhow::ensure!(answered == people.len() as u64, "{answered} bundles of {}", people.len());
        // What was kept side by side is not asked about one after the other.
        let mut people = people.to_vec();
        shuffle(&mut people);
        let listed = dir.join("people");
        std::fs::write(&listed, people.join("\n") + "\n")?;
        Ok(Self { side, wrk: Wrk::prepare(&dir, listed)?, known: people.len() })
    }
}
