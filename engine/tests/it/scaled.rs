//! A replay's calendar runs ahead, and never mixes with a real one.

use std::borrow::Cow;
use std::path::Path;

use engine::catalogue::{Catalogue, Source};
use engine::demo::{Demo, Options};
use engine::ledger;
use engine::store::{self, Read as _};
use jiff::{Span, Timestamp};

use crate::support::{
    api, audit, bundle, calls, data_folder, demo_in, demo_with, eventually, form, options, somebody,
};

/// A day is 86 milliseconds.
const SCALE: u32 = 1_000_000;

fn scaled(data: &Path) -> Options {
    Options { data: Some(data.to_owned()), time_scale: SCALE, ..options() }
}

/// Ledger time, after one more disclosure.
fn stamp(demo: &Demo) -> Timestamp {
    bundle(api(demo), &form("criminal-record-extract", &somebody(demo.country)));
    let head = api(demo).get("/v1/ledger/head").ok();
    head["stamp"].as_str().and_then(|stamp| stamp.parse().ok()).expect("a stamp")
}

#[test]
fn calendars_run_as_fast_as_told_and_go_on_from_there_after_a_restart() {
    let data = data_folder();
    let demo = demo_with(&scaled(data.path()));
    assert_eq!(api(&demo).get("/healthz").ok()["timeScale"], SCALE);
    let (real, first) = (Timestamp::now(), stamp(&demo));
    let month = Span::new().hours(30 * 24);
    eventually("a month passes", || stamp(&demo) >= first + month);
    // What it tells of its calendar is what entries are stamped with.
    let before = stamp(&demo);
    let told: Timestamp = api(&demo).get("/healthz").ok()["now"].as_str().unwrap().parse().unwrap();
    let last = stamp(&demo);
    assert!((before..=last).contains(&told), "{told}");
    assert!(last > real + month);
    drop(demo);
    let again = demo_with(&scaled(data.path()));
    let first = stamp(&again);
    assert!(first >= last);
    // It does not stand still until the calendar has caught up.
    assert!(stamp(&again) > first);
    drop(again);
    assert!(audit(data.path()).disclosures >= 4);
}

#[test]
fn what_is_not_asked_again_in_real_time_is_asked_again_when_its_time_has_passed() {
    let data = data_folder();
    let demo = demo_with(&scaled(data.path()));
    let first = stamp(&demo);
    let before = calls(&demo.fleet, "rnpp");
    // Its answers are kept for a quarter of an hour.
    eventually("an hour passes", || stamp(&demo) >= first + Span::new().hours(1));
    assert!(calls(&demo.fleet, "rnpp") > before);
}

#[test]
fn registers_and_the_catalogue_count_calls_in_seconds_of_a_calendar_that_runs_faster() {
    const SCALE: u32 = 60;
    let data = data_folder();
    let demo = demo_with(&Options { time_scale: SCALE, ..scaled(data.path()) });
    for (register, declared) in [("acd", 2_000), ("cadastre", 1_000), ("education", 1_500)] {
        let taken = demo.fleet.register(register).control().rate;
        assert_eq!(taken, Some(declared * SCALE), "{register}");
    }
    drop(demo);
    // The catalogue's text stands in the ledger under its digest.
    let mut storage = store::open_read_only(data.path(), ledger::subjects_of).unwrap();
    let mut is_there = |scale| {
        let source = |(path, text): (&str, Cow<'_, str>)| Source {
            path: path.into(),
            text: text.into_owned(),
        };
        let sources: Vec<_> = fixtures::catalogue::files_at(scale).map(source).collect();
        let catalogue = Catalogue::compile(&sources).expect("no mistake in it");
        storage.text(catalogue.digest()).unwrap().is_some()
    };
    assert_eq!((is_there(SCALE), is_there(1)), (true, false));
}

#[test]
fn real_and_scaled_time_never_share_a_directory() {
    let (ahead, real) = (data_folder(), data_folder());
    drop(demo_with(&scaled(ahead.path())));
    drop(demo_in(real.path()));
    let refused = |options: &Options| {
        Demo::start(options).err().map(|error| format!("{error:#}")).expect("it is refused")
    };
    let told = refused(&Options { time_scale: 1, ..scaled(ahead.path()) });
    assert!(told.contains("opens only with --time-scale"), "{told}");
    let told = refused(&scaled(real.path()));
    assert!(told.contains("needs a data directory of its own"), "{told}");
}
