//! The country's own catalogue agrees.

use super::*;

/// What stands behind `name = ` in a file of the catalogue, without quotes.
fn told<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
    lines.map(|value| value.trim_matches('"')).collect()
}

#[test]
fn keys_come_from_where_the_catalogue_says() {
    let mut keyed = 0;
    for (path, text) in fixtures::catalogue::files() {
        if !path.starts_with("registers/") {
            continue;
        }
        let register = told(text, "id")[0];
        let from = told(text, "key")[0].split_once('.').map(|(from, _)| from);
        assert_eq!(key_from(register), from, "{path}");
        keyed += usize::from(from.is_some());
    }
    assert_eq!(keyed, 2);
}

#[test]
fn relations_are_shown_where_the_catalogue_says() {
    let (mut children, mut companies) = (0, 0);
    for (path, text) in fixtures::catalogue::files() {
        let part = if told(text, "is").contains(&"legal") { Part::Company } else { Part::Child };
        for listed in told(text, "listed-in") {
            let register = listed.strip_prefix("applicant:").and_then(|it| it.split_once('.'));
            let child = listed == "applicant:rnpp.children";
            let part = if child { Part::Child } else { part };
            assert_eq!(shown_by(part), register.map(|(register, _)| register), "{path}");
            children += usize::from(part == Part::Child);
            companies += usize::from(part == Part::Company);
        }
    }
    assert!(children > 0 && companies > 0);
}

#[test]
fn a_line_ends_where_the_subject_is_the_key() {
    assert_eq!(line("cadastre").collect::<Vec<_>>(), ["cadastre", "caclr", "rnpp"]);
    assert_eq!(line("snca").collect::<Vec<_>>(), ["snca"]);
}
