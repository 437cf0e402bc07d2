//! Every bad input: a problem that says what is wrong, no disclosure, and an
//! engine that works on.

mod wire;

use std::path::Path;

use engine::demo::Demo;
use serde_json::{Value, json};

use crate::support::{
    Api, Data, Reply, api, audit, bundle, data_folder, demo_in, eventually, form, somebody, with,
};

/// The problem that an answer must be.
struct Problem {
    status: u16,
    kind: &'static str,
    /// What else it says: `check` or `member`.
    says: Option<(&'static str, &'static str)>,
}

const fn problem(status: u16, kind: &'static str) -> Problem {
    Problem { status, kind, says: None }
}

const fn invalid_identifier(check: &'static str) -> Problem {
    Problem { status: 422, kind: "invalid-identifier", says: Some(("check", check)) }
}

const fn invalid_value(member: &'static str) -> Problem {
    Problem { status: 422, kind: "invalid-value", says: Some(("member", member)) }
}

const MALFORMED: Problem = problem(400, "malformed");
const UNAUTHENTICATED: Problem = problem(401, "unauthenticated");
const NO_AUTHORITY: Problem = problem(403, "no-authority");
const NO_PRESENCE: Problem = problem(403, "no-presence");
const NO_REUSE_CONSENT: Problem = problem(403, "no-reuse-consent");
const TOO_LARGE: Problem = problem(413, "too-large");
/// Beside the API: what HTTP itself says.
const NOT_FOUND: Problem = problem(404, "about:blank");
const NO_SUCH_METHOD: Problem = problem(405, "about:blank");

#[track_caller]
fn check(what: &str, reply: &Reply, expected: &Problem) {
    let text = reply.text();
    assert_eq!(reply.status, expected.status, "{what}: {text}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{what}: {text}");
    let problem = reply.json();
    assert_eq!(problem["type"], expected.kind, "{what}: {text}");
    assert_eq!(problem["status"], expected.status, "{what}: {text}");
    for member in ["title", "detail"] {
        let said = problem[member].as_str().unwrap_or_default();
        assert!(!said.is_empty() && said.len() < 400, "{what}: {member} of {text}");
    }
    if let Some((member, said)) = expected.says {
        assert_eq!(problem[member], said, "{what}: {text}");
    }
    let members = ["type", "title", "status", "detail", "member", "check"];
    let known = |name: &String| members.contains(&&**name);
    assert!(problem.as_object().expect("an object").keys().all(known), "{what}: {text}");
    let challenge = (expected.status == 401).then_some("Bearer");
    assert_eq!(reply.header("www-authenticate"), challenge, "{what}");
}

/// An engine that must refuse.
struct Refusing {
    demo: Demo,
    data: Data,
    matricule: String,
}

impl Refusing {
    fn start() -> Self {
        let data = data_folder();
        let demo = demo_in(data.path());
        let matricule = somebody(demo.country);
        Self { demo, data, matricule }
    }

    fn api(&self) -> Api {
        api(&self.demo)
    }

    /// A good request, to be spoilt.
    fn form(&self) -> Value {
        form("criminal-record-extract", &self.matricule)
    }

    #[track_caller]
    fn refuses(&self, what: &str, operator: &str, form: &Value, expected: &Problem) {
        check(what, &self.api().ask(operator, form).reply(), expected);
    }

    /// Refuses a good request with these members in place of its own.
    #[track_caller]
    fn refuses_with(&self, what: &str, members: Value, expected: &Problem) {
        self.refuses(what, "justice", &with(self.form(), members), expected);
    }

    #[track_caller]
    fn refuses_body(&self, what: &str, body: &[u8], expected: &Problem) {
        let sent = self.api().send("POST", "/v1/prefill", Some("demo-org-justice"), body);
        check(what, &sent.reply(), expected);
    }

    /// Nothing was disclosed to any of them, and a good request is answered.
    #[track_caller]
    fn and_works_on(self) {
        assert_eq!(audit(self.data.path()).disclosures, 0);
        let calls = |name| self.demo.fleet.register(name).calls();
        assert_eq!(["rnpp", "caclr", "snca", "ccss"].map(calls), [0; 4]);
        assert_eq!(bundle(self.api(), &self.form())["complete"], true);
        disclosed_once(self.data.path());
    }
}

fn disclosed_once(data: &Path) {
    assert_eq!(audit(data).disclosures, 1);
}

#[test]
fn an_unknown_procedure_or_role_is_named() {
    let it = Refusing::start();
    for name in ["no-such-form", "", "../etc/passwd", &"x".repeat(10_000)] {
        it.refuses_with(name, json!({"procedure": name}), &problem(404, "unknown-procedure"));
    }
    let matricule = &it.matricule;
    for (what, subjects, member) in [
        ("no role", json!({}), "subjects.applicant"),
        ("another role", json!({"driver": matricule}), "subjects.driver"),
        ("a role more", json!({"applicant": matricule, "child": matricule}), "subjects.child"),
        ("a company", json!({"applicant": "B123456"}), "subjects.applicant"),
    ] {
        it.refuses_with(what, json!({"subjects": subjects}), &invalid_value(member));
    }
    let leave = form("parental-leave", matricule);
    it.refuses("no child", "cae", &leave, &invalid_value("subjects.child"));
    it.and_works_on();
}

