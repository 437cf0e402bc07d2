//! The catalogue: whole ones compile, wrong ones say every mistake.

mod difference;
mod mistakes;
mod planned;
pub(crate) mod world;

use std::sync::LazyLock;

use super::*;

pub(crate) fn sources(files: &[(&str, &str)]) -> Vec<Source> {
    let source =
        |(path, text): &(&str, &str)| Source { path: (*path).into(), text: (*text).into() };
    files.iter().map(source).collect()
}

/// The country's catalogue, compiled once for all tests.
pub(crate) fn demo() -> &'static Catalogue {
    static DEMO: LazyLock<Catalogue> =
        LazyLock::new(|| Catalogue::compile(&sources(fixtures::catalogue::files())).unwrap());
    &DEMO
}

#[test]
fn the_demonstrations_catalogue_compiles() {
    let catalogue = demo();
    // Beside what citizens add themselves: fifteen, and the list of mandates.
    let asked = catalogue.registers().iter().filter(|register| register.dialect.is_some());
    assert_eq!(asked.count(), 16);
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
    let mut files = sources(fixtures::catalogue::files());
    files.reverse();
    let digest = *Catalogue::compile(&files).unwrap().digest();
    assert_eq!(digest, *demo().digest());
    files[0].text.push('\n');
    assert_ne!(digest, *Catalogue::compile(&files).unwrap().digest());
}

#[test]
fn files_keep_their_last_newlines_when_split_again() {
    for ending in ["", "\n", "\n\n", "\r\n", "\n# the end"] {
        let mut files = sources(fixtures::catalogue::files());
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
    let body = snca.http().body.as_ref().unwrap();
    let parts = [text("{\"fields\":"), Part::Fields, text(",\"holders\":"), Part::Keys, text("}")];
    assert_eq!(body.0, parts);
}

/// Old ledger entries mean what they meant only as long as this holds.
#[test]
fn ids_follow_the_paths_of_files_and_the_places_in_them() {
    let mut files = sources(fixtures::catalogue::files());
    files.reverse();
    let catalogue = Catalogue::compile(&files).unwrap();
    files.reverse();
    let listed = |folder: &str| -> Vec<&str> {
        let within = files.iter().filter(|file| file.path.starts_with(folder));
        let ids = within.flat_map(|file| {
            let ids = file.text.lines().filter_map(|line| line.strip_prefix("id = \""));
            // A register and a procedure name themselves first.
            ids.take(if folder == "organisations" { usize::MAX } else { 1 })
        });
        ids.map(|id| id.trim_end_matches('"')).collect()
    };
    let registers = catalogue.registers().iter().filter(|register| register.dialect.is_some());
    let registers: Vec<_> = registers.map(|known| &*known.name).collect();
    assert_eq!(registers, listed("registers/"));
    let organisations: Vec<_> = catalogue.organisations().iter().map(|it| &*it.name).collect();
    assert_eq!(organisations, listed("organisations"));
    let procedures: Vec<_> = catalogue.procedures().iter().map(|it| &*it.name).collect();
    assert_eq!(procedures, listed("procedures/"));
    let first = &files.iter().find(|file| file.path.starts_with("procedures/")).unwrap().text;
    let fields = first.split("[[step.field]]").skip(1).map(|field| {
        field.lines().find_map(|line| line.strip_prefix("id = \"")).unwrap().trim_end_matches('"')
    });
    let named = catalogue.procedures()[0].fields.iter().map(|known| &*known.name);
    assert_eq!(named.collect::<Vec<_>>(), fields.collect::<Vec<_>>());
}
