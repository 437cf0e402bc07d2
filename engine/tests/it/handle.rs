//! The library's front door: an engine inside a service with a runtime of its own.

use std::time::Duration;

use engine::consent::Bundle;
use engine::demo::Demo;
use engine::handle::Handle;
use engine::prefill::{Asked, Rejection};
use serde_json::Value;

use crate::batch::gauge;
use crate::support::{api, audit, bundle, data_folder, demo, demo_in, form, refuses, somebody};

fn asked(matricule: &str) -> Asked {
    Asked {
        presence: Some(format!("demo-person-{matricule}")),
        deadline: Some(Duration::from_secs(5)),
        ..Asked::of("justice", "criminal-record-extract", &[("applicant", matricule)])
    }
}

/// Asks on a runtime of the caller's own.
fn on_its_own_runtime<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().expect("a runtime").block_on(work)
}

fn read(bundle: &Bundle) -> Value {
    serde_json::from_slice(&bundle.body).expect("a bundle is JSON")
}

#[test]
fn a_bundle_is_the_same_as_over_http_and_stands_in_the_same_ledger() {
    let data = data_folder();
    let demo = demo_in(data.path());
    let somebody = somebody(demo.country);
    let handle = demo.engine.handle().clone();
    let got = on_its_own_runtime(handle.prefill(asked(&somebody))).unwrap().into_inner();
    let over_http = bundle(api(&demo), &form("criminal-record-extract", &somebody));
    let embedded = read(&got);
    assert_eq!(embedded["fields"], over_http["fields"]);
    assert_eq!(embedded["disclosure"], got.disclosure.to_string());
    let list = api(&demo).mine(&somebody, "/v1/me/accesses").ok();
    assert_eq!(list["usages"][1]["disclosure"], embedded["disclosure"]);
    assert_eq!(audit(data.path()).disclosures, 2);
}

#[test]
fn bulk_gives_way_to_whoever_asks_a_handle() {
    let data = data_folder();
    // A new one records what some people refuse, as if they had asked for it themselves.
    let somebody = somebody(demo_in(data.path()).country);
    let subject = somebody.parse().unwrap();
    let ways = |demo: &Demo| gauge(api(demo), "prefill_bulk_gives_way");
    for prefers in [true, false] {
        let demo = demo_in(data.path());
        assert_eq!(ways(&demo), 0.0);
        let handle = demo.engine.handle();
        on_its_own_runtime(async {
            match prefers {
                true => drop(handle.prefer(subject, "rnpp", true).await.unwrap()),
                false => drop(handle.prefill(asked(&somebody)).await.unwrap()),
            }
        });
        assert_eq!(ways(&demo), 1.0, "{prefers}");
    }
}

#[test]
fn a_rejection_is_the_one_that_http_tells() {
    let demo = demo();
    let handle = demo.engine.handle();
    let somebody = somebody(demo.country);
    let ask = |asked| on_its_own_runtime(handle.prefill(asked)).map(|_| ()).unwrap_err();
    let unknown = Asked { procedure: "no-such-form".into(), ..asked(&somebody) };
    assert_eq!(ask(unknown).kind(), "unknown-procedure");
    let absent = Asked { presence: None, ..asked(&somebody) };
    assert_eq!(ask(absent).kind(), "no-presence");
    let hasty = Asked { deadline: Some(Duration::ZERO), ..asked(&somebody) };
    assert_eq!(ask(hasty).kind(), "invalid-value");
}

#[test]
fn clones_ask_from_many_tasks_at_once() {
    let demo = demo();
    let handle = demo.engine.handle();
    let people: Vec<_> = demo
        .country
        .people()
        .take(64)
        .filter(|it| !refuses(demo.country, it))
        .map(|it| it.matricule().to_string())
        .collect();
    let bundles = on_its_own_runtime(async {
        let ask = |matricule: &String| {
            let (handle, asked): (Handle, _) = (handle.clone(), asked(matricule));
            tokio::spawn(async move { handle.prefill(asked).await })
        };
        futures_util::future::join_all(people.iter().map(ask)).await
    });
    for (matricule, bundle) in people.iter().zip(bundles) {
        let bundle = read(&bundle.unwrap().unwrap().into_inner());
        let person = demo.country.person_of(matricule).unwrap();
        assert_eq!(bundle["fields"]["givenName"]["value"], person.given_name());
    }
}

#[test]
fn two_engines_in_one_process_share_nothing() {
    let (one, two): (Demo, Demo) = (demo(), demo());
    let somebody = somebody(one.country);
    api(&one).prefer(&somebody, "rnpp", false).ok();
    let got = |demo: &Demo| {
        let handle = demo.engine.handle();
        let bundle = on_its_own_runtime(handle.prefill(asked(&somebody))).unwrap();
        read(&bundle.into_inner())["fields"]["familyName"]["status"].clone()
    };
    assert_eq!(got(&one), "withheld");
    assert_eq!(got(&two), "filled");
    let streams = [&one, &two].map(|demo| api(demo).get("/v1/ledger/head").ok()["stream"].clone());
    assert_ne!(streams[0], streams[1]);
    drop(one);
    assert_eq!(got(&two), "filled");
}

#[test]
fn a_handle_outlives_its_engine_and_says_so() {
    let demo = demo();
    let handle = demo.engine.handle().clone();
    let somebody = somebody(demo.country);
    drop(demo);
    let refused = on_its_own_runtime(handle.prefill(asked(&somebody))).map(|_| ());
    assert!(matches!(refused, Err(Rejection::Overloaded | Rejection::NotRecorded)), "{refused:?}");
}

#[path = "../../examples/embedded.rs"]
mod embedded;

#[test]
fn the_example_of_a_service_that_embeds_the_engine_works() {
    embedded::main().unwrap();
    let example = include_str!("../../examples/embedded.rs");
    assert!(example.lines().count() < 60);
}
