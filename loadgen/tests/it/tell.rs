//! Levels, files and reports, by the program itself.

use std::path::Path;
use std::process::Command;

use super::fake::{Behaviour, Fake};
use super::{command, expect};

fn report(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.arg("report").args(arguments);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    command
}

/// A file of the test's own.
pub(crate) fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    path.to_str().expect("a path of text").to_owned()
}

#[test]
fn a_level_decides_the_exit_code() {
    let fake = Fake::start(Behaviour::Right);
    let run = |more: &[&str], code, parts: &[&str]| {
        expect(command(&fake.url(), more), code, parts);
    };
    run(&["--slo", "max < 60s", "--slo", "errors < 0.1%"], 0, &["holds: errors < 0.1%"]);
    run(&["--slo", "p50 < 1us"], 1, &["violated: p50 < 1us: ", "VIOLATED: p50 < 1us"]);
    run(&["--slo", "p50[some-form] < 1us", "--quiet"], 1, &["violated: p50[some-form]"]);
    run(&["--slo", "p50[other] < 1s"], 2, &["no `other` is asked for; there is some-form"]);
    run(&["--slo", "rate >= 0.99"], 2, &["a closed loop wants no rate"]);
    run(&["--slo", "p50 < 1"], 2, &["us, ms or s", "\n  p50 < 1\n         ^"]);
}

#[test]
fn a_report_prints_merges_and_compares_what_runs_wrote() {
    let fake = Fake::start(Behaviour::Right);
    let (first, second) = (file("first.json"), file("second.json"));
    expect(command(&fake.url(), &["--json", &first]), 0, &["holds: 400 answers"]);
    expect(command(&fake.url(), &["--json", &second]), 0, &["holds: 400 answers"]);
    let answered = "answered   400 of 400 sent";
    expect(report(&[&first]), 0, &["holds: 400 answers", answered, "latency    p50"]);
    expect(report(&["--quiet", &first]), 0, &["holds: 400 answers"]);
    let merged = ["holds: 800 answers", "runs       2, merged"];
    let unlike = "these are not runs of one load: one began ";
    let said = [unlike, " s after the other had ended; to merge them all the same, --unlike"];
    expect(report(&["--merge", &first, &second]), 2, &said);
    expect(report(&["--merge", "--unlike", &first, &second]), 0, &merged);
    let copy = file("first-copy.json");
    std::fs::copy(&first, &copy).expect("a copy");
    for unlike in [&[][..], &["--unlike"]] {
        let twice = [&["--merge"], unlike, &[&first, &second, &copy]].concat();
        expect(report(&twice), 2, &["one run stands there twice"]);
    }
    let compared = ["first   holds", "second  holds", "p99 ms", "answers/s", "noise"];
    expect(report(&[&first, &second]), 0, &compared);
    expect(report(&[&first, &second, &first]), 2, &["--merge"]);
    expect(report(&[&file("none.json")]), 3, &["none.json: No such file"]);
}

#[test]
fn runs_of_different_loads_are_not_merged_without_a_word() {
    let fake = Fake::start(Behaviour::Right);
    let (first, second) = (file("like.json"), file("unlike.json"));
    expect(command(&fake.url(), &["--json", &first]), 0, &["holds: 400 answers"]);
    let more = ["--json", &second, "--who", "uniform"];
    expect(command(&fake.url(), &more), 0, &["holds: 400 answers"]);
    let differ = "asked `1 procedures about 400 people, everybody in turn` and `1 procedures \
                  about 400 people, drawn evenly`";
    expect(report(&["--merge", &first, &second]), 2, &[differ]);
    let both = "everybody in turn + 1 procedures about 400 people, drawn evenly of";
    expect(report(&["--merge", "--unlike", &first, &second]), 0, &["holds: 800", both]);
    expect(report(&[&first, &second]), 0, &["note    not the same load: ", differ]);
}

#[test]
fn two_reports_are_compared_by_what_is_told_apart() {
    let fake = Fake::start(Behaviour::Right);
    let (first, second) = (file("by-first.json"), file("by-second.json"));
    let run = |procedures: &str, path: &str| {
        let mut run = super::command_for(procedures, &fake.url());
        run.args(["--requests", "200", "--subjects", "50", "--json", path]);
        expect(run, 0, &["holds: 200 answers"]);
    };
    run("some-form,family-form", &first);
    run("some-form", &second);
    let said = expect(report(&[&first, &second, "--by", "procedure"]), 0, &["first   holds: 200"]);
    let cells = |name: &str| {
        let line = said.lines().find(|line| line.starts_with(name)).expect("a line");
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(cells("some-form")[1..3], ["100", "200"], "{said}");
    assert_eq!(cells("family-form")[1..3], ["100", "0"], "{said}");
    assert!(said.lines().any(|it| it.starts_with("family-form") && it.ends_with("not in both")));
    assert!(said.lines().any(|it| it.starts_with("some-form") && it.ends_with(" noise")));
}

#[test]
fn a_build_server_and_a_page_get_files_of_their_own() {
    let fake = Fake::start(Behaviour::Right);
    let (junit, markdown) = (file("run.xml"), file("run.md"));
    let files = ["--junit", &junit, "--markdown", &markdown, "--slo", "p50 < 1us"];
    expect(command(&fake.url(), &files), 1, &["violated"]);
    let junit = std::fs::read_to_string(junit).expect("written");
    assert!(junit.contains("tests=\"2\" failures=\"2\" errors=\"0\""), "{junit}");
    let markdown = std::fs::read_to_string(markdown).expect("written");
    assert!(markdown.contains("| p50 &lt; 1us |") && markdown.contains("| some-form | 400 | 0 |"));
}

#[test]
fn an_interval_log_is_written_with_each_of_its_tags() {
    let fake = Fake::start(Behaviour::Right);
    let path = file("run.hlog");
    // One of an earlier run would do as well.
    let _ = std::fs::remove_file(&path);
    let more = ["--rate", "400/s", "--hlog", &path, "--slo", "max < 60s"];
    expect(command(&fake.url(), &more), 0, &["holds: 400 answers"]);
    let log = std::fs::read_to_string(path).expect("written");
    for part in ["#[StartTime: ", "Tag=latency,0", "Tag=service,0", "Tag=lag,0"] {
        assert!(log.contains(part), "{part}\n{log}");
    }
}

#[test]
fn a_log_gets_a_line_now_and_then_and_a_quiet_run_none() {
    let fake = Fake::start(Behaviour::Right);
    let rate = ["--rate", "20/s", "--duration", "6s", "--compare-every", "50"];
    let quiet = command(&fake.url(), &[&rate[..], &["--quiet"]].concat()).spawn().unwrap();
    let output = command(&fake.url(), &rate).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.starts_with("loadgen: 5 s of 6 s, "), "{told}");
    assert!(told.contains("; 20/s of 20/s; p50 ") && told.contains("; lag p99 "), "{told}");
    assert!(told.ends_with("errors none\n"), "{told}");
    let output = quiet.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn a_full_disk_is_said_and_the_summary_still_printed() {
    let fake = Fake::start(Behaviour::Right);
    let parts = ["--json /dev/full: No space left", "answered   400 of 400 sent"];
    expect(command(&fake.url(), &["--json", "/dev/full"]), 3, &parts);
}
