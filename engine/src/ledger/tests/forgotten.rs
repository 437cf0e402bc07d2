//! Of whom nothing is left, nobody knows any more who they were.

use super::super::*;
use super::proof::{change, disclosure, forged, with_consents};
use super::retention::{keeper, later, look};
use super::support::{Setup, Started, TODAY, WAIT, subject};
use crate::ledger::keeper::chore;
use crate::ledger::queue::Chore;
use crate::store::Read as _;

const THREE_YEARS: CivilMs = 3 * 365 * 24 * 3_600_000;

/// Who has a number, and the numbers that are nobody's any more.
fn known(setup: &Setup) -> (Vec<(u64, String)>, Vec<u64>) {
    let (mut subjects, mut erased) = (Vec::new(), Vec::new());
    setup.disk().subjects(&mut |number, whose| subjects.push((number, whose.to_owned()))).unwrap();
    setup.disk().erased(&mut |number| erased.push(number)).unwrap();
    (subjects, erased)
}

fn number(ledger: &Started, index: u64) -> Option<u64> {
    ledger.port.published().number(subject(index))
}

async fn withdraw(ledger: &Started, one: u64, other: u64) {
    let until = crate::clock::monotonic() + WAIT;
    ledger.port.mandate(subject(one), subject(other), false, until).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_is_named_nowhere_after_a_cut_is_known_no_more() {
    let setup = Setup::new();
    let ledger = setup.start();
    // One says No, one withdraws a mandate with another, and two only ask.
    ledger.prefer(1, "snca", false).await.unwrap();
    withdraw(&ledger, 2, 3).await;
    for index in [1, 4, 5] {
        let version = u64::from(index == 1);
        let facts = setup.facts(&[(index, version)]);
        ledger.disclose(setup.bundle(index), facts).await.unwrap();
    }
    drop(ledger);
    let setup = later(&setup, THREE_YEARS);
    let ledger = setup.start();
    ledger.disclose(setup.bundle(6), setup.facts(&[(5, 0)])).await.unwrap();
    let five = number(&ledger, 5).unwrap();
    assert!(look(&setup, &ledger).await.unwrap().is_some());
    let (subjects, erased) = known(&setup);
    let whose: Vec<_> = subjects.iter().map(|(_, whose)| whose.clone()).collect();
    assert_eq!(whose, [1, 3, 2, 5].map(|index| subject(index).to_string()));
    assert_eq!((erased.len(), number(&ledger, 4)), (1, None));
    assert_eq!(number(&ledger, 5), Some(five), "an entry is left of them");
    let report = audit(&mut setup.disk(), None).unwrap();
    assert_eq!((report.forgotten, report.erasures), (1, 0));
    // Who comes back is somebody new, and so they are after a restart.
    ledger.disclose(setup.bundle(7), setup.facts(&[(4, 0)])).await.unwrap();
    let again = number(&ledger, 4).unwrap();
    assert!(again > five && again != erased[0]);
    drop(ledger);
    let setup = setup.restart();
    assert_eq!(number(&setup.start(), 4), Some(again));
    audit(&mut setup.disk(), None).unwrap();
    // And it is forgotten, too, that somebody was, once nothing is left to say it.
    let setup = later(&setup, THREE_YEARS);
    let ledger = setup.start();
    look(&setup, &ledger).await.unwrap();
    assert_eq!((number(&ledger, 4), number(&ledger, 5)), (None, None));
    assert_eq!(audit(&mut setup.disk(), None).unwrap().forgotten, 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_named_while_it_is_looked_stays() {
    let setup = Setup::new();
    let ledger = setup.start();
    for index in [1, 2, 3] {
        ledger.disclose(setup.bundle(index), setup.facts(&[(index, 0)])).await.unwrap();
    }
    let handle = ledger.port.ledger.clone();
    let all = [1, 2, 3].map(|index| (number(&ledger, index).unwrap(), subject(index)));
    let forget = || chore(&handle, Chore::Forget(all.to_vec()));
    forget().await.unwrap();
    assert_eq!(known(&setup).0.len(), 3, "nobody watched");
    chore(&handle, Chore::Watch(true)).await.unwrap();
    ledger.disclose(setup.bundle(4), setup.facts(&[(1, 0)])).await.unwrap();
    // In the very batch, too: both wait before the writer takes either.
    let disclosed = ledger.disclose(setup.bundle(5), setup.facts(&[(2, 0)]));
    let (forgotten, disclosed) = tokio::join!(forget(), disclosed);
    assert!(forgotten.is_ok() && disclosed.is_ok());
    let (subjects, erased) = known(&setup);
    assert_eq!(subjects, [1, 2].map(|index| (index, subject(index).to_string())));
    assert_eq!(erased, [3]);
    // So does who came first meanwhile.
    ledger.disclose(setup.bundle(7), setup.facts(&[(7, 0)])).await.unwrap();
    let seven = (number(&ledger, 7).unwrap(), subject(7));
    chore(&handle, Chore::Forget(vec![seven])).await.unwrap();
    assert_eq!(number(&ledger, 7), Some(seven.0));
    // Whoever says something at the last moment stays as well.
    ledger.disclose(setup.bundle(6), setup.facts(&[(3, 0)])).await.unwrap();
    chore(&handle, Chore::Watch(true)).await.unwrap();
    ledger.prefer(3, "snca", false).await.unwrap();
    let three = (number(&ledger, 3).unwrap(), subject(3));
    chore(&handle, Chore::Watch(true)).await.unwrap();
    chore(&handle, Chore::Forget(vec![three])).await.unwrap();
    assert_eq!(number(&ledger, 3), Some(three.0), "whoever has a consent is not forgotten");
}

#[tokio::test(start_paused = true)]
async fn disclosures_go_on_while_people_are_forgotten() {
    let setup = Setup::new();
    let ledger = setup.start();
    for index in 0..300 {
        ledger.disclose(setup.bundle(index), setup.facts(&[(index, 0)])).await.unwrap();
    }
    drop(ledger);
    let setup = later(&setup, THREE_YEARS);
    let ledger = setup.start();
    let mut keeper = keeper(&setup, &ledger).in_slices_of(100);
    let disclosed = async {
        for index in (0..300).step_by(7) {
            let bundle = setup.bundle(1_000 + index);
            ledger.disclose(bundle, setup.facts(&[(index, 0)])).await.unwrap();
        }
    };
    let (cut, ()) = tokio::join!(keeper.look(), disclosed);
    cut.unwrap();
    // Whoever came before or after is known, under one number or another.
    assert!((0..300).step_by(7).all(|index| number(&ledger, index).is_some()));
    let known = (0..300).filter(|index| number(&ledger, *index).is_some()).count();
    let report = audit(&mut setup.disk(), None).unwrap();
    assert!(known == 43 && report.forgotten >= 257, "{known} are known after {report:?}");
}

/// What the audit finds of a ledger in which these numbers are forgotten at the end.
#[track_caller]
fn finds(setup: &Setup, events: Vec<Event>, states: &[(u64, &Consent)], number: u64) -> String {
    let start = Event::Catalogue(*setup.catalogue().digest());
    let events = [vec![start], events, vec![Event::Forgotten(vec![number])]].concat();
    let events = events.into_iter().map(|event| (TODAY, event)).collect();
    let mut memory = with_consents(forged(setup, events), states);
    memory.erase_subject(number).unwrap();
    let head = memory.disk().head().unwrap();
    memory.commit(&head).unwrap();
    audit(&mut memory.disk(), None).map_or_else(|error| error.to_string(), |_| "holds".into())
}

#[test]
fn the_audit_finds_who_was_forgotten_and_may_not() {
    let setup = Setup::new();
    assert_eq!(finds(&setup, Vec::new(), &[], 4), "holds");
    let entry = vec![disclosure(&setup, 0, CivilMs::MAX)];
    let kept = finds(&setup, entry.clone(), &[], 1);
    assert_eq!(kept, "entry 3: it forgets somebody about whom entries are kept");
    assert_eq!(finds(&setup, entry, &[], 2), "holds");
    let refused = finds(&setup, vec![change(1)], &[], 1);
    assert_eq!(refused, "entry 3: it forgets somebody whose consent is kept");
    let what = consent::Change::Mandate { other: 3, allow: false };
    let said = Consent::default().after(&what, TODAY).unwrap();
    let whose = SubjectVersion { subject: 2, version: 1 };
    let mandate = vec![Event::Change(Change { subject: whose, what })];
    let named = finds(&setup, mandate, &[(2, &said)], 3);
    assert_eq!(named, "entry 3: it forgets somebody whom another's consent names");
    // Twice is once too often, and what comes later is about somebody else.
    let twice = finds(&setup, vec![Event::Forgotten(vec![4])], &[], 4);
    assert_eq!(twice, "entry 3: it is about a subject who was erased before it");
}
