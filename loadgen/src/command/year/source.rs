//! What visits become: forms of an engine, or requests of a template.

use std::path::Path;
use std::sync::Arc;

use fixtures::Country;

use crate::ask::Script;
use crate::clock::Calendar;
use crate::command::{Failure, askable, read_template};
use crate::connection::Keeping;
use crate::desk::{self, Desk};
use crate::form::{Form, Uncastable};
use crate::procedures;
use crate::schedule::Profile;
use crate::target::Target;
use crate::template::Template;

/// Names with their shares.
type Shares = Vec<(String, f64)>;

/// Where visits lead.
pub(super) enum Source {
    /// To the forms that a target offers.
    Engine(Offer),
    /// To the requests of a file.
    Template(Box<Template>, String),
}

/// What a target offers.
pub(super) struct Offer {
    calendar: Option<Calendar>,
    forms: Vec<Arc<Form>>,
    by_hand: usize,
    not_asked: Vec<(String, Uncastable)>,
}

/// What sends visits, and what to say of it.
pub(super) struct Sent {
    /// The target's, where it tells.
    pub(super) calendar: Option<Calendar>,
    pub(super) script: Arc<dyn Script>,
    pub(super) asked: String,
    pub(super) by_hand: usize,
    pub(super) not_asked: Vec<(String, String)>,
}

impl Source {
    /// The template, or, where there is none, what the target offers.
    pub(super) async fn of(
        template: Option<&Path>,
        target: &Target,
        keeping: &Keeping,
        country: Country,
    ) -> Result<Self, Failure> {
        match template {
            Some(path) => {
                let template = read_template(path, country, country.population())?;
                Ok(Self::Template(Box::new(template), path.display().to_string()))
            }
            None => Offer::of(target, keeping, &country).await.map(Self::Engine),
        }
    }

    /// What a year opens, and the profile as far as it can be followed there.
    pub(super) fn shares(&self, profile: Profile) -> Result<(Profile, Shares), Failure> {
        match self {
            Self::Engine(offer) => {
                let shares = offer.shares(&profile)?;
                Ok((profile, shares))
            }
            Self::Template(template, _) => Ok((profile.opens_alone(), template.shares())),
        }
    }

    /// What sends visits that count these names by their places.
    pub(super) fn sent(
        self,
        names: &[String],
        country: Country,
        compare_every: u64,
    ) -> Result<Sent, Failure> {
        match self {
            Self::Engine(offer) => offer.sent(names, country, compare_every),
            Self::Template(template, path) => {
                let template = template.counted_by(names).map_err(|name| {
                    Failure::Usage(format!("{path}: it has no [[request]] of the name `{name}`"))
                })?;
                let asked = format!("{} requests of {path}, people", template.requests());
                let script = Arc::new(template);
                Ok(Sent { calendar: None, script, asked, by_hand: 0, not_asked: vec![] })
            }
        }
    }
}

impl Offer {
    async fn of(target: &Target, keeping: &Keeping, country: &Country) -> Result<Self, Failure> {
        let unreadable = |error: procedures::Error| Failure::Void(error.to_string());
        let rows = procedures::list(target, keeping).await.map_err(unreadable)?;
        let prefilled = rows.iter().filter(|row| row.prefilled);
        let names: Vec<_> = prefilled.map(|row| row.id.clone()).collect();
        let by_hand = rows.len() - names.len();
        let described = procedures::describe(target, keeping, &names).await.map_err(unreadable)?;
        let (forms, not_asked) = askable(country, described);
        let calendar = procedures::calendar(target, keeping).await;
        Ok(Self { calendar, forms, by_hand, not_asked })
    }

    fn shares(&self, profile: &Profile) -> Result<Shares, Failure> {
        let names: Vec<_> = self.forms.iter().map(|form| form.id.clone()).collect();
        let shares = profile.shares(&names).map_err(|name| self.lacks(&name))?;
        let again = profile.back_office.by_law.iter().chain(&profile.back_office.by_consent);
        for name in again {
            let form = self.forms.iter().find(|form| form.id == *name);
            if !form.is_some_and(|form| desk::is_reread(form)) {
                return Err(Failure::Usage(format!(
                    "the profile has `{name}` read again by its organisation; that form is not, \
                     or not about a person alone"
                )));
            }
        }
        Ok(shares)
    }

    fn sent(self, names: &[String], country: Country, compare_every: u64) -> Result<Sent, Failure> {
        let form = |name: &String| {
            let found = self.forms.iter().find(|form| form.id == *name);
            found.cloned().ok_or_else(|| self.lacks(name))
        };
        let forms: Vec<_> = names.iter().map(form).collect::<Result<_, _>>()?;
        let asked = format!("{} procedures about {} people", forms.len(), country.population());
        let calendar = self.calendar.unwrap_or_else(|| Calendar::of_wall(1.0));
        let script = Arc::new(Desk::new(country, forms, compare_every, calendar));
        let not_asked = self.not_asked.into_iter().map(|(name, why)| (name, why.to_string()));
        let (calendar, by_hand) = (self.calendar, self.by_hand);
        Ok(Sent { calendar, script, asked, by_hand, not_asked: not_asked.collect() })
    }

    fn lacks(&self, name: &str) -> Failure {
        let why = self.not_asked.iter().find(|(known, _)| known == name);
        Failure::Usage(match why {
            Some((_, why)) => format!("`{name}` cannot be asked for: {why}"),
            None => format!("the target has no prefilled procedure `{name}`"),
        })
    }
}
