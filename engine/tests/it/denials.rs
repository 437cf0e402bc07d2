//! Denials stand in the ledger, and cannot fill it.

use std::path::Path;

use engine::demo::Demo;
use engine::ledger::{Denial, Entry, Event, subjects_of};
use engine::store::{Read as _, open_read_only};
use serde_json::{Value, json};

use crate::support::{Reply, api, data_folder, demo_in, eventually, form, somebody, with};

fn denials(data: &Path) -> Vec<Denial> {
    let rows = open_read_only(data, subjects_of).unwrap().entries(0, usize::MAX).unwrap();
    let events = rows.iter().map(|row| Entry::decode(&row.body).unwrap().event);
    events
        .filter_map(|event| match event {
            Event::Denial(denial) => Some(denial),
            _ => None,
        })
        .collect()
}

fn total(data: &Path) -> u32 {
    denials(data).iter().map(|denial| denial.count).sum()
}

/// Asks so often for somebody who is not there.
fn deny(demo: &Demo, times: usize) {
    let absent =
        with(form("criminal-record-extract", &somebody(demo.country)), json!({"presence": null}));
    for _ in 0..times {
        assert_eq!(api(demo).ask("justice", &absent).reply().status, 403);
    }
}

#[test]
fn a_flood_of_denials_is_counted_whole_in_few_entries() {
    let data = data_folder();
    let demo = demo_in(data.path());
    deny(&demo, 300);
    eventually("every denial is counted", || total(data.path()) == 300);
    let entries = denials(data.path());
    assert!(entries.len() < 150, "{} entries", entries.len());
    assert!(entries.iter().all(|denial| &*denial.reason == "no-presence"));
    // The first ones tell whom they were about.
    // The first number is of a persona, who refuses a register from the start.
    assert!(entries[..10].iter().all(|denial| denial.subjects == [2]));
}

#[test]
fn denials_that_are_not_written_yet_when_the_engine_stops_are_counted() {
    let data = data_folder();
    let demo = demo_in(data.path());
    deny(&demo, 40);
    drop(demo);
    assert_eq!(total(data.path()), 40);
    assert!(denials(data.path()).len() < 40, "few entries of their own");
}

#[test]
fn who_asks_for_another_without_a_delegation_is_recorded() {
    let data = data_folder();
    let demo = demo_in(data.path());
    let form = form("criminal-record-extract", &somebody(demo.country));
    let form = with(form, json!({"organisation": "justice"}));
    assert_eq!(api(&demo).ask("acd", &form).reply().status, 403);
    eventually("the denial is recorded", || total(data.path()) == 1);
    assert_eq!(&*denials(data.path())[0].reason, "no-authority");
}

#[test]
fn a_back_office_that_asks_in_vain_is_slowed_down() {
    let data = data_folder();
    let demo = demo_in(data.path());
    let vain = json!({
        "procedure": "tax-card-change", "subjects": {"applicant": somebody(demo.country)},
        "channel": "back-office", "case": "2026-0001",
    });
    let replies: Vec<Reply> = (0..100).map(|_| api(&demo).ask("acd", &vain).reply()).collect();
    let refused = replies.iter().filter(|reply| reply.status == 429).count();
    let answered = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(refused + answered, 100);
    assert!((10..50).contains(&answered), "{answered} were answered");
    let problem: Value = replies.iter().find(|reply| reply.status == 429).unwrap().json();
    assert_eq!(problem["type"], "quota");
    eventually("those refused are counted", || total(data.path()) == refused as u32);
}
