//! What is asked.

use std::collections::HashSet;

use serde_json::Value;

use super::*;
use crate::procedures::{Field, Role};

fn form(id: &str, child: bool) -> Arc<Form> {
    let role = |id: &str, minor| Role { id: id.into(), kind: "natural".into(), minors_only: minor };
    let mut roles = vec![role("applicant", false)];
    roles.extend(child.then(|| role("child", true)));
    let (name, sources) = ("familyName".into(), vec!["rnpp.familyName".into()]);
    let fields = vec![Field { name, role: "applicant".into(), sources }];
    Arc::new(Form { id: id.into(), version: 1, organisation: "cae".into(), roles, fields })
}

fn body(plan: &Plan, number: u64) -> Value {
    serde_json::from_slice(plan.ask(number).message.body.as_ref().unwrap()).unwrap()
}

#[test]
fn every_person_is_asked_for_every_procedure_before_any_comes_again() {
    let country = Country::new(1, 30).unwrap();
    let plan = Plan::new(country, vec![form("one", false), form("two", false)], 30);
    let bodies: HashSet<String> = (0..60).map(|number| body(&plan, number).to_string()).collect();
    assert_eq!((plan.len(), bodies.len()), (60, 60));
    assert_eq!(body(&plan, 60), body(&plan, 0));
}

#[test]
fn requests_composed_before_and_during_a_run_are_the_same() {
    let country = Country::new(1, 500).unwrap();
    let plan = Plan::new(country, vec![form("one", false), form("two", true)], 100);
    let late = Plan { composed: Vec::new(), ..Plan::new(country, plan.forms.clone(), 100) };
    for number in 0..200 {
        assert_eq!(body(&plan, number), body(&late, number));
    }
}

#[test]
fn the_organisation_of_the_form_asks_and_the_applicant_is_present() {
    let country = Country::new(1, 500).unwrap();
    let plan = Plan::new(country, vec![form("one", false)], 3);
    let ask = plan.ask(1);
    assert_eq!(ask.message.authorization.as_ref().unwrap(), "Bearer demo-org-cae");
    let matricule = country.person(166).matricule().to_string();
    assert_eq!(
        body(&plan, 1),
        json!({"procedure": "one", "subjects": {"applicant": matricule},
        "presence": format!("demo-person-{matricule}")})
    );
}

#[test]
fn a_child_is_the_applicants_own() {
    for population in [10, 777] {
        let country = Country::new(3, population).unwrap();
        let plan = Plan::new(country, vec![form("leave", true)], population);
        for number in 0..population {
            let body = body(&plan, number);
            let text = |role: &str| body["subjects"][role].as_str().unwrap().to_owned();
            let applicant = country.person_of(&text("applicant")).unwrap();
            let mut children = applicant.children().map(|it| it.matricule().to_string());
            assert!(children.any(|it| it == text("child")), "{body}");
        }
    }
}

#[test]
fn a_form_for_a_company_or_two_adults_is_not_for_people() {
    assert!(form("one", false).is_for_people() && form("two", true).is_for_people());
    let mut company = Form::clone(&form("one", false));
    company.roles[0].kind = "legal".into();
    assert!(!company.is_for_people());
    let mut couple = Form::clone(&form("one", false));
    couple.roles.push(couple.roles[0].clone());
    assert!(!couple.is_for_people());
}
