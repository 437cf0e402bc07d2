//! `loadgen year`, `trace` and `replay`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};
use fixtures::Country;
use jiff::civil::Date;

use super::sending::{Reaching, Sending};
use super::tell::Telling;
use super::{Clocks, Failure, block_on, compared, complain, conclude, country, duration, say};
use crate::connection::Keeping;
use crate::honesty::times;
use crate::live::Goal;
use crate::report::{Heading, Verdict};
use crate::run::{Load, Pace};
use crate::schedule::{Event, People, Profile, Visit, Year};
use crate::target::Target;
use crate::trace::{self, Trace};
use source::{Sent, Source};

mod source;
#[cfg(test)]
mod tests;

/// Of so many answers of a year or a trace, one is compared.
const COMPARE_EVERY: u64 = 20;

/// What is common to whatever sends visits.
#[derive(Clone, Debug, Args)]
struct Common {
    /// Where the API is.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    target: Target,
    #[command(flatten)]
    sending: Sending,
    /// The population of the target's country.
    #[arg(long, default_value_t = 170_000, value_parser = clap::value_parser!(u64).range(super::POPULATION_MIN..=super::POPULATION_MAX))]
    population: u64,
    /// The seed of the target's country, and of the visits.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Compare every n-th answer with the truth, field by field; the others are
    /// judged by status and shape.
    #[arg(long, default_value_t = COMPARE_EVERY, value_parser = clap::value_parser!(u64).range(1..))]
    compare_every: u64,
    /// Send what this file says, to any HTTP service: a year opens its requests
    /// by their weights, a trace names them as its procedures.
    #[arg(long, value_name = "FILE", conflicts_with = "compare_every")]
    template: Option<PathBuf>,
    #[command(flatten)]
    telling: Telling,
}

/// How a year goes.
#[derive(Clone, Debug, Args)]
struct Calendar {
    /// How a year goes; an invented profile where none is named.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// Replace a value of the profile, such as `submissions=40000`,
    /// `growth-per-year=0.1`, `per-submission.opens=2` or `procedures.moving=5`.
    /// May be repeated; `loadgen profile` prints the values and what they are.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// The first day.
    #[arg(long, default_value = "2026-01-01")]
    start: Date,
    /// How many years, each larger than the one before as the profile says.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=20))]
    years: u16,
    /// Who comes: everybody as often, or the n-th an n-th as often as the first.
    #[arg(long, value_enum, default_value_t = Subjects::Uniform)]
    subjects: Subjects,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Subjects {
    Uniform,
    Zipf,
}

/// `loadgen year`.
#[derive(Clone, Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    calendar: Calendar,
    /// In how much time to send all of it, such as 120s.
    #[arg(long, value_parser = duration)]
    r#in: Duration,
}

/// `loadgen trace`.
#[derive(Clone, Debug, Args)]
pub(super) struct TraceOptions {
    #[command(flatten)]
    calendar: Calendar,
    /// Where the API is whose forms are opened.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    target: Target,
    #[command(flatten)]
    reaching: Reaching,
    /// Open the requests of this file, by their weights, and ask no target.
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    template: Option<PathBuf>,
    /// The population of the target's country.
    #[arg(long, default_value_t = 170_000, value_parser = clap::value_parser!(u64).range(super::POPULATION_MIN..=super::POPULATION_MAX))]
    population: u64,
    /// The same seed writes the same bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to write, in JSON Lines; to standard output where nothing is named.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// `loadgen replay`.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("pace").args(["speed", "in"]).required(true))]
pub(super) struct ReplayOptions {
    /// The trace: JSON Lines, or CSV with the header
    /// `at,kind,procedure,subject,case`.
    file: PathBuf,
    #[command(flatten)]
    common: Common,
    /// How many times as fast as it happened, such as 1000x.
    #[arg(long, value_parser = speed)]
    speed: Option<f64>,
    /// In how much time to send all of it, such as 120s.
    #[arg(long, value_parser = duration)]
    r#in: Option<Duration>,
}

fn speed(text: &str) -> Result<f64, &'static str> {
    const WRONG: &str = "must be a number with x, such as 1000x";
    let number: f64 = text.strip_suffix('x').ok_or(WRONG)?.parse().map_err(|_| WRONG)?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err(WRONG) }
}

