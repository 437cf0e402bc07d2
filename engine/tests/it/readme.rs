//! The README's commands, run one after the other as a newcomer would.

use std::collections::BTreeSet;

use engine::demo::{Demo, Options};
use fixtures::Authority;
use serde_json::Value;

use crate::support::{Api, Reply, api, curls, options};

const README: &str = include_str!("../../../README.md");

/// The commands' port of the API, and of the first register.
const PORTS: (u16, u16) = (8080, 18081);

/// The blocks of one language, in their order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let parts = README.split(&*fence).skip(1);
    parts.map(|part| part.split("```").next().expect("it ends")).collect()
}

/// What an operation's path looks like in a list of them.
fn operation_of(paths: &Value, method: &str, path: &str) -> Option<String> {
    let fits = |known: &str| {
        let (known, wanted) = (known.split('/'), path.split('/'));
        known.clone().count() == wanted.clone().count()
            && known.zip(wanted).all(|(known, it)| known.starts_with('{') || known == it)
    };
    let methods = paths.as_object().expect("paths").iter().filter(|(known, _)| fits(known));
    let method = method.to_lowercase();
    // A path of its own goes before one with a parameter in its place.
    let best = methods.min_by_key(|(known, _)| known.contains('{'))?;
    Some(best.1[method]["operationId"].as_str()?.to_owned())
}

#[test]
fn the_examples_of_the_readme_work_and_leave_no_operation_out() {
    let demo = Demo::start(&Options { population: 170_000, ..options() }).expect("it starts");
    let paths = api(&demo).get("/openapi.json").ok()["paths"].take();
    let mut left: BTreeSet<String> = (paths.as_object().expect("paths").values())
        .flat_map(|methods| methods.as_object().expect("methods").values())
        .map(|operation| operation["operationId"].as_str().expect("a name").to_owned())
        .collect();
    let mut id = String::new();
    let mut replies: Vec<Reply> = Vec::new();
    for curl in blocks("sh").into_iter().flat_map(curls) {
        let asked = curl.asked(&id);
        let port: u16 = asked.host.strip_prefix("localhost:").unwrap().parse().unwrap();
        if port != PORTS.0 {
            let register = Authority::ALL[usize::from(port - PORTS.1)].name();
            let reply = asked.send_elsewhere(Api(demo.fleet.address(register)));
            assert!(reply.status < 300, "{curl:?}: {}", reply.text());
            continue;
        }
        let reply = asked.send_to(api(&demo)).reply();
        assert!(reply.status < 300, "{curl:?}: {} {}", reply.status, reply.text());
        let path = asked.target.split('?').next().unwrap_or_default();
        let operation = operation_of(&paths, &asked.method, path).expect("it is described");
        left.remove(&operation);
        if operation == "consentToReuse" {
            reply.json()["id"].as_str().expect("an id").clone_into(&mut id);
        }
        replies.push(reply);
    }
    assert!(left.is_empty(), "the README has no example of {left:?}");
    shown_first(&replies[0].json());
    gap_of_a_hanging_register(&replies[1].json());
    let lines = replies.iter().find(|it| it.text().contains("\"index\":1")).expect("a batch");
    assert!(lines.text().contains("no-presence"), "{}", lines.text());
}

/// What the README says that the first command answers.
fn shown_first(bundle: &Value) {
    let shown: Value = serde_json::from_str(blocks("json")[0]).expect("it is JSON");
    for member in ["procedure", "complete", "notices"] {
        assert_eq!(bundle[member], shown[member], "{member}");
    }
    assert_eq!(bundle["fields"].as_object().map(serde_json::Map::len), Some(11));
    for (name, field) in shown["fields"].as_object().expect("fields") {
        for member in ["status", "value", "source"] {
            assert_eq!(bundle["fields"][name][member], field[member], "{name}");
        }
    }
}

fn gap_of_a_hanging_register(bundle: &Value) {
    assert_eq!(bundle["sources"]["snca"]["outcome"], "timeout");
    assert_eq!(bundle["complete"], false);
}
