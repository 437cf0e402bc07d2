//! Each reason for a gap, made by the fault that it tells of. A dead register is
//! a gap, and everything else is filled.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use engine::clock;
use engine::demo::Demo;
use fixtures::Mode;
use serde_json::{Value, json};

use crate::support::{
    Api, Custom, Pending, api, bundle, calls, demo, eventually, form, set, somebody, with,
};

/// The fields of a vehicle registration, by the register that fills them.
const OF_RNPP: [&str; 3] = ["familyName", "givenName", "dateOfBirth"];
const OF_CACLR: [&str; 5] =
    ["thoroughfare", "locatorDesignator", "postCode", "postName", "adminUnitL1"];
const OF_SNCA: [&str; 5] = ["plate", "make", "model", "vin", "firstRegistration"];

fn ask(api: Api, demo: &Demo, deadline: u64) -> Value {
    let form = form("vehicle-registration", &somebody(demo.country));
    bundle(api, &with(form, json!({"deadlineMs": deadline})))
}

#[track_caller]
fn check_filled(bundle: &Value, names: &[&str]) {
    for name in names {
        assert_eq!(bundle["fields"][name]["status"], "filled", "{name} of {bundle}");
    }
}

#[track_caller]
fn check_gaps(bundle: &Value, names: &[&str], gap: &Value) {
    for name in names {
        assert_eq!(bundle["fields"][name], *gap, "{name}");
    }
    assert_eq!(bundle["complete"], false);
}

/// Puts a fault into the vehicle register, and expects a gap of this reason
/// there and values elsewhere.
#[track_caller]
fn check_snca(mode: Mode, reason: &str) {
    let demo = demo();
    set(&demo.fleet, "snca", mode);
    let bundle = ask(api(&demo), &demo, 5_000);
    let gap = json!({"status": "unavailable", "source": "snca", "reason": reason});
    check_gaps(&bundle, &OF_SNCA, &gap);
    check_filled(&bundle, &OF_RNPP);
    check_filled(&bundle, &OF_CACLR);
    assert_eq!(bundle["sources"]["snca"], json!({"outcome": reason}));
    assert_eq!(bundle["sources"]["rnpp"], json!({"outcome": "answered"}));
}

/// The same with the register of persons, on whose answer the address depends.
#[track_caller]
fn check_rnpp(mode: Mode, reason: &str) {
    let demo = demo();
    set(&demo.fleet, "rnpp", mode);
    let bundle = ask(api(&demo), &demo, 5_000);
    let gap = json!({"status": "unavailable", "source": "rnpp", "reason": reason});
    check_gaps(&bundle, &OF_RNPP, &gap);
    let keyless = json!({"status": "unavailable", "source": "caclr", "reason": "keyMissing"});
    check_gaps(&bundle, &OF_CACLR, &keyless);
    check_filled(&bundle, &OF_SNCA);
    let sources = json!({"rnpp": {"outcome": reason}, "snca": {"outcome": "answered"}});
    assert_eq!(bundle["sources"], sources);
    assert_eq!(calls(&demo.fleet, "caclr"), 0);
}

#[test]
fn a_failing_register_is_an_error_and_no_more() {
    check_snca(Mode::Error, "error");
    check_rnpp(Mode::Error, "error");
}

#[test]
fn a_reset_connection_is_an_error() {
    check_snca(Mode::Reset, "error");
}

#[test]
fn bytes_that_are_no_json_are_invalid() {
    check_snca(Mode::Garbage, "invalid");
    check_rnpp(Mode::Garbage, "invalid");
}

#[test]
fn an_answer_cut_off_is_invalid() {
    check_snca(Mode::Truncated, "invalid");
}

#[test]
fn an_answer_of_64_mib_is_invalid() {
    check_snca(Mode::Huge, "invalid");
}

#[test]
fn an_answer_nested_too_deep_is_invalid() {
    check_snca(Mode::Deep, "invalid");
}

#[test]
fn an_answer_about_somebody_else_is_invalid_and_counted() {
    check_snca(Mode::WrongSubject, "invalid");
    check_rnpp(Mode::WrongSubject, "invalid");
    let demo = demo();
    set(&demo.fleet, "rnpp", Mode::WrongSubject);
    ask(api(&demo), &demo, 5_000);
    let metrics = api(&demo).get("/metrics").text();
    let counted = "prefill_register_wrong_subject_total{register=\"rnpp\"} 1\n";
    assert!(metrics.contains(counted), "{metrics}");
}

