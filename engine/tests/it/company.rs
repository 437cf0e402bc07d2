//! `?company=`: what somebody sees and changes for a company, on a mandate that stands.

use engine::demo::Demo;
use fixtures::{Company, Country, Mode};
use serde_json::{Value, json};

use crate::support::{
    Api, Reply, api, audit, bundle, calls, data_folder, demo, demo_in, eventually, form, set, with,
};

const VIEWS: [&str; 3] = ["/v1/me/data", "/v1/me/consents", "/v1/me/accesses"];

/// A company, and two who act for it.
struct Firm {
    rcs: String,
    one: String,
    other: String,
}

fn of_two(company: &Company) -> Option<Firm> {
    let mut managers = company.managers().map(|manager| manager.matricule().to_string());
    Some(Firm { rcs: company.rcs().to_string(), one: managers.next()?, other: managers.next()? })
}

fn firm(country: Country) -> Firm {
    let mut companies = country.people().flat_map(|person| person.mandates());
    companies.find_map(|company| of_two(&company)).expect("a company with two who manage it")
}

impl Firm {
    fn ask(&self, api: Api, who: &str, path: &str) -> Reply {
        api.mine(who, &format!("{path}?company={}", self.rcs))
    }

    fn put(&self, api: Api, who: &str, path: &str, body: &Value) -> Reply {
        let (token, target) =
            (format!("demo-person-{who}"), format!("{path}?company={}", self.rcs));
        api.send("PUT", &target, Some(&token), body.to_string().as_bytes()).reply()
    }

    /// One of the two says whether a person acts for it.
    fn say(&self, api: Api, who: &str, person: &str, allow: bool) -> Reply {
        let body = json!({"person": person, "allow": allow});
        self.put(api, who, "/v1/me/consents/mandates", &body)
    }

    /// A form that one of the two fills for it.
    fn name_change(&self, who: &str) -> Value {
        let subjects = json!({"subjects": {"applicant": who, "company": self.rcs}});
        with(with(form("company-name-change", who), subjects), json!({"deadlineMs": 20_000}))
    }

    #[track_caller]
    fn check_form(&self, demo: &Demo, who: &str, status: &str) {
        let bundle = bundle(api(demo), &self.name_change(who));
        assert_eq!(bundle["fields"]["legalName"]["status"], status, "{bundle}");
    }
}

/// The same problem in all places, byte for byte.
#[track_caller]
fn check_problem(replies: &[Reply], status: u16, kind: &str) {
    for reply in replies {
        let text = reply.text();
        assert_eq!((reply.status, &reply.json()["type"]), (status, &json!(kind)), "{text}");
        assert_eq!(reply.body, replies[0].body);
    }
}

/// Channel, form and receiver of each usage in a list, newest first.
fn usages(list: &Value) -> Vec<[&str; 3]> {
    let usages = list["usages"].as_array().unwrap().iter();
    let told = ["channel", "procedure", "receiverName"];
    usages.map(|usage| told.map(|name| usage[name].as_str().unwrap())).collect()
}

#[test]
fn who_acts_for_a_company_sees_what_registers_hold_about_it() {
    let demo = demo();
    let firm = firm(demo.country);
    let bundle = firm.ask(api(&demo), &firm.one, "/v1/me/data").ok();
    let company = demo.country.company_of(&firm.rcs).unwrap();
    assert_eq!(bundle["procedure"]["id"], "my-company");
    assert_eq!(bundle["fields"]["legalName"]["value"], company.legal_name().to_string());
    assert_eq!(bundle["complete"], true, "{bundle}");
    assert_eq!(bundle["fields"].as_object().unwrap().len(), 21);
    assert_eq!(bundle["sources"]["mandates"]["outcome"], "answered");
}

#[test]
fn whatever_is_told_of_a_company_stands_in_its_list_and_names_nobody() {
    let data = data_folder();
    let firm = {
        let demo = demo_in(data.path());
        let firm = firm(demo.country);
        firm.check_form(&demo, &firm.one, "filled");
        for path in VIEWS {
            assert_eq!(firm.ask(api(&demo), &firm.one, path).status, 200, "{path}");
        }
        let reply = firm.ask(api(&demo), &firm.other, "/v1/me/accesses");
        let list = reply.ok();
        let acted = ["self", "my-company", "Somebody who acts for the company"];
        let seen = usages(&list);
        assert_eq!(&seen[..3], [acted; 3]);
        assert_eq!(seen.len(), 4);
        assert_eq!(seen[3][..2], ["front-office", "company-name-change"]);
        for matricule in [&firm.one, &firm.other] {
            assert!(!reply.text().contains(&**matricule));
        }
        let own = api(&demo).mine(&firm.one, "/v1/me/accesses").ok();
        let looked = ["self", "my-company", "Yourself"];
        assert_eq!(&usages(&own)[..3], [looked; 3]);
        // Nothing about the citizen was shown, and one register was asked about them.
        assert_eq!(own["usages"][0]["fields"], json!([]));
        assert_eq!(own["usages"][0]["registers"], json!(["mandates"]));
        firm
    };
    assert_eq!(audit(data.path()).disclosures, 5);
    assert!(!firm.rcs.is_empty());
}

