//! A profile: when in a year people come, and for what.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The one that comes with the program. It is invented, and says so.
const INVENTED: &str = include_str!("profile.toml");
const OTHERS: &str = "others";

/// How a year goes. Every weight is relative to the others of its kind.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Profile {
    /// Whose year it is.
    pub name: String,
    /// Submitted procedures in the first year.
    pub submissions: u64,
    /// By how much each year exceeds the one before.
    #[serde(default)]
    pub growth_per_year: f64,
    /// What else a submission stands for.
    pub per_submission: PerSubmission,
    /// What organisations read again.
    pub back_office: BackOffice,
    /// When people come.
    pub shape: Shape,
    /// Seasons of some forms, or of all.
    #[serde(default, rename = "peak")]
    pub peaks: Vec<Peak>,
    /// Shares of the forms, `others` for those that are not named.
    pub procedures: BTreeMap<String, f64>,
}

/// How often, for each submission.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PerSubmission {
    /// Forms that are opened, abandoned ones included.
    pub opens: f64,
    /// Opened again.
    pub resumes: f64,
    /// A look at everything that is held.
    pub my_data: f64,
    /// A look at who saw what.
    pub accesses: f64,
    /// A No, or its end.
    pub preferences: f64,
    /// Data that citizens write.
    pub own_data: f64,
    /// Requests that are wrong.
    pub invalid: f64,
    /// Of the looks, the share that somebody takes who has just opened a form;
    /// the others come for the look alone.
    #[serde(default)]
    pub looks_after_open: f64,
}

/// What organisations read again.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BackOffice {
    /// For each opened form that is read again.
    pub reads_per_open: f64,
    /// Forms for which the law allows it.
    pub by_law: Vec<String>,
    /// Forms for which citizens consent.
    pub by_consent: Vec<String>,
}

/// When people come.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Shape {
    /// 24 weights.
    pub hour: Vec<f64>,
    /// Seven, from Monday on.
    pub weekday: Vec<f64>,
    /// Twelve.
    pub month: Vec<f64>,
    /// Such as `05-01`.
    pub holidays: Vec<String>,
    /// Days after Easter Sunday that are holidays.
    pub after_easter: Vec<i32>,
    /// What is left of a day that is a holiday.
    pub holiday_factor: f64,
}

/// A season.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Peak {
    /// For people.
    pub name: String,
    /// Its first day, such as `03-01`.
    pub from: String,
    /// Its last day, not before the first.
    pub to: String,
    /// By what it multiplies.
    pub factor: f64,
    /// Of which forms; of everything where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub procedures: Vec<String>,
}

/// Why a profile is none.
#[derive(Debug, thiserror::Error)]
pub enum WrongProfile {
    /// Not TOML, or not of this shape; the error names the place.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A value that cannot be.
    #[error("{0}: {1}")]
    Value(String, &'static str),
    /// A setting that is none.
    #[error("--set {0}: {1}")]
    Setting(String, String),
}

impl Profile {
    /// The one that comes with the program.
    #[must_use]
    pub fn invented() -> Self {
        Self::parse(INVENTED).expect("a test reads it")
    }

    /// Reads a profile's text.
    ///
    /// # Errors
    /// Where it is none; the first mistake.
    pub fn parse(text: &str) -> Result<Self, WrongProfile> {
        let profile: Self = toml::from_str(text)?;
        profile.check()?;
        Ok(profile)
    }

    /// Reads a profile's text, or the one that comes with the program, with some
    /// of its values replaced: each setting is `name=value`, where the name is
    /// that of a value of the file, such as `per-submission.opens=2`.
    ///
    /// # Errors
    /// Where it is none, or has no such value.
    pub fn with(text: Option<&str>, settings: &[String]) -> Result<Self, WrongProfile> {
        let mut table: toml::Table = toml::from_str(text.unwrap_or(INVENTED))?;
        for setting in settings {
            let wrong = |why: &str| WrongProfile::Setting(setting.clone(), why.to_owned());
            let (name, value) = setting.split_once('=').ok_or_else(|| wrong("has no `=`"))?;
            let value = toml::from_str::<toml::Table>(&format!("value = {value}"));
            let value = value.ok().and_then(|mut table| table.remove("value"));
            let value = value.ok_or_else(|| wrong("its value is none of TOML"))?;
            replace(&mut table, name.trim(), value).ok_or_else(|| wrong("no such value"))?;
        }
        let profile: Self = table.try_into()?;
        profile.check()?;
        Ok(profile)
    }

    fn check(&self) -> Result<(), WrongProfile> {
        let wrong = |name: &str, why| Err(WrongProfile::Value(name.to_owned(), why));
        let shape = &self.shape;
        for (name, weights, count) in [
            ("shape.hour", &shape.hour, 24),
            ("shape.weekday", &shape.weekday, 7),
            ("shape.month", &shape.month, 12),
        ] {
            if weights.len() != count {
                return wrong(name, "has another number of weights than it must");
            }
            if weights.iter().any(|it| !amount(*it)) || weights.iter().sum::<f64>() <= 0.0 {
                return wrong(name, "its weights must be from 0 on, and not all 0");
            }
        }
        let per = &self.per_submission;
        for (name, value) in [
            ("per-submission.opens", per.opens),
            ("per-submission.resumes", per.resumes),
            ("per-submission.my-data", per.my_data),
            ("per-submission.accesses", per.accesses),
            ("per-submission.preferences", per.preferences),
            ("per-submission.own-data", per.own_data),
            ("per-submission.invalid", per.invalid),
            ("per-submission.looks-after-open", per.looks_after_open),
            ("back-office.reads-per-open", self.back_office.reads_per_open),
            ("shape.holiday-factor", shape.holiday_factor),
        ] {
            if !amount(value) {
                return wrong(name, "must be a number from 0 on");
            }
        }
        if per.looks_after_open > 1.0 {
            return wrong("per-submission.looks-after-open", "a share is at most 1");
        }
        if self.submissions == 0 || per.opens <= 0.0 {
            return wrong("submissions", "a year without any sends nothing");
        }
        if !(self.growth_per_year > -1.0 && self.growth_per_year < 10.0) {
            return wrong("growth-per-year", "must be above -1 and below 10, such as 0.05");
        }
        if shape.holidays.iter().any(|day| !is_day(day)) {
            return wrong("shape.holidays", "a day is month and day, such as 05-01");
        }
        for peak in &self.peaks {
            if !is_day(&peak.from) || !is_day(&peak.to) || peak.from > peak.to {
                return wrong(&peak.name, "from and to are days such as 05-01, in this order");
            }
            if !amount(peak.factor) {
                return wrong(&peak.name, "its factor must be from 0 on");
            }
        }
        let shares = &self.procedures;
        if shares.values().any(|it| !amount(*it)) || shares.values().sum::<f64>() <= 0.0 {
            return wrong("procedures", "shares must be from 0 on, and not all 0");
        }
        Ok(())
    }

