//! What is asked.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::*;

fn form(id: &str, roles: &[&str]) -> Arc<Form> {
    let role = |id: &&str| {
        let is = if *id == "company" { "legal" } else { "natural" };
        json!({"id": id, "is": is, "minorsOnly": *id == "child"})
    };
    let field = json!({"name": "name", "role": "applicant", "sources": ["rnpp.familyName"]});
    let described = json!({"id": id, "version": 1, "organisation": "cae",
        "roles": roles.iter().map(role).collect::<Vec<_>>(), "fields": [field], "notices": []});
    Arc::new(Form::new(serde_json::from_value(described).unwrap()).unwrap())
}

fn ask(plan: &Plan, number: u64) -> Ask {
    plan.ask(&Event { number, at: std::time::Duration::ZERO, visit: None })
}

fn body(plan: &Plan, number: u64) -> Value {
    serde_json::from_slice(&ask(plan, number).message.body).unwrap()
}

#[test]
fn every_person_is_asked_for_every_procedure_before_any_comes_again() {
    let country = Country::new(1, 30).unwrap();
    let forms = vec![form("one", &["applicant"]), form("two", &["applicant"])];
    let plan = Plan::new(country, forms, 30, 1);
    let bodies: HashSet<String> = (0..60).map(|number| body(&plan, number).to_string()).collect();
    assert_eq!((plan.len(), bodies.len()), (60, 60));
    assert_eq!(body(&plan, 60), body(&plan, 0));
}

#[test]
fn requests_are_the_same_however_few_casts_are_kept() {
    let country = Country::new(1, 500).unwrap();
    let forms = || vec![form("one", &["applicant"]), form("two", &["applicant", "child"])];
    let plan = Plan::new(country, forms(), 100, 1);
    let mut few = Plan::new(country, forms(), 100, 1);
    few.kept.truncate(3 * Parts::COUNT);
    for number in (0..200).chain(0..20) {
        assert_eq!(body(&few, number), body(&plan, number));
    }
}

#[test]
fn all_casts_of_a_usual_run_are_found_before_it_starts() {
    let country = Country::new(1, 500).unwrap();
    let forms = vec![form("one", &["applicant"]), form("two", &["applicant", "company"])];
    let plan = Plan::new(country, forms, 100, 1);
    let found = plan.kept.iter().filter(|slot| slot.lock().unwrap().is_some());
    assert_eq!(found.count(), 200);
}

#[test]
fn the_organisation_of_the_form_asks_and_the_applicant_is_present() {
    let country = Country::new(1, 500).unwrap();
    let plan = Plan::new(country, vec![form("one", &["applicant"])], 3, 1);
    let ask = ask(&plan, 1);
    assert_eq!(
        ask.message.head,
        "authorization: Bearer demo-org-cae\r\ncontent-type: application/json\r\n"
    );
    let matricule = country.person(166).matricule().to_string();
    assert_eq!(
        body(&plan, 1),
        json!({"procedure": "one", "subjects": {"applicant": matricule},
        "presence": format!("demo-person-{matricule}")})
    );
}

#[test]
fn each_role_has_its_subject_under_its_own_name() {
    let country = Country::new(1, 4_000).unwrap();
    let plan = Plan::new(country, vec![form("joint", &["applicant", "child", "company"])], 40, 1);
    for number in 0..40 {
        let body = body(&plan, number);
        let text = |role: &str| body["subjects"][role].as_str().unwrap().to_owned();
        let applicant = country.person_of(&text("applicant")).unwrap();
        assert!(applicant.children().any(|it| it.matricule().to_string() == text("child")));
        assert!(applicant.mandates().any(|it| it.rcs().to_string() == text("company")));
        assert_eq!(body["presence"], format!("demo-person-{}", text("applicant")));
        assert_eq!(body["subjects"].as_object().unwrap().len(), 3);
    }
}

#[test]
fn so_many_answers_are_compared_with_the_truth_and_the_others_by_shape() {
    let country = Country::new(1, 500).unwrap();
    let plan = Plan::new(country, vec![form("one", &["applicant"])], 100, 3);
    let compared = (0..30).filter(|it| matches!(ask(&plan, *it).expects, Expects::Truth(_)));
    assert_eq!(compared.count(), 10);
}
