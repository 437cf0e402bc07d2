//! The proofs as commands, for as long as somebody wants them to run.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use engine::ledger;
use engine::store::{Sqlite, Storage, Time};
use proof::check::{Findings, Summary, check};
use proof::run::{Plan, reopen, run};

/// Operations of one engine's life: what is remembered of them is some 400 MB.
const ROUND: u64 = 500_000;

/// Drives an engine at random and checks what it promised against its ledger.
#[derive(Parser)]
#[command(version, about)]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Grants, refusals, consents, withdrawals, bundles, all at once: then the check.
    History {
        /// How many operations, in rounds of half a million.
        #[arg(long, default_value_t = ROUND, value_parser = clap::value_parser!(u64).range(1..))]
        operations: u64,
        /// The first round's seed; each further one has the next. Threads are not
        /// seeded: the same seed asks the same, and is not served in the same order.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

/// Every promise holds; one is broken; it could not be tried.
const HOLDS: u8 = 0;
const VIOLATED: u8 = 1;
const UNTRIED: u8 = 3;

fn main() -> ExitCode {
    let done = match Command::parse().what {
        What::History { operations, seed } => history(operations, seed),
    };
    ExitCode::from(match done {
        Ok(()) => HOLDS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "proof: {error:#}");
            if error.is::<Findings>() { VIOLATED } else { UNTRIED }
        }
    })
}

fn history(operations: u64, seed: u64) -> anyhow::Result<()> {
    let rounds = operations.div_ceil(ROUND);
    for round in 0..rounds {
        let most = (operations - round * ROUND).min(ROUND);
        let seed = seed.wrapping_add(round);
        let summary = one_life(&Plan { setback: Some(most / 2), ..Plan::new(seed, most) })?;
        tell(&format!("round {} of {rounds}, seed {seed}: {}", round + 1, told(&summary)))?;
    }
    tell("no promise was broken")
}

/// One engine's life on a disk, in a directory that goes with it.
fn one_life(plan: &Plan) -> anyhow::Result<Summary> {
    let dir = tempfile::tempdir().context("a temporary directory")?;
    let open = || Sqlite::open(dir.path(), [1; 16], Time::Real, ledger::subjects_of);
    let history = run(plan, Box::new(open()?))?;
    let storage = open()?;
    let summary = check(&history, &plan.catalogue, storage.reader()?.as_mut())?;
    reopen(plan, Box::new(storage))?;
    Ok(summary)
}

fn told(summary: &Summary) -> String {
    let Summary { operations, bundles, reread, changes, unknown, repeated, .. } = summary;
    let Summary { values, shared, calls, entries, refused, .. } = summary;
    let refused: u64 = refused.values().sum();
    format!(
        "{operations} operations; {bundles} bundles, of which {repeated} repeated and {reread} \
         re-read; {changes} changes; {refused} refused; {unknown} given up; {values} values, of \
         which {shared} shared, out of {calls} calls; {entries} entries"
    )
}

fn tell(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("standard output")
}
