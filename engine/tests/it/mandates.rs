//! A mandate that is withdrawn has the force of a No, whatever the register of
//! mandates lists.

use engine::demo::Demo;
use fixtures::{Country, Mode};
use serde_json::{Value, json};

use crate::support::{
    Api, Reply, api, audit, bundle, calls, data_folder, demo, demo_in, eventually, find, form, set,
    statuses, with,
};

const FORM: &str = "company-name-change";
const OF_COMPANY: [&str; 3] = ["legalName", "vatNumber", "upToDate"];
const OF_APPLICANT: [&str; 3] = ["familyName", "givenName", "dateOfBirth"];

/// Somebody who acts for a company, and that company.
fn manager(country: Country) -> (String, String) {
    let manager = find(country, |it| it.mandates().next().is_some());
    let company = manager.mandates().next().expect("just found");
    (manager.matricule().to_string(), company.rcs().to_string())
}

fn name_change((manager, company): &(String, String)) -> Value {
    let subjects = json!({"subjects": {"applicant": manager, "company": company}});
    with(with(form(FORM, manager), subjects), json!({"deadlineMs": 20_000}))
}

fn put(api: Api, manager: &str, body: &Value) -> Reply {
    let (token, body) = (format!("demo-person-{manager}"), body.to_string());
    api.send("PUT", "/v1/me/consents/mandates", Some(&token), body.as_bytes()).reply()
}

fn say(api: Api, (manager, company): &(String, String), allow: bool) -> Value {
    put(api, manager, &json!({"company": company, "allow": allow})).ok()
}

#[track_caller]
fn check_withheld(bundle: &Value) {
    for name in OF_COMPANY {
        let field = &bundle["fields"][name];
        assert_eq!((&field["status"], &field["reason"]), (&json!("withheld"), &json!("role")));
    }
    assert_eq!(bundle["sources"], json!({"rnpp": {"outcome": "answered"}}));
    statuses(bundle, &OF_APPLICANT, "filled");
}

/// Starts a form whose company's register hangs, and waits until it does.
fn slow(demo: &Demo, who: &(String, String)) -> crate::support::Pending {
    set(&demo.fleet, "rcs", Mode::Hang);
    let pending = api(demo).ask("lbr", &name_change(who));
    eventually("the call reaches the register", || calls(&demo.fleet, "rcs") == 1);
    pending
}

#[test]
fn a_withdrawn_mandate_withholds_everything_of_the_company_and_asks_nobody() {
    let demo = demo();
    let who = manager(demo.country);
    assert_eq!(say(api(&demo), &who, false)["consentVersion"], 1);
    check_withheld(&bundle(api(&demo), &name_change(&who)));
    for register in ["mandates", "rcs", "aed", "permits", "rbe"] {
        assert_eq!(calls(&demo.fleet, register), 0, "{register}");
    }
}

#[test]
fn a_restored_mandate_fills_again_with_calls_of_its_own() {
    let demo = demo();
    let who = manager(demo.country);
    let before = bundle(api(&demo), &name_change(&who));
    statuses(&before, &OF_COMPANY, "filled");
    bundle(api(&demo), &name_change(&who));
    let count = || ["mandates", "rcs"].map(|register| calls(&demo.fleet, register));
    assert_eq!(count(), [1, 1], "the second bundle came from what was kept");
    say(api(&demo), &who, false);
    say(api(&demo), &who, true);
    assert_eq!(bundle(api(&demo), &name_change(&who))["fields"], before["fields"]);
    assert_eq!(count(), [2, 2], "what was kept before the withdrawal is never used");
}

#[test]
fn a_withdrawal_during_a_slow_call_takes_effect_in_that_very_response() {
    let demo = demo();
    let who = manager(demo.country);
    let pending = slow(&demo, &who);
    say(api(&demo), &who, false);
    set(&demo.fleet, "rcs", Mode::Ok);
    check_withheld(&pending.reply().ok());
}

#[test]
fn what_was_asked_before_a_withdrawal_is_asked_again_after_it_is_restored() {
    let demo = demo();
    let who = manager(demo.country);
    let pending = slow(&demo, &who);
    say(api(&demo), &who, false);
    say(api(&demo), &who, true);
    set(&demo.fleet, "rcs", Mode::Ok);
    statuses(&pending.reply().ok(), &OF_COMPANY, "filled");
    let count = ["mandates", "rcs"].map(|register| calls(&demo.fleet, register));
    assert_eq!(count, [2, 2]);
}

#[test]
fn a_withdrawal_is_the_citizens_own_and_touches_no_other_mandate() {
    let demo = demo();
    let of_two = find(demo.country, |it| it.mandates().nth(1).is_some());
    let mut companies = of_two.mandates().map(|company| company.rcs().to_string());
    let matricule = of_two.matricule().to_string();
    let one = (matricule.clone(), companies.next().unwrap());
    let other = (matricule.clone(), companies.next().unwrap());
    say(api(&demo), &one, false);
    statuses(&bundle(api(&demo), &name_change(&other)), &OF_COMPANY, "filled");
    let company = of_two.mandates().next().unwrap();
    let mut colleagues = company.managers().filter(|it| it.index() != of_two.index());
    let colleague = colleagues.next().expect("a company with two who manage it");
    let theirs = (colleague.matricule().to_string(), one.1.clone());
    statuses(&bundle(api(&demo), &name_change(&theirs)), &OF_COMPANY, "filled");
    check_withheld(&bundle(api(&demo), &name_change(&one)));
}

#[test]
fn what_was_said_of_mandates_is_told_and_survives_a_restart() {
    let data = data_folder();
    let who = {
        let demo = demo_in(data.path());
        let who = manager(demo.country);
        say(api(&demo), &who, false);
        assert_eq!(say(api(&demo), &who, false)["consentVersion"], 1, "it said nothing new");
        say(api(&demo), &who, true);
        say(api(&demo), &who, false);
        who
    };
    let demo = demo_in(data.path());
    check_withheld(&bundle(api(&demo), &name_change(&who)));
    let held = api(&demo).mine(&who.0, "/v1/me/export").ok();
    let said = held["consents"]["mandates"].as_array().unwrap();
    assert_eq!(said.len(), 1);
    assert_eq!((&said[0]["company"], &said[0]["allow"]), (&json!(who.1), &json!(false)));
    let history = held["history"].as_array().unwrap();
    let told: Vec<_> =
        history.iter().map(|it| (&it["kind"], &it["company"], &it["allow"])).collect();
    let expected = [false, true, false].map(|allow| (json!("mandate"), json!(who.1), json!(allow)));
    assert_eq!(told, expected.iter().map(|(a, b, c)| (a, b, c)).collect::<Vec<_>>());
    drop(demo);
    assert_eq!(audit(data.path()).disclosures, 1);
}

#[test]
fn a_mandate_is_between_a_citizen_and_a_company() {
    let demo = demo();
    let (manager, company) = manager(demo.country);
    let refused = |body: Value| {
        let problem = put(api(&demo), &manager, &body).json();
        (problem["status"].clone(), problem["type"].clone(), problem["member"].clone())
    };
    let invalid = |kind: &str| (json!(422), json!(kind), json!("company"));
    assert_eq!(refused(json!({"company": manager, "allow": false})), invalid("invalid-value"));
    assert_eq!(refused(json!({"company": "B", "allow": false})), invalid("invalid-identifier"));
    assert_eq!(refused(json!({"company": company})).0, json!(400));
    let nothing = api(&demo).mine(&manager, "/v1/me/consents").ok();
    assert_eq!(nothing["mandates"], json!([]));
}
