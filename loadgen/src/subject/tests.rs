//! What is kept of a subject is what the country says.

use super::*;

fn places(chosen: impl Fn(usize) -> bool) -> Attributes {
    let mut places = Attributes::default();
    (0..ATTRIBUTES.len()).filter(|place| chosen(*place)).for_each(|place| places.insert(place));
    places
}

fn check(country: &Country, identifier: &str, wanted: Attributes) {
    let subject = Subject::new(country, identifier, &[], wanted);
    for place in wanted.places() {
        let truth = country.truth(identifier, ATTRIBUTES[place]);
        let expected = truth.value().map(|value| value.to_json().to_string());
        let told = match subject.holds(place) {
            Held::Value { text, disputed } => {
                assert_eq!(disputed, matches!(truth, Truth::UnderReview(_)));
                Some(text)
            }
            other => {
                assert_eq!(other == Held::Unavailable, truth == Truth::Unavailable);
                None
            }
        };
        assert_eq!(told, expected.as_deref(), "{} of {identifier}", ATTRIBUTES[place]);
    }
}

#[test]
fn every_attribute_of_everybody_is_what_the_country_says() {
    let country = Country::new(1, 400).unwrap();
    for person in country.people() {
        check(&country, &person.matricule().to_string(), places(|_| true));
        check(&country, &person.matricule().to_string(), places(|place| place % 7 == 3));
    }
    for index in 0..country.companies() {
        check(&country, &country.company(index).rcs().to_string(), places(|_| true));
    }
}

#[test]
fn what_was_not_wanted_is_not_known() {
    let country = Country::new(1, 400).unwrap();
    let matricule = country.example_adult().matricule().to_string();
    let subject = Subject::new(&country, &matricule, &[], places(|place| place == 5));
    assert_eq!(subject.holds(4), Held::Unknown);
    assert_ne!(subject.holds(5), Held::Unknown);
}

#[test]
fn who_refuses_a_register_refuses_what_is_found_through_it() {
    let country = Country::new(1, 400).unwrap();
    let subject = Subject::new(&country, "", &["caclr"], Attributes::default());
    assert!(subject.refuses("caclr") && subject.refuses("cadastre"));
    assert!(!subject.refuses("rnpp") && !subject.refuses("snca"));
}
