//! Each planted fault is found, and by the promise that it breaks; without any,
//! the same runs break none.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::ledger;
use engine::planted::{Fault, plant};
use engine::store::{CrashAt, Disk, Memory};
use proof::check::{Findings, Promise, Summary, check};
use proof::run::{Incident, Plan, cut, reopen, run};
use proof::storage::Slow;

/// A commit that lets some bundles gather behind it.
const COMMIT: Duration = Duration::from_micros(300);

/// One fault stands for the whole process.
static SOIL: Mutex<()> = Mutex::new(());

struct Planted(#[expect(dead_code, reason = "it is held and not read")] MutexGuard<'static, ()>);

impl Planted {
    fn plant(fault: Option<Fault>) -> Self {
        let alone = SOIL.lock().unwrap_or_else(PoisonError::into_inner);
        plant(fault);
        Self(alone)
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        plant(None);
    }
}

/// What a run meets beside its clients.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    Fair,
    /// The calendar is put back.
    Setback,
    /// The power goes.
    Cut,
}

/// Few people, so that everything is about somebody who just changed their mind.
fn plan(seed: u64, weather: Weather) -> Plan {
    let plan = Plan::new(seed, 6_000);
    let families = plan.families[..3].to_vec();
    let plan = Plan { families, ..plan };
    match weather {
        Weather::Setback => plan.with(Incident::Calendar(-2_000)),
        Weather::Fair | Weather::Cut => plan,
    }
}

fn disk(weather: Weather) -> (Box<Slow<Memory>>, Disk) {
    let memory = Memory::new([1; 16], ledger::subjects_of);
    let disk = memory.disk();
    if weather == Weather::Cut {
        disk.crash_at(CrashAt { operation: 4_000, commit_survives: false });
    }
    (Box::new(Slow::new(memory, COMMIT)), disk)
}

fn outcome(seed: u64, weather: Weather) -> Result<Summary, Findings> {
    let plan = plan(seed, weather);
    let (storage, disk) = disk(weather);
    let history = run(&plan, storage).expect("an engine starts");
    let checked = check(&history, &plan.catalogue, &mut disk.clone());
    if checked.is_ok() {
        plan.calendar.fetch_add(1, Ordering::Relaxed);
        reopen(&plan, Box::new(disk.restart())).expect("it starts again");
    }
    checked
}

/// Plants a fault, and sees which promise is found broken. A fault shows where
/// things happen at once, so that a few runs may be needed.
#[track_caller]
fn finds(fault: Fault, weather: Weather, promise: Promise, how: &str) {
    let planted = Planted::plant(Some(fault));
    let found = (1..=5).find_map(|seed| outcome(seed, weather).err());
    drop(planted);
    let found = found.unwrap_or_else(|| panic!("{fault:?} is not found"));
    let named = found.of(promise).unwrap_or_else(|| panic!("{promise:?} is not among\n{found}"));
    assert!(named.how.contains(how), "{named}");
}

#[test]
fn without_a_fault_no_promise_is_broken() {
    let _planted = Planted::plant(None);
    for weather in [Weather::Fair, Weather::Setback, Weather::Cut] {
        let summary = outcome(1, weather).unwrap_or_else(|broken| panic!("{broken}"));
        assert!(summary.bundles > 500 && summary.changes > 100, "{summary:?}");
    }
}

#[test]
fn a_release_that_does_not_check_again_is_found() {
    let promise = Promise::NothingRefusedIsShown;
    finds(Fault::NoRecheckAtRelease, Weather::Fair, promise, "shows");
}

#[test]
fn a_version_that_is_read_after_the_fetch_is_found() {
    let promise = Promise::NothingRefusedIsShown;
    finds(Fault::VersionReadAfterTheFetch, Weather::Fair, promise, "shows");
}

#[test]
fn an_acknowledgement_before_the_commit_is_found() {
    let promise = Promise::AnAcknowledgedChangeIsInForce;
    finds(Fault::AcknowledgeBeforeCommit, Weather::Cut, promise, "not from");
}

