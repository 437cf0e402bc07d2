//! What one catalogue has that another has not: names, and above all who may have
//! what.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::compile;
use super::{ActsFor, Catalogue, Organisation, Procedure};
use crate::model::{CandidateSet, Channel, OrganisationId};

/// From an old catalogue to a new one. Everything is in the order of its names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Registers by their ids; a changed one has another description.
    pub registers: Names,
    /// Organisations; a changed one has another label.
    pub organisations: Names,
    /// Procedures; a changed one has another text.
    pub procedures: Names,
    /// Who may now ask for others, and who may no longer.
    pub delegations: Vec<Delegation>,
    /// What organisations may now have, and may have no longer.
    pub authority: Vec<Authority>,
}

/// What came, went and changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Names {
    /// Only in the new.
    pub came: Vec<String>,
    /// Only in the old.
    pub went: Vec<String>,
    /// In both, and not the same.
    pub changed: Vec<String>,
}

/// For whom an organisation may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delegation {
    /// Who asks.
    pub organisation: String,
    /// For whom it may now.
    pub gains: Vec<String>,
    /// For whom it may no longer.
    pub loses: Vec<String>,
}

/// What an organisation may have of one procedure in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Authority {
    /// Who receives.
    pub organisation: String,
    /// Of which form.
    pub procedure: String,
    /// How.
    pub channel: Way,
    /// Attributes that it may now have.
    pub gains: Vec<String>,
    /// Attributes that it may have no longer.
    pub loses: Vec<String>,
}

/// A channel, and what it takes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The citizen is present.
    FrontOffice,
    /// With the citizen's reuse consent.
    BackOffice,
    /// Without one, by law.
    BackOfficeByLaw,
    /// Citizens look at their own data.
    #[serde(rename = "self")]
    Own,
}

impl Way {
    const ALL: [Self; 4] = [Self::FrontOffice, Self::BackOffice, Self::BackOfficeByLaw, Self::Own];

    fn as_str(self) -> &'static str {
        match self {
            Self::FrontOffice => "front-office",
            Self::BackOffice => "back-office, with the citizen's consent",
            Self::BackOfficeByLaw => "back-office, by law",
            Self::Own => "self",
        }
    }

    fn of(self, procedure: &Procedure, organisation: OrganisationId) -> CandidateSet {
        let may = |channel| procedure.authority_of(organisation, channel);
        match self {
            Self::FrontOffice => may(Channel::FrontOffice),
            Self::BackOffice => {
                let open = procedure.reusable().without(procedure.by_law(organisation));
                may(Channel::BackOffice).intersection(open)
            }
            Self::BackOfficeByLaw => {
                may(Channel::BackOffice).intersection(procedure.by_law(organisation))
            }
            // The body whose view it is stands for it.
            Self::Own if procedure.owner == organisation => may(Channel::Own),
            Self::Own => CandidateSet::EMPTY,
        }
    }
}

impl Difference {
    /// What leads from `old` to `new`.
    #[must_use]
    pub fn between(old: &Catalogue, new: &Catalogue) -> Self {
        let (texts, others) = (Texts::of(old), Texts::of(new));
        Self {
            registers: Names::between(&texts.registers, &others.registers),
            organisations: Names::between(&labels(old), &labels(new)),
            procedures: Names::between(&texts.procedures, &others.procedures),
            delegations: delegations(old, new),
            authority: authority(old, new),
        }
    }

