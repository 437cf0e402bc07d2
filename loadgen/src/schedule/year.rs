//! A year of visits: a Poisson process over hours, weekdays and seasons, and
//! what each visit leads to later.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;

use super::arrivals::{Arrivals, Segment, Spacing};
use super::profile::Profile;
use super::random::Random;
use super::visit::{Kind, Visit};

#[cfg(test)]
mod tests;

const HOUR: f64 = 3_600.0;
const DAY: f64 = 24.0 * HOUR;
/// Of those who open a form again, so many do within minutes, on average
/// twenty; the others some days later, at about the same time of the day.
const RESUMED_SOON: f64 = 0.6;
const RESUMED_SOON_SECONDS: f64 = 1_200.0;
const RESUMED_DAYS_MAX: u64 = 10;
const SAME_TIME_SECONDS: f64 = 1_800.0;
/// Whoever looks at their data in a visit for a form does so soon after it was
/// opened.
const LOOK_SECONDS: f64 = 600.0;
/// A consent is given a few minutes after a form was opened, and used within a
/// month.
const CONSENT_SECONDS: f64 = 300.0;
const READ_DAYS_MAX: u64 = 30;

/// Who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum People {
    /// Everybody as often.
    Uniform,
    /// The n-th of them an n-th as often as the first.
    Zipf,
}

/// What a row of years is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// When people come, and for what.
    pub profile: Profile,
    /// Forms with their shares.
    pub shares: Vec<(String, f64)>,
    /// The first day.
    pub start: Date,
    /// How many years.
    pub years: u16,
    /// How many people there are.
    pub population: u64,
    /// Who of them comes.
    pub people: People,
    /// The same seed gives the same visits.
    pub seed: u64,
}

impl Plan {
    /// From the first moment to the last.
    #[must_use]
    pub fn length(&self) -> Duration {
        Duration::from_secs(self.days().count() as u64 * DAY as u64)
    }

    /// The visits, in order.
    #[must_use]
    pub fn visits(self: &Arc<Self>) -> Visits {
        Visits::new(self.clone())
    }

    /// Each day with its number and year.
    fn days(&self) -> impl Iterator<Item = (Date, u16)> + use<> {
        let (start, years) = (self.start, self.years);
        (0..years).flat_map(move |year| {
            let from = start.saturating_add(jiff::Span::new().years(i64::from(year)));
            let until = start.saturating_add(jiff::Span::new().years(i64::from(year) + 1));
            from.series(jiff::Span::new().days(1))
                .take_while(move |date| *date < until)
                .map(move |date| (date, year))
        })
    }

    /// Visits that nothing led to, per submission, by kind.
    fn first_visits(&self) -> [(Kind, f64); 6] {
        let per = &self.profile.per_submission;
        let alone = 1.0 - per.looks_after_open;
        [
            (Kind::Open, per.opens),
            (Kind::MyData, per.my_data * alone),
            (Kind::Accesses, per.accesses * alone),
            (Kind::Preference, per.preferences),
            (Kind::OwnData, per.own_data),
            (Kind::Invalid, per.invalid),
        ]
    }

    /// The year's hours, each with its rate.
    fn hours(self: &Arc<Self>) -> impl Iterator<Item = Segment> + Send + use<> {
        let plan = self.clone();
        let hours: f64 = self.profile.shape.hour.iter().sum();
        let first_year = self.days().take_while(|(_, year)| *year == 0);
        let whole: f64 = first_year.map(|(date, _)| self.weight(date)).sum();
        let per_submission: f64 = self.first_visits().iter().map(|(_, rate)| rate).sum();
        let visits = self.profile.submissions as f64 * per_submission;
        self.days().flat_map(move |(date, year)| {
            let growth = (1.0 + plan.profile.growth_per_year).powi(i32::from(year));
            let day = visits * growth * plan.weight(date) / whole;
            let shape = plan.profile.shape.hour.clone();
            shape.into_iter().map(move |hour| Segment::flat(HOUR, day * hour / hours / HOUR))
        })
    }

    /// A day's weight: a form's season adds to everything of its share.
    fn weight(&self, date: Date) -> f64 {
        let whole: f64 = self.shares.iter().map(|(_, share)| share).sum();
        let season = |(name, share): &(String, f64)| share * self.profile.season(name, date);
        self.profile.day(date) * self.shares.iter().map(season).sum::<f64>() / whole
    }
}

/// The visits of a plan, lazily.
pub struct Visits {
    plan: Arc<Plan>,
    arrivals: Arrivals<Box<dyn Iterator<Item = Segment> + Send>>,
    next: Option<Duration>,
    /// What visits so far lead to; bounded by a month's worth of it.
    later: BinaryHeap<Reverse<Visit>>,
    length: Duration,
    random: Random,
    /// Of the day that it is: its number, and the forms' shares, added up.
    day: Option<u64>,
    shares: Vec<f64>,
    dates: VecDeque<Date>,
}

