//! What is older than its time goes, and what it led to stays, provably.

use std::sync::atomic::Ordering;

use super::super::*;
use super::support::{Setup, Started, TODAY, subject};
use crate::ledger::facts::Facts as Kept;
use crate::store::{Cut, Memory, Read as _, Readers};

const YEAR: CivilMs = 365 * 24 * 3_600_000;

/// Looks for what is older than two years.
pub(super) async fn look(setup: &Setup, ledger: &Started) -> Result<Option<u64>, Unkept> {
    keeper(setup, ledger).look().await
}

pub(super) fn keeper(setup: &Setup, ledger: &Started) -> Keeper {
    let civil = Civil::manual(setup.clock.clone());
    let ledger = ledger.port.ledger.clone();
    Keeper::new(Box::new(setup.disk()), ledger, civil, RETENTION_DEFAULT).in_slices_of(2)
}

/// Years go by while nothing runs.
pub(super) fn later(setup: &Setup, time: CivilMs) -> Setup {
    setup.clock.fetch_add(time, Ordering::Relaxed);
    setup.restart()
}

fn reuse() -> consent::Change {
    consent::Change::Give(consent::Terms {
        id: [1; 16],
        organisation: "housing-ministry".into(),
        case: "c".into(),
        procedure: "housing-aid".into(),
        purpose: "u".into(),
        fields: vec!["taxYear".into()],
        expires: TODAY + 5 * YEAR,
    })
}

/// Entries 1 to 6: a catalogue, three changes, two bundles.
async fn first_year(setup: &Setup) -> Head {
    let ledger = setup.start();
    ledger.prefer(1, "snca", false).await.unwrap();
    let until = crate::clock::monotonic() + super::support::WAIT;
    ledger.port.change(subject(1), reuse(), until).await.unwrap();
    ledger.prefer(2, "rnpp", false).await.unwrap();
    ledger.disclose(setup.bundle(1), setup.facts(&[(1, 2)])).await.unwrap();
    ledger.disclose(setup.bundle(2), setup.facts(&[(3, 0)])).await.unwrap();
    ledger.port.published().head()
}

fn sequences(setup: &Setup) -> Vec<u64> {
    setup.entries().iter().map(|entry| entry.sequence).collect()
}

#[tokio::test(start_paused = true)]
async fn a_consent_given_three_years_ago_still_counts_and_is_proven() {
    let setup = Setup::new();
    first_year(&setup).await;
    let setup = later(&setup, 3 * YEAR);
    let ledger = setup.start();
    assert_eq!(look(&setup, &ledger).await.unwrap(), Some(6));
    assert_eq!(sequences(&setup), [7, 8, 9], "a start, the cut, and somebody is forgotten");
    let stale = ledger.disclose(setup.bundle(3), setup.facts(&[(1, 1)])).await;
    assert_eq!(stale.unwrap_err(), Refused::Stale);
    ledger.disclose(setup.bundle(4), setup.facts(&[(1, 2)])).await.unwrap();
    ledger.prefer(1, "snca", true).await.unwrap();
    let report = audit(&mut setup.disk(), None).unwrap();
    assert_eq!((report.cut, report.cuts), (6, 1));
    assert_eq!((report.disclosures, report.changes, report.catalogues), (1, 1, 1));

    drop(ledger);
    let setup = setup.restart();
    let ledger = setup.start();
    let consent = ledger.port.published().consent(subject(1));
    assert!(consent.version == 3 && consent.allows("snca"));
    assert!(consent.reuse()[0].stands(TODAY + 3 * YEAR));
    assert!(!ledger.port.published().consent(subject(2)).allows("rnpp"));
    audit(&mut setup.disk(), None).unwrap();
}

#[tokio::test(start_paused = true)]
async fn only_what_is_older_is_cut_and_cuts_follow_each_other() {
    let setup = Setup::new();
    first_year(&setup).await;
    let setup = later(&setup, YEAR);
    let ledger = setup.start();
    ledger.prefer(1, "snca", true).await.unwrap();
    ledger.disclose(setup.bundle(3), setup.facts(&[(3, 0)])).await.unwrap();
    assert_eq!(look(&setup, &ledger).await.unwrap(), None);
    drop(ledger);
    // Two years after the first entries, to the millisecond: they are not older.
    let setup = later(&setup, YEAR);
    let ledger = setup.start();
    assert_eq!(look(&setup, &ledger).await.unwrap(), None);
    setup.clock.fetch_add(1, Ordering::Relaxed);
    assert_eq!(look(&setup, &ledger).await.unwrap(), Some(6));
    assert_eq!(look(&setup, &ledger).await.unwrap(), None, "nothing more is due");
    audit(&mut setup.disk(), None).unwrap();
    drop(ledger);
    let setup = later(&setup, YEAR);
    let ledger = setup.start();
    assert_eq!(look(&setup, &ledger).await.unwrap(), Some(9));
    assert_eq!(sequences(&setup), [10, 11, 12, 13, 14], "the last one forgets somebody");
    let report = audit(&mut setup.disk(), None).unwrap();
    assert_eq!((report.cut, report.cuts), (9, 2));
    let kept = |cut| {
        let mut parts = 0;
        setup.disk().facts(cut, &mut |_| parts += 1).unwrap();
        parts
    };
    assert!(kept(6) == 0 && kept(9) > 0, "of the cut before, nothing is kept");
}

