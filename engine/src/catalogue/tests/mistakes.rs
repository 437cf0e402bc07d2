//! Every mistake that the compiler can report, with its file and line.

use super::super::{Catalogue, Mistake, Source};

const CITY: &str = "organisations.toml";
const PEOPLE: &str = "registers/people.toml";
const HOMES: &str = "registers/homes.toml";
const CARS: &str = "registers/cars.toml";
const MOVE: &str = "procedures/move.toml";

/// A small catalogue without a mistake; each row of the tables breaks it.
const FILES: [(&str, &str); 5] = [
    (
        CITY,
        r#"[[organisation]]
id = "city"
label = { fr = "a", de = "b", en = "c", lb = "d" }
acts-for = ["city"]

[[organisation.authority]]
procedures = ["move"]
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

fn lines(mistakes: &[Mistake]) -> Vec<String> {
    mistakes.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn check(edits: &[Edit<'_>], expected: &[&str]) {
    let mistakes = Catalogue::compile(&edited(edits)).map(|_| ()).unwrap_err();
    assert_eq!(lines(&mistakes), expected);
}

/// One edit of one file, and what is said of it.
#[track_caller]
fn one(file: &str, from: &str, to: &str, expected: &str) {
    check(&[(file, from, to)], &[&format!("{file}:{expected}")]);
}

/// One edit of one file, and what is said of that file. What is said of others
/// that name something in it is left out.
#[track_caller]
fn own(file: &str, from: &str, to: &str, expected: &str) {
    let mistakes = Catalogue::compile(&edited(&[(file, from, to)])).map(|_| ()).unwrap_err();
    let own: Vec<_> = mistakes.into_iter().filter(|mistake| mistake.file == file).collect();
    assert_eq!(lines(&own), [format!("{file}:{expected}")]);
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
    check(
        &edits,
        &[
            &format!("organisations.toml:4: {unknown}"),
            "organisations.toml:7: unknown procedure \"move\"",
            "procedures/move.toml:2: `version` = 0 must be a whole number from 1 to 4294967295",
            "procedures/move.toml:14: `minor` must be true or false, not integer",
            "registers/cars.toml:4: `batch` = 0 must be a whole number from 1 to 1000",
        ],
    );
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
    let expected = "registers/a.toml:3: `key` = \"b.street\" needs this register's own answer: a cycle among keys";
    assert_eq!(lines(&mistakes), [expected]);
}

#[test]
fn what_is_no_file_of_a_catalogue_is_said() {
    for path in
        ["notes.toml", "registers/notes.md", "deep/registers/x.toml", "registers/a\n#:: b.toml"]
    {
        let mut sources = edited(&[]);
        sources.push(Source { path: path.to_owned(), text: String::new() });
        let what = "a catalogue holds organisations.toml, registers/*.toml and procedures/*.toml";
        let mistakes = Catalogue::compile(&sources).unwrap_err();
        assert_eq!(lines(&mistakes), [format!("{path}:1: {what}")]);
    }
}

#[test]
fn a_catalogue_without_procedures_or_a_procedure_without_fields_fills_nothing() {
    let mut sources = edited(&[]);
    sources.retain(|source| source.path != MOVE);
    sources[0].text = sources[0].text.replace("\"move\"", "\"*\"");
    let mistakes = lines(&Catalogue::compile(&sources).unwrap_err());
    assert_eq!(mistakes[0], "organisations.toml:7: unknown procedure \"*\"");
    let alone = sources[0].text.split("[[organisation.authority]]").next().unwrap().to_owned();
    sources[0].text = alone;
    let mistakes = lines(&Catalogue::compile(&sources).unwrap_err());
    assert_eq!(mistakes, ["procedures:1: a catalogue needs at least one file procedures/*.toml"]);
    let steps = &FILES[4].1[FILES[4].1.find("[[step]]").unwrap()..];
    own(MOVE, steps, "", "1: a procedure needs a [[step]] with a [[step.field]]");
}

#[test]
fn the_limits_of_a_register_and_a_procedure_are_said_where_they_are_passed() {
    let attribute =
        |n| format!("[[attribute]]\nid = \"more{n}\"\ntype = \"text\"\nat = \"/more\"\n");
    let attributes: String = (0..63).map(attribute).collect();
    own(
        PEOPLE,
        "[[attribute]]",
        &(attributes + "[[attribute]]"),
        "1: a register has at most 64 attributes",
    );

    let field = |n| {
        let label = "label = { fr = \"a\", de = \"b\", en = \"c\", lb = \"d\" }";
        format!("[[step.field]]\nid = \"more{n}\"\n{label}\nfrom = [\"homes.street\"]\n")
    };
    let fields: String = (0..127).map(field).collect();
    own(
        MOVE,
        "[[step.field]]",
        &(fields + "[[step.field]]"),
        "534: a procedure has at most 128 fields",
    );
    let fields: String = (0..126).map(field).collect();
    let last = "534: a procedure has at most 128 sources of fields in all";
    own(MOVE, "[[step.field]]", &(fields + "[[step.field]]"), last);

    let roles: String = (0..3)
        .map(|n| format!("[[role]]\nid = \"more{n}\"\nlisted-in = \"applicant:people.children\"\n"))
        .collect();
    own(MOVE, "[[step]]", &(roles + "[[step]]"), "22: a procedure has at most 4 roles");
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
        ]);
        sources.extend((0..count).map(register));
        Catalogue::compile(&sources).map(|_| ()).map_err(|mistakes| lines(&mistakes))
    };
    // Two about the child and one about the applicant come with the procedure.
    assert_eq!(compile(30), Ok(()));
    let what = "procedures/move.toml:30: a procedure makes at most 32 register calls";
    assert_eq!(compile(31), Err(vec![what.to_owned()]));
}

#[test]
fn what_does_not_parse_is_said_with_its_line() {
    one(
        PEOPLE,
        r#"key = "subject""#,
        "key = subject",
        "3: string values must be quoted, expected literal string",
    );
    one(PEOPLE, r#"at = "/home""#, r#"at = "/home"#, r#"16: invalid basic string, expected `"`"#);
    one(MOVE, "version = 1", "version = 1\nversion = 2", "3: duplicate key");
}

#[test]
fn keys_that_nobody_reads_are_said() {
    one(
        PEOPLE,
        "timeout",
        "time-out",
        "4: unknown key `time-out`; known are answer, ask, attribute, batch, body-max, connections, grain, id, key, label, of, preference, request, share, timeout, ttl, waiting",
    );
    one(
        PEOPLE,
        "[request]\n",
        "[request]\nverb = \"GET\"\n",
        "7: unknown key `verb`; known are body, headers, method, path",
    );
    one(
        PEOPLE,
        r#"about = "/id""#,
        "about = \"/id\"\nabuot = \"/id\"",
        "12: unknown key `abuot`; known are about, elements, error-header, leaf, updated",
    );
    one(
        PEOPLE,
        r#"at = "/home""#,
        "at = \"/home\"\nup = \"/home\"",
        "17: unknown key `up`; known are ask-as, at, each, id, review, type",
    );
    one(
        CARS,
        r#"value = ["value"]"#,
        "value = [\"value\"]\nvalues = 1",
        "17: unknown key `values`; known are unavailable, updated, value",
    );
    one(
        MOVE,
        "version = 1",
        "version = 1\nauthor = \"me\"",
        "3: unknown key `author`; known are back-office-consent, id, label, legal-basis, owner, purpose, role, step, version",
    );
    one(
        MOVE,
        "minor = true",
        "major = true",
        "14: unknown key `major`; known are id, is, listed-in, minor",
    );
    one(
        MOVE,
        "[[step]]\n",
        "[[step]]\nnumber = 1\n",
        "17: unknown key `number`; known are field, id, label",
    );
    one(
        MOVE,
        r#"role = "child""#,
        r#"roll = "child""#,
        "29: unknown key `roll`; known are back-office, editable, from, id, label, max-age, required, role, type",
    );
    one(
        CITY,
        "acts-for",
        "act-for",
        "4: unknown key `act-for`; known are acts-for, authority, id, label",
    );
    one(
        CITY,
        "[[organisation.authority]]\n",
        "[[organisation.authority]]\nforms = 1\n",
        "7: unknown key `forms`; known are attributes, procedures",
    );
    one(
        CITY,
        r#"lb = "d""#,
        r#"lb = "d", pt = "e""#,
        "3: unknown key `pt`; known are de, en, fr, lb",
    );
}

#[test]
fn what_is_missing_is_said_with_an_example() {
    own(PEOPLE, "id = \"people\"\n", "", r#"1: `id` is missing; write id = "a-name""#);
    one(
        PEOPLE,
        "label = { fr = \"a\", de = \"b\", en = \"c\", lb = \"d\" }\n",
        "",
        r#"1: `label` is missing; write label = { fr = "..", de = "..", en = "..", lb = ".." }"#,
    );
    one(PEOPLE, r#", lb = "d""#, "", r#"2: `lb` is missing; write lb = "..""#);
    own(
        PEOPLE,
        "key = \"subject\"\n",
        "",
        r#"1: `key` is missing; write key = "subject" or "register.attribute""#,
    );
    own(
        PEOPLE,
        "about = \"/id\"\n",
        "",
        r#"10: `about` is missing; write about = "/pointer/to/the/key""#,
    );
    own(PEOPLE, "id = \"home\"\n", "", r#"13: `id` is missing; write id = "a-name""#);
    own(PEOPLE, "type = \"text\"\n", "", r#"13: `type` is missing; write type = "text""#);
    own(PEOPLE, "at = \"/home\"\n", "", r#"13: `at` is missing; write at = "/pointer""#);
    own(
        PEOPLE,
        "path = \"/people/{key}?fields={fields}\"\n",
        "",
        r#"6: `path` is missing; write path = "/path/{key}""#,
    );
    own(MOVE, "version = 1\n", "", "1: `version` is missing; write version = 1");
    own(
        MOVE,
        "owner = \"city\"\n",
        "",
        r#"1: `owner` is missing; write owner = "an-organisation""#,
    );
    own(
        MOVE,
        "purpose = \"Move house\"\n",
        "",
        r#"1: `purpose` is missing; write purpose = "Why the data is needed""#,
    );
    own(
        MOVE,
        "legal-basis = \"A law\"\n",
        "",
        r#"1: `legal-basis` is missing; write legal-basis = "The law that says so""#,
    );
    one(
        MOVE,
        "from = [\"homes.street\"]\n",
        "",
        r#"20: nobody can fill this field; write from = ["register.attribute"]"#,
    );
    one(MOVE, "id = \"street\"\n", "", r#"20: `id` is missing; write id = "a-name""#);
    check(
        &[(CITY, "id = \"city\"\n", "")],
        &[
            r#"organisations.toml:1: `id` is missing; write id = "a-name""#,
            "organisations.toml:1: a file of organisations needs at least one [[organisation]]",
            r#"procedures/move.toml:3: unknown organisation "city""#,
        ],
    );
    one(CITY, "procedures = [\"move\"]\n", "", r#"6: `procedures` must name at least one, or "*""#);
    one(
        CITY,
        "attributes = [\"people.*\", \"homes.street\"]\n",
        "attributes = []\n",
        r#"6: `attributes` must name at least one, or "*""#,
    );
}

#[test]
fn a_value_of_another_type_is_said_with_the_type_it_must_have() {
    own(PEOPLE, r#"key = "subject""#, "key = 3", "3: `key` must be a text, not integer");
    one(PEOPLE, r#"timeout = "2s""#, "timeout = 2", "4: `timeout` must be a text, not integer");
    one(
        PEOPLE,
        r#"timeout = "2s""#,
        r#"preference = "yes""#,
        "4: `preference` must be true or false, not string",
    );
    one(
        PEOPLE,
        r#"timeout = "2s""#,
        r#"connections = "32""#,
        "4: `connections` must be a whole number from 1 to 1024, not string",
    );
    one(
        PEOPLE,
        "[request]",
        "request2 = 1\n[request]",
        "6: unknown key `request2`; known are answer, ask, attribute, batch, body-max, connections, grain, id, key, label, of, preference, request, share, timeout, ttl, waiting",
    );
    check(
        &[(CARS, r#"value = ["value"]"#, r#"value = "value""#)],
        &[
            "registers/cars.toml:15: `value` names the members that may hold the value",
            "registers/cars.toml:16: `value` must be a list of texts, not string",
        ],
    );
    check(
        &[(CARS, r#"value = ["value"]"#, "value = [1]")],
        &[
            "registers/cars.toml:15: `value` names the members that may hold the value",
            "registers/cars.toml:16: `value` must be a list of texts, not integer",
        ],
    );
    one(
        CARS,
        r#"value = ["value"]"#,
        "value = []",
        "15: `value` names the members that may hold the value",
    );
    one(
        PEOPLE,
        r#"{ x-id = "{disclosure}" }"#,
        "{ x-id = 1 }",
        "8: `x-id` must be a text, not integer",
    );
    one(
        PEOPLE,
        r#"{ x-id = "{disclosure}" }"#,
        r#""x-id""#,
        "8: `headers` must be a table, not string",
    );
    one(
        PEOPLE,
        r#"label = { fr = "a", de = "b", en = "c", lb = "d" }"#,
        r#"label = "people""#,
        "2: `label` must be a table, not string",
    );
    check(
        &[(MOVE, r#"from = ["homes.street"]"#, r#"from = "homes.street""#)],
        &[
            r#"procedures/move.toml:20: nobody can fill this field; write from = ["register.attribute"]"#,
            "procedures/move.toml:24: `from` must be a list of texts, not string",
        ],
    );
    check(
        &[(
            MOVE,
            "[[role]]\nid = \"applicant\"\n\n[[role]]\nid = \"child\"\nlisted-in = \"applicant:people.children\"\nminor = true",
            "[role]\nid = \"applicant\"",
        )],
        &[
            r#"procedures/move.toml:1: the first [[role]] must be id = "applicant", is = "natural""#,
            "procedures/move.toml:8: `role` must be a list of tables, not table",
            "procedures/move.toml:24: there is no role `child` in this procedure",
        ],
    );
}

#[test]
fn a_value_out_of_its_range_is_said() {
    one(PEOPLE, r#"timeout = "2s""#, r#"timeout = "0s""#, "4: `timeout` must be more than zero");
    one(PEOPLE, r#"timeout = "2s""#, r#"timeout = "31s""#, "4: `timeout` is at most 30 s");
    one(
        PEOPLE,
        r#"timeout = "2s""#,
        r#"timeout = "2 s""#,
        r#"4: `timeout` = "2 s" must be a whole number and ms, s, m, h or d, such as "15m""#,
    );
    one(
        PEOPLE,
        r#"timeout = "2s""#,
        r#"timeout = "2""#,
        r#"4: `timeout` = "2" must be a whole number and ms, s, m, h or d, such as "15m""#,
    );
    one(
        PEOPLE,
        r#"timeout = "2s""#,
        r#"timeout = "99999999999999999999s""#,
        r#"4: `timeout` = "99999999999999999999s" must be a whole number and ms, s, m, h or d, such as "15m""#,
    );
    one(PEOPLE, r#"timeout = "2s""#, r#"ttl = "25h""#, "4: `ttl` is at most 86400 s");
    one(PEOPLE, r#"timeout = "2s""#, r#"grain = "2d""#, "4: `grain` is at most 86400 s");
    one(
        PEOPLE,
        r#"timeout = "2s""#,
        "connections = 0",
        "4: `connections` = 0 must be a whole number from 1 to 1024",
    );
    one(
        PEOPLE,
        r#"timeout = "2s""#,
        "waiting = -1",
        "4: `waiting` = -1 must be a whole number from 0 to 65536",
    );
    one(
        PEOPLE,
        r#"timeout = "2s""#,
        "body-max = 1000",
        "4: `body-max` = 1000 must be a whole number from 1024 to 16777216",
    );
    one(
        PEOPLE,
        r#"timeout = "2s""#,
        r#"share = "all""#,
        r#"4: `share` = "all" must be one of "any", "organisation", "call""#,
    );
    one(
        PEOPLE,
        r#"timeout = "2s""#,
        r#"ask = "some""#,
        r#"4: `ask` = "some" must be one of "all", "needed""#,
    );
    one(
        PEOPLE,
        r#"timeout = "2s""#,
        r#"of = "plants""#,
        r#"4: `of` = "plants" must be one of "natural", "legal""#,
    );
    own(
        PEOPLE,
        r#"type = "text""#,
        r#"type = "string""#,
        r#"15: `type` = "string" must be one of "text", "date", "integer", "boolean", "texts""#,
    );
    one(
        PEOPLE,
        "path = ",
        "method = \"PUT\"\npath = ",
        r#"7: `method` = "PUT" must be one of "GET", "POST""#,
    );
    one(
        CARS,
        "batch = 20",
        "batch = 1001",
        "4: `batch` = 1001 must be a whole number from 1 to 1000",
    );
    own(
        MOVE,
        "version = 1",
        "version = 0",
        "2: `version` = 0 must be a whole number from 1 to 4294967295",
    );
    one(
        MOVE,
        "version = 1",
        "back-office-consent = \"none\"\nversion = 1",
        r#"2: `back-office-consent` = "none" must be one of "reuse-consent", "not-required""#,
    );
    one(
        MOVE,
        r#"type = "text""#,
        r#"max-age = "never""#,
        r#"23: `max-age` = "never" must be a whole number and ms, s, m, h or d, such as "15m""#,
    );
}

#[test]
fn a_name_is_letters_digits_and_hyphens() {
    own(
        PEOPLE,
        r#"id = "people""#,
        r#"id = "peo ple""#,
        r#"1: `id` = "peo ple" must be letters, digits and hyphens, a letter first, 64 at most"#,
    );
    own(
        PEOPLE,
        r#"id = "home""#,
        r#"id = "1home""#,
        r#"14: `id` = "1home" must be letters, digits and hyphens, a letter first, 64 at most"#,
    );
    one(
        MOVE,
        r#"id = "street""#,
        r#"id = "street\"quoted""#,
        r#"21: `id` = "street"quoted" must be letters, digits and hyphens, a letter first, 64 at most"#,
    );
    one(
        MOVE,
        r#"id = "street""#,
        r#"id = """#,
        r#"21: `id` = "" must be letters, digits and hyphens, a letter first, 64 at most"#,
    );
    one(
        MOVE,
        r#"id = "street""#,
        r#"id = "straße""#,
        r#"21: `id` = "straße" must be letters, digits and hyphens, a letter first, 64 at most"#,
    );
    own(
        MOVE,
        r#"id = "move""#,
        r#"id = "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm""#,
        r#"1: `id` = "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm" must be letters, digits and hyphens, a letter first, 64 at most"#,
    );
}

#[test]
fn names_stand_for_one_thing_only() {
    own(HOMES, r#"id = "homes""#, r#"id = "cars""#, r#"1: there is an id = "cars" already"#);
    own(PEOPLE, r#"id = "children""#, r#"id = "home""#, "19: there is an attribute `home` already");
    check(
        &[(MOVE, r#"id = "child""#, r#"id = "applicant""#)],
        &[
            "procedures/move.toml:12: there is a role `applicant` already",
            "procedures/move.toml:29: there is no role `child` in this procedure",
        ],
    );
    one(MOVE, r#"id = "childStreet""#, r#"id = "street""#, "26: there is a field `street` already");
    one(
        CITY,
        "[[organisation]]",
        "[[organisation]]\nid = \"city\"\nlabel = { fr = \"a\", de = \"b\", en = \"c\", lb = \"d\" }\n[[organisation]]",
        r#"4: there is an id = "city" already"#,
    );
    one(
        MOVE,
        r#"from = ["homes.street"]"#,
        r#"from = ["homes.street", "homes.street"]"#,
        "24: this source is listed twice",
    );
}

#[test]
fn a_reference_to_nothing_is_said_with_what_there_is() {
    one(
        HOMES,
        "people.home",
        "people.house",
        r#"3: unknown attribute "people.house"; people has home, children"#,
    );
    one(
        HOMES,
        "people.home",
        "persons.home",
        r#"3: unknown register in "persons.home"; known are cars, homes, people"#,
    );
    one(HOMES, "people.home", "home", r#"3: "home" must be "register.attribute""#);
    own(MOVE, r#"owner = "city""#, r#"owner = "town""#, r#"3: unknown organisation "town""#);
    one(
        MOVE,
        r#"from = ["homes.street"]"#,
        r#"from = ["homes.road"]"#,
        r#"24: unknown attribute "homes.road"; homes has street"#,
    );
    one(
        MOVE,
        r#"from = ["homes.street"]"#,
        r#"from = ["houses.street"]"#,
        r#"24: unknown register in "houses.street"; known are cars, homes, people"#,
    );
    one(
        MOVE,
        r#"role = "child""#,
        r#"role = "parent""#,
        "29: there is no role `parent` in this procedure",
    );
    one(
        MOVE,
        "people.children",
        "people.kids",
        r#"13: unknown attribute "people.kids"; people has home, children"#,
    );
    one(
        CITY,
        r#"["people.*""#,
        r#"["persons.*""#,
        r#"8: unknown register in "persons.*"; known are cars, homes, people"#,
    );
    one(
        CITY,
        "homes.street",
        "homes.road",
        r#"8: unknown attribute "homes.road"; homes has street"#,
    );
    one(
        CITY,
        r#"procedures = ["move"]"#,
        r#"procedures = ["stay"]"#,
        r#"7: unknown procedure "stay""#,
    );
    one(
        CITY,
        r#"acts-for = ["city"]"#,
        r#"acts-for = ["town"]"#,
        r#"4: unknown organisation "town""#,
    );
}

#[test]
fn a_template_has_known_places_where_they_can_stand() {
    one(
        PEOPLE,
        "?fields={fields}",
        "?fields={attributes}",
        "7: unknown place {attributes}; known are {key} {keys} {fields} {disclosure} {organisation} {procedure}",
    );
    one(PEOPLE, "/people/{key}", "people/{key}", "7: `path` must start with /");
    one(PEOPLE, "/people/{key}", "/people", "7: the path of a GET must contain {key}");
    one(PEOPLE, "/people/{key}", "/people/{key}/{keys}", "7: {keys} stands in a body only");
    one(PEOPLE, "[answer]", "body = \"{keys}\"\n[answer]", "6: a GET has no `body`");
    check(
        &[(CARS, "body = '{\"holders\":{keys}}'\n", "")],
        &[
            "registers/cars.toml:4: `batch` needs a POST whose body contains {keys}",
            "registers/cars.toml:6: a POST needs a `body`",
        ],
    );
    check(
        &[(CARS, "{keys}", "[]")],
        &[
            "registers/cars.toml:4: `batch` needs a POST whose body contains {keys}",
            "registers/cars.toml:9: the body of a POST must contain {keys} or {key}",
        ],
    );
    one(CARS, "{keys}", "[{key}]", "4: `batch` needs a POST whose body contains {keys}");
    one(PEOPLE, "x-id", r#""x id""#, "8: `x id` is not a header's name");
    one(
        PEOPLE,
        r#""{disclosure}""#,
        r#""é{disclosure}""#,
        "8: the value of `x-id` must be visible ASCII",
    );
    one(PEOPLE, r#""{disclosure}""#, r#""a\nb""#, "8: the value of `x-id` must be visible ASCII");
    one(
        HOMES,
        r#"error-header = "x-error""#,
        r#"error-header = "x:error""#,
        "10: `x:error` is not a header's name",
    );
    check(
        &[(PEOPLE, "[request]", "batch = 2\n[request]")],
        &[
            "registers/people.toml:6: `batch` needs a POST whose body contains {keys}",
            "registers/people.toml:11: a register that takes a batch needs `elements`",
        ],
    );
}

#[test]
fn an_answer_is_described_by_json_pointers() {
    own(
        PEOPLE,
        r#"about = "/id""#,
        r#"about = "id""#,
        r#"11: `about` = "id" must be a JSON pointer such as "/person/name""#,
    );
    own(
        PEOPLE,
        r#"at = "/home""#,
        r#"at = "home""#,
        r#"16: `at` = "home" must be a JSON pointer such as "/person/name""#,
    );
    one(
        PEOPLE,
        r#"at = "/home""#,
        "at = \"/home\"\nreview = \"doubt\"",
        r#"17: `review` = "doubt" must be a JSON pointer such as "/person/name""#,
    );
    one(
        PEOPLE,
        r#"at = "/children""#,
        "at = \"/children\"\neach = \"\"",
        r#"22: `each` = "" must be a JSON pointer such as "/person/name""#,
    );
    check(
        &[(CARS, r#"elements = "/cars""#, r#"elements = "cars""#)],
        &[
            "registers/cars.toml:11: a register that takes a batch needs `elements`",
            r#"registers/cars.toml:12: `elements` = "cars" must be a JSON pointer such as "/person/name""#,
        ],
    );
    one(CARS, "elements = \"/cars\"\n", "", "11: a register that takes a batch needs `elements`");
    one(
        PEOPLE,
        r#"about = "/id""#,
        "about = \"/id\"\nupdated = \"date\"",
        r#"12: `updated` = "date" must be a JSON pointer such as "/person/name""#,
    );
}

#[test]
fn a_register_has_a_request_an_answer_and_attributes() {
    own(HOMES, "[request]\npath = \"/homes/{key}\"\n", "", "1: the table [request] is missing");
    own(
        HOMES,
        "[answer]\nabout = \"/id\"\nerror-header = \"x-error\"\n",
        "",
        "1: the table [answer] is missing",
    );
    own(
        HOMES,
        "[[attribute]]\nid = \"street\"\ntype = \"text\"\nat = \"/street\"\n",
        "",
        "1: a register needs at least one [[attribute]]",
    );
}

#[test]
fn a_key_is_a_text_of_a_register_that_does_not_need_it() {
    check(
        &[(PEOPLE, r#"key = "subject""#, r#"key = "homes.street""#)],
        &[
            r#"registers/homes.toml:3: `key` = "people.home" needs this register's own answer: a cycle among keys"#,
        ],
    );
    one(
        PEOPLE,
        r#"key = "subject""#,
        r#"key = "people.home""#,
        r#"3: `key` = "people.home" needs this register's own answer: a cycle among keys"#,
    );
    one(
        HOMES,
        "people.home",
        "people.children",
        r#"3: `key` = "people.children" must name an attribute of type text"#,
    );
    own(
        HOMES,
        "key =",
        "of = \"legal\"\nkey =",
        r#"4: `key` = "people.home" must name a register `of` the same subjects"#,
    );
}

#[test]
fn a_field_is_of_the_type_and_the_subjects_of_its_sources() {
    one(
        MOVE,
        r#"type = "text""#,
        r#"type = "date""#,
        "24: field `street` is of type date, but homes.street is of type text",
    );
    one(
        MOVE,
        r#"from = ["homes.street"]"#,
        r#"from = ["people.children"]"#,
        "24: field `street` is of type text, but people.children is of type texts",
    );
    check(
        &[(MOVE, r#"id = "child""#, "id = \"child\"\nis = \"legal\"")],
        &[
            "procedures/move.toml:31: homes does not know subjects such as `child`",
            "procedures/move.toml:31: people does not know subjects such as `child`",
        ],
    );
}

#[test]
fn a_role_has_a_relation_to_one_above_it() {
    one(
        MOVE,
        "listed-in = \"applicant:people.children\"\n",
        "",
        r#"11: role `child` has no relation to the applicant; write listed-in = "applicant:register.attribute""#,
    );
    one(
        MOVE,
        "applicant:people.children",
        "child:people.children",
        r#"13: `listed-in` must be "role:register.attribute", of a role above this one"#,
    );
    one(
        MOVE,
        "applicant:people.children",
        "people.children",
        r#"13: `listed-in` must be "role:register.attribute", of a role above this one"#,
    );
    one(MOVE, "people.children", "people.home", "13: `listed-in` must name a list of identifiers");
    check(
        &[(MOVE, "[[role]]\nid = \"applicant\"", "[[role]]\nid = \"applicant\"\nis = \"legal\"")],
        &[
            r#"procedures/move.toml:1: the first [[role]] must be id = "applicant", is = "natural""#,
            "procedures/move.toml:14: people does not know subjects such as `applicant`",
            "procedures/move.toml:25: homes does not know subjects such as `applicant`",
        ],
    );
    check(
        &[(MOVE, "[[role]]\nid = \"applicant\"", "[[role]]\nid = \"citizen\"")],
        &[
            r#"procedures/move.toml:1: the first [[role]] must be id = "applicant", is = "natural""#,
            r#"procedures/move.toml:13: `listed-in` must be "role:register.attribute", of a role above this one"#,
        ],
    );
    one(
        MOVE,
        "[[role]]\nid = \"child\"\nlisted-in = \"applicant:",
        "[[role]]\nid = \"company\"\nis = \"legal\"\nlisted-in = \"applicant:people.children\"\n[[role]]\nid = \"child\"\nlisted-in = \"company:",
        "17: people does not know subjects such as `company`",
    );
    one(
        MOVE,
        "[[role]]\nid = \"applicant\"",
        "[[role]]\nid = \"applicant\"\nlisted-in = \"applicant:people.children\"",
        r#"10: `listed-in` must be "role:register.attribute", of a role above this one"#,
    );
}

#[test]
fn a_procedure_and_a_file_of_organisations_are_not_empty() {
    own(
        CITY,
        "[[organisation]]\nid = \"city\"\nlabel = { fr = \"a\", de = \"b\", en = \"c\", lb = \"d\" }\nacts-for = [\"city\"]\n\n[[organisation.authority]]\nprocedures = [\"move\"]\nattributes = [\"people.*\", \"homes.street\"]\n",
        "",
        "1: a file of organisations needs at least one [[organisation]]",
    );
}

#[test]
fn a_line_that_looks_like_a_heading_is_not_hidden_in_a_file() {
    one(
        PEOPLE,
        r#"key = "subject""#,
        "key = \"subject\"\n#:: registers/cars.toml",
        r##"4: a line cannot start with "#:: ", which stands above each file"##,
    );
    one(
        CITY,
        "[[organisation]]",
        "#:: x\n[[organisation]]",
        r##"1: a line cannot start with "#:: ", which stands above each file"##,
    );
}