impl Visits {
    fn new(plan: Arc<Plan>) -> Self {
        let hours: Box<dyn Iterator<Item = Segment> + Send> = Box::new(plan.hours());
        let spacing = Spacing::Poisson(Random::new(plan.seed, "year"));
        let mut arrivals = Arrivals::new(hours, spacing);
        let next = arrivals.next();
        let random = Random::new(plan.seed, "visits");
        let dates = plan.days().map(|(date, _)| date).collect();
        let (later, shares, length) = (BinaryHeap::new(), Vec::new(), plan.length());
        Self { plan, arrivals, next, later, length, random, day: None, shares, dates }
    }

    /// Somebody comes whom nothing had made come.
    fn first(&mut self, at: Duration) -> Visit {
        let visits = self.plan.first_visits();
        let whole: f64 = visits.iter().map(|(_, rate)| rate).sum();
        let mut drawn = self.random.unit() * whole;
        let kind = visits.iter().find(|(_, rate)| {
            drawn -= rate;
            drawn < 0.0
        });
        let kind = kind.map_or(Kind::Open, |(kind, _)| *kind);
        let procedure = self.procedure(at);
        let subject = self.subject();
        Visit { at, kind, procedure, subject, case: self.random.bits() }
    }

    fn procedure(&mut self, at: Duration) -> u16 {
        let day = at.as_secs() / DAY as u64;
        while self.day.is_none_or(|known| known < day) {
            let date = self.dates.pop_front().expect("no visit comes after the last day");
            self.day = Some(self.day.map_or(0, |known| known + 1));
            let mut sum = 0.0;
            let shares = self.plan.shares.iter().map(|(name, share)| {
                sum += share * self.plan.profile.season(name, date);
                sum
            });
            self.shares = shares.collect();
        }
        let drawn = self.random.unit() * self.shares.last().copied().unwrap_or(0.0);
        let place = self.shares.partition_point(|sum| *sum <= drawn);
        place.min(self.shares.len() - 1) as u16
    }

    fn subject(&mut self) -> u64 {
        let population = self.plan.population;
        match self.plan.people {
            People::Uniform => self.random.below(population),
            People::Zipf => self.random.zipf(population),
        }
    }

    /// What a visit leads to.
    fn lead(&mut self, visit: Visit) {
        if visit.kind != Kind::Open {
            return;
        }
        let plan = self.plan.clone();
        let per = &plan.profile.per_submission;
        for _ in 0..self.times(per.resumes / per.opens) {
            let after = match self.random.unit() < RESUMED_SOON {
                true => self.random.exponential() * RESUMED_SOON_SECONDS,
                false => self.days_later(RESUMED_DAYS_MAX),
            };
            self.add(visit, Kind::Resume, after);
        }
        for (kind, looks) in [(Kind::MyData, per.my_data), (Kind::Accesses, per.accesses)] {
            for _ in 0..self.times(looks * per.looks_after_open / per.opens) {
                let after = self.random.exponential() * LOOK_SECONDS;
                self.add(visit, kind, after);
            }
        }
        let (name, _) = &plan.shares[usize::from(visit.procedure)];
        let again = &plan.profile.back_office;
        let by_consent = again.by_consent.contains(name);
        if by_consent || again.by_law.contains(name) {
            let times = self.times(again.reads_per_open);
            if by_consent && times > 0 {
                let after = self.random.exponential() * CONSENT_SECONDS;
                self.add(visit, Kind::Consent, after);
            }
            for _ in 0..times {
                let after = self.days_later(READ_DAYS_MAX);
                self.add(visit, Kind::BackOffice, after);
            }
        }
    }

    /// At least a day, and at about the same time of it.
    fn days_later(&mut self, most: u64) -> f64 {
        let days = 1 + self.random.below(most);
        days as f64 * DAY + self.random.exponential() * SAME_TIME_SECONDS
    }

    /// A whole number with this mean.
    fn times(&mut self, mean: f64) -> u64 {
        mean as u64 + u64::from(self.random.unit() < mean.fract())
    }

    fn add(&mut self, of: Visit, kind: Kind, after: f64) {
        let at = of.at + Duration::from_secs_f64(after);
        self.later.push(Reverse(Visit { at, kind, ..of }));
    }
}

impl Iterator for Visits {
    type Item = Visit;

    fn next(&mut self) -> Option<Visit> {
        let led = self.later.peek().map(|Reverse(visit)| visit.at);
        match (self.next, led) {
            (Some(at), led) if led.is_none_or(|led| at < led) => {
                self.next = self.arrivals.next();
                let visit = self.first(at);
                self.lead(visit);
                Some(visit)
            }
            // What would come after the last day does not come.
            _ => {
                let Reverse(visit) = self.later.pop()?;
                (visit.at < self.length).then_some(visit)
            }
        }
    }
}
