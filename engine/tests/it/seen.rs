//! What others are told to look at exists: dashboard, alerts and the table of
//! metrics name what a scrape shows, and the other way round.

use std::collections::BTreeSet;
use std::path::Path;

use engine::demo::Demo;

use crate::support::{api, bundle, demo, eventually, form, somebody};

fn dist(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A scrape of an engine that has had something to do.
fn scrape(demo: &Demo) -> String {
    let api = api(demo);
    let somebody = somebody(demo.country);
    bundle(api, &form("criminal-record-extract", &somebody));
    bundle(api, &form("plate-reservation", &somebody));
    api.mine(&somebody, "/v1/me/data").ok();
    api.get("/no/such/path");
    api.mine("1", "/v1/me/data");
    api.get("/metrics").text()
}

/// The names of samples in a scrape, those of a histogram as its own.
fn families(scrape: &str) -> BTreeSet<String> {
    let types = scrape.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// What looks like a metric of ours, without a histogram's endings.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("prefill_") || word.starts_with("process_"));
    let endings = ["_bucket", "_sum", "_count"];
    let plain = |word: &str| {
        let found = endings.iter().find_map(|ending| word.strip_suffix(ending));
        found.unwrap_or(word).to_owned()
    };
    ours.map(plain).collect()
}

#[test]
fn dashboard_and_alerts_name_only_metrics_that_exist() {
    let scraped = families(&scrape(&demo()));
    for file in ["grafana/prefill.json", "prometheus/alerts.yml", "prometheus/alerts.test.yml"] {
        let named = named(&dist(file));
        assert!(!named.is_empty(), "{file} names none");
        let unknown: Vec<_> = named.difference(&scraped).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}");
    }
}

#[test]
fn every_metric_is_in_the_table_and_nothing_else_is() {
    let documented: BTreeSet<String> = dist("METRICS.md")
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| named(line.split('|').nth(1).unwrap_or_default()))
        .collect();
    assert_eq!(documented, families(&scrape(&demo())));
}

#[test]
fn the_dashboard_is_json_whose_panels_all_ask_something() {
    let dashboard: serde_json::Value = serde_json::from_str(&dist("grafana/prefill.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let asking = panels.iter().filter(|panel| panel["type"] != "row");
    for panel in asking.clone() {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{panel}");
        assert!(targets.iter().all(|target| target["expr"].is_string()), "{panel}");
    }
    assert!(asking.count() >= 20);
}

#[test]
fn every_alert_says_what_to_do() {
    let alerts = dist("prometheus/alerts.yml");
    let count = |word: &str| alerts.lines().filter(|line| line.trim().starts_with(word)).count();
    assert!(count("- alert: ") >= 10);
    assert_eq!(count("- alert: "), count("runbook: "));
    assert_eq!(count("- alert: "), count("summary: "));
    assert_eq!(count("- alert: "), count("labels: { severity: "));
}

#[test]
fn connections_to_registers_are_counted_while_they_are_open() {
    let demo = demo();
    let open = |text: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with("prefill_register_connections{register=\"rnpp\"}"));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).expect("a number")
    };
    assert!(open(&api(&demo).get("/metrics").text()) < 0.5);
    bundle(api(&demo), &form("criminal-record-extract", &somebody(demo.country)));
    assert!(open(&api(&demo).get("/metrics").text()) > 0.5);
    let Demo { engine, fleet, .. } = demo;
    drop(fleet);
    let api = crate::support::Api(engine.address());
    eventually("the connection is gone", || open(&api.get("/metrics").text()) < 0.5);
}
