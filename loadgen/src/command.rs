//! The command line: `loadgen run`.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use fixtures::Country;
use fixtures::people::{POPULATION_MAX, POPULATION_MIN};

use crate::cast;
use crate::form::{Description, Form, Uncastable};
use crate::plan::Plan;
use crate::procedures::{self, Row};
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
    /// The procedures to ask for, separated by commas; or `all` that are
    /// prefilled.
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

impl Subjects {
    fn of(self, country: &Country) -> u64 {
        match self {
            Self::All => country.population(),
            Self::Some(count) => count,
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
        let (plan, heading) = prepare(options, country).await?;
        let schedule = ClosedLoop::new(options.duration, options.requests);
        let target = options.target.clone();
        let outcome = run::run(target, plan, schedule, heading.connections, heading.threads);
        let outcome = outcome.await.map_err(void)?;
        if !options.quiet {
            say(&report::text(&heading, &outcome));
        }
        say(&format!("{}\n", report::conclusion(&outcome)));
        Ok(report::verdict(&outcome))
    })
}

/// Reads what the target offers, and plans what to ask for.
async fn prepare(options: &Options, country: Country) -> Result<(Plan, Heading), Failure> {
    let unreadable = |error: procedures::Error| Failure::Void(error.to_string());
    let rows = procedures::list(&options.target).await.map_err(unreadable)?;
    let wanted = wanted(&rows, &options.procedures)?;
    let described = procedures::describe(&options.target, &wanted).await;
    let (forms, not_asked) = askable(&country, described.map_err(unreadable)?);
    if forms.is_empty() {
        return Err(Failure::Void(nothing_to_ask(&not_asked)));
    }
    let plan = Plan::new(country, forms, options.subjects.of(&country));
    let heading = Heading {
        target: options.target.to_string(),
        connections: options.connections as usize,
        threads: usize::from(options.threads).min(options.connections as usize),
        asked: format!("{} procedures about {} people", plan.forms(), plan.subjects()),
        by_hand: rows.iter().filter(|row| !row.prefilled).count(),
        not_asked,
        country: format!("--population {} --seed {}", options.population, options.seed),
    };
    Ok((plan, heading))
}

/// The names of the procedures to ask for: all that are prefilled, or those
/// named.
fn wanted(rows: &[Row], named: &[String]) -> Result<Vec<String>, Failure> {
    let prefilled = || rows.iter().filter(|row| row.prefilled).map(|row| row.id.clone());
    if named.iter().any(|name| name == "all") {
        return Ok(prefilled().collect());
    }
    for name in named {
        let why = match rows.iter().find(|row| row.id == *name) {
            Some(row) if row.prefilled => continue,
            Some(_) => format!("`{name}` is not prefilled: citizens fill all of it by hand"),
            None => {
                let known: Vec<_> = prefilled().collect();
                format!("no `{name}` there; there is {}", known.join(", "))
            }
        };
        return Err(Failure::Usage(format!("--procedures: {why}")));
    }
    Ok(prefilled().filter(|name| named.contains(name)).collect())
}

/// The forms for which somebody of the country can be found; of the others, the
/// names, and why.
fn askable(
    country: &Country,
    described: Vec<Description>,
) -> (Vec<Arc<Form>>, Vec<(String, Uncastable)>) {
    let (mut forms, mut not_asked) = (Vec::new(), Vec::new());
    for description in described {
        let name = description.id.clone();
        match Form::new(description) {
            Ok(form) if cast::is_possible(country, form.parts()) => forms.push(Arc::new(form)),
            Ok(_) => not_asked.push((name, Uncastable::Nobody)),
            Err(why) => not_asked.push((name, why)),
        }
    }
    (forms, not_asked)
}

fn nothing_to_ask(not_asked: &[(String, Uncastable)]) -> String {
    let named: Vec<_> = not_asked.iter().map(|(name, why)| format!("; {name}: {why}")).collect();
    format!("the target offers no procedure to ask for{}", named.concat())
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
