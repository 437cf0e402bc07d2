//! The program against a small fake engine: what it says, and its exit codes.

mod door;
mod fake;
mod forms;
mod speech;
mod tell;
mod template;
mod visits;

use std::process::{Command, Output, Stdio};

use fake::{Behaviour, Fake};

/// Asks a fake of 400 people for its first form, with few requests.
fn command(target: &str, more: &[&str]) -> Command {
    let mut command = command_for("some-form", target);
    command.args(["--requests", "400", "--subjects", "all", "--threads", "2"]).args(more);
    command
}

fn command_for(procedures: &str, target: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.args(["run", "--target", target, "--population", "400"]);
    command.args(["--procedures", procedures]);
    command.args(["--connections", &fake::CONNECTIONS.to_string()]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(text).expect("text")
}

/// Runs against a fake, and expects an exit code and parts of what is said.
#[track_caller]
fn check(behaviour: Behaviour, code: i32, parts: &[&str]) -> String {
    let fake = Fake::start(behaviour);
    expect(command(&fake.url(), &[]), code, parts)
}

/// Like [`check`], for all forms, each about 50 casts.
#[track_caller]
fn check_all(behaviour: Behaviour, code: i32, parts: &[&str]) -> String {
    let fake = Fake::start(behaviour);
    let mut command = command_for("all", &fake.url());
    command.args(["--requests", "200", "--subjects", "50"]);
    expect(command, code, parts)
}

#[track_caller]
fn expect(mut command: Command, code: i32, parts: &[&str]) -> String {
    let output = command.output().expect("the program runs");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part}\n{said}");
    }
    said
}

/// What holds, unless a busy machine held the generator up.
#[track_caller]
fn expect_held(mut command: Command, parts: &[&str]) -> String {
    let output = command.output().expect("the program runs");
    let said = said(&output);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
    assert!(said.starts_with("holds: ") || said.contains("the generator was late"), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part}\n{said}");
    }
    said
}

#[test]
fn right_answers_hold() {
    let said = check(
        Behaviour::Right,
        0,
        &[
            "loop       closed:",
            "asked      1 procedures about 400 people",
            "answered   400 of 400 sent",
            "statuses   200 400\n",
            "errors     none",
            "wrong      none",
            "holds: 400 answers, each verified",
        ],
    );
    let gaps = said.lines().find(|line| line.starts_with("gaps")).expect("a line");
    // The one who refuses RNPP has two fields from it.
    assert!(gaps.contains("empty") && gaps.ends_with("withheld 2"), "{gaps}");
    assert!(gaps.contains("told unavailable by its register"), "{gaps}");
    assert!(!gaps.contains("unavailable: "), "{gaps}");
}

#[test]
fn all_forms_that_can_be_asked_for_are_and_the_others_are_named() {
    check_all(
        Behaviour::Right,
        0,
        &[
            "asked      4 procedures about 50 people",
            "not asked  1 procedures that are not prefilled",
            "not asked  couple-form: who has the role `partner` is not known here",
            "answered   200 of 200 sent",
            "withheld",
            "holds: 200 answers, each verified",
        ],
    );
}

#[test]
fn children_who_are_of_age_in_the_targets_calendar_are_not_compared() {
    let parts = ["holds: 200 answers, each of the right shape, 100 compared with the truth"];
    check_all(Behaviour::YearsAhead, 0, &parts);
}

#[test]
fn another_companys_data_voids() {
    check_all(
        Behaviour::OtherCompanies,
        3,
        &["company-form legalName (rcs.legalName): wrong value", "100 wrong answers"],
    );
}

#[test]
fn showing_what_somebody_refuses_voids() {
    check_all(Behaviour::ShowsRefused, 3, &["not withheld although somebody said No"]);
}

#[test]
fn a_notice_that_the_procedure_does_not_have_voids() {
    let wrong = "notice unknown, twice or with another text 200\n";
    check_all(Behaviour::OddNotice, 3, &[wrong, "look-there of no such code"]);
}

#[test]
fn a_run_at_a_rate_sends_what_was_due_and_tells_its_lag() {
    let fake = Fake::start(Behaviour::Right);
    let more = ["--rate", "poisson 400/s", "--duration", "30s", "--compare-every", "4"];
    let parts = ["loop       open: poisson 400/s", "answered   400 of 400 sent", "send lag   p50"];
    let said = expect_held(command(&fake.url(), &more), &parts);
    let compared = "holds: 400 answers, each of the right shape, 100 compared with the truth";
    assert!(said.contains(compared) || said.starts_with("void: "), "{said}");
}

