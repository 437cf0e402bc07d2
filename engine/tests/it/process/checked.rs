//! What `engine check` says of a catalogue, and of one against another.

use std::path::Path;

use serde_json::{Value, json};

use super::{check, engine, path, run};

#[test]
fn a_catalogue_is_checked_and_every_mistake_is_told_with_its_place() {
    let whole = tempfile::tempdir().unwrap();
    write_catalogue(whole.path(), |_, text| text.to_owned());
    check(
        &run(&["check", "--catalogue", path(&whole)]),
        0,
        "16 registers, 121 organisations, 252 procedures",
    );
    let broken = tempfile::tempdir().unwrap();
    write_catalogue(broken.path(), |name, text| match name {
        "procedures/tax-card-change.toml" => text.replace("rnpp.civilStatus", "rnpp.height"),
        "registers/snca.toml" => text.replace("method = \"POST\"", "method = \"SHOUT\""),
        _ => text.to_owned(),
    });
    let output = run(&["check", "--catalogue", path(&broken)]);
    check(&output, 1, "procedures/tax-card-change.toml");
    check(&output, 1, "registers/snca.toml");
    check(&output, 1, "rnpp.height");
    check(&run(&["check", "--catalogue", "/nonexistent/catalogue"]), 3, "/nonexistent/catalogue");
}

fn write_catalogue(folder: &Path, edit: impl Fn(&str, &str) -> String) {
    for (name, text) in fixtures::catalogue::files() {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a new folder");
        std::fs::write(file, edit(name, text)).expect("a new file");
    }
}

/// The demonstration's catalogue as files.
fn catalogue_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for (path, text) in fixtures::catalogue::files() {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("it is made");
        std::fs::write(path, text).expect("it is written");
    }
    folder
}

#[test]
fn a_check_tells_of_bad_bytes_and_misplaced_files_among_the_other_mistakes() {
    let folder = catalogue_folder();
    let arguments = ["check", "--catalogue", path(&folder)];
    check(&run(&arguments), 0, "16 registers, 121 organisations");
    let registers = folder.path().join("registers");
    let rnpp = std::fs::read(registers.join("rnpp.toml")).expect("it is there");
    let rnpp = [&*rnpp, b"# caf\xe9\n"].concat();
    let line = rnpp.iter().filter(|byte| **byte == b'\n').count();
    std::fs::write(registers.join("rnpp.toml"), rnpp).expect("it is written");
    std::fs::create_dir(registers.join("old")).expect("it is made");
    std::fs::write(registers.join("old/snca.toml"), "").expect("it is written");
    let output = run(&arguments);
    check(&output, 1, &format!("registers/rnpp.toml:{line}: byte 6 of this line is no UTF-8"));
    check(&output, 1, "registers/old/snca.toml:1: a catalogue holds");
    std::fs::remove_dir_all(registers.join("old")).expect("it is removed");
    let output = run(&arguments);
    assert!(output.stderr.ends_with(b"\n1 mistake\n"), "one alone");
}

#[test]
fn a_check_whose_reader_has_gone_ends_with_its_own_code() {
    let folder = catalogue_folder();
    let ends = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = engine();
        command.args(["check", "--catalogue", path(&folder)]);
        let output = command.stdout(writer.try_clone().expect("a pipe")).stderr(writer);
        output.status().expect("the engine runs").code()
    };
    assert_eq!(ends(), Some(0));
    std::fs::remove_file(folder.path().join("registers/rnpp.toml")).expect("it is removed");
    assert_eq!(ends(), Some(1));
}

/// What `check --against` says; something that differs is no failure.
fn told(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it is text")
}

#[test]
fn a_check_against_an_older_catalogue_tells_who_gains_and_loses_what() {
    // What stands before the next body is the police's.
    const POLICE: &str = "[[organisation]]\nid = \"acd\"";
    let given = "[[organisation.authority]]\nprocedures = [\"criminal-record-extract\"]\n\
                 attributes = [\"caclr.postCode\", \"caclr.postName\"]\n\n";
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_catalogue(old.path(), |_, text| text.to_owned());
    write_catalogue(new.path(), |name, text| match name {
        "procedures/tax-card-change.toml" => text.replacen("[[step]]", "# another\n[[step]]", 1),
        "organisations/platform.toml" => text.replacen("[\"*\"]", "[\"justice\"]", 1),
        "organisations/administrations.toml" => {
            text.replacen(POLICE, &format!("{given}{POLICE}"), 1)
        }
        _ => text.to_owned(),
    });
    let check = ["check", "--catalogue", path(&new), "--against"];
    let against = |old: &str| told(&[&check[..], &[old]].concat());
    let found = against(path(&old));
    let lines: Vec<_> = found.lines().skip(1).collect();
    assert_eq!(lines.len(), 3, "{found}");
    assert_eq!(lines[0], "~ procedure tax-card-change");
    assert!(lines[1].starts_with("- demo-platform may no longer ask for *, "), "{found}");
    assert!(!lines[1].contains("justice"), "{found}");
    let gained = "police gains in criminal-record-extract (front-office): caclr.postCode, \
                  caclr.postName";
    assert_eq!(lines[2], format!("+ {gained}"));
    // A configuration is as good: of it, only the catalogue is read.
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("engine.toml");
    let text = format!("catalogue = \"{}\"\nlisten = \"nowhere\"\n", path(&old));
    std::fs::write(&config, text).unwrap();
    assert_eq!(against(config.to_str().unwrap()), found);
    assert!(against(path(&new)).ends_with("nothing differs\n"));
    let json = told(&[&check[..], &[path(&old), "--json"]].concat());
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["procedures"]["changed"], json!(["tax-card-change"]));
    assert_eq!(json["delegations"][0]["loses"][0], "*");
    assert_eq!(json["authority"][0]["gains"], json!(["caclr.postCode", "caclr.postName"]));
    // The other way round, what was gained is lost.
    let back = told(&["check", "--catalogue", path(&old), "--against", path(&new)]);
    assert!(back.contains(&format!("\n- {}", gained.replace("gains", "loses"))), "{back}");
}

#[test]
fn a_check_against_what_is_no_catalogue_says_so() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_catalogue(new.path(), |_, text| text.to_owned());
    let against = |old: &str| run(&["check", "--catalogue", path(&new), "--against", old]);
    check(&against("/nonexistent/old"), 3, "/nonexistent/old");
    check(&against(path(&old)), 3, path(&old));
    write_catalogue(old.path(), |_, text| text.replace("rnpp.civilStatus", "rnpp.height"));
    check(&against(path(&old)), 3, "rnpp.height");
    check(&run(&["check", "--catalogue", path(&new), "--json"]), 2, "--against");
}
