//! The table agrees with itself and with what is answered.

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_path_finds_its_route_and_what_stands_in_its_braces() {
    let check = |path: &str, expected: Option<(&str, &str)>| {
        let found = find(path).map(|(route, parameter)| (route.path, parameter));
        assert_eq!(found, expected, "{path}");
    };
    check("/v1/prefill", Some(("/v1/prefill", "")));
    check("/v1/prefill/", None);
    check("/v1/prefill/batch", Some(("/v1/prefill/batch", "")));
    check("/v1/procedures/x", Some(("/v1/procedures/{id}", "x")));
    check("/v1/procedures/", Some(("/v1/procedures/{id}", "")));
    check("/v1/procedures/a/b", None);
    check("/v1/me/consents/reuse/7", Some(("/v1/me/consents/reuse/{id}", "7")));
    check("/v1/me/consents/reuse/7/receipt", Some(("/v1/me/consents/reuse/{id}/receipt", "7")));
    check("/v1/me/consents/reuse", Some(("/v1/me/consents/reuse", "")));
    check("", None);
    check("/", None);
}

#[test]
fn every_name_stands_once() {
    let mut ids = BTreeSet::new();
    let mut paths = BTreeSet::new();
    for route in routes() {
        assert!(paths.insert(route.path), "{}", route.path);
        assert_eq!(route.path.contains('{'), route.parameter.is_some(), "{}", route.path);
        if let Some(parameter) = &route.parameter {
            assert!(route.path.contains(&format!("{{{}}}", parameter.name)), "{}", route.path);
        }
        for operation in route.operations {
            assert!(ids.insert(operation.id), "{}", operation.id);
        }
    }
}

#[test]
fn every_problem_that_is_named_is_known() {
    for operation in routes().flat_map(|route| route.operations) {
        for name in operation.problems() {
            assert!(PROBLEMS.iter().any(|(known, ..)| *known == name), "{}: {name}", operation.id);
        }
        if let Some(takes) = &operation.takes {
            let example = serde_json::from_str::<serde_json::Value>(takes.example);
            assert!(example.is_ok_and(|it| it.is_object()), "{}", operation.id);
        }
    }
}