#[test]
fn without_a_mandate_every_company_is_answered_alike() {
    let demo = demo();
    let firm = firm(demo.country);
    let api = api(&demo);
    let stranger = crate::support::find(demo.country, |it| it.mandates().next().is_none());
    let stranger = stranger.matricule().to_string();
    firm.say(api, &firm.one, &firm.other, false).ok();
    let given_up = json!({"company": firm.rcs, "allow": false});
    let token = format!("demo-person-{}", firm.one);
    let path = "/v1/me/consents/mandates";
    api.send("PUT", path, Some(&token), given_up.to_string().as_bytes()).reply().ok();
    let unknown = Firm { rcs: "B999999".into(), ..firm_of(&firm) };
    let everywhere = || {
        let asked = VIEWS.iter().flat_map(|path| {
            let theirs = [&firm.one, &firm.other, &stranger].map(|who| firm.ask(api, who, path));
            theirs.into_iter().chain([unknown.ask(api, &firm.one, path)])
        });
        let (no, one) = (json!({"allow": false}), &firm.one);
        let put = [
            firm.put(api, one, "/v1/me/consents/preferences/aed", &no),
            firm.say(api, one, &firm.other, true),
            firm.say(api, &firm.other, &firm.other, true),
            unknown.say(api, one, &firm.other, false),
        ];
        asked.chain(put).collect::<Vec<_>>()
    };
    check_problem(&everywhere(), 403, "no-mandate");
    set(&demo.fleet, "mandates", Mode::Error);
    // Whoever was not asked about before.
    let asked = [&firm.one, &firm.other];
    let another = crate::support::find(demo.country, |it| {
        it.mandates().next().is_some() && !asked.contains(&&it.matricule().to_string())
    });
    let another = another.matricule().to_string();
    let replies = VIEWS.map(|path| firm.ask(api, &another, path));
    check_problem(&replies, 503, "about:blank");
}

fn firm_of(firm: &Firm) -> Firm {
    Firm { rcs: firm.rcs.clone(), one: firm.one.clone(), other: firm.other.clone() }
}

#[test]
fn a_company_withdraws_a_mandate_and_restores_it_and_nobody_else_can() {
    let demo = demo();
    let firm = firm(demo.country);
    let api = api(&demo);
    firm.check_form(&demo, &firm.other, "filled");
    let said = firm.say(api, &firm.one, &firm.other, false).ok();
    let told = &said["mandates"][0];
    assert_eq!((&told["person"], &told["allow"]), (&json!(firm.other), &json!(false)));
    firm.check_form(&demo, &firm.other, "withheld");
    firm.check_form(&demo, &firm.one, "filled");
    // It is not theirs to take back, neither for the company nor for themselves.
    check_problem(&[firm.say(api, &firm.other, &firm.other, true)], 403, "no-mandate");
    let token = format!("demo-person-{}", firm.other);
    let body = json!({"company": firm.rcs, "allow": true}).to_string();
    let path = "/v1/me/consents/mandates";
    api.send("PUT", path, Some(&token), body.as_bytes()).reply().ok();
    firm.check_form(&demo, &firm.other, "withheld");
    firm.say(api, &firm.one, &firm.other, true).ok();
    firm.check_form(&demo, &firm.other, "filled");
    // Their own mandate they give up in their own name.
    let own = firm.say(api, &firm.one, &firm.one, false);
    assert_eq!((own.status, &own.json()["member"]), (422, &json!("person")));
}

#[test]
fn a_company_that_is_erased_has_withdrawn_nobody() {
    let data = data_folder();
    let demo = demo_in(data.path());
    let firm = firm(demo.country);
    firm.say(api(&demo), &firm.one, &firm.other, false).ok();
    firm.check_form(&demo, &firm.other, "withheld");
    drop(demo);
    let erased = engine::erase::erase(data.path(), None, firm.rcs.parse().unwrap()).unwrap();
    assert!(erased.entry.is_some() && erased.found.is_empty(), "{erased:?}");
    let demo = demo_in(data.path());
    firm.check_form(&demo, &firm.other, "filled");
    drop(demo);
    assert_eq!(audit(data.path()).erasures, 1);
}

