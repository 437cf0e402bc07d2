//! The command line.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use fixtures::Country;
use fixtures::people::{POPULATION_MAX, POPULATION_MIN};

use crate::ask::Script;
use crate::cast;
use crate::clock::Calendar;
use crate::connection::Keeping;
use crate::form::{Description, Form, Uncastable};
use crate::honesty::Honesty;
use crate::live::{self, Goal};
use crate::plan::Plan;
use crate::procedures::{self, Row};
use crate::report::{Heading, Verdict};
use crate::run::{self, Board, Load, Pace};
use crate::schedule::{self, Law};
use crate::target::Target;
use crate::template::Template;
use sending::Sending;

mod asking;
mod profile;
mod reporting;
mod sending;
mod tell;
#[cfg(test)]
mod tests;
mod year;

/// Asks an engine over HTTP, verifies every answer and measures.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask, in a closed loop or at a rate, and verify every answer.
    ///
    /// Exit codes: 0 every answer was right and every level holds; 1 an
    /// unexpected status or no answer (where no level on `errors` judges them),
    /// or a level that does not hold; 2 a mistake in the arguments; 3 void or
    /// inconclusive: a wrong answer, a generator that was late, a run cut short.
    Run(Box<Options>),
    /// Print, merge or compare what runs have written with `--json`.
    ///
    /// Exit codes as for `run`, of what the runs saw; 3, too, where a file
    /// cannot be read.
    Report(reporting::Options),
    /// Send a year of visits, in as little time as is said.
    ///
    /// Exit codes as for `run`.
    Year(Box<year::Options>),
    /// Write a year of visits as a trace, without sending them.
    Trace(Box<year::TraceOptions>),
    /// Send a trace again, in its order and with its gaps.
    ///
    /// Exit codes as for `run`.
    Replay(Box<year::ReplayOptions>),
    /// Print a profile: the one that comes with the program, or one of your own
    /// counts.
    Profile(profile::Options),
}

/// What to ask, and how hard.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Where the API is.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    target: Target,
    /// When to send: `closed`, a rate such as 100/s, `poisson 100/s`,
    /// `steps 100/s,200/s`, `ramp 10/s..500/s` or `burst 500/10s`. At a rate,
    /// latency counts from the moment that a request was due.
    #[arg(long, default_value = "closed", value_name = "LAW", allow_hyphen_values = true)]
    rate: Law,
    #[command(flatten)]
    sending: Sending,
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
    #[command(flatten)]
    asking: asking::Asking,
    /// Compare every n-th answer with the truth, field by field; the others are
    /// judged by status and shape.
    #[arg(long, default_value_t = COMPARE_EVERY, value_parser = clap::value_parser!(u64).range(1..))]
    compare_every: u64,
    /// Send what this file says, to any HTTP service, instead of asking for
    /// procedures; --population and --seed say who its placeholders name.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["procedures", "who", "pause", "compare_every"])]
    template: Option<PathBuf>,
    #[command(flatten)]
    telling: tell::Telling,
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

impl Options {
    /// How a closed loop sends. Over how many connections is a part of what is
    /// asked of it, as its rate is of an open one.
    fn closed(&self, connections: usize) -> String {
        let streams = match self.sending.streams() {
            1 => String::new(),
            streams => format!(" of {streams} streams"),
        };
        format!(
            "closed: over {connections} connections{streams}, each sends its next request when \
             its answer has come{}",
            self.bounds()
        )
    }

    /// How much of it there is, and how it is verified.
    fn bounds(&self) -> String {
        let most = self.requests.map(|most| format!(", at most {most} requests"));
        let compared = compared(self.compare_every, COMPARE_EVERY);
        format!(", for {:?}{}{compared}", self.duration, most.unwrap_or_default())
    }
}

/// Which answers are compared, where it is not as usual.
fn compared(every: u64, usual: u64) -> String {
    match every == usual {
        true => String::new(),
        false => format!(", one answer in {every} compared"),
    }
}

/// What ends a command before it has a verdict.
enum Failure {
    Usage(String),
    Void(String),
}

const USAGE: u8 = 2;
/// A rate is for looking closely: every answer.
const COMPARE_EVERY: u64 = 1;