#[test]
fn values_of_wrong_types_are_invalid_and_lead_nowhere() {
    let demo = demo();
    set(&demo.fleet, "rnpp", Mode::WrongTypes);
    let bundle = ask(api(&demo), &demo, 5_000);
    let gap = json!({"status": "unavailable", "source": "rnpp", "reason": "invalid"});
    check_gaps(&bundle, &OF_RNPP, &gap);
    let keyless = json!({"status": "unavailable", "source": "caclr", "reason": "keyMissing"});
    check_gaps(&bundle, &OF_CACLR, &keyless);
    check_filled(&bundle, &OF_SNCA);
}

#[test]
fn maintenance_says_when_to_try_again() {
    let demo = demo();
    set(&demo.fleet, "snca", Mode::Maintenance);
    let bundle = ask(api(&demo), &demo, 5_000);
    let gap = json!({
        "status": "unavailable", "source": "snca", "reason": "maintenance", "retryAfterSeconds": 30,
    });
    check_gaps(&bundle, &OF_SNCA, &gap);
    check_filled(&bundle, &OF_RNPP);
    assert_eq!(bundle["sources"]["snca"], json!({"outcome": "maintenance"}));
}

#[test]
fn a_hanging_register_is_a_timeout_at_the_deadline_and_not_after() {
    let demo = demo();
    set(&demo.fleet, "rnpp", Mode::Hang);
    let began = clock::monotonic();
    let bundle = ask(api(&demo), &demo, 300);
    let took = clock::monotonic() - began;
    assert!(took >= Duration::from_millis(250), "it gave up after {took:?}");
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    let gap = json!({"status": "unavailable", "source": "rnpp", "reason": "timeout"});
    check_gaps(&bundle, &OF_RNPP, &gap);
    let keyless = json!({"status": "unavailable", "source": "caclr", "reason": "keyMissing"});
    check_gaps(&bundle, &OF_CACLR, &keyless);
    check_filled(&bundle, &OF_SNCA);
    let sources = json!({"rnpp": {"outcome": "timeout"}, "snca": {"outcome": "answered"}});
    assert_eq!(bundle["sources"], sources);
}

#[test]
fn a_register_called_in_vain_stands_in_the_list_of_accesses() {
    let demo = demo();
    set(&demo.fleet, "snca", Mode::Hang);
    ask(api(&demo), &demo, 300);
    let list = api(&demo).mine(&somebody(demo.country), "/v1/me/accesses").ok();
    let mut registers: Vec<_> =
        list["usages"][0]["registers"].as_array().unwrap().iter().map(Value::to_string).collect();
    registers.sort();
    assert_eq!(registers, ["\"caclr\"", "\"rnpp\"", "\"snca\""]);
}

#[test]
fn a_dripping_register_ends_as_a_timeout_of_its_own() {
    let demo = demo();
    set(&demo.fleet, "caclr", Mode::Drip);
    let began = clock::monotonic();
    // The address register's timeout is a second.
    let bundle = ask(api(&demo), &demo, 20_000);
    let took = clock::monotonic() - began;
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    let gap = json!({"status": "unavailable", "source": "caclr", "reason": "timeout"});
    check_gaps(&bundle, &OF_CACLR, &gap);
    check_filled(&bundle, &OF_RNPP);
    check_filled(&bundle, &OF_SNCA);
    assert_eq!(bundle["sources"]["caclr"], json!({"outcome": "timeout"}));
}

#[test]
fn what_too_many_wait_for_is_overloaded_at_once() {
    let limits = "timeout = \"2s\"\nconnections = 1\nwaiting = 0";
    let custom = Custom::start(&[("registers/rnpp.toml", "timeout = \"2s\"", limits)], &[]);
    set(&custom.fleet, "rnpp", Mode::Hang);
    // Each core has one connection, and whoever comes after that is turned away.
    let cores = std::thread::available_parallelism().unwrap().get();
    let people = custom.country.people().filter(|it| !it.is_child()).take(cores + 4);
    let asked: Vec<Pending> = people
        .map(|person| {
            let form = form("criminal-record-extract", &person.matricule().to_string());
            custom.api().ask("justice", &with(form, json!({"deadlineMs": 1_000})))
        })
        .collect();
    let bundles: Vec<Value> = asked.into_iter().map(|pending| pending.reply().ok()).collect();
    let ended = |reason: &str| {
        let gap = json!({"status": "unavailable", "source": "rnpp", "reason": reason});
        bundles.iter().filter(|bundle| bundle["fields"]["familyName"] == gap).count()
    };
    assert_eq!(ended("overloaded") + ended("timeout"), bundles.len());
    assert!((1..=cores).contains(&ended("timeout")), "{}", ended("timeout"));
    assert_eq!(calls(&custom.fleet, "rnpp"), ended("timeout") as u64);
}