#[test]
fn who_is_withdrawn_is_told_by_which_company_and_by_nobody_else() {
    let demo = demo();
    let firm = firm(demo.country);
    let api = api(&demo);
    firm.say(api, &firm.one, &firm.other, false).ok();
    let history = |who: &str| {
        let path = "/v1/me/export";
        eventually("the index is up to date", || {
            api.mine(who, path).ok()["history"].as_array().is_some_and(|it| !it.is_empty())
        });
        let held = api.mine(who, path);
        (held.ok()["history"][0].clone(), held.text())
    };
    let (told, text) = history(&firm.other);
    let expected = |told: &Value| {
        assert_eq!(told["kind"], "mandate");
        assert_eq!((&told["forCompany"], &told["person"]), (&json!(firm.rcs), &json!(firm.other)));
        assert_eq!(told["allow"], false);
    };
    expected(&told);
    assert!(!text.contains(&firm.one), "who acted is theirs");
    expected(&history(&firm.one).0);
}

#[test]
fn a_withdrawal_by_the_company_takes_effect_in_a_response_under_way() {
    let demo = demo();
    let firm = firm(demo.country);
    set(&demo.fleet, "rcs", Mode::Hang);
    let pending = api(&demo).ask("lbr", &firm.name_change(&firm.other));
    eventually("the call reaches the register", || calls(&demo.fleet, "rcs") == 1);
    firm.say(api(&demo), &firm.one, &firm.other, false).ok();
    set(&demo.fleet, "rcs", Mode::Ok);
    let field = &pending.reply().ok()["fields"]["legalName"];
    assert_eq!(*field, json!({"status": "withheld", "source": "rcs", "reason": "role"}));
}

#[test]
fn a_companys_no_is_its_own_and_holds_whoever_acts_for_it() {
    let demo = demo();
    let firm = firm(demo.country);
    let api = api(&demo);
    let path = "/v1/me/consents/preferences/aed";
    let said = firm.put(api, &firm.one, path, &json!({"allow": false})).ok();
    assert_eq!(said["consentVersion"], 1);
    let offered: Vec<_> = said["preferences"].as_array().unwrap().iter().collect();
    assert_eq!(offered.len(), 1, "one register that knows companies offers the choice");
    assert_eq!((&offered[0]["register"], &offered[0]["allow"]), (&json!("aed"), &json!(false)));
    let of_other = bundle(api, &firm.name_change(&firm.other));
    let gap = json!({"status": "withheld", "source": "aed", "reason": "preference"});
    assert_eq!(of_other["fields"]["vatNumber"], gap);
    let own = api.mine(&firm.one, "/v1/me/consents").ok();
    assert_eq!((&own["consentVersion"], &own["mandates"]), (&json!(0), &json!([])));
    let shown = firm.ask(api, &firm.other, "/v1/me/consents").ok();
    assert_eq!(shown, said);
    let no_choice =
        firm.put(api, &firm.one, "/v1/me/consents/preferences/rnpp", &json!({"allow": false}));
    assert_eq!((no_choice.status, &no_choice.json()["member"]), (422, &json!("register")));
}

#[test]
fn a_company_is_named_by_its_own_identifier() {
    let demo = demo();
    let firm = firm(demo.country);
    let api = api(&demo);
    for (text, kind) in [(&*firm.one, "invalid-value"), ("B", "invalid-identifier")] {
        let named = Firm { rcs: text.to_owned(), ..firm_of(&firm) };
        let reply = named.ask(api, &firm.one, "/v1/me/data");
        assert_eq!((reply.status, &reply.json()["type"]), (422, &json!(kind)));
        assert!(!reply.text().contains(&firm.one));
    }
    let both = json!({"person": firm.other, "company": firm.rcs, "allow": false});
    let reply = firm.put(api, &firm.one, "/v1/me/consents/mandates", &both);
    assert_eq!((reply.status, &reply.json()["member"]), (422, &json!("company")));
    let nobody = firm.put(api, &firm.one, "/v1/me/consents/mandates", &json!({"allow": false}));
    assert_eq!((nobody.status, &nobody.json()["member"]), (422, &json!("person")));
    let no_export = firm.ask(api, &firm.one, "/v1/me/export");
    assert_eq!(no_export.status, 422, "a company has no document of article 15");
}
