//! Every mistake that the compiler can report, with its file and line.
//!
//! Most stand in `mistakes.txt`: below each heading, cases of a file, its lines
//! before (`-`) and after (`+`), and all that is said of the catalogue then (`>`).

mod spoiled;

use super::super::{Catalogue, Mistake, Source};

const CITY: &str = "organisations.toml";
const PEOPLE: &str = "registers/people.toml";
const HOMES: &str = "registers/homes.toml";
const CARS: &str = "registers/cars.toml";
const MOVE: &str = "procedures/move.toml";

/// A small catalogue without a mistake; each row of the tables breaks it.
const FILES: [(&str, &str); 6] = [
    (
        CITY,
        r#"[[organisation]]
id = "city"
label = { fr = "a", de = "b", en = "c", lb = "d" }
acts-for = ["city"]

[[organisation.authority]]
procedures = ["*"]
attributes = ["people.*", "homes.street"]
"#,
    ),
    (
        PEOPLE,
        r#"id = "people"
label = { fr = "a", de = "b", en = "c", lb = "d" }
key = "subject"
timeout = "2s"

[request]
path = "/people/{key}?fields={fields}"
headers = { x-id = "{disclosure}" }

[answer]
about = "/id"

[[attribute]]
id = "home"
type = "text"
at = "/home"

[[attribute]]
id = "children"
type = "texts"
at = "/children"
lists = "natural"
"#,
    ),
    (
        HOMES,
        r#"id = "homes"
label = { fr = "a", de = "b", en = "c", lb = "d" }
key = "people.home"

[request]
path = "/homes/{key}"

[answer]
about = "/id"
error-header = "x-error"

[[attribute]]
id = "street"
type = "text"
at = "/street"
"#,
    ),
    (
        CARS,
        r#"id = "cars"
label = { fr = "a", de = "b", en = "c", lb = "d" }
key = "subject"
batch = 20

[request]
method = "POST"
path = "/cars"
body = '{"holders":{keys}}'

[answer]
elements = "/cars"
about = "/holder"

[answer.leaf]
value = ["value"]

[[attribute]]
id = "plate"
type = "text"
at = "/plate"
"#,
    ),
    (
        MOVE,
        r#"id = "move"
version = 1
owner = "city"
label = { fr = "a", de = "b", en = "c", lb = "d" }
purpose = "Move house"
legal-basis = "A law"

[[role]]
id = "applicant"

[[role]]
id = "child"
listed-in = "applicant:people.children"
minor = true

[[step]]
id = "address"
label = { fr = "a", de = "b", en = "c", lb = "d" }

[[step.field]]
id = "street"
label = { fr = "a", de = "b", en = "c", lb = "d" }
type = "text"
from = ["homes.street"]

[[step.field]]
id = "childStreet"
label = { fr = "a", de = "b", en = "c", lb = "d" }
role = "child"
from = ["homes.street", "people.home"]
"#,
    ),
    (
        "procedures/stay.toml",
        r#"id = "stay"
version = 1
owner = "city"
label = { fr = "a", de = "b", en = "c", lb = "d" }
purpose = "Stay at home"
legal-basis = "A law"

[[role]]
id = "applicant"

[[step]]
id = "address"
label = { fr = "a", de = "b", en = "c", lb = "d" }

[[step.field]]
id = "home"
label = { fr = "a", de = "b", en = "c", lb = "d" }
from = ["people.home"]
"#,
    ),
];

/// A change of one file: the first `from` becomes `to`.
type Edit<'a> = (&'a str, &'a str, &'a str);