    /// Whether nothing differs but perhaps spaces and comments.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Names {
    /// What leads from one list of things to another.
    #[must_use]
    pub fn between<T: PartialEq>(old: &BTreeMap<String, T>, new: &BTreeMap<String, T>) -> Self {
        let only = |these: &BTreeMap<String, T>, those: &BTreeMap<String, T>| {
            these.keys().filter(|name| !those.contains_key(*name)).cloned().collect()
        };
        let changed = new.iter().filter(|(name, it)| old.get(*name).is_some_and(|was| was != *it));
        Self {
            came: only(new, old),
            went: only(old, new),
            changed: changed.map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.came.is_empty() && self.went.is_empty() && self.changed.is_empty()
    }
}

/// The files that describe one thing each, by its name.
struct Texts {
    registers: BTreeMap<String, String>,
    procedures: BTreeMap<String, String>,
}

impl Texts {
    fn of(catalogue: &Catalogue) -> Self {
        let files = compile::split(catalogue.text()).unwrap_or_default();
        let within = |folder: &str| {
            let named = files.iter().filter_map(|file| {
                let name = file.path.strip_prefix(folder)?.strip_suffix(".toml")?;
                Some((name.to_owned(), file.text.clone()))
            });
            named.collect()
        };
        Self { registers: within("registers/"), procedures: within("procedures/") }
    }
}

fn labels(catalogue: &Catalogue) -> BTreeMap<String, &super::Labels> {
    catalogue.organisations().iter().map(|it| (it.name.to_string(), &it.label)).collect()
}

fn delegations(old: &Catalogue, new: &Catalogue) -> Vec<Delegation> {
    let (before, after) = (acting(old), acting(new));
    let nobody = BTreeSet::new();
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let each = names.into_iter().map(|name| {
        let was = before.get(name).unwrap_or(&nobody);
        let is = after.get(name).unwrap_or(&nobody);
        Delegation {
            organisation: name.clone(),
            gains: is.difference(was).cloned().collect(),
            loses: was.difference(is).cloned().collect(),
        }
    });
    each.filter(|it| !it.gains.is_empty() || !it.loses.is_empty()).collect()
}

/// For whom each may ask; who may for everybody, also for `*`, which is whoever comes.
fn acting(catalogue: &Catalogue) -> BTreeMap<String, BTreeSet<String>> {
    let everybody = catalogue.organisations().iter().map(|it| it.name.to_string());
    let everybody: BTreeSet<String> = everybody.chain(["*".to_owned()]).collect();
    let listed = |it: &Organisation| match &it.acts_for {
        ActsFor::All => everybody.clone(),
        ActsFor::Some(ids) => {
            ids.iter().map(|id| catalogue.organisation(*id).name.to_string()).collect()
        }
    };
    catalogue.organisations().iter().map(|it| (it.name.to_string(), listed(it))).collect()
}

fn authority(old: &Catalogue, new: &Catalogue) -> Vec<Authority> {
    let mut found = Vec::new();
    for organisation in both(old.organisations(), new.organisations(), |it| &it.name) {
        for procedure in both(old.procedures(), new.procedures(), |it| &it.name) {
            for channel in Way::ALL {
                let was = attributes(old, organisation, procedure, channel);
                let is = attributes(new, organisation, procedure, channel);
                if was != is {
                    found.push(Authority {
                        organisation: organisation.to_owned(),
                        procedure: procedure.to_owned(),
                        channel,
                        gains: is.difference(&was).cloned().collect(),
                        loses: was.difference(&is).cloned().collect(),
                    });
                }
            }
        }
    }
    found
}

/// The names that stand in either, each once, in their order.
fn both<'a, T>(old: &'a [T], new: &'a [T], name: impl Fn(&'a T) -> &'a str) -> BTreeSet<&'a str> {
    old.iter().chain(new).map(name).collect()
}

fn attributes(
    catalogue: &Catalogue,
    organisation: &str,
    procedure: &str,
    way: Way,
) -> BTreeSet<String> {
    let (Some(organisation), Some(procedure)) =
        (catalogue.find_organisation(organisation), catalogue.find_procedure(procedure))
    else {
        return BTreeSet::new();
    };
    let procedure = catalogue.procedure(procedure);
    let named = way.of(procedure, organisation).iter().map(|index| {
        let candidate = &procedure.candidates[index];
        let source = catalogue.register(candidate.register);
        format!("{}.{}", source.name, source.attributes[candidate.attribute].name)
    });
    named.collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ("register", &self.registers),
            ("organisation", &self.organisations),
            ("procedure", &self.procedures),
        ];
        for (kind, names) in kinds {
            let told = [("+", &names.came), ("-", &names.went), ("~", &names.changed)];
            for (mark, names) in told {
                for name in names {
                    writeln!(f, "{mark} {kind} {name}")?;
                }
            }
        }
        for it in &self.delegations {
            let who = &it.organisation;
            tell(f, "+", &it.gains, |list| format!("{who} may now ask for {list}"))?;
            tell(f, "-", &it.loses, |list| format!("{who} may no longer ask for {list}"))?;
        }
        for it in &self.authority {
            let (who, form, way) = (&it.organisation, &it.procedure, it.channel.as_str());
            let told = |verb| move |list: String| format!("{who} {verb} in {form} ({way}): {list}");
            tell(f, "+", &it.gains, told("gains"))?;
            tell(f, "-", &it.loses, told("loses"))?;
        }
        Ok(())
    }
}

fn tell(
    f: &mut fmt::Formatter<'_>,
    mark: &str,
    list: &[String],
    told: impl FnOnce(String) -> String,
) -> fmt::Result {
    match list {
        [] => Ok(()),
        _ => writeln!(f, "{mark} {}", told(list.join(", "))),
    }
}