#[test]
fn a_quiet_run_says_the_verdict_alone() {
    let fake = Fake::start(Behaviour::Right);
    let output = command(&fake.url(), &["--quiet"]).output().unwrap();
    assert_eq!(said(&output), "holds: 400 answers, each verified\n");
}

#[test]
fn a_wrong_value_voids_and_is_explained_without_showing_it() {
    let said = check(
        Behaviour::WrongValue,
        3,
        &[
            "wrong value 1\n",
            "some-form familyName (rnpp.familyName): wrong value: another text than the register has",
            "void: 1 wrong answers of 400 (wrong value 1)",
        ],
    );
    assert!(!said.contains(fake::WRONG), "{said}");
}

#[test]
fn a_disclosure_id_that_comes_twice_voids() {
    check(Behaviour::SameDisclosure, 3, &["disclosure id that came twice 399"]);
}

#[test]
fn an_unexpected_status_violates() {
    check(Behaviour::Overloaded, 1, &["503 overloaded 400", "400 unexpected statuses"]);
}

#[test]
fn html_instead_of_the_api_is_void() {
    check(Behaviour::Html, 3, &["void:", "answers with HTML: another program has this port"]);
}

#[test]
fn html_instead_of_a_bundle_voids() {
    check(Behaviour::HtmlLater, 3, &["HTML instead of JSON 400"]);
}

#[test]
fn another_api_is_void() {
    check(Behaviour::OtherApi, 3, &["/v1/procedures answered 404: it is not the engine's API"]);
}

#[test]
fn a_target_that_hangs_up_is_void() {
    check(Behaviour::Closing, 3, &["void:", "closes the connection without an answer"]);
}

#[test]
fn a_target_that_goes_away_leaves_a_partial_result() {
    check(
        Behaviour::ClosingAfter(100),
        3,
        &[
            "answered   100 of ",
            "connection closed",
            "void: the target closed after 100 answers, none wrong; a partial result",
        ],
    );
}

#[test]
fn a_connection_closed_while_idle_is_opened_again() {
    check(Behaviour::OneAnswerEach, 0, &["errors     none", "holds: 400 answers"]);
}

#[test]
fn something_that_is_not_http_is_void() {
    check(Behaviour::NotHttp, 3, &["void:", "does not speak HTTP"]);
}

#[test]
fn a_target_that_hangs_is_given_up_after_the_time_limit() {
    let fake = Fake::start(Behaviour::HangingAfter(50));
    let parts = ["answered   50 of ", "no answer in time", "the target closed after 50 answers"];
    expect(command(&fake.url(), &["--timeout", "200ms"]), 3, &parts);
}

#[test]
fn nothing_listening_is_void() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = command(&format!("http://{free}"), &[]).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("nothing is listening at http://127.0.0.1:"), "{said}");
}

#[test]
fn mistakes_in_the_arguments_are_usage() {
    let fake = Fake::start(Behaviour::Right);
    for (arguments, part) in [
        (["--procedures", "other-form"], "no `other-form` there; there is some-form"),
        (["--procedures", "by-hand-form"], "`by-hand-form` is not prefilled"),
        (["--duration", "10"], "must be a number with ms, s, m or h"),
        (["--rate", "0/s"], "a rate of zero sends nothing"),
        (["--rate", "-5/s"], "`-5/s` is no rate; one is a number with /s"),
        (["--rate", "often"], "must be `closed`, a rate such as 100/s"),
        (["--subjects", "none"], "must be a number from 1 on, or `all`"),
        (["--target", "ftp://127.0.0.1:1"], "a target is http://host:port"),
        (["--cpus", "9999"], "--cpus: not 9999: this program may run on "),
        (["--cpus", "1023"], "--cpus: not 1023: this program may run on "),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
        command.arg("run");
        if arguments[0] != "--target" {
            command.args(["--target", &fake.url()]);
        }
        let output = command.args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said(&output).contains(part), "{}", said(&output));
    }
}

#[test]
fn an_interrupted_run_says_that_its_result_is_partial() {
    interrupt(&[]);
    interrupt(&["--rate", "1000/s", "--duration", "60s"]);
}

fn interrupt(more: &[&str]) {
    let fake = Fake::start(Behaviour::HangingAfter(50));
    let child = command(&fake.url(), more).spawn().expect("the program runs");
    fake.wait_until_it_hangs();
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupt.expect("kill runs").success());
    let output = child.wait_with_output().expect("it ends");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    // What was on its way is given up at once, and is no error.
    assert!(said.contains("errors     none"), "{said}");
    assert!(said.contains("inconclusive: 50 answers, none wrong; a partial result"), "{said}");
}