fn edited(edits: &[Edit<'_>]) -> Vec<Source> {
    let edited = |(path, text): &(&str, &str)| {
        let mut text = (*text).to_owned();
        for (file, from, to) in edits.iter().filter(|(file, ..)| file == path) {
            assert!(text.contains(from), "{file} has no {from}");
            text = text.replacen(from, to, 1);
        }
        Source { path: (*path).to_owned(), text }
    };
    FILES.iter().map(edited).collect()
}

fn in_file(file: &str, what: &str) -> String {
    format!("{file}:{what}")
}

fn lines(mistakes: &[Mistake]) -> Vec<String> {
    mistakes.iter().map(ToString::to_string).collect()
}

/// What is said of the catalogue after some edits; nothing where it compiles.
fn said(edits: &[Edit<'_>]) -> Vec<String> {
    Catalogue::compile(&edited(edits)).map_or_else(|mistakes| lines(&mistakes), |_| Vec::new())
}

#[derive(Default)]
struct Case {
    file: String,
    before: Vec<String>,
    after: Vec<String>,
    said: Vec<String>,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in include_str!("mistakes.txt").lines() {
        let (mark, rest) = line.split_at_checked(2).unwrap_or((line, ""));
        match (mark, cases.last_mut()) {
            ("# ", _) | ("", _) => {}
            ("- " | "-", Some(case)) => case.before.push(rest.to_owned()),
            ("+ " | "+", Some(case)) => case.after.push(rest.to_owned()),
            ("> ", Some(case)) => case.said.push(rest.to_owned()),
            _ => cases.push(Case { file: line.to_owned(), ..Case::default() }),
        }
    }
    cases
}

#[test]
fn every_mistake_is_said_with_its_file_and_line() {
    let cases = cases();
    assert!(cases.len() > 100);
    for case in cases {
        let (before, after) = (case.before.join("\n"), case.after.join("\n"));
        let seen = said(&[(&case.file, &before, &after)]);
        assert_eq!(seen, case.said, "{}: {before} -> {after}", case.file);
        assert!(!seen.is_empty());
    }
}

#[test]
fn the_catalogue_that_the_tables_break_has_no_mistake() {
    Catalogue::compile(&edited(&[])).unwrap();
}

#[test]
fn mistakes_of_every_file_are_reported_at_once_by_file_and_line() {
    let edits = [
        (MOVE, "version = 1", "version = 0"),
        (MOVE, "minor = true", "minor = 1"),
        (CARS, "batch = 20", "batch = 0"),
        (CITY, "acts-for", "act-for"),
    ];
    let unknown = "unknown key `act-for`; known are acts-for, authority, id, label";
    let expected = [
        &format!("organisations.toml:4: {unknown}"),
        "procedures/move.toml:2: `version` = 0 must be a whole number from 1 to 4294967295",
        "procedures/move.toml:14: `minor` must be true or false, not integer",
        "registers/cars.toml:4: `batch` = 0 must be a whole number from 1 to 1000",
    ];
    assert_eq!(said(&edits), expected);
}

#[test]
fn every_key_of_a_cycle_is_found_however_long_it_is() {
    let ring = |name: &str, key: &str| {
        let text = FILES[2].1.replace("homes", name).replace("people.home", key);
        Source { path: format!("registers/{name}.toml"), text }
    };
    let mut sources = edited(&[]);
    sources.extend([ring("a", "b.street"), ring("b", "c.street"), ring("c", "a.street")]);
    sources.push(ring("outside", "a.street"));
    let mistakes = Catalogue::compile(&sources).unwrap_err();
    let what = "closes a cycle among keys, in which each register waits for the next one's answer: \
                a, b, c, a; write key = \"subject\" in one of them";
    assert_eq!(lines(&mistakes), [format!("registers/a.toml:3: `key` = \"b.street\" {what}")]);
}

#[test]
fn two_sources_that_have_no_order_are_said_with_their_names() {
    let seen = said(&[
        (CARS, "id = \"plate\"", "id = \"street\""),
        (MOVE, "[\"homes.street\"]", "[\"street\"]"),
    ]);
    let what = "24: \"street\" has 2 sources and no order; write them in the order in which they \
                are tried: \"cars.street\", \"homes.street\"";
    assert_eq!(seen, [in_file(MOVE, what)]);
}

#[test]
fn a_second_view_for_citizens_themselves_is_said() {
    let own = "version = 1\nchannel = \"self\"";
    let mut sources = edited(&[("procedures/stay.toml", "version = 1", own)]);
    let again = sources.iter().find(|source| source.path == "procedures/stay.toml").unwrap();
    let text = again.text.replace("id = \"stay\"", "id = \"still\"");
    sources.push(Source { path: "procedures/still.toml".to_owned(), text });
    let mistakes = lines(&Catalogue::compile(&sources).unwrap_err());
    assert_eq!(mistakes, ["procedures/still.toml:1: `stay` is the citizens' own view already"]);
}

#[test]
fn a_company_has_one_view_of_its_own_which_shows_what_is_its() {
    let path = "procedures/firm.toml";
    let label = "label = { fr = \"a\", de = \"b\", en = \"c\", lb = \"d\" }\n";
    let register = format!(
        "id = \"firms\"\n{label}of = \"any\"\nkey = \"subject\"\n[request]\npath = \"/{{key}}\"\n\
         [answer]\nabout = \"/id\"\n[[attribute]]\nid = \"name\"\n{label}type = \"text\"\n\
         at = \"/name\"\n[[attribute]]\nid = \"list\"\n{label}type = \"texts\"\nat = \"/list\"\n\
         lists = \"legal\"\n"
    );
    let view = |name: &str, role: &str| {
        format!(
            "id = \"{name}\"\nversion = 1\nowner = \"office\"\n{label}purpose = \"p\"\n\
             legal-basis = \"l\"\nchannel = \"self\"\n[[role]]\nid = \"applicant\"\n\
             is = \"natural\"\n[[role]]\nid = \"company\"\nis = \"legal\"\n\
             listed-in = \"applicant:firms.list\"\n[[step]]\nid = \"s\"\n{label}\
             [[step.field]]\nid = \"name\"\nrole = \"{role}\"\nfrom = [\"firms.name\"]\n"
        )
    };
    let owner = edited(&[]).iter().find_map(|source| {
        let line = source.text.lines().find(|line| line.starts_with("owner = "))?;
        Some(line.to_owned())
    });
    let owner = owner.expect("some form has one");
    let compiled = |views: &[(&str, &str)]| {
        let mut sources = edited(&[]);
        let file = |path: String, text: String| Source { path, text };
        sources.push(file("registers/firms.toml".to_owned(), register.clone()));
        sources.extend(views.iter().map(|(name, role)| {
            let text = view(name, role).replace("owner = \"office\"", &owner);
            file(format!("procedures/{name}.toml"), text)
        }));
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        Catalogue::compile(&sources).map_err(|mistakes| lines(&mistakes))
    };
    let one = compiled(&[("firm", "company")]).unwrap();
    assert_eq!(&*one.company_view().unwrap().name, "firm");
    assert!(one.own_view().is_none());
    let two = compiled(&[("firm", "company"), ("firm2", "company")]).unwrap_err();
    assert_eq!(two, ["procedures/firm2.toml:1: `firm` is companies' own view already"]);
    let of_applicant = compiled(&[("firm", "applicant")]).unwrap_err();
    let what = "a company's own view shows what is the company's: name its role in `role`";
    assert!(of_applicant.iter().any(|it| it.starts_with(path) && it.ends_with(what)));
}

/// Entries of the ledger name it: it must be read, whatever is demanded since.
#[test]
fn a_catalogue_that_was_in_force_is_read_without_a_review() {
    let sources = edited(&[
        (CITY, ", \"homes.street\"", ""),
        (PEOPLE, "timeout = \"2s\"", "typical = \"2s\""),
    ]);
    assert_eq!(Catalogue::compile(&sources).unwrap_err().len(), 4);
    let heading = |source: &Source| format!("#:: {}\n{}\n", source.path, source.text);
    Catalogue::from_text(&sources.iter().map(heading).collect::<String>()).unwrap();
}

#[test]
fn what_is_no_file_of_a_catalogue_is_said() {
    for path in
        ["notes.toml", "registers/notes.md", "deep/registers/x.toml", "registers/a\n#:: b.toml"]
    {
        let mut sources = edited(&[]);
        sources.push(Source { path: path.to_owned(), text: String::new() });
        let what = "a catalogue holds organisations.toml or organisations/*.toml, registers/*.toml \
                    and procedures/*.toml";
        let mistakes = Catalogue::compile(&sources).unwrap_err();
        assert_eq!(lines(&mistakes), [format!("{path}:1: {what}")]);
    }
}

#[test]
fn a_file_in_a_folder_within_the_folders_is_said() {
    let deep =
        |file: &Source| Source { path: "registers/old/homes.toml".to_owned(), ..file.clone() };
    let mut sources = edited(&[]);
    sources[2] = deep(&sources[2]);
    let what = "a catalogue holds organisations.toml or organisations/*.toml, registers/*.toml and \
                procedures/*.toml, and no folders within these";
    let mistakes = Catalogue::compile(&sources).unwrap_err();
    assert_eq!(lines(&mistakes), [format!("registers/old/homes.toml:1: {what}")]);
}

#[test]
fn a_register_whose_file_is_missing_is_said_once_in_each_file() {
    let mut sources = edited(&[]);
    sources.retain(|source| source.path != PEOPLE);
    let mistakes = Catalogue::compile(&sources).unwrap_err();
    let what = "unknown register `people`; known are cars, homes";
    let own = "unknown register `people`; known are cars, homes, space";
    let expected = [
        format!("{CITY}:8: {own}"),
        format!("{MOVE}:13: {own}"),
        format!("procedures/stay.toml:18: {own}"),
        format!("{HOMES}:3: {what}"),
    ];
    assert_eq!(lines(&mistakes), expected);
}

#[test]
fn a_file_that_is_no_utf_8_is_one_mistake_where_its_first_bad_byte_is() {
    let mut bytes = FILES[1].1.replace("/home", "/höme").into_bytes();
    let (whole, mistake) = Source::from_bytes(PEOPLE.to_owned(), bytes.clone());
    assert_eq!((whole.text.as_bytes(), mistake), (&*bytes, None));
    let bad = bytes.iter().position(|byte| !byte.is_ascii()).unwrap();
    bytes.remove(bad);
    let (source, mistake) = Source::from_bytes(PEOPLE.to_owned(), bytes);
    let what = "byte 9 of this line is no UTF-8; save the file as UTF-8";
    assert_eq!(mistake.unwrap().to_string(), format!("{PEOPLE}:16: {what}"));
    // Its other lines, and other files, are checked as if nothing were wrong.
    let mut sources = edited(&[]);
    sources[1] = source;
    Catalogue::compile(&sources).unwrap();
}

#[test]
fn a_catalogue_without_organisations_says_so_once() {
    let mut sources = edited(&[]);
    sources.retain(|source| source.path != CITY);
    let mistakes = lines(&Catalogue::compile(&sources).unwrap_err());
    let what = "a catalogue needs at least one file organisations.toml or organisations/*.toml";
    assert_eq!(mistakes, [format!("organisations:1: {what}")]);
}

/// What depends on nothing that is wrong is checked as if nothing were.
#[test]
fn a_mistake_in_the_head_of_a_procedure_hides_none_further_down() {
    let below = [
        (MOVE, "from = [\"homes.street\"]", "from = [\"homes.road\", \"nowhere.road\"]"),
        (MOVE, "listed-in = \"applicant:people.children\"", ""),
        (MOVE, "role = \"child\"", "role = \"kid\""),
        (
            MOVE,
            "[[step]]",
            "[[notice]]\ncode = \"n\"\n\
             text = { fr = \"a\", de = \"b\", en = \"c\", lb = \"d\" }\n\
             when = [{ field = \"gone\", past = true }]\n[[step]]",
        ),
    ];
    let expected = said(&below);
    assert_eq!(expected.len(), 5, "{expected:?}");
    let heads = [
        ("id = \"move\"", "id = 1"),
        ("version = 1", "version = \"1\""),
        ("owner = \"city\"", "owner = 1"),
        ("owner = \"city\"", "owner = \"town\""),
        ("purpose = \"Move house\"", "purpose = 1"),
        ("legal-basis = \"A law\"", "legal-basis = 1"),
        ("legal-basis = \"A law\"", "legal-basis = \"A law\"; deadline = \"soon\""),
    ];
    for (right, wrong) in heads {
        let edits: Vec<_> = [(MOVE, right, wrong)].into_iter().chain(below).collect();
        let seen = said(&edits);
        assert_eq!(seen.len(), expected.len() + 1, "{wrong}: {seen:?}");
        assert!(expected.iter().all(|mistake| seen.contains(mistake)), "{wrong}: {seen:?}");
    }
}

#[test]
fn a_catalogue_without_procedures_fills_nothing() {
    let mut sources = edited(&[]);
    sources.retain(|source| !source.path.starts_with("procedures/"));
    let mistakes = lines(&Catalogue::compile(&sources).unwrap_err());
    assert_eq!(mistakes, ["procedures:1: a catalogue needs at least one file procedures/*.toml"]);
}

#[test]
fn the_limits_of_a_register_and_a_procedure_are_said_where_they_are_passed() {
    let attribute =
        |n| format!("[[attribute]]\nid = \"more{n}\"\ntype = \"text\"\nat = \"/more\"\n");
    let attributes: String = (0..64).map(attribute).collect();
    let attributes = attributes + "[[attribute]]";
    let most = in_file(CARS, "1: a register has at most 64 attributes");
    assert_eq!(said(&[(CARS, "[[attribute]]", &attributes)]), [most]);

    let field = |n| {
        let label = "label = { fr = \"a\", de = \"b\", en = \"c\", lb = \"d\" }";
        format!("[[step.field]]\nid = \"more{n}\"\n{label}\nfrom = [\"homes.street\"]\n")
    };
    let fields: String = (0..127).map(field).collect();
    assert_eq!(
        said(&[(MOVE, "[[step.field]]", &(fields + "[[step.field]]"))]),
        [in_file(MOVE, "534: a procedure has at most 128 fields")]
    );
    let fields: String = (0..126).map(field).collect();
    let last = "534: a procedure has at most 128 sources of fields in all";
    assert_eq!(
        said(&[(MOVE, "[[step.field]]", &(fields + "[[step.field]]"))]),
        [in_file(MOVE, last)]
    );

    let roles: String = (0..3)
        .map(|n| format!("[[role]]\nid = \"more{n}\"\nlisted-in = \"applicant:people.children\"\nminor = true\n"))
        .collect();
    assert_eq!(
        said(&[(MOVE, "[[step]]", &(roles + "[[step]]"))]),
        [in_file(MOVE, "24: a procedure has at most 4 roles")]
    );
}

#[test]
fn a_procedure_makes_a_bounded_number_of_calls() {
    let register = |n| {
        let text = FILES[2].1.replace("homes", &format!("r{n}")).replace("people.home", "subject");
        Source { path: format!("registers/r{n}.toml"), text }
    };
    let from = |count| {
        let names: Vec<_> = (0..count).map(|n| format!("\"r{n}.street\"")).collect();
        format!("[\"people.home\", {}]", names.join(", "))
    };
    let compile = |count| {
        let mut sources = edited(&[
            (MOVE, "[\"homes.street\"]", &from(count)),
            (MOVE, "[\"homes.street\", \"people.home\"]", "[\"people.home\"]"),
            (
                CITY,
                "[\"people.*\", \"homes.street\"]",
                &from(count).replace("people.home", "people.*"),
            ),
        ]);
        sources.extend((0..count).map(register));
        Catalogue::compile(&sources).map(|_| ()).map_err(|mistakes| lines(&mistakes))
    };
    // Two about the child and one about the applicant come with the procedure.
    assert_eq!(compile(30), Ok(()));
    let what = "procedures/move.toml:30: a procedure makes at most 32 register calls";
    assert_eq!(compile(31), Err(vec![what.to_owned()]));
}
