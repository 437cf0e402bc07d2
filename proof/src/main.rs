//! The proofs as commands, for as long as somebody wants them to run.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use engine::ledger::{self, AuditError};
use engine::store::{Sqlite, Storage, Time};
use proof::check::{Broken, Findings, Summary, check};
use proof::killed::{self, Killed};
use proof::power::{Storm, Survived, survive};
use proof::run::{Incident, Plan, reopen, run};

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
    /// A busy engine, whose power then goes at every sync in turn.
    Power {
        /// How many operations each life of the engine has.
        #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
        operations: u64,
        /// How often the engine is started and stopped.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
        lives: u64,
        /// Of the log's syncs every so many is one at which the power goes: for long
        /// runs, in which checkpoints happen.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        every: u64,
        /// Without retention, whose cuts leave little to be copied beside the writer.
        #[arg(long)]
        keep: bool,
        /// Draws what clients do, and what of the unsynced survives.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// The real process, killed under load.
    Kill {
        /// How often.
        #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
        times: u64,
        /// The program, started as `PROGRAM demo` and `PROGRAM erase`: without it, this
        /// one, which passes both on to the engine's own commands.
        #[arg(long)]
        program: Option<PathBuf>,
        /// Draws when.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

/// Every promise holds; one is broken; it could not be tried.
const HOLDS: u8 = 0;
const VIOLATED: u8 = 1;
const UNTRIED: u8 = 3;

fn main() -> ExitCode {
    // What `kill` starts and kills.
    if std::env::args().nth(1).is_some_and(|first| ["demo", "erase"].contains(&&*first)) {
        return engine::command::main();
    }
    let done = match Command::parse().what {
        What::History { operations, seed } => history(operations, seed),
        What::Power { operations, lives, every, keep, seed } => {
            power(&Storm { seed, operations, lives, every: every as usize, retention: !keep })
        }
        What::Kill { times, program, seed } => kill(program, times, seed),
    };
    ExitCode::from(match done {
        Ok(()) => HOLDS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "proof: {error:#}");
            let violated = error.is::<Findings>() || error.is::<Broken>();
            if violated || error.is::<AuditError>() { VIOLATED } else { UNTRIED }
        }
    })
}

fn history(operations: u64, seed: u64) -> anyhow::Result<()> {
    let rounds = operations.div_ceil(ROUND);
    for round in 0..rounds {
        let most = (operations - round * ROUND).min(ROUND);
        let seed = seed.wrapping_add(round);
        let summary = one_life(&Plan::new(seed, most).with(Incident::Calendar(-2_000)))?;
        tell(&format!("round {} of {rounds}, seed {seed}: {}", round + 1, told(&summary)))?;
    }
    tell("no promise was broken")
}

fn power(storm: &Storm) -> anyhow::Result<()> {
    let Survived { cuts, in_checkpoints, in_copies, in_retention, searched, cut, told } =
        survive(storm)?;
    tell(&format!(
        "{cuts} power losses, {in_checkpoints} of them in checkpoints, {in_copies} with a copy \
         beside the writer not synced, {in_retention} in the midst of retention, which went up to \
         entry {cut}, and {searched} after somebody was erased, who was in no file; {told} \
         answers, and not one was lost"
    ))
}

fn kill(program: Option<PathBuf>, times: u64, seed: u64) -> anyhow::Result<()> {
    let program = program.map_or_else(killed::this_program, Ok)?;
    let Killed { times, bundles, changes, erased, erasures_killed, cuts } =
        killed::kill(&program, times, seed)?;
    tell(&format!(
        "killed {times} times, in {cuts} of which entries had been cut; {bundles} bundles and \
         {changes} acknowledgements, and not one was lost; {erased} people erased, who were in no \
         file; {erasures_killed} erasures killed before they told anything"
    ))
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