/// Sends a year.
pub(super) fn year(options: &Options) -> Result<Verdict, Failure> {
    let common = &options.common;
    let country = country(common.seed, common.population)?;
    let profile = options.calendar.profile()?;
    options.calendar.check_followed(common.template.is_some())?;
    let keeping = common.sending.keeping(&common.target)?;
    block_on(async {
        let source = common.source(&keeping, country).await?;
        let year = Arc::new(options.calendar.year(profile, &source, country, common.seed)?);
        let sent = source.sent(&names(&year), country, common.compare_every)?;
        let speed = year.length().as_secs_f64() / options.r#in.as_secs_f64();
        let law = format!(
            "open: {} year(s) from {}, as profile `{}` says{}, {} times as fast{}",
            year.years,
            year.start,
            year.profile.name,
            options.calendar.otherwise(),
            times(speed),
            compared(common.compare_every, COMPARE_EVERY)
        );
        let goal = Goal { length: options.r#in, requests: None };
        let visits = move || Box::new(year.visits()) as Box<dyn Iterator<Item = Visit> + Send>;
        send(common, keeping, sent, Going { law, speed, goal }, visits).await
    })
}

/// Sends a trace.
pub(super) fn replay(options: &ReplayOptions) -> Result<Verdict, Failure> {
    let common = &options.common;
    let country = country(common.seed, common.population)?;
    let unusable = |error: trace::Error| Failure::Usage(error.to_string());
    let trace = Trace::open(&options.file).map_err(unusable)?;
    if common.template.is_some() {
        trace.check_named().map_err(unusable)?;
    }
    let length = trace.length().as_secs_f64();
    let speed = match (options.speed, options.r#in) {
        (Some(speed), _) => speed,
        (None, Some(within)) if length > 0.0 => length / within.as_secs_f64(),
        // All of it is one moment, which takes no time at any speed.
        (None, _) => 1.0,
    };
    let pace = match length > 0.0 {
        true => format!("{} times as fast", times(speed)),
        false => "all at once, as they happened".to_owned(),
    };
    let keeping = common.sending.keeping(&common.target)?;
    block_on(async {
        let source = common.source(&keeping, country).await?;
        let sent = source.sent(trace.procedures(), country, common.compare_every)?;
        let (visits, compared) = (trace.len(), compared(common.compare_every, COMPARE_EVERY));
        let law = format!("open: {visits} visits of {}, {pace}{compared}", options.file.display());
        let goal = Goal { length: trace.length().div_f64(speed), requests: Some(trace.len()) };
        let visits = move || Box::new(trace.visits()) as Box<dyn Iterator<Item = Visit> + Send>;
        send(common, keeping, sent, Going { law, speed, goal }, visits).await
    })
}

/// Writes a year.
pub(super) fn trace(options: &TraceOptions) -> Result<(), Failure> {
    let country = country(options.seed, options.population)?;
    let profile = options.calendar.profile()?;
    options.calendar.check_followed(options.template.is_some())?;
    let keeping = options.reaching.keeping(&options.target)?;
    let template = options.template.as_deref();
    let source = block_on(Source::of(template, &options.target, &keeping, country))?;
    let year = Arc::new(options.calendar.year(profile, &source, country, options.seed)?);
    let (start, names) = (year.start.at(0, 0, 0, 0), names(&year));
    let written = |error: io::Error| Failure::Void(format!("the trace cannot be written: {error}"));
    match &options.out {
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            trace::write(&mut out, start, &names, year.visits()).map_err(written)?;
            out.flush().map_err(written)
        }
        Some(path) => {
            let mut out = BufWriter::new(File::create(path).map_err(written)?);
            let count = trace::write(&mut out, start, &names, year.visits()).map_err(written)?;
            out.flush().map_err(written)?;
            say(&format!("{count} visits in {}\n", path.display()));
            Ok(())
        }
    }
}

