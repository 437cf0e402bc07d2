//! Years, traces and who asks, by the program itself.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use loadgen::schedule::Profile;

use super::fake::{Behaviour, Fake};
use super::tell::file;
use super::{command, expect, expect_held};

/// A year of some 200 opened forms of the fake's, and nothing else.
fn profile(name: &str) -> String {
    let mut profile = Profile::invented();
    let per = &mut profile.per_submission;
    profile.submissions = 100;
    (per.my_data, per.accesses, per.preferences, per.own_data, per.invalid) =
        (0.0, 0.0, 0.0, 0.0, 0.0);
    profile.back_office.by_law.clear();
    profile.back_office.by_consent.clear();
    profile.peaks.clear();
    profile.procedures = [("others".to_owned(), 1.0)].into();
    let path = file(name);
    std::fs::write(&path, toml::to_string(&profile).expect("TOML")).expect("room");
    path
}

fn loadgen(what: &str, fake: &Fake, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.args([what, "--target", &fake.url(), "--population", "400"]).args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn a_year_is_sent_and_its_trace_is_the_same_file_for_the_same_seed() {
    let fake = Fake::start(Behaviour::Right);
    let profile = profile("small.toml");
    let calendar = ["--profile", &profile, "--seed", "1"];
    let year = [&calendar[..], &["--in", "500ms", "--compare-every", "1", "--quiet"]].concat();
    expect_held(loadgen("year", &fake, &year), &[]);
    let (first, second, other) = (file("first.jsonl"), file("second.jsonl"), file("third.jsonl"));
    for path in [&first, &second] {
        let trace = [&calendar[..], &["--out", path]].concat();
        expect(loadgen("trace", &fake, &trace), 0, &[" visits in "]);
    }
    let trace = ["--profile", &profile, "--seed", "2", "--out", &other];
    expect(loadgen("trace", &fake, &trace), 0, &[" visits in "]);
    let read = |path: &String| std::fs::read(path).expect("written");
    assert_eq!(read(&first), read(&second));
    assert_ne!(read(&first), read(&other));
    let visits = read(&first).iter().filter(|byte| **byte == b'\n').count();
    let sent = format!("answered   {visits} of {visits} sent");
    expect_held(loadgen("replay", &fake, &[&first, "--in", "500ms"]), &[&sent]);
}

#[test]
fn a_calendar_that_does_not_fit_is_told_before_anything_is_sent() {
    let fake = Fake::start(Behaviour::HangingAfter(0));
    let profile = profile("unfit.toml");
    let more = ["--profile", &profile, "--in", "500ms", "--connections", "3"];
    let mut child = loadgen("year", &fake, &more).spawn().expect("the program runs");
    fake.wait_until_it_hangs();
    let mut first = String::new();
    BufReader::new(child.stderr.take().expect("piped")).read_line(&mut first).expect("a line");
    // By its own handle: nothing has been answered, and nothing will be.
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert!(first.contains("warning: calendars run 1 times as fast"), "{first}");
}

#[test]
fn a_trace_with_a_line_that_is_none_is_usage_and_nothing_is_sent() {
    let fake = Fake::start(Behaviour::Right);
    let path = file("malformed.jsonl");
    let good = r#"{"at":"2026-01-01T08:00:00","kind":"accesses","subject":3}"#;
    std::fs::write(&path, format!("{good}\n{good}\n{{\"at\":\"soon\"}}\n")).expect("room");
    let parts = ["malformed.jsonl, line 3: `soon` is no time such as"];
    expect(loadgen("replay", &fake, &[&path, "--speed", "10x"]), 2, &parts);
    let parts = ["none.jsonl: No such file"];
    expect(loadgen("replay", &fake, &[&file("none.jsonl"), "--speed", "10x"]), 2, &parts);
}

#[test]
fn a_trace_that_finds_the_disk_full_says_so() {
    let fake = Fake::start(Behaviour::Right);
    let arguments = ["--profile", &profile("full.toml"), "--out", "/dev/full"];
    expect(loadgen("trace", &fake, &arguments), 3, &["cannot be written: No space left"]);
    let mut printed = loadgen("trace", &fake, &arguments[..2]);
    printed.stdout(std::fs::File::create("/dev/full").expect("a device"));
    expect(printed, 3, &["cannot be written: No space left"]);
}

#[test]
fn a_year_that_sends_nothing_is_usage() {
    let fake = Fake::start(Behaviour::Right);
    for (more, says) in [
        (["--in", "0s"], "must be a number from 1 on"),
        (["--set", "submissions=0"], "a year without any sends nothing"),
        (["--set", "submission=5"], "--set submission=5: no such value"),
        (["--years", "0"], "0 is not in 1..=20"),
        (["--profile", "/nowhere.toml"], "/nowhere.toml: No such file"),
    ] {
        let within: &[&str] = if more[0] == "--in" { &[] } else { &["--in", "1s"] };
        expect(loadgen("year", &fake, &[&more, within].concat()), 2, &[says]);
    }
    let path = file("nothing.jsonl");
    std::fs::write(&path, "").expect("room");
    expect(loadgen("replay", &fake, &[&path, "--speed", "1x"]), 2, &["it has no visit"]);
    expect(loadgen("replay", &fake, &[&path, "--speed", "0x"]), 2, &["such as 1000x"]);
    expect(loadgen("replay", &fake, &[&path]), 2, &["<--speed <SPEED>|--in <IN>>"]);
}

#[test]
fn a_trace_of_one_moment_is_sent_at_once_and_says_so() {
    let fake = Fake::start(Behaviour::Right);
    let path = file("moment.jsonl");
    let line = r#"{"at":"2026-03-02T08:15:02Z","procedure":"some-form"}"#;
    std::fs::write(&path, format!("{line}\n{line}\n")).expect("room");
    let parts = ["answered   2 of 2 sent", "moment.jsonl, all at once, as they happened"];
    expect_held(loadgen("replay", &fake, &[&path, "--in", "1s"]), &parts);
}

#[test]
fn people_are_drawn_or_come_back_and_forms_have_weights() {
    let fake = Fake::start(Behaviour::Right);
    for (who, says) in [
        ("uniform", "about 400 people, drawn evenly of"),
        ("zipf", "about 400 people, drawn by Zipf's law of"),
        ("sessions", "about 400 people, in sessions of"),
    ] {
        let more = ["--rate", "400/s", "--who", who, "--pause", "50ms"];
        expect_held(command(&fake.url(), &more), &[says]);
    }
    let sessions = command(&fake.url(), &["--who", "sessions"]);
    expect(sessions, 2, &["a closed loop has no pauses"]);
    let weighted = |procedures: &str| super::command_for(procedures, &fake.url());
    let mut run = weighted("some-form=3,family-form");
    run.args(["--requests", "400", "--json", &file("weighted.json")]);
    expect(run, 0, &["asked      2 procedures"]);
    let mut report = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    report.args(["report", &file("weighted.json"), "--by", "procedure"]);
    let table = String::from_utf8(report.output().expect("it runs").stdout).expect("text");
    let sent = |form: &str| -> u32 {
        let line = table.lines().find(|line| line.starts_with(form)).expect("a line");
        line.split_whitespace().nth(1).expect("a column").parse().expect("a number")
    };
    assert!((260..340).contains(&sent("some-form")), "{table}");
    assert_eq!(sent("some-form") + sent("family-form"), 400);
    expect(weighted("some-form=0"), 2, &["the weight of `some-form=0` is above 0"]);
    expect(weighted("profile"), 2, &["--procedures profile: no `"]);
}
