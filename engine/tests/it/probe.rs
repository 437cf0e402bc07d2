//! `engine probe` as people run it, against simulated registers.

use std::path::Path;
use std::process::{Command, Output};

use fixtures::registers::Control;
use fixtures::{Country, Fleet, Mode, Profile};

fn country() -> Country {
    Country::new(1, 1_000).expect("a population within bounds")
}

fn fleet() -> Fleet {
    Fleet::start(country(), Profile::Instant, None).expect("registers start")
}

/// The matricule of somebody ordinary: employed, with a vehicle.
fn somebody() -> String {
    country().example_adult().matricule().to_string()
}

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.env_remove("RUST_LOG").args(arguments).output().expect("the engine runs")
}

#[track_caller]
fn check(output: &Output, code: i32, said: &str) {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    assert!(out.contains(said) || err.contains(said), "no `{said}` in\n{out}{err}");
}

/// The file of a register's description.
fn described(register: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/catalogue/registers");
    folder.join(format!("{register}.toml")).to_str().expect("a path in UTF-8").to_owned()
}

/// `engine probe` of a register's description with a change, about a key.
fn probe(fleet: &Fleet, register: &str, edit: (&str, &str), key: &str) -> Output {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let text = std::fs::read_to_string(described(register)).expect("a register's file");
    assert!(text.contains(edit.0), "{register} has no {}", edit.0);
    let file = folder.path().join("register.toml");
    std::fs::write(&file, text.replacen(edit.0, edit.1, 1)).expect("a new file");
    let address = fleet.address(register).to_string();
    let file = file.to_str().expect("a path in UTF-8");
    let output = run(&["probe", file, "--key", key, "--at", &address]);
    let shown = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    assert!(!String::from_utf8_lossy(&shown).contains(key), "the key is never shown");
    output
}

#[test]
fn a_probe_finds_that_a_register_conforms_to_its_description() {
    let fleet = fleet();
    let somebody = country().example_adult();
    let key = somebody.matricule().to_string();
    for register in ["rnpp", "snca", "ccss"] {
        let output = probe(&fleet, register, ("", ""), &key);
        check(&output, 0, "the answer conforms to the description");
        check(&output, 0, "200 OK");
        check(&output, 0, "filled: a text of ");
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(!shown.contains(somebody.family_name()), "{shown}");
        assert_eq!(fleet.register(register).log().len(), 1, "exactly one call");
    }
    for register in ["cns", "acd", "aed", "driving", "adem", "cae", "education", "mandates"] {
        let output = probe(&fleet, register, ("", ""), &key);
        check(&output, 0, "the answer conforms to the description");
    }
    let address = somebody.address().id().to_string();
    check(&probe(&fleet, "caclr", ("", ""), &address), 0, "thoroughfare (text) at /address/");
    check(&probe(&fleet, "rnpp", ("", ""), "1893120105732"), 0, "not found");
}

#[test]
fn a_probe_says_where_a_register_does_not_conform() {
    let fleet = fleet();
    let key = somebody();
    let wrong = ("at = \"/person/name/family\"", "at = \"/person/name\"");
    let output = probe(&fleet, "rnpp", wrong, &key);
    let told = "familyName (text) at /person/name: does not conform: found an object with";
    check(&output, 1, told);
    let wrong = ("about = \"/person/matricule\"", "about = \"/person/name/family\"");
    check(&probe(&fleet, "rnpp", wrong, &key), 1, "is not the key asked for, but a text of");
}

#[test]
fn a_probe_without_an_answer_says_so() {
    let fleet = fleet();
    let key = somebody();
    let down = Control { mode: Mode::Maintenance, ..fleet.register("rnpp").control() };
    fleet.register("rnpp").set_control(down);
    check(&probe(&fleet, "rnpp", ("", ""), &key), 3, "a failure: maintenance, to be tried in 30 s");
    let wrong = ("path = \"/persons/", "path = \"/people/");
    check(&probe(&fleet, "rnpp", wrong, &key), 3, "a failure");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = run(&["probe", &described("rnpp"), "--key", &key, "--at", &nobody.to_string()]);
    check(&output, 3, "nobody could be reached there");
}

#[test]
fn a_probe_that_makes_no_sense_asks_nobody() {
    let fleet = fleet();
    let wrong = ("method = \"POST\"", "method = \"SHOUT\"");
    check(&probe(&fleet, "snca", wrong, "1893120105732"), 2, "`method` = \"SHOUT\" must be one of");
    assert!(fleet.register("snca").log().is_empty());
    let file = described("rnpp");
    let asked = |more: &[&str]| run(&[&["probe", &file, "--key", "K"], more].concat());
    check(&asked(&["--at", "127.0.0.1:1", "--fields", "height"]), 2, "no attribute `height`");
    check(&asked(&["--at", "nowhere"]), 2, "--at nowhere");
    check(&asked(&[]), 2, "--at");
    let missing = ["probe", "/nonexistent/x.toml", "--key", "K", "--at", "127.0.0.1:1"];
    check(&run(&missing), 2, "/nonexistent/x.toml");
}
