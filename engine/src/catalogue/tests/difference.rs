//! What differs between two catalogues, told by name and in order.

use super::super::{Authority, Catalogue, Delegation, Difference, Names, Source, Way};
use super::demo;

const BODIES: &str = "organisations/administrations.toml";

/// The country with some files edited.
fn edited(edits: &[(&str, &str, &str)]) -> Catalogue {
    let files = fixtures::catalogue::files();
    let mut sources: Vec<Source> = files
        .iter()
        .map(|(path, text)| Source { path: (*path).into(), text: (*text).into() })
        .collect();
    for (path, from, to) in edits {
        let file = sources.iter_mut().find(|file| file.path == *path).expect("it is there");
        assert!(file.text.contains(from), "{path} has no {from}");
        file.text = file.text.replacen(from, to, 1);
    }
    Catalogue::compile_again(&sources).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

#[test]
fn a_catalogue_does_not_differ_from_itself_but_in_its_comments() {
    assert!(Difference::between(demo(), &edited(&[])).is_empty());
    let commented = edited(&[(BODIES, "[[organisation]]", "# new\n[[organisation]]")]);
    assert_ne!(commented.digest(), demo().digest());
    let difference = Difference::between(demo(), &commented);
    assert!(difference.is_empty(), "{difference}");
    assert_eq!(difference.to_string(), "");
}

fn gains(organisation: &str, procedure: &str, channel: Way, attributes: &[&str]) -> Authority {
    Authority {
        organisation: organisation.into(),
        procedure: procedure.into(),
        channel,
        gains: attributes.iter().map(ToString::to_string).collect(),
        loses: Vec::new(),
    }
}

fn loses(organisation: &str, procedure: &str, channel: Way, attributes: &[&str]) -> Authority {
    let Authority { gains, .. } = gains(organisation, procedure, channel, attributes);
    Authority { loses: gains, ..self::gains(organisation, procedure, channel, &[]) }
}

/// What differs from the country to an edited one; and the reverse, the other way.
#[track_caller]
fn check(edits: &[(&str, &str, &str)], expected: &Difference, lines: &[&str]) {
    let new = edited(edits);
    let found = Difference::between(demo(), &new);
    assert_eq!(found, *expected);
    assert_eq!(found.to_string().lines().collect::<Vec<_>>(), lines);
    let back = Difference::between(&new, demo());
    let turned: Vec<_> = expected
        .authority
        .iter()
        .map(|it| Authority { gains: it.loses.clone(), loses: it.gains.clone(), ..it.clone() })
        .collect();
    assert_eq!((back.authority, back.registers.came), (turned, expected.registers.went.clone()));
}

#[test]
fn what_an_organisation_gains_and_loses_is_told_by_form_and_channel() {
    let form = "criminal-record-extract";
    let caclr = [
        "caclr.adminUnitL1",
        "caclr.locatorDesignator",
        "caclr.postCode",
        "caclr.postName",
        "caclr.thoroughfare",
    ];
    let justice = "\"rnpp.placeOfBirth\", \"rnpp.citizenship\", \"caclr.*\",";
    let police = "[[organisation]]\nid = \"acd\"";
    let given = format!(
        "[[organisation.authority]]\nprocedures = [\"{form}\"]\nattributes = [\"caclr.*\"]\n\n{police}"
    );
    let edits = [
        (BODIES, justice, "\"rnpp.placeOfBirth\", \"rnpp.citizenship\","),
        (BODIES, police, &given),
    ];
    let expected = Difference {
        authority: vec![
            loses("justice", form, Way::FrontOffice, &caclr),
            gains("police", form, Way::FrontOffice, &caclr),
        ],
        ..Difference::default()
    };
    let list = caclr.join(", ");
    let lines = [
        &*format!("- justice loses in {form} (front-office): {list}"),
        &*format!("+ police gains in {form} (front-office): {list}"),
    ];
    check(&edits, &expected, &lines);
}

#[test]
fn delegations_labels_and_descriptions_are_told_by_name() {
    let platform = "organisations/platform.toml";
    let edits = [
        (platform, "acts-for = [\"*\"]", "acts-for = [\"justice\", \"acd\"]"),
        (BODIES, "Grand Ducal Police", "Police"),
        ("registers/snca.toml", "\n", "\n# another\n"),
    ];
    let names = |changed: &str| Names { changed: vec![changed.into()], ..Names::default() };
    // Two of them it may ask for as before.
    let others = demo().organisations().iter().map(|it| it.name.to_string());
    let others = others.filter(|name| !["justice", "acd"].contains(&&**name));
    let mut loses: Vec<String> = others.chain(["*".to_owned()]).collect();
    loses.sort();
    let list = loses.join(", ");
    let expected = Difference {
        registers: names("snca"),
        organisations: names("police"),
        delegations: vec![Delegation {
            organisation: "demo-platform".into(),
            gains: Vec::new(),
            loses,
        }],
        ..Difference::default()
    };
    let lines = [
        "~ register snca",
        "~ organisation police",
        &*format!("- demo-platform may no longer ask for {list}"),
    ];
    check(&edits, &expected, &lines);
}

#[test]
fn what_a_back_office_may_read_without_consent_is_told_apart() {
    let (file, form) = ("procedures/residence-certificate.toml", "residence-certificate");
    let open = ["caclr.postCode", "rnpp.dateOfBirth", "rnpp.familyName", "rnpp.givenName"];
    let edits = [(file, "back-office-consent = \"not-required\"\n", "")];
    let owner = "commune-luxembourg";
    let expected = Difference {
        procedures: Names { changed: vec![form.into()], ..Names::default() },
        authority: vec![
            gains(owner, form, Way::BackOffice, &open),
            loses(owner, form, Way::BackOfficeByLaw, &open),
        ],
        ..Difference::default()
    };
    let list = open.join(", ");
    let lines = [
        &format!("~ procedure {form}"),
        &*format!("+ {owner} gains in {form} (back-office, with the citizen's consent): {list}"),
        &*format!("- {owner} loses in {form} (back-office, by law): {list}"),
    ];
    check(&edits, &expected, &lines);
}
