//! `engine report`: how often which form, organisation and register was used, a civil
//! year at a time, so that nobody can be told from it.
//!
//! Every number is rounded down to a multiple of ten, and what is less than ten is not
//! listed, so that it cannot be told from nothing. Rounding, and not mere leaving out,
//! because a number left out could be told from a sum that holds it, from two
//! registers that nearly always go together, or from the report of a day before.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::ops::RangeInclusive;
use std::path::Path;

use serde::Serialize;

use crate::clock;
use crate::ledger::{self, Uses};
use crate::model::CivilMs;
use crate::store;

/// What is fewer than this is not told, nor is any difference smaller than this.
pub const FEWEST: u64 = 10;
/// Names the shape of the JSON: another one gets another name.
const SCHEMA: &str = "prefill-report/1";
/// The first year that a calendar of computers knows.
const YEAR_MIN: i16 = 1970;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The years make no sense.
    #[error("{0}")]
    Years(String),
    /// The ledger cannot be read.
    #[error(transparent)]
    Storage(#[from] store::Error),
}

/// Uses by year.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    schema: &'static str,
    from: i16,
    to: i16,
    /// Years begin in this zone.
    time_zone: &'static str,
    /// Less than this is left out, and everything is rounded down to a multiple of it.
    rounded_down_to: u64,
    years: Vec<Year>,
}

/// The uses of one civil year.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Year {
    year: i16,
    /// Whether it is over, so that nothing will be added.
    over: bool,
    procedures: BTreeMap<Box<str>, u64>,
    organisations: BTreeMap<Box<str>, u64>,
    registers: BTreeMap<Box<str>, u64>,
    /// By organisation, form and register.
    uses: Vec<Row>,
}

/// How often an organisation had bundles of one form, and each register was in them.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    organisation: Box<str>,
    procedure: Box<str>,
    disclosures: u64,
    registers: BTreeMap<Box<str>, u64>,
}

/// Reads a data directory, whose engine may be running.
///
/// # Errors
/// Where the years are none, have not begun, or the ledger cannot be read.
pub fn report(data: &Path, years: RangeInclusive<i16>, now: CivilMs) -> Result<Report, Error> {
    let (from, to) = (*years.start(), *years.end());
    if from > to {
        return Err(Error::Years(format!("{from} is after {to}: --from comes before --to")));
    }
    if from < YEAR_MIN {
        return Err(Error::Years(format!("{from} is before {YEAR_MIN}: no ledger is so old")));
    }
    let mut storage = store::open_read_only(data, ledger::subjects_of)?;
    let (uses, stamp) = ledger::uses(&mut storage)?;
    // Scaled time is ahead of every calendar.
    let this_year = clock::date(now.max(stamp)).year();
    if to > this_year {
        return Err(Error::Years(format!("{to} has not begun: this is {this_year}, in UTC")));
    }
    Ok(Report::of(&uses, years, this_year))
}

impl Report {
    fn of(uses: &Uses, years: RangeInclusive<i16>, this_year: i16) -> Self {
        let (from, to) = (*years.start(), *years.end());
        let years = years.map(|year| Year::of(uses, year, year < this_year)).collect();
        Self { schema: SCHEMA, from, to, time_zone: "UTC", rounded_down_to: FEWEST, years }
    }
}

impl Year {
    fn of(uses: &Uses, year: i16, over: bool) -> Self {
        let mut whole = Self {
            year,
            over,
            procedures: BTreeMap::new(),
            organisations: BTreeMap::new(),
            registers: BTreeMap::new(),
            uses: Vec::new(),
        };
        for (kind, count) in uses.iter().filter(|(kind, _)| kind.year == year) {
            *whole.procedures.entry(kind.procedure.clone()).or_default() += count.disclosures;
            *whole.organisations.entry(kind.organisation.clone()).or_default() += count.disclosures;
            for (register, uses) in &count.registers {
                *whole.registers.entry(register.clone()).or_default() += uses;
            }
            if let Some(disclosures) = told(count.disclosures) {
                whole.uses.push(Row {
                    organisation: kind.organisation.clone(),
                    procedure: kind.procedure.clone(),
                    disclosures,
                    registers: all_told(count.registers.clone()),
                });
            }
        }
        for counts in [&mut whole.procedures, &mut whole.organisations, &mut whole.registers] {
            *counts = all_told(std::mem::take(counts));
        }
        whole
    }
}

/// What may be told of a number.
fn told(count: u64) -> Option<u64> {
    (count >= FEWEST).then_some(count - count % FEWEST)
}

fn all_told(counts: BTreeMap<Box<str>, u64>) -> BTreeMap<Box<str>, u64> {
    counts.into_iter().filter_map(|(name, count)| Some((name, told(count)?))).collect()
}

/// The report as Markdown.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Uses, {} to {}\n", self.from, self.to)?;
        writeln!(f, "A use is a bundle that left. Years are civil years of ledger time, in UTC.")?;
        writeln!(
            f,
            "Every number is rounded down to a multiple of {FEWEST}, and what was used fewer than \
             {FEWEST} times is not listed; so numbers do not add up, and nobody can be told from them."
        )?;
        self.years.iter().try_for_each(|year| year.fmt(f))
    }
}

impl fmt::Display for Year {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let so_far = if self.over { "" } else { ", which is not over" };
        writeln!(f, "\n## {}{so_far}", self.year)?;
        let tables = [
            ("Procedure", &self.procedures),
            ("Organisation", &self.organisations),
            ("Register", &self.registers),
        ];
        // Two forms that are rare each may use one register often: any may stand alone.
        if tables.iter().all(|(_, counts)| counts.is_empty()) {
            return writeln!(f, "\nNothing that may be told.");
        }
        let mut told = tables.iter().filter(|(_, counts)| !counts.is_empty());
        told.try_for_each(|(of, counts)| table(f, of, counts))?;
        if self.uses.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n| Organisation | Procedure | Uses | Of them with |")?;
        writeln!(f, "|---|---|---:|---|")?;
        self.uses.iter().try_for_each(|row| row.fmt(f))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { organisation, procedure, disclosures, registers } = self;
        let mut with = String::new();
        for (register, uses) in registers {
            let comma = if with.is_empty() { "" } else { ", " };
            write!(with, "{comma}{register} {uses}")?;
        }
        writeln!(f, "| {organisation} | {procedure} | {disclosures} | {with} |")
    }
}

fn table(f: &mut fmt::Formatter<'_>, of: &str, counts: &BTreeMap<Box<str>, u64>) -> fmt::Result {
    writeln!(f, "\n| {of} | Uses |\n|---|---:|")?;
    counts.iter().try_for_each(|(name, uses)| writeln!(f, "| {name} | {uses} |"))
}
