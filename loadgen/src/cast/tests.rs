//! Who is asked about: related as the form wants it, and spread over the country.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

fn form(child: bool, company: bool) -> Arc<Form> {
    let mut roles = vec![json!({"id": "applicant", "is": "natural", "minorsOnly": false})];
    roles.extend(child.then(|| json!({"id": "child", "is": "natural", "minorsOnly": true})));
    roles.extend(company.then(|| json!({"id": "company", "is": "legal", "minorsOnly": false})));
    let field = json!({"name": "name", "role": "applicant", "sources": ["rnpp.familyName"]});
    let described = json!({"id": "a", "version": 1, "organisation": "cae", "roles": roles,
        "fields": [field], "notices": []});
    Arc::new(Form::new(serde_json::from_value(described).unwrap()).unwrap())
}

fn all_parts() -> [Parts; Parts::COUNT] {
    let parts = |child, company| Parts { child, company };
    [parts(false, false), parts(true, false), parts(false, true), parts(true, true)]
}

fn casting(country: Country, subjects: u64) -> Casting {
    let forms: Vec<_> =
        all_parts().into_iter().map(|parts| form(parts.child, parts.company)).collect();
    Casting::new(country, subjects, &forms)
}

#[test]
fn every_combination_of_parts_is_related_as_it_must_be() {
    for (seed, population) in [(1, 40), (3, 777), (1, 4_000)] {
        let country = Country::new(seed, population).unwrap();
        let casting = casting(country, population);
        for parts in all_parts().into_iter().filter(|parts| is_possible(&country, *parts)) {
            for number in 0..population {
                let cast = casting.cast(number, parts);
                let applicant = country.person_of(cast.applicant().identifier()).unwrap();
                if parts.child {
                    let child = cast.subject(Part::Child).identifier();
                    let mut own = applicant.children().map(|it| it.matricule().to_string());
                    assert!(own.any(|it| it == child), "{seed} {population} {number}");
                }
                if parts.company {
                    let company = cast.subject(Part::Company).identifier();
                    let mut own = applicant.mandates().map(|it| it.rcs().to_string());
                    assert!(own.any(|it| it == company), "{seed} {population} {number}");
                }
            }
        }
    }
}

#[test]
fn subjects_are_spread_over_the_country_and_always_the_same() {
    let country = Country::new(1, 40_000).unwrap();
    for parts in all_parts() {
        let identifiers = |number| {
            let cast = casting(country, 500).cast(number, parts);
            cast.subject(if parts.company { Part::Company } else { Part::Applicant })
                .identifier()
                .to_owned()
        };
        assert_eq!(identifiers(123), identifiers(123));
        let casting = casting(country, 500);
        let (mut quarters, mut applicants) = ([0; 4], BTreeSet::new());
        for number in 0..500 {
            let cast = casting.cast(number, parts);
            let applicant = country.person_of(cast.applicant().identifier()).unwrap();
            quarters[(applicant.index() * 4 / country.population()) as usize] += 1;
            applicants.insert(applicant.index());
        }
        assert!(quarters.into_iter().all(|count| count >= 120), "{parts:?} {quarters:?}");
        assert!(applicants.len() > 450, "{parts:?} {}", applicants.len());
    }
}

#[test]
fn everybody_is_asked_about_where_that_is_wanted() {
    let country = Country::new(1, 300).unwrap();
    let casting = casting(country, 300);
    let asked: BTreeSet<_> = (0..300)
        .map(|number| casting.cast(number, Parts::default()).applicant().identifier().to_owned())
        .collect();
    assert_eq!(asked.len(), 300);
}

#[test]
fn somebody_who_refuses_a_register_is_among_the_subjects_and_known_to_refuse() {
    let country = Country::new(1, 4_000).unwrap();
    let personas = country.personas();
    let persona = personas.iter().find(|it| !it.refuses.is_empty()).unwrap();
    for (subjects, times) in [(1, 0), (9, 0), (10, 1), (3_999, 1), (4_000, 1)] {
        let casting = casting(country, subjects);
        let casts: Vec<_> =
            (0..subjects).map(|number| casting.cast(number, Parts::default())).collect();
        let refusing: Vec<_> = casts.iter().filter(|cast| cast.refuses_any()).collect();
        assert!(refusing.iter().all(|cast| {
            cast.applicant().identifier() == persona.subject.to_string()
                && cast.applicant().refuses("rnpp")
        }));
        let spread = |number: u64| number * country.population() / subjects;
        let met = (0..subjects).any(|it| spread(it) == persona.person(&country).index());
        assert!(
            refusing.len() >= times && refusing.len() <= times + usize::from(met),
            "{subjects}"
        );
    }
}

#[test]
fn a_tiny_country_may_have_no_parent_who_manages_a_company() {
    let both = Parts { child: true, company: true };
    let none = (1..50)
        .map(|seed| Country::new(seed, 10).unwrap())
        .find(|country| !is_possible(country, both))
        .expect("a country with one company, managed by somebody without children");
    assert!(country_has_the_others(&none));
    assert!(is_possible(&Country::new(1, 4_000).unwrap(), both));
}

fn country_has_the_others(country: &Country) -> bool {
    all_parts()[..3].iter().all(|parts| is_possible(country, *parts))
}

#[test]
fn second_managers_are_asked_about_as_well() {
    let country = Country::new(1, 4_000).unwrap();
    let casting = casting(country, 400);
    let parts = Parts { child: false, company: true };
    let seconds = (0..400).filter(|number| {
        let cast = casting.cast(*number, parts);
        let company = country.company_of(cast.subject(Part::Company).identifier()).unwrap();
        company.manager().matricule().to_string() != cast.applicant().identifier()
    });
    assert!(seconds.count() > 20);
}
