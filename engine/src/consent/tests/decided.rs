//! The decision and its plan against a naive model, to be checked by eye.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::random::{Asked, Fit, NOW, asked};
use crate::catalogue::tests::world::{Candidate, LIST, World};
use crate::consent::{Denied, Plan, decide};
use crate::model::{Channel, Withheld};

/// Is the candidate's field among those wanted?
pub(super) fn wanted(asked: &Asked, field: usize) -> bool {
    asked.fields.as_ref().is_none_or(|fields| fields.contains(&field))
}

/// May the organisation have this attribute? The citizen's own view is theirs
/// alone, and whole.
pub(super) fn authorised(asked: &Asked, register: usize, attribute: &str) -> bool {
    if asked.channel == Channel::Own || asked.world.own_view {
        return asked.channel == Channel::Own && asked.world.own_view;
    }
    asked.world.authority[asked.organisation].iter().any(|pattern| {
        pattern.register == register
            && pattern.attribute.as_deref().is_none_or(|named| named == attribute)
    })
}

/// Does the channel give out this field at all? A back office has what the law
/// gives to the form's owner, who is the first organisation, and what the applicant
/// consented to for this very use.
fn given_out(asked: &Asked, field: usize) -> bool {
    let by_law = asked.world.by_law && asked.organisation == 0;
    let consented =
        asked.reuse.iter().any(|(fields, fit)| *fit == Fit::Fits && fields.contains(&field));
    asked.channel != Channel::BackOffice
        || asked.world.fields[field].back_office && (by_law || consented)
}

/// Did the subject of this role refuse the register, or one that gives its key?
fn refused(asked: &Asked, role: usize, register: usize) -> bool {
    asked.refused[role].contains(&register)
        || asked.world.registers[register]
            .key
            .as_ref()
            .is_some_and(|(giver, _)| refused(asked, role, *giver))
}

/// Did either of two roles' subjects withdraw the mandate between them?
fn withdrawn(asked: &Asked, one: usize, other: usize) -> bool {
    asked.withdrawn.iter().any(|pair| *pair == (one, other) || *pair == (other, one))
}

/// Does the subject stand in this role, as far as one can know before asking?
/// Only a minor stands in a minor's role; and the list that shows the relation
/// must be within reach: its register not refused by the subject that it is
/// about, who stands in a role in turn; nor may the mandate be withdrawn.
fn in_role(asked: &Asked, role: usize) -> bool {
    let age_fits = !asked.world.roles[role].minor || asked.minors[role];
    let listed = asked.world.roles[role].listed_in;
    let shown = |(by, register)| {
        !withdrawn(asked, by, role) && !refused(asked, by, register) && in_role(asked, by)
    };
    age_fits && listed.is_none_or(shown)
}

/// Why a candidate is withheld; `None` where it may be shown.
pub(super) fn verdict(asked: &Asked, candidate: &Candidate) -> Option<Withheld> {
    let (field, role, register, attribute) = candidate;
    let why = if !authorised(asked, *register, attribute) {
        Withheld::Authority
    } else if !in_role(asked, *role) {
        Withheld::Role
    } else if refused(asked, *role, *register) {
        Withheld::Preference
    } else if given_out(asked, *field) {
        return None;
    } else {
        Withheld::NotAvailableToYou
    };
    Some(if asked.channel == Channel::BackOffice { Withheld::NotAvailableToYou } else { why })
}