/// What a year opens.
fn names(year: &Year) -> Vec<String> {
    year.shares.iter().map(|(name, _)| name.clone()).collect()
}

impl Common {
    async fn source(&self, keeping: &Keeping, country: Country) -> Result<Source, Failure> {
        Source::of(self.template.as_deref(), &self.target, keeping, country).await
    }
}

impl Calendar {
    /// What it does otherwise than its profile says, and who comes where that is
    /// not everybody: years that differ in it are different loads.
    fn otherwise(&self) -> String {
        let mut text = String::new();
        if !self.settings.is_empty() {
            text.push_str(&format!(" with {}", self.settings.join(", ")));
        }
        if self.subjects == Subjects::Zipf {
            text.push_str(" about people drawn by Zipf's law");
        }
        text
    }

    /// Refuses settings that a template's year would not follow.
    fn check_followed(&self, of_template: bool) -> Result<(), Failure> {
        const FOLLOWED: [&str; 2] = ["per-submission.opens", "per-submission.resumes"];
        let ignored = |setting: &&String| {
            let name = setting.split('=').next().unwrap_or_default().trim();
            let sections = ["per-submission.", "back-office.", "procedures."];
            sections.iter().any(|it| name.starts_with(it)) && !FOLLOWED.contains(&name)
        };
        match self.settings.iter().find(ignored) {
            Some(setting) if of_template => Err(Failure::Usage(format!(
                "--set {setting}: of a template, a year opens and resumes requests and nothing \
                 else, with the weights that stand in its file"
            ))),
            _ => Ok(()),
        }
    }

    fn profile(&self) -> Result<Profile, Failure> {
        let name = self
            .profile
            .as_ref()
            .map_or("the invented profile".into(), |path| path.display().to_string());
        let wrong = |why: String| Failure::Usage(format!("{name}: {why}"));
        let text = self.profile.as_ref().map(fs::read_to_string).transpose();
        let text = text.map_err(|error| wrong(error.to_string()))?;
        Profile::with(text.as_deref(), &self.settings).map_err(|error| wrong(error.to_string()))
    }

    fn year(
        &self,
        profile: Profile,
        source: &Source,
        country: Country,
        seed: u64,
    ) -> Result<Year, Failure> {
        let (profile, shares) = source.shares(profile)?;
        let people = match self.subjects {
            Subjects::Uniform => People::Uniform,
            Subjects::Zipf => People::Zipf,
        };
        let (start, years, population) = (self.start, self.years, country.population());
        Ok(Year { profile, shares, start, years, population, people, seed })
    }
}

/// How visits are sent.
struct Going {
    law: String,
    speed: f64,
    goal: Goal,
}

async fn send(
    common: &Common,
    keeping: Keeping,
    sent: Sent,
    Going { law, speed, goal }: Going,
    visits: impl Fn() -> Box<dyn Iterator<Item = Visit> + Send> + Send + Sync + 'static,
) -> Result<Verdict, Failure> {
    let connections = common.sending.connections(false);
    let threads = common.sending.threads(connections);
    let heading = Heading {
        target: common.target.to_string(),
        law,
        connections,
        threads,
        asked: sent.asked,
        by_hand: sent.by_hand,
        not_asked: sent.not_asked,
        country: format!("--population {} --seed {}", common.population, common.seed),
    };
    let events = move || -> Box<dyn Iterator<Item = Event> + Send> {
        let numbered = (0_u64..).zip(visits());
        Box::new(numbered.map(move |(number, visit)| Event {
            number,
            at: visit.at.div_f64(speed),
            visit: Some(visit),
        }))
    };
    let load = Load {
        target: common.target.clone(),
        script: sent.script,
        pace: Pace::Open(Arc::new(events)),
        connections,
        keeping,
        streams: common.sending.streams(),
        threads,
        cpus: common.sending.cpus.clone(),
    };
    let going = Clocks { calendar: sent.calendar, speed: Some(speed) };
    conclude(load, &heading, &common.telling, goal, going).await
}

/// Says what a profile that comes with the program is.
pub(super) fn tell_invented() {
    complain("this profile is invented: nobody counted it");
}