#[tokio::test(start_paused = true)]
async fn a_list_and_what_is_held_end_at_the_cut_and_say_so() {
    let setup = Setup::new();
    first_year(&setup).await;
    let setup = later(&setup, 3 * YEAR);
    let ledger = setup.start();
    let readers = Readers::inline(Box::new(setup.disk()));
    let accesses = Accesses::new(readers, ledger.port.published().clone());
    let page = || Page { limit: 10, ..Page::default() };
    let before = accesses.of(subject(1), page()).await.unwrap().into_inner();
    assert_eq!((before.total, before.kept_from), (1, None));
    look(&setup, &ledger).await.unwrap();
    ledger.disclose(setup.bundle(4), setup.facts(&[(1, 2)])).await.unwrap();
    let list = accesses.of(subject(1), page()).await.unwrap().into_inner();
    assert_eq!((list.total, list.usages.len(), list.next), (1, 1, None));
    assert_eq!(list.kept_from, Some(TODAY + YEAR));
    let held = accesses.held(subject(1)).await.unwrap().into_inner();
    assert_eq!((held.history.len(), held.history_total), (0, 0));
    assert_eq!(held.accesses, list);
}

#[tokio::test(start_paused = true)]
async fn a_head_or_a_bundle_from_before_the_cut_cannot_be_told_and_that_is_said() {
    let setup = Setup::new();
    let old = first_year(&setup).await;
    let id = Entropy::seeded(1).uuid(TODAY);
    let held = format!("{{\"disclosure\":\"{id}\"}}");
    let unknown = |setup: &Setup| witness(&mut setup.disk(), held.as_bytes()).unwrap();
    assert_eq!(unknown(&setup), Witness::Unknown);
    let setup = later(&setup, 3 * YEAR);
    let ledger = setup.start();
    look(&setup, &ledger).await.unwrap();
    let new = ledger.port.published().head();
    assert_eq!(unknown(&setup), Witness::BeyondRetention(TODAY + YEAR));
    let audit = |head: &Head| audit(&mut setup.disk(), Some(head)).map(|report| report.cut);
    assert_eq!(audit(&new).unwrap(), 6);
    assert_eq!(audit(&old).unwrap(), 6, "it is the very one at the cut");
    let older = Head { sequence: 5, ..old };
    let untold = audit(&older).unwrap_err();
    assert!(matches!(untold, AuditError::BeyondRetention { expected: 5, cut: 6 }), "{untold}");
    let other = Head { hash: [1; 32], ..old };
    let found = audit(&other).unwrap_err();
    assert!(matches!(&found, AuditError::Violated(it) if it.sequence == 6), "{found}");
}

#[tokio::test(start_paused = true)]
async fn uses_are_counted_alike_before_and_after_their_entries_are_cut() {
    let setup = Setup::new();
    first_year(&setup).await;
    let setup = later(&setup, 3 * YEAR);
    let ledger = setup.start();
    ledger.disclose(setup.bundle(4), setup.facts(&[(1, 2)])).await.unwrap();
    let (before, _) = uses(&mut setup.disk()).unwrap();
    assert_eq!(look(&setup, &ledger).await.unwrap(), Some(6));
    assert_eq!(uses(&mut setup.disk()).unwrap().0, before);
    let told: Vec<_> = before.iter().map(|(kind, count)| (kind.year, count.disclosures)).collect();
    assert_eq!(told, [(2026, 2), (2029, 1)]);
    let (_, count) = before.iter().next().unwrap();
    assert_eq!(count.registers, [("rnpp".into(), 2)].into());
}

type Forge = fn(&mut Kept);