/// What must be asked, of whom and about whom, to learn one attribute.
fn learn(
    world: &World,
    role: usize,
    register: usize,
    attribute: &str,
    asks: &mut BTreeMap<(usize, String), BTreeSet<String>>,
) {
    let holder = &world.registers[register];
    let ask = asks.entry((role, holder.name.clone())).or_default();
    ask.insert(attribute.to_owned());
    if holder.ask_all {
        ask.extend(holder.attributes());
    }
    if let Some((giver, key)) = &holder.key {
        learn(world, role, *giver, key, asks);
    }
    if let Some((by, lister)) = world.roles[role].listed_in {
        learn(world, by, lister, LIST, asks);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 640,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_grant_allows_what_the_model_allows(asked in asked()) {
        let catalogue = asked.world.compile();
        let request = asked.request(&catalogue);
        let candidates = asked.world.candidates();
        let authority = |(_, _, register, name): &Candidate| authorised(&asked, *register, name);
        let any = candidates.iter().any(authority);
        let decided = decide(&catalogue, &request, asked.parties(&catalogue), NOW);
        if !any {
            prop_assert_eq!(decided.map(drop), Err(Denied::NoAuthority));
            return Ok(());
        }
        let grant = decided.unwrap();
        for (index, candidate) in candidates.iter().enumerate() {
            let verdict = verdict(&asked, candidate);
            // Of a field that nobody wants, nothing is told either way.
            if wanted(&asked, candidate.0) {
                prop_assert_eq!(grant.withheld(index), verdict, "{:?}", candidate);
            }
            let allowed = verdict.is_none() && wanted(&asked, candidate.0);
            prop_assert_eq!(grant.allowed().contains(index), allowed, "{:?}", candidate);
        }
    }

    #[test]
    fn a_plan_asks_for_what_it_needs_and_for_nothing_else(asked in asked()) {
        let catalogue = asked.world.compile();
        let request = asked.request(&catalogue);
        let Ok(grant) = decide(&catalogue, &request, asked.parties(&catalogue), NOW) else { return Ok(()) };
        let candidates = asked.world.candidates();
        let allowed: Vec<_> = grant.allowed().iter().map(|index| &candidates[index]).collect();
        let mut expected = BTreeMap::new();
        for (_, role, register, attribute) in &allowed {
            learn(&asked.world, *role, *register, attribute, &mut expected);
        }
        // Whether somebody stands in a role is looked up also where they refuse
        // everything: a stranger must not learn of their No.
        for candidate in &candidates {
            let (field, role, ..) = candidate;
            let listed = asked.world.roles[*role].listed_in;
            let refusing = verdict(&asked, candidate) == Some(Withheld::Preference);
            if let (Some((by, lister)), true, true) = (listed, refusing, wanted(&asked, *field)) {
                learn(&asked.world, by, lister, LIST, &mut expected);
            }
        }
        let plan = grant.plan(&catalogue);
        prop_assert_eq!(asks(&catalogue, &plan), expected);
        for call in plan.calls().iter() {
            let planned = &catalogue.procedures()[0].calls[call];
            prop_assert!(plan.calls().covers(planned.ancestors));
            let register = &catalogue.register(planned.register).name;
            let age = youngest(&asked, &allowed, planned.role, register);
            prop_assert_eq!(plan.max_age(call), age);
        }
    }

    #[test]
    fn nobody_is_asked_who_was_refused(asked in asked()) {
        let catalogue = asked.world.compile();
        let request = asked.request(&catalogue);
        let Ok(grant) = decide(&catalogue, &request, asked.parties(&catalogue), NOW) else { return Ok(()) };
        for (role, register) in asks(&catalogue, &grant.plan(&catalogue)).into_keys() {
            let refused = &asked.refused[role];
            let mut names = refused.iter().map(|index| &asked.world.registers[*index].name);
            prop_assert!(names.all(|name| *name != register));
        }
    }
}

/// A plan by names: whom to ask about whom, and for what.
fn asks(
    catalogue: &crate::catalogue::Catalogue,
    plan: &Plan,
) -> BTreeMap<(usize, String), BTreeSet<String>> {
    let ask = |call: usize| {
        let planned = &catalogue.procedures()[0].calls[call];
        let register = catalogue.register(planned.register);
        let attributes = plan.attributes(call);
        let names = attributes.iter().map(|index| register.attributes[index].name.to_string());
        ((planned.role, register.name.to_string()), names.collect())
    };
    plan.calls().iter().map(ask).collect()
}

/// The least of the ages that the fields of one call stand.
fn youngest(
    asked: &Asked,
    allowed: &[&Candidate],
    role: usize,
    register: &str,
) -> Option<Duration> {
    let of_call = allowed.iter().filter(|(_, about, holder, _)| {
        *about == role && asked.world.registers[*holder].name == register
    });
    let ages = of_call.filter_map(|(field, ..)| asked.world.fields[*field].max_age);
    ages.min().map(Duration::from_secs)
}