#[test]
fn an_identifier_is_told_which_check_it_fails() {
    let it = Refusing::start();
    for (identifier, check) in [
        ("1893120105722", "luhn"),
        ("1893120105733", "verhoeff"),
        ("1893130105732", "date"),
        ("1893023005732", "date"),
        ("0000000000000", "date"),
        ("189312010573", "format"),
        ("18931201057320", "format"),
        ("189312010573x", "format"),
        ("１893120105732", "format"),
        ("", "format"),
        ("B0123", "format"),
        ("eidas:LU/FR/1", "scheme"),
    ] {
        let members = json!({"subjects": {"applicant": identifier}});
        it.refuses_with(identifier, members, &invalid_identifier(check));
    }
    it.and_works_on();
}

#[test]
fn a_token_that_is_not_an_operators_opens_no_form() {
    let it = Refusing::start();
    let body = it.form().to_string();
    let post = |headers: &str| {
        let head = "POST /v1/prefill HTTP/1.1\r\nhost: it\r\nconnection: close";
        let request = format!("{head}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        it.api().raw(request.as_bytes()).reply()
    };
    let citizen = format!("authorization: Bearer demo-person-{}\r\n", it.matricule);
    let twice = "authorization: Bearer demo-org-justice\r\n".repeat(2);
    for headers in [
        "",
        "authorization: Bearer\r\n",
        "authorization: Bearer \r\n",
        "authorization: Basic demo-org-justice\r\n",
        "authorization: demo-org-justice\r\n",
        "authorization: Bearer justice\r\n",
        "authorization: Bearer demo-org-\r\n",
        "authorization: Bearer demo-org-nobody\r\n",
        "authorization: Bearer demo-org-\u{e9}\r\n",
        &citizen,
        &twice,
    ] {
        check(headers, &post(headers), &UNAUTHENTICATED);
    }
    it.and_works_on();
}

#[test]
fn a_token_that_is_not_a_citizens_reads_no_list_and_changes_nothing() {
    let it = Refusing::start();
    let own = [
        ("GET", "/v1/me/accesses"),
        ("GET", "/v1/me/consents"),
        ("PUT", "/v1/me/consents/preferences/rnpp"),
    ];
    let tokens = [
        None,
        Some("demo-org-justice"),
        Some("demo-org-demo-platform"),
        Some("demo-person-"),
        Some("demo-person-1893120105733"),
        Some("demo-person-B123456"),
        Some("somebody"),
    ];
    for (method, target) in own {
        for token in tokens {
            let reply = it.api().send(method, target, token, b"{\"allow\":false}").reply();
            check(&format!("{token:?} {target}"), &reply, &UNAUTHENTICATED);
        }
    }
    it.and_works_on();
}

#[test]
fn an_absent_citizen_is_not_read_about() {
    let it = Refusing::start();
    let other = it.demo.country.person(0).matricule().to_string();
    assert_ne!(other, it.matricule);
    for presence in [
        Value::Null,
        json!(""),
        json!("demo-org-justice"),
        json!(it.matricule),
        json!(format!("demo-person-{other}")),
    ] {
        let what = presence.to_string();
        it.refuses_with(&what, json!({"presence": presence}), &NO_PRESENCE);
    }
    // Nothing leaves, so nobody waits for these entries.
    eventually("all five denials are recorded", || audit(it.data.path()).denials == 5);
    it.and_works_on();
}

#[test]
fn an_organisation_gets_no_more_than_the_catalogue_gives_it() {
    let it = Refusing::start();
    for operator in ["acd", "snca", "commune-luxembourg", "demo-platform"] {
        it.refuses(operator, operator, &it.form(), &NO_AUTHORITY);
    }
    // Its own authority does not make it another's agent.
    for (operator, organisation) in [("justice", "acd"), ("acd", "justice")] {
        let form = with(it.form(), json!({"organisation": organisation}));
        it.refuses(organisation, operator, &form, &NO_AUTHORITY);
    }
    it.refuses_with("unknown", json!({"organisation": "atlantis"}), &invalid_value("organisation"));
    let delegated = with(it.form(), json!({"organisation": "acd"}));
    it.refuses("acd has none", "demo-platform", &delegated, &NO_AUTHORITY);
    it.and_works_on();
}

#[test]
fn the_platform_may_act_for_every_body() {
    let it = Refusing::start();
    let form = with(it.form(), json!({"organisation": "justice"}));
    assert_eq!(it.api().ask("demo-platform", &form).reply().ok()["complete"], true);
    let own = with(it.form(), json!({"organisation": "justice"}));
    assert_eq!(it.api().ask("justice", &own).reply().ok()["complete"], true);
}

#[test]
fn the_back_office_needs_a_case() {
    let it = Refusing::start();
    let back_office = json!({"channel": "back-office", "case": null});
    it.refuses_with("no case", back_office, &NO_REUSE_CONSENT);
    it.and_works_on();
}

#[test]
fn a_value_out_of_its_bounds_is_refused_with_its_member() {
    let it = Refusing::start();
    for deadline in [0_u64, 9, 30_001, 3_600_000, u64::MAX] {
        let members = json!({"deadlineMs": deadline});
        it.refuses_with(&deadline.to_string(), members, &invalid_value("deadlineMs"));
    }
    for age in [31_622_401_u64, u64::MAX] {
        let members = json!({"maxAgeSeconds": age});
        it.refuses_with(&age.to_string(), members, &invalid_value("maxAgeSeconds"));
    }
    for case in ["", "a b", "a/b", "é", "a\0", &"x".repeat(65)] {
        it.refuses_with(case, json!({"case": case}), &invalid_value("case"));
    }
    for channel in ["self", "sideways", "", "front office", "FRONT-OFFICE"] {
        it.refuses_with(channel, json!({"channel": channel}), &invalid_value("channel"));
    }
    it.refuses_with(
        "a field",
        json!({"fields": ["familyName", "height"]}),
        &invalid_value("fields"),
    );
    it.and_works_on();
}
