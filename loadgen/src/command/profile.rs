//! `loadgen profile`: one of the counts that a team has.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::civil::DateTime;

use super::{Failure, say, year};
use crate::schedule::Profile;

#[cfg(test)]
mod tests;

/// The first line of a file of counts.
const HEADER: &str = "hour,procedure,opens";

/// `loadgen profile`.
#[derive(Clone, Debug, Args)]
pub(super) struct Options {
    /// Counts: CSV with the header `hour,procedure,opens`, each line an hour
    /// such as `2026-03-02T08`, a form, and how often it was opened. The shapes
    /// of the day, the week and the year and the forms' shares come from it;
    /// everything else from the invented profile.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// Prints a profile.
pub(super) fn print(options: &Options) -> Result<(), Failure> {
    let profile = match &options.from {
        None => {
            year::tell_invented();
            Profile::invented()
        }
        Some(path) => {
            let wrong = |why: String| Failure::Usage(format!("{}{why}", path.display()));
            let text = fs::read_to_string(path).map_err(|error| wrong(format!(": {error}")))?;
            counted(&text, path).map_err(wrong)?
        }
    };
    let text = toml::to_string(&profile).map_err(|error| Failure::Void(error.to_string()))?;
    say(&text);
    Ok(())
}

/// A profile of counts; where they are wrong, the line and why.
fn counted(text: &str, path: &Path) -> Result<Profile, String> {
    let mut profile = Profile::invented();
    let mut lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    if lines.next().map(|(line, _)| line.trim()) != Some(HEADER) {
        return Err(format!(", line 1: must be `{HEADER}`"));
    }
    let shape = &mut profile.shape;
    for weights in [&mut shape.hour, &mut shape.weekday, &mut shape.month] {
        weights.iter_mut().for_each(|weight| *weight = 0.0);
    }
    profile.procedures.clear();
    let (mut opens, mut first, mut last) = (0, None, None);
    for (line, number) in lines {
        let (hour, procedure, count) =
            count(line).map_err(|why| format!(", line {number}: {why}"))?;
        let shape = &mut profile.shape;
        shape.hour[hour.hour() as usize] += count as f64;
        shape.weekday[hour.weekday().to_monday_zero_offset() as usize] += count as f64;
        shape.month[hour.month() as usize - 1] += count as f64;
        *profile.procedures.entry(procedure.to_owned()).or_default() += count as f64;
        opens += count;
        first = Some(first.map_or(hour, |known: DateTime| known.min(hour)));
        last = Some(last.map_or(hour, |known: DateTime| known.max(hour)));
    }
    let (Some(first), Some(last)) = (first, last) else {
        return Err(": it has no counts".into());
    };
    let days = last.date().duration_since(first.date()).as_hours() as f64 / 24.0 + 1.0;
    let a_year = opens as f64 * 365.0 / days / profile.per_submission.opens;
    profile.submissions = a_year.round() as u64;
    profile.name = path.file_stem().map_or_else(String::new, |it| it.to_string_lossy().into());
    // What was counted has its seasons, and its holidays, in it.
    profile.peaks.clear();
    profile.shape.holidays.clear();
    profile.shape.after_easter.clear();
    let (shares, again) = (&profile.procedures, &mut profile.back_office);
    again.by_law.retain(|name| shares.contains_key(name));
    again.by_consent.retain(|name| shares.contains_key(name));
    let text = toml::to_string(&profile).map_err(|error| format!(": {error}"))?;
    Profile::parse(&text).map_err(|error| format!(": {error}"))
}

fn count(line: &str) -> Result<(DateTime, &str, u64), String> {
    let fields: Vec<_> = line.split(',').map(str::trim).collect();
    let [hour, procedure, opens] = fields[..] else {
        return Err(format!("{} fields instead of three ({HEADER})", fields.len()));
    };
    let whole =
        if hour.len() == "2026-03-02T08".len() { format!("{hour}:00") } else { hour.into() };
    let parsed = whole.parse().map_err(|_| format!("`{hour}` is no hour such as 2026-03-02T08"))?;
    if procedure.is_empty() {
        return Err("no procedure is named".into());
    }
    let opens = opens.parse().map_err(|_| format!("`{opens}` is no whole number"))?;
    Ok((parsed, procedure, opens))
}