    /// The same year with nothing but forms that are opened, and opened again:
    /// what a service of another kind can be asked for.
    #[must_use]
    pub fn opens_alone(mut self) -> Self {
        let PerSubmission { opens, resumes, looks_after_open, .. } = self.per_submission;
        self.per_submission = PerSubmission {
            opens,
            resumes,
            my_data: 0.0,
            accesses: 0.0,
            preferences: 0.0,
            own_data: 0.0,
            invalid: 0.0,
            looks_after_open,
        };
        self.back_office.by_law.clear();
        self.back_office.by_consent.clear();
        self
    }

    /// Every form of a target with its share, from what the target offers: the
    /// named ones first.
    ///
    /// # Errors
    /// The name of a form that is not offered.
    pub fn shares(&self, offered: &[String]) -> Result<Vec<(String, f64)>, String> {
        let named = self.procedures.iter().filter(|(name, _)| *name != OTHERS);
        let mut shares: Vec<(String, f64)> =
            named.map(|(name, share)| (name.clone(), *share)).collect();
        if let Some((name, _)) = shares.iter().find(|(name, _)| !offered.contains(name)) {
            return Err(name.clone());
        }
        let mut others: Vec<_> =
            offered.iter().filter(|name| !self.procedures.contains_key(*name)).collect();
        others.sort_unstable();
        // Each further one half as often as the first, a third, a quarter, ...
        let whole: f64 = (1..=others.len()).map(|rank| 1.0 / rank as f64).sum();
        let share = self.procedures.get(OTHERS).copied().unwrap_or(0.0);
        let tail = others.into_iter().enumerate();
        shares.extend(
            tail.map(|(rank, name)| (name.clone(), share / whole / (rank + 1) as f64))
                .filter(|(_, share)| *share > 0.0),
        );
        Ok(shares)
    }

    /// The weight of a day, without its forms' own seasons.
    pub(super) fn day(&self, date: Date) -> f64 {
        let shape = &self.shape;
        let weekday = shape.weekday[date.weekday().to_monday_zero_offset() as usize];
        let month = shape.month[date.month() as usize - 1] / f64::from(date.days_in_month());
        let holiday = if self.is_holiday(date) { shape.holiday_factor } else { 1.0 };
        let general = self.peaks.iter().filter(|peak| peak.procedures.is_empty());
        weekday * month * holiday * general.map(|peak| peak.at(date)).product::<f64>()
    }

    /// By what a form's season multiplies its share on a day.
    pub(super) fn season(&self, procedure: &str, date: Date) -> f64 {
        let own = self.peaks.iter().filter(|it| it.procedures.iter().any(|it| it == procedure));
        own.map(|peak| peak.at(date)).product()
    }

    fn is_holiday(&self, date: Date) -> bool {
        let easter = easter(date.year());
        let after = |days: &i32| easter.saturating_add(jiff::Span::new().days(*days)) == date;
        let day = day(date);
        self.shape.holidays.contains(&day) || self.shape.after_easter.iter().any(after)
    }
}

impl Peak {
    fn at(&self, date: Date) -> f64 {
        let day = day(date);
        if (&self.from..=&self.to).contains(&&day) { self.factor } else { 1.0 }
    }
}

/// Shares of further procedures are new; every other value is there.
fn replace(table: &mut toml::Table, name: &str, value: toml::Value) -> Option<()> {
    let Some((section, rest)) = name.split_once('.') else {
        let known = table.get_mut(name)?;
        *known = value;
        return Some(());
    };
    let inner = table.get_mut(section)?.as_table_mut()?;
    if section == "procedures" {
        inner.insert(rest.to_owned(), value);
        return Some(());
    }
    replace(inner, rest, value)
}

fn day(date: Date) -> String {
    format!("{:02}-{:02}", date.month(), date.day())
}

fn amount(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

/// 2024 had every day that a year can have.
fn is_day(text: &str) -> bool {
    text.len() == 5 && format!("2024-{text}").parse::<Date>().is_ok()
}

/// Easter Sunday (Butcher's rule,
/// <https://en.wikipedia.org/wiki/Date_of_Easter#Anonymous_Gregorian_algorithm>).
fn easter(year: i16) -> Date {
    let (golden, century, rest) = (year % 19, year / 100, year % 100);
    let corrected = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - corrected + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * late + 114;
    let (month, day) = ((days / 31) as i8, (days % 31 + 1) as i8);
    Date::new(year, month, day).expect("Easter is in March or April")
}

#[cfg(test)]
pub(super) fn easter_of(year: i16) -> Date {
    easter(year)
}