#[test]
fn a_response_before_the_commit_is_found() {
    let promise = Promise::EveryResponseHasItsEntry;
    finds(Fault::RespondBeforeCommit, Weather::Cut, promise, "is not in the ledger");
}

#[test]
fn a_fill_after_a_purge_is_found() {
    let promise = Promise::NothingFetchedBeforeANo;
    finds(Fault::FillAfterPurge, Weather::Fair, promise, "came before the");
}

#[test]
fn output_that_is_kept_after_it_was_filtered_is_found() {
    let promise = Promise::NothingUnderAnOldConsent;
    finds(Fault::FilteredOutputCached, Weather::Fair, promise, "had been acknowledged before");
}

#[test]
fn a_joiner_from_another_organisation_is_found() {
    let promise = Promise::NoSharingAcrossOrganisations;
    finds(Fault::JoinerServedAcrossOrganisations, Weather::Fair, promise, "another organisation");
}

#[test]
fn a_chain_that_skips_an_entry_is_found() {
    let how = "its hash is not that of the head";
    finds(Fault::ChainSkipsAnEntry, Weather::Fair, Promise::Audit, how);
}

#[test]
fn ledger_time_that_goes_back_with_the_wall_clock_is_found() {
    let how = "ledger time goes back";
    finds(Fault::ExpiryByWallClockGoneBackwards, Weather::Setback, Promise::Audit, how);
}

#[test]
fn consent_that_is_published_after_its_acknowledgement_is_found() {
    let promise = Promise::AnAcknowledgedChangeIsInForce;
    finds(Fault::PublishAfterAcknowledgement, Weather::Fair, promise, "not from");
}

#[test]
fn a_disclosure_that_a_change_overtook_unseen_is_found() {
    let how = "under a consent that had changed before it";
    finds(Fault::QueueOvertakingWithoutRecheck, Weather::Fair, Promise::Audit, how);
}

#[test]
fn a_grant_beyond_its_time_is_found() {
    let how = "its grant was no longer valid";
    finds(Fault::GrantTimeNotChecked, Weather::Fair, Promise::Audit, how);
}

#[test]
fn a_consent_that_the_next_start_does_not_know_is_found() {
    let how = "a stored consent is not what the changes before lead to";
    finds(Fault::ConsentStateNotStored, Weather::Fair, Promise::Audit, how);
}

#[test]
fn a_withdrawn_mandate_that_is_used_is_found() {
    let promise = Promise::NothingUnderAWithdrawnMandate;
    let how = "stands after the withdrawal of its mandate";
    finds(Fault::WithdrawnMandateUsed, Weather::Fair, promise, how);
}

#[test]
fn a_cut_that_keeps_no_consents_is_found() {
    const YEARS: i64 = 3 * 365 * 24 * 3_600_000;
    let how = "a stored consent is not what the changes before lead to";
    for (fault, found) in [(None, None), (Some(Fault::SnapshotForgetsChanges), Some(how))] {
        let _planted = Planted::plant(fault);
        let plan = plan(1, Weather::Fair);
        let (storage, disk) = disk(Weather::Fair);
        run(&plan, storage).expect("an engine starts");
        plan.calendar.fetch_add(YEARS, Ordering::Relaxed);
        let cut = cut(&plan, Box::new(disk.restart())).expect("it is cut");
        assert!(cut.is_some_and(|cut| cut > 500), "{cut:?}");
        let audited = ledger::audit(&mut disk.clone(), None).map_err(|error| error.to_string());
        match (audited, found) {
            (Ok(report), None) => assert_eq!((report.disclosures, Some(report.cut)), (0, cut)),
            (Err(error), Some(how)) => assert!(error.contains(how), "{error}"),
            (audited, _) => panic!("{fault:?}: {audited:?}"),
        }
    }
}
