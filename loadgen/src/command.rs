//! The command line: `loadgen run`.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use fixtures::Country;
use fixtures::people::{POPULATION_MAX, POPULATION_MIN};

use crate::plan::Plan;
use crate::procedures::{self, Form};
use crate::report::{self, Heading, Verdict};
use crate::run;
use crate::schedule::ClosedLoop;
use crate::target::Target;

#[cfg(test)]
mod tests;

/// Asks an engine over HTTP, verifies every answer and measures.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask in a closed loop and verify every answer.
    ///
    /// Exit codes: 0 every answer was right; 1 a wrong answer, an unexpected
    /// status or no answer; 2 a mistake in the arguments; 3 void or
    /// inconclusive.
    Run(Options),
}

/// What to ask, and how hard.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Where the API is.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    target: Target,
    /// Connections, each with one request on its way.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    connections: u32,
    /// How long to send, such as 500ms, 10s or 2m.
    #[arg(long, default_value = "10s", value_parser = duration)]
    duration: Duration,
    /// How many requests to send at most.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,
    /// The population of the target's country.
    #[arg(long, default_value_t = 170_000, value_parser = clap::value_parser!(u64).range(POPULATION_MIN..=POPULATION_MAX))]
    population: u64,
    /// The seed of the target's country.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// About how many people to ask, spread over the country; or `all`.
    #[arg(long, default_value = "1000")]
    subjects: Subjects,
    /// The procedures to ask for, separated by commas; or `all`.
    #[arg(long, default_value = "all", value_delimiter = ',')]
    procedures: Vec<String>,
    /// Threads that send and verify.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Print the verdict only.
    #[arg(long)]
    quiet: bool,
}

/// How many people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subjects {
    All,
    Some(u64),
}

impl FromStr for Subjects {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self::All),
            _ => match text.parse() {
                Ok(count) if count > 0 => Ok(Self::Some(count)),
                _ => Err("must be a number from 1 on, or `all`"),
            },
        }
    }
}

/// What ends a command before it has a verdict.
enum Failure {
    Usage(String),
    Void(String),
}

const USAGE: u8 = 2;

/// Does what the arguments say.
#[must_use]
pub fn execute(arguments: &Arguments) -> ExitCode {
    let Command::Run(options) = &arguments.command;
    let code = match run_to_verdict(options) {
        Ok(verdict) => verdict.code(),
        Err(Failure::Usage(text)) => {
            complain(&text);
            USAGE
        }
        Err(Failure::Void(text)) => {
            complain(&format!("void: {text}"));
            Verdict::Void.code()
        }
    };
    ExitCode::from(code)
}

fn run_to_verdict(options: &Options) -> Result<Verdict, Failure> {
    let void = |error: io::Error| Failure::Void(error.to_string());
    let country = Country::new(options.seed, options.population);
    let country = country.map_err(|error| Failure::Usage(error.to_string()))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(void)?;
    runtime.block_on(async {
        let offered = procedures::read(&options.target).await;
        let offered = offered.map_err(|error| Failure::Void(error.to_string()))?;
        let (forms, left_out) = chosen(offered, &options.procedures)?;
        if !left_out.is_empty() && !options.quiet {
            complain(&format!(
                "not asked, since their roles are not for people: {}",
                left_out.join(", ")
            ));
        }
        let count = match options.subjects {
            Subjects::All => country.population(),
            Subjects::Some(count) => count,
        };
        let plan = Plan::new(country, forms.clone(), count);
        let threads = usize::from(options.threads).min(options.connections as usize);
        let heading = Heading {
            target: options.target.to_string(),
            connections: options.connections as usize,
            threads,
            asked: format!("{} procedures about {} people", forms.len(), plan.subjects()),
            country: format!("--population {} --seed {}", options.population, options.seed),
        };
        let schedule = ClosedLoop::new(options.duration, options.requests);
        let target = options.target.clone();
        let outcome = run::run(target, plan, schedule, heading.connections, threads);
        let outcome = outcome.await.map_err(void)?;
        if !options.quiet {
            say(&report::text(&heading, &outcome));
        }
        say(&format!("{}\n", report::conclusion(&outcome)));
        Ok(report::verdict(&outcome))
    })
}

/// The procedures to ask for, and the names of those that nobody can be asked
/// about.
fn chosen(
    offered: Vec<Arc<Form>>,
    wanted: &[String],
) -> Result<(Vec<Arc<Form>>, Vec<String>), Failure> {
    let all = wanted.iter().any(|name| name == "all");
    let known = |name: &&String| offered.iter().any(|form| form.id == **name);
    if let Some(name) = wanted.iter().filter(|_| !all).find(|name| !known(name)) {
        let names: Vec<_> = offered.iter().map(|form| &*form.id).collect();
        let text = format!("--procedures: no `{name}` there; there is {}", names.join(", "));
        return Err(Failure::Usage(text));
    }
    let named = |form: &Arc<Form>| all || wanted.contains(&form.id);
    let (forms, others): (Vec<_>, Vec<_>) =
        offered.into_iter().filter(named).partition(|form| form.is_for_people());
    if forms.is_empty() {
        return Err(Failure::Void("the target offers no procedure to ask for".to_owned()));
    }
    Ok((forms, others.into_iter().map(|form| form.id.clone()).collect()))
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("must be a number with ms, s, m or h, such as 10s"),
    };
    let millis = number.parse::<u32>().ok().filter(|number| *number > 0);
    let millis = millis.ok_or("must be a number from 1 on, such as 10s")?;
    Ok(Duration::from_millis(u64::from(millis) * scale))
}

/// A reader of standard output that has gone away takes nothing with it.
fn say(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "loadgen: {text}");
}
