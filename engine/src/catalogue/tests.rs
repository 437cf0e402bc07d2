//! The catalogue: whole ones compile, wrong ones say every mistake.

mod mistakes;
mod planned;
pub(crate) mod world;

use super::*;

pub(crate) fn sources(files: &[(&str, &str)]) -> Vec<Source> {
    let source =
        |(path, text): &(&str, &str)| Source { path: (*path).into(), text: (*text).into() };
    files.iter().map(source).collect()
}

pub(crate) fn demo() -> Catalogue {
    Catalogue::compile(&sources(fixtures::catalogue::FILES)).unwrap()
}

#[test]
fn the_demonstrations_catalogue_compiles() {
    let catalogue = demo();
    assert_eq!(catalogue.registers().len(), 4);
    assert_eq!(catalogue.procedures().len(), 6);
    let caclr = catalogue.register(catalogue.find_register("caclr").unwrap());
    let rnpp = catalogue.register(catalogue.find_register("rnpp").unwrap());
    assert_eq!(caclr.key, Key::Attribute(rnpp.id, rnpp.find("addressId").unwrap()));
    let platform = catalogue.organisation(catalogue.find_organisation("demo-platform").unwrap());
    let justice = catalogue.find_organisation("justice").unwrap();
    assert!(platform.may_act_for(justice));
    assert!(!catalogue.organisation(justice).may_act_for(platform.id));
}

#[test]
fn every_attribute_of_the_demonstration_is_one_that_its_people_have() {
    let catalogue = demo();
    let named = catalogue.registers().iter().flat_map(|register| {
        register.attributes.iter().map(|attribute| format!("{}.{}", register.name, attribute.name))
    });
    let mut named: Vec<_> = named.collect();
    let mut known = fixtures::truth::ATTRIBUTES.map(str::to_owned);
    named.sort();
    known.sort();
    assert_eq!(named, known);
}

#[test]
fn a_catalogue_compiles_again_from_its_own_text() {
    let first = demo();
    let second = Catalogue::from_text(first.text()).unwrap();
    assert_eq!(first.digest(), second.digest());
    assert_eq!(first.text(), second.text());
    assert_eq!(first.procedures()[0].name, second.procedures()[0].name);
}

#[test]
fn the_order_of_files_does_not_matter_and_every_byte_of_them_does() {
    let mut files = sources(fixtures::catalogue::FILES);
    files.reverse();
    let digest = *Catalogue::compile(&files).unwrap().digest();
    assert_eq!(digest, *demo().digest());
    files[0].text.push('\n');
    assert_ne!(digest, *Catalogue::compile(&files).unwrap().digest());
}

#[test]
fn files_keep_their_last_newlines_when_split_again() {
    for ending in ["", "\n", "\n\n", "\r\n", "\n# the end"] {
        let mut files = sources(fixtures::catalogue::FILES);
        let text = files[0].text.trim_end().to_owned() + ending;
        files[0].text = text;
        let catalogue = Catalogue::compile(&files).unwrap();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        assert_eq!(compile::split(catalogue.text()).unwrap(), files);
    }
}

#[test]
fn a_text_that_is_no_catalogues_is_one_mistake() {
    for text in ["x", "\n", "# comment\n#:: organisations.toml\n"] {
        let mistakes = Catalogue::from_text(text).unwrap_err();
        assert_eq!(mistakes.len(), 1);
        assert_eq!(mistakes[0].to_string(), "catalogue:1: this is not the text of a catalogue");
    }
    let nothing = Catalogue::from_text("").unwrap_err();
    assert_eq!(nothing[0].what, "a catalogue needs at least one file procedures/*.toml");
}

#[test]
fn a_place_in_a_template_is_told_from_braces_of_json() {
    let catalogue = demo();
    let snca = catalogue.register(catalogue.find_register("snca").unwrap());
    let text = |text: &str| Part::Text(text.into());
    let body = snca.body.as_ref().unwrap();
    let parts = [text("{\"fields\":"), Part::Fields, text(",\"holders\":"), Part::Keys, text("}")];
    assert_eq!(body.0, parts);
}

/// Old ledger entries mean what they meant only as long as this holds.
#[test]
fn ids_follow_the_paths_of_files_and_the_places_in_them() {
    let mut files = sources(fixtures::catalogue::FILES);
    files.reverse();
    let catalogue = Catalogue::compile(&files).unwrap();
    let names = |names: Vec<&str>| names.join(" ");
    let registers = catalogue.registers().iter().map(|known| &*known.name).collect();
    assert_eq!(names(registers), "caclr ccss rnpp snca");
    let organisations = catalogue.organisations().iter().map(|known| &*known.name).collect();
    assert_eq!(names(organisations), "justice commune-luxembourg snca acd cae demo-platform");
    let procedures = catalogue.procedures().iter().map(|known| &*known.name).collect();
    let by_path = "criminal-record-extract parental-leave plate-reservation \
                   residence-certificate tax-card-change vehicle-registration";
    assert_eq!(names(procedures), by_path);
    let fields =
        catalogue.procedures()[0].fields.iter().take(3).map(|known| &*known.name).collect();
    assert_eq!(names(fields), "familyName givenName birthName");
}