/// A ledger that was cut, not swept, with what was kept of it as `forge` leaves it.
async fn cut_with(forge: impl FnOnce(&mut Kept)) -> Setup {
    let setup = Setup::new();
    first_year(&setup).await;
    let mut facts = Kept::at_first(&setup.disk().head().unwrap());
    let catalogues = catalogues::Catalogues::default();
    for row in setup.disk().entries(0, 6).unwrap() {
        facts.follow(&row, &mut setup.disk(), &catalogues).unwrap();
    }
    forge(&mut facts);
    let (parts, digests) = facts.parts();
    let mut memory = setup.disk().restart();
    let head = setup.disk().head().unwrap();
    for (part, body) in (0..).zip(parts) {
        memory.put_facts(6, part, &body).unwrap();
    }
    let (before, stamp) = (TODAY + 1, TODAY + 1 + 2 * YEAR);
    let hash = facts.hash;
    let numbers = facts.numbers;
    let said = Snapshot { upto: 6, hash, before, kept_ms: 2 * YEAR, numbers, facts: digests };
    let event = Event::Snapshot(said);
    let body = Entry { stream: head.stream, sequence: 7, stamp, event }.encode();
    let row = store::Row { sequence: 7, salt: [9; 16], body };
    memory.append(&row).unwrap();
    memory.set_cut(&Cut { sequence: 6, hash, before, entry: 7 }).unwrap();
    let hash = next_hash(&head.hash, &row);
    memory.commit(&Head { sequence: 7, hash, stamp, ..head }).unwrap();
    setup
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_is_compared_with_what_the_entries_lead_to_while_they_are_there() {
    let setup = cut_with(|_| {}).await;
    let report = audit(&mut setup.disk(), None).unwrap();
    assert_eq!((report.changes, report.cut), (3, 0), "it looks at every entry");
    let forgeries: [(&str, Forge); 7] = [
        ("the consents kept", |it| drop(it.consents.remove(&1))),
        ("the consents kept", |it| drop(it.consents.insert(2, Consent::default().encode()))),
        ("the erasures kept", |it| it.erased.extend([3])),
        ("the catalogues kept", |it| it.superseded.push((it.catalogue.unwrap(), TODAY))),
        ("the counts of uses kept", |it| it.uses = Uses::default()),
        ("the highest number", |it| it.numbers += 1),
        ("the chain's hash", |it| it.hash = [1; 32]),
    ];
    for (name, forge) in forgeries {
        let setup = cut_with(forge).await;
        let found = audit(&mut setup.disk(), None).unwrap_err();
        let AuditError::Violated(found) = found else { panic!("{found}") };
        assert!(found.sequence == 7 && found.what.contains(name), "{name}: {found}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fact_that_was_changed_after_the_cut_is_found_by_name() {
    let setup = Setup::new();
    first_year(&setup).await;
    let setup = later(&setup, 3 * YEAR);
    let ledger = setup.start();
    look(&setup, &ledger).await.unwrap();
    drop(ledger);
    let mut parts = Vec::new();
    setup.disk().facts(6, &mut |part| parts.push(part.to_vec())).unwrap();
    let names = ["catalogues", "erasures", "consents", "counts of uses"];
    let kinds: Vec<_> = parts.iter().map(|part| usize::from(part[1])).collect();
    assert_eq!(kinds, [0, 2, 3]);
    let write = |part: u64, body: &[u8]| {
        let mut memory = setup.disk().restart();
        memory.put_facts(6, part, body).unwrap();
        memory.commit(&setup.disk().head().unwrap()).unwrap();
    };
    for (place, (part, kind)) in (0..).zip(parts.iter().zip(kinds)) {
        for at in 2..part.len() {
            let mut changed = part.clone();
            changed[at] ^= 1;
            write(place, &changed);
            let found = audit(&mut setup.disk(), None).unwrap_err();
            let AuditError::Violated(found) = found else { panic!("{found}") };
            let what = format!("the {} kept are not those it names", names[kind]);
            assert_eq!((found.sequence, found.what), (8, what), "byte {at} of part {place}");
        }
        write(place, part);
        audit(&mut setup.disk(), None).unwrap();
    }
    // One part more: somebody is no longer known to be erased, or is.
    write(3, &[1, 1, 1, 9]);
    let found = audit(&mut setup.disk(), None).unwrap_err();
    assert!(found.to_string().contains("the erasures kept"), "{found}");
    let ledger = setup.restart().start();
    let untouched = look(&later(&setup, YEAR), &ledger).await;
    assert!(untouched.is_err(), "nothing is cut by what was changed");
}

/// These bytes are in ledgers, and an entry names their digest: whoever changes them
/// needs a new format byte and a reader of the old one.
#[test]
fn the_format_of_what_is_kept_of_a_cut_does_not_change() {
    let mut facts = Kept::at_first(&Setup::new().disk().head().unwrap());
    facts.catalogue = Some([0xca; 32]);
    facts.superseded = vec![([0xcb; 32], 7)];
    facts.erased = [5, 300].into();
    facts.consents = [(6, vec![1, 2])].into();
    let kind = Kind { year: 2026, organisation: "o".into(), procedure: "p".into() };
    facts.uses.extend([(kind, Count { disclosures: 300, registers: [("r".into(), 2)].into() })]);
    let (parts, _) = facts.parts();
    let golden = [
        format!("010001{}01{}0e", "ca".repeat(32), "cb".repeat(32)),
        "01010205ac02".to_owned(),
        "01020106020102".to_owned(),
        "010301d41f016f0170ac0201017202".to_owned(),
    ];
    assert_eq!(parts.iter().map(|part| hex(part)).collect::<Vec<_>>(), golden);
    let mut read = Kept::at_first(&Setup::new().disk().head().unwrap());
    assert!(parts.iter().all(|part| read.take(part)));
    assert_eq!(read, facts);
    assert!(!read.take(&[2, 1, 0]), "another format");
}

#[test]
fn entries_that_are_gone_without_a_word_are_found() {
    let setup = Setup::new();
    let start = || Event::Catalogue(*setup.catalogue().digest());
    let cut_off = |sequence, entry| {
        let events = (0..4).map(|stamp| (TODAY + stamp, start())).collect();
        let mut memory: Memory = super::proof::forged(&setup, events);
        let before = TODAY + 1;
        memory.set_cut(&Cut { sequence, hash: [7; 32], before, entry }).unwrap();
        while memory.sweep(9).unwrap() > 0 {}
        let head = memory.disk().head().unwrap();
        memory.commit(&head).unwrap();
        audit(&mut memory.disk(), None).unwrap_err()
    };
    let found = cut_off(2, 4);
    assert!(found.to_string().contains("entry 4: it does not say that entries are cut"), "{found}");
    let said = Snapshot {
        upto: 1,
        hash: [7; 32],
        before: TODAY,
        kept_ms: 0,
        numbers: 0,
        facts: Kept::at_first(&setup.disk().head().unwrap()).parts().1,
    };
    // An entry says so, and the ledger does not know; or it says what cannot be.
    let found = |said: Snapshot| {
        let events = vec![(TODAY, start()), (TODAY, Event::Snapshot(said))];
        let memory = super::proof::forged(&setup, events);
        audit(&mut memory.disk(), None).unwrap_err().to_string()
    };
    assert!(found(said.clone()).contains("entry 2: it cuts entries, and the ledger does not know"));
    let young = Snapshot { kept_ms: 1, ..said.clone() };
    assert!(found(young).contains("entry 2: it cuts what is younger"));
    assert!(found(Snapshot { upto: 2, ..said }).contains("entry 2: it cuts what was cut before"));
}

#[test]
fn everything_that_an_entry_names_is_present_or_the_audit_says_so() {
    let setup = Setup::new();
    let start = (TODAY, Event::Catalogue(*setup.catalogue().digest()));
    let denied = |number, catalogue| {
        let about = About { catalogue, ..setup.about() };
        let denial = Denial { about, subjects: vec![number], reason: "r".into(), count: 1 };
        let memory =
            super::proof::forged(&setup, vec![start.clone(), (TODAY, Event::Denial(denial))]);
        audit(&mut memory.disk(), None)
    };
    let known = *setup.catalogue().digest();
    denied(4, known).unwrap();
    let found = denied(5, known).unwrap_err().to_string();
    assert!(found.contains("a subject whose number an entry names is stored nowhere"), "{found}");
    let found = denied(4, [7; 32]).unwrap_err().to_string();
    assert!(found.contains("entry 2: no text of a catalogue that an entry names"), "{found}");
}

#[tokio::test(start_paused = true)]
async fn a_disclosure_waits_for_one_slice_of_retention_at_most() {
    let setup = Setup::new();
    first_year(&setup).await;
    let setup = later(&setup, 3 * YEAR);
    let (ledger, writer) = setup.open();
    let mut keeper = keeper(&setup, &ledger);
    let disclosures = async {
        let mut told = Vec::new();
        for index in 0..24 {
            ledger.disclose(setup.bundle(10 + index), setup.facts(&[(9, 0)])).await.unwrap();
            told.push(setup.disk().entries(0, 1).unwrap()[0].sequence);
        }
        told
    };
    tokio::spawn(writer.run());
    let (told, cut) = tokio::join!(disclosures, keeper.look());
    assert_eq!(cut.unwrap(), Some(6));
    // Between any two of them, at most one slice of two entries went.
    let mut firsts = told.clone();
    firsts.dedup();
    assert_eq!(firsts, [1, 3, 5, 7], "{told:?}");
    audit(&mut setup.disk(), None).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_cuts_nothing() {
    let setup = Setup::new();
    first_year(&setup).await;
    let setup = setup.restart();
    let ledger = setup.start();
    setup.clock.fetch_add(3 * YEAR, Ordering::Relaxed);
    let refused = look(&setup, &ledger).await.unwrap_err();
    assert!(matches!(refused, Unkept::Refused(Refused::Closed(Latch::ClockJump(_)))), "{refused}");
    assert_eq!(sequences(&setup).len(), 7);
    audit(&mut setup.disk(), None).unwrap();
}
