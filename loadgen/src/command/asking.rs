//! Who asks for what in `loadgen run`.

use std::time::Duration;

use clap::Args;

use super::{Failure, duration, wanted};
use crate::plan::Plan;
use crate::procedures::Row;
use crate::schedule::{Choice, Law, Profile, Who};

/// The word for the profile that comes with the program.
const PROFILE: &str = "profile";

/// Who asks for what.
#[derive(Clone, Debug, Args)]
pub(super) struct Asking {
    /// The procedures to ask for, separated by commas, each with its weight
    /// where it has another than 1, such as `moving,income-tax-return=3`; or `all` that
    /// are prefilled; or `profile`, which has the weights of the invented year.
    #[arg(long, default_value = "all", value_delimiter = ',')]
    procedures: Vec<String>,
    /// Who asks: `sweep` everybody for everything in turn, `uniform` anybody,
    /// `zipf` the n-th person an n-th as often as the first, or `sessions`
    /// people who open a form, look at it again, open another and resume the
    /// first.
    #[arg(long, default_value = "sweep", value_name = "WHO")]
    who: Who,
    /// Of sessions, the pause between a form and another look at it; the form
    /// is resumed after eight.
    #[arg(long, default_value = "10s", value_parser = duration)]
    pause: Duration,
}

impl Asking {
    /// The names to ask for, each with its weight.
    pub(super) fn wanted(&self, rows: &[Row]) -> Result<Vec<(String, f64)>, Failure> {
        if self.procedures == [PROFILE] {
            let offered = rows.iter().filter(|row| row.prefilled).map(|row| row.id.clone());
            let shares = Profile::invented().shares(&offered.collect::<Vec<_>>());
            let lacks = |name| format!("--procedures profile: no `{name}` is prefilled there");
            return shares.map_err(|name| Failure::Usage(lacks(name)));
        }
        let weighted: Result<Vec<_>, _> = self.procedures.iter().map(|it| weighted(it)).collect();
        let weighted = weighted?;
        let names: Vec<_> = weighted.iter().map(|(name, _)| (*name).to_owned()).collect();
        let wanted = wanted(rows, &names)?.into_iter();
        Ok(wanted
            .map(|name| {
                let weight = weighted.iter().find(|(known, _)| *known == name);
                (name, weight.map_or(1.0, |(_, weight)| *weight))
            })
            .collect())
    }

    /// The plan, with those who ask; `weights` are of its forms.
    pub(super) fn choose(
        &self,
        plan: Plan,
        weights: &[f64],
        law: &Law,
        seed: u64,
    ) -> Result<Plan, Failure> {
        let pause = match law.rate() {
            Some(rate) => rate * self.pause.as_secs_f64(),
            None if self.who == Who::Sessions => {
                let why = "a closed loop has no pauses; give a rate with --rate";
                return Err(Failure::Usage(format!("--who sessions: {why}")));
            }
            None => 0.0,
        };
        let choice = Choice::new(self.who, plan.subjects(), weights, pause, seed);
        Ok(plan.choosing(choice))
    }

    /// As a report says it.
    pub(super) fn name(&self) -> &'static str {
        match self.who {
            Who::Sweep => "everybody in turn",
            Who::Uniform => "drawn evenly",
            Who::Zipf => "drawn by Zipf's law",
            Who::Sessions => "in sessions",
        }
    }
}

/// A name and its weight.
fn weighted(text: &str) -> Result<(&str, f64), Failure> {
    let Some((name, weight)) = text.split_once('=') else { return Ok((text, 1.0)) };
    match weight.parse::<f64>() {
        Ok(weight) if weight.is_finite() && weight > 0.0 => Ok((name, weight)),
        _ => Err(Failure::Usage(format!("--procedures: the weight of `{text}` is above 0"))),
    }
}
