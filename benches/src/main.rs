//! What is measured in a process of its own: `benches peers`, `benches hits`.

use std::process::ExitCode;

use benches::whole::{PEOPLE, Warm};
use benches::{added, batches, beside, durable, generators, grown, held, peers};
use clap::Parser;
use mimalloc::MiMalloc;

// As the program `engine` has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Measurements that Criterion cannot make.
#[derive(Parser)]
#[command(version, about)]
enum Command {
    /// Put the engine beside everything else that does its job, and print ratios.
    Peers(peers::Options),
    /// Tell what a miss takes longer than its slowest register.
    Added(added::Options),
    /// Tell what asking about several keys at once costs alone, and brings under load.
    Batches(batches::Options),
    /// Tell what somebody before a form feels of a bulk job beside them.
    Beside(beside::Options),
    /// Put the load generator beside others: its peak rate, and what it measures.
    Generators(generators::Options),
    /// Compare the ledger with a bare SQLite that writes the same bytes.
    Ledger(durable::Options),
    /// Tell what a hit costs where millions are known, against a country's.
    Grown(grown::Options),
    /// Tell what the cache costs: bytes for each subject, and a lookup among millions.
    Held(held::Options),
    /// Answer requests out of the cache, on one thread and with the ledger in memory:
    /// for `valgrind --tool=callgrind`, whose counts repeat. Two runs of different
    /// lengths give the cost of one request.
    Hits {
        /// How many times 64 requests.
        #[arg(long, default_value_t = 100)]
        rounds: u64,
    },
    /// One side of `peers`, in the foreground.
    #[command(subcommand, hide = true)]
    Side(peers::serve::Side),
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("benches: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the command line speaks there")]
fn complain(text: &str) {
    eprintln!("{text}");
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Added(options) => added::run(&options),
        Command::Batches(options) => batches::run(&options),
        Command::Peers(options) => peers::run(&options),
        Command::Beside(options) => beside::run(&options),
        Command::Generators(options) => generators::run(&options),
        Command::Ledger(options) => durable::run(&options),
        Command::Grown(options) => grown::run(&options),
        Command::Held(options) => held::run(&options),
        Command::Hits { rounds } => {
            let warm = Warm::start();
            (0..rounds).for_each(|_| warm.ask(PEOPLE));
            Ok(())
        }
        Command::Side(side) => peers::serve::run(side),
    }
}