#[test]
fn a_register_that_says_too_many_is_overloaded_and_says_when_to_try_again() {
    let refuse = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";
    let (address, register) = answer_once(refuse);
    let custom = Custom::start(&[], &[("ccss", address)]);
    let bundle = bundle(custom.api(), &form("tax-card-change", &somebody(custom.country)));
    register.join().unwrap();
    let gap = json!({
        "status": "unavailable", "source": "ccss", "reason": "overloaded", "retryAfterSeconds": 7,
    });
    check_gaps(&bundle, &["employer", "occupation", "weeklyHours", "affiliatedSince"], &gap);
    check_filled(&bundle, &OF_RNPP);
    assert_eq!(bundle["sources"]["ccss"], json!({"outcome": "overloaded"}));
}

/// A register that gives one answer, whatever it is asked.
fn answer_once(answer: &'static str) -> (SocketAddr, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a call");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a request");
            request.push(byte[0]);
        }
        stream.write_all(answer.as_bytes()).expect("the engine reads");
    });
    (address, thread)
}

#[test]
fn a_register_that_nobody_runs_is_an_error() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let custom = Custom::start(&[], &[("snca", address)]);
    let bundle = bundle(custom.api(), &form("vehicle-registration", &somebody(custom.country)));
    let gap = json!({"status": "unavailable", "source": "snca", "reason": "error"});
    check_gaps(&bundle, &OF_SNCA, &gap);
    check_filled(&bundle, &OF_RNPP);
}

#[test]
fn a_register_that_recovers_fills_again() {
    let demo = demo();
    for mode in [Mode::Error, Mode::Reset, Mode::Truncated, Mode::Garbage, Mode::Huge] {
        set(&demo.fleet, "snca", mode);
        let down = ask(api(&demo), &demo, 5_000);
        assert_eq!(down["fields"]["plate"]["status"], "unavailable", "{mode:?}");
    }
    set(&demo.fleet, "snca", Mode::Ok);
    check_filled(&ask(api(&demo), &demo, 5_000), &OF_SNCA);
}

#[test]
fn each_registers_own_log_has_the_disclosures_id() {
    let demo = demo();
    let somebody = somebody(demo.country);
    let registration = bundle(api(&demo), &form("vehicle-registration", &somebody));
    let tax_card = bundle(api(&demo), &form("tax-card-change", &somebody));
    for (register, bundles) in [
        ("rnpp", vec![&registration, &tax_card]),
        ("caclr", vec![&registration, &tax_card]),
        ("snca", vec![&registration]),
        ("ccss", vec![&tax_card]),
    ] {
        let log = demo.fleet.register(register).log();
        let logged: Vec<_> = log.iter().map(|call| call.disclosure.as_deref()).collect();
        let ids: Vec<_> = bundles.iter().map(|bundle| bundle["disclosure"].as_str()).collect();
        assert_eq!(logged, ids, "{register}");
    }
}

#[test]
fn concurrent_requests_about_one_person_are_one_call() {
    let demo = demo();
    set(&demo.fleet, "snca", Mode::Hang);
    let form = form("plate-reservation", &somebody(demo.country));
    let asked: Vec<Pending> = (0..8).map(|_| api(&demo).ask("snca", &form)).collect();
    all_wait(&demo, 8);
    set(&demo.fleet, "snca", Mode::Ok);
    for pending in asked {
        check_filled(&pending.reply().ok(), &["plate", "familyName", "postCode"]);
    }
    assert_eq!(calls(&demo.fleet, "snca"), 1);
}

#[test]
fn a_client_that_hangs_up_takes_nobody_down_who_waits_for_the_same() {
    let demo = demo();
    set(&demo.fleet, "snca", Mode::Hang);
    let form = form("plate-reservation", &somebody(demo.country));
    let first = api(&demo).ask("snca", &form);
    all_wait(&demo, 1);
    let second = api(&demo).ask("snca", &form);
    all_wait(&demo, 2);
    first.hang_up();
    set(&demo.fleet, "snca", Mode::Ok);
    check_filled(&second.reply().ok(), &["plate", "familyName", "postCode"]);
    assert_eq!(calls(&demo.fleet, "snca"), 1);
}

/// Waits until so many requests for a plate reservation have come to where only
/// the vehicle register keeps them: each looks up three answers.
fn all_wait(demo: &Demo, requests: u64) {
    eventually("all requests wait", || {
        let metrics = api(demo).get("/metrics").text();
        let lookups = metrics.lines().filter(|it| it.starts_with("prefill_cache_lookups_total"));
        let counts = lookups.map(|line| line.rsplit(' ').next().and_then(|it| it.parse().ok()));
        counts.map(|count| count.unwrap_or(0)).sum::<u64>() >= requests * 3
    });
}