/// Does what the arguments say.
#[must_use]
pub fn execute(arguments: &Arguments) -> ExitCode {
    let done = match &arguments.command {
        Command::Run(options) => run_to_verdict(options).map(Verdict::code),
        Command::Year(options) => year::year(options).map(Verdict::code),
        Command::Replay(options) => year::replay(options).map(Verdict::code),
        Command::Report(options) => reporting::report(options).map(Verdict::code),
        Command::Trace(options) => year::trace(options).map(|()| 0),
        Command::Profile(options) => profile::print(options).map(|()| 0),
    };
    let code = match done {
        Ok(code) => code,
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
    let country = country(options.seed, options.population)?;
    block_on(async {
        let keeping = options.sending.keeping(&options.target)?;
        let goal = Goal { length: options.duration, requests: options.requests };
        if let Some(path) = &options.template {
            let template = read_template(path, country, options.subjects.of(&country))?;
            let asked = format!("{} requests of {}, people", template.requests(), path.display());
            let heading = heading(options, asked);
            let load = load(options, keeping, Arc::new(template), &heading);
            return conclude(load, &heading, &options.telling, goal, Clocks::default()).await;
        }
        let (plan, heading) = prepare(options, &keeping, country).await?;
        let calendar = procedures::calendar(&options.target, &keeping).await;
        let plan = calendar.into_iter().fold(plan, Plan::by);
        let load = load(options, keeping, Arc::new(plan), &heading);
        let clocks = Clocks { calendar, speed: None };
        conclude(load, &heading, &options.telling, goal, clocks).await
    })
}

/// How fast time passes.
#[derive(Clone, Copy, Default)]
struct Clocks {
    /// At the target, where it tells.
    calendar: Option<Calendar>,
    /// In what is sent, where that has times of its own.
    speed: Option<f64>,
}

/// Runs a load and says what came of it. Of calendars that do not fit, before it
/// begins: whoever reads it may save the time.
async fn conclude(
    load: Load,
    heading: &Heading,
    telling: &tell::Telling,
    goal: Goal,
    clocks: Clocks,
) -> Result<Verdict, Failure> {
    telling.check(&load.script.groups(), matches!(load.pace, Pace::Closed(..)))?;
    let (time_scale, speed) = (clocks.calendar.map(|it| it.scale()), clocks.speed);
    let beforehand = Honesty { time_scale, speed, ..Honesty::default() };
    if let Some(warning) = beforehand.calendar() {
        complain(&format!("warning: {warning}"));
    }
    let board = Board::new(&load);
    let run = run::run(load, board.clone());
    let outcome = match telling.is_quiet() {
        true => run.await,
        false => tokio::select! {
            outcome = run => outcome,
            never = live::watch(board, goal) => match never {},
        },
    };
    let mut outcome = outcome.map_err(|error| Failure::Void(error.to_string()))?;
    (outcome.honesty.time_scale, outcome.honesty.speed) = (time_scale, speed);
    telling.tell(heading, &outcome)
}

fn country(seed: u64, population: u64) -> Result<Country, Failure> {
    Country::new(seed, population).map_err(|error| Failure::Usage(error.to_string()))
}

fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error: io::Error| Failure::Void(error.to_string()))?.block_on(work)
}

fn load(options: &Options, keeping: Keeping, script: Arc<dyn Script>, heading: &Heading) -> Load {
    let Options { rate, duration, requests, seed, .. } = options.clone();
    let pace = match rate {
        Law::Closed => Pace::Closed(duration, requests),
        law => {
            Pace::Open(Arc::new(move || Box::new(schedule::events(&law, duration, requests, seed))))
        }
    };
    Load {
        target: options.target.clone(),
        script,
        pace,
        connections: heading.connections,
        keeping,
        streams: options.sending.streams(),
        threads: heading.threads,
        cpus: options.sending.cpus.clone(),
    }
}

/// Reads a template, whose placeholders name so many people.
fn read_template(path: &Path, country: Country, subjects: u64) -> Result<Template, Failure> {
    let template = Template::open(path, country, subjects);
    template.map_err(|error| Failure::Usage(format!("--template {error}")))
}

fn heading(options: &Options, asked: String) -> Heading {
    let is_closed = options.rate == Law::Closed;
    let connections = options.sending.connections(is_closed);
    Heading {
        target: options.target.to_string(),
        law: match is_closed {
            true => options.closed(connections),
            false => {
                format!("open: {}, whatever the target does{}", options.rate, options.bounds())
            }
        },
        connections,
        threads: options.sending.threads(connections),
        asked,
        by_hand: 0,
        not_asked: vec![],
        country: format!("--population {} --seed {}", options.population, options.seed),
    }
}

/// Reads what the target offers, and plans what to ask for.
async fn prepare(
    options: &Options,
    keeping: &Keeping,
    country: Country,
) -> Result<(Plan, Heading), Failure> {
    let unreadable = |error: procedures::Error| Failure::Void(error.to_string());
    let rows = procedures::list(&options.target, keeping).await.map_err(unreadable)?;
    let wanted = options.asking.wanted(&rows)?;
    let names: Vec<_> = wanted.iter().map(|(name, _)| name.clone()).collect();
    let described = procedures::describe(&options.target, keeping, &names).await;
    let (forms, not_asked) = askable(&country, described.map_err(unreadable)?);
    if forms.is_empty() {
        return Err(Failure::Void(nothing_to_ask(&not_asked)));
    }
    let weight = |form: &Arc<Form>| wanted.iter().find(|(name, _)| *name == form.id);
    let weights: Vec<_> = forms.iter().map(|it| weight(it).map_or(1.0, |it| it.1)).collect();
    let plan = Plan::new(country, forms, options.subjects.of(&country), options.compare_every);
    let plan = options.asking.choose(plan, &weights, &options.rate, options.seed)?;
    let asked = format!(
        "{} procedures about {} people, {}",
        plan.forms(),
        plan.subjects(),
        options.asking.name()
    );
    let heading = Heading {
        by_hand: rows.iter().filter(|row| !row.prefilled).count(),
        not_asked: not_asked.into_iter().map(|(name, why)| (name, why.to_string())).collect(),
        ..heading(options, asked)
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
