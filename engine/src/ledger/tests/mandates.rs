//! Mandates in the ledger: ordered, kept by number, and audited.

use super::super::*;
use super::proof::{check_found, given};
use super::support::{Setup, Started, WAIT, subject};
use crate::model::Channel;

/// The one who acts, and the company.
const PERSON: &str = "1893120105732";
const FIELD: (&str, &str) = ("legalName", "rcs");
const FORM: (&str, &str, Channel) = ("lbr", "company-name-change", Channel::FrontOffice);

fn person() -> Subject {
    PERSON.parse().unwrap()
}

async fn say(ledger: &Started, company: u64, allow: bool) -> Own<Arc<Consent>> {
    let until = crate::clock::monotonic() + WAIT;
    ledger.port.mandate(person(), subject(company), allow, until).await.unwrap()
}

/// A form of a company, disclosed under these versions of its applicant and of it.
async fn disclose(setup: &Setup, ledger: &Started, versions: [u64; 2]) -> Result<(), Refused> {
    let mut facts = setup.facts(&[]);
    facts.subjects = vec![(person(), versions[0]), (subject(1), versions[1])];
    ledger.disclose(setup.bundle(1), facts).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_mandate_is_in_force_when_it_is_acknowledged() {
    let setup = Setup::new();
    let ledger = setup.start();
    disclose(&setup, &ledger, [0, 0]).await.unwrap();
    let consent = say(&ledger, 1, false).await.into_inner();
    let published = ledger.port.published();
    let number = published.number(subject(1)).unwrap();
    assert!(consent.withdrew(number) && consent.version == 1);
    assert_eq!(published.consent(person()), consent);
    assert_eq!(published.named(number), Some(subject(1)));
    assert_eq!(disclose(&setup, &ledger, [0, 0]).await, Err(Refused::Stale));
    let parties = published.parties(&[Some(person()), Some(subject(1)), None, None]);
    assert_eq!(parties.numbers, [published.number(person()), Some(number), None, None]);
}

#[tokio::test(start_paused = true)]
async fn a_withdrawal_overtakes_the_disclosures_that_wait_with_it() {
    let setup = Setup::new();
    let (ledger, writer) = setup.open();
    let both = async { tokio::join!(disclose(&setup, &ledger, [0, 0]), say(&ledger, 1, false)) };
    let run = async {
        // Both wait before the writer takes its first batch.
        tokio::task::yield_now().await;
        drop(tokio::spawn(writer.run()));
    };
    let ((disclosed, _), _) = tokio::join!(both, run);
    assert_eq!(disclosed, Err(Refused::Stale));
}

#[tokio::test(start_paused = true)]
async fn a_restart_knows_who_is_named_and_a_company_that_was_erased_is_nobody() {
    let setup = Setup::new();
    let ledger = setup.start();
    say(&ledger, 1, false).await;
    say(&ledger, 2, false).await;
    let numbers = [1, 2].map(|index| ledger.port.published().number(subject(index)).unwrap());
    drop(ledger);
    let setup = setup.restart();
    let (ledger, _writer) = setup.open();
    let published = ledger.port.published();
    assert!(numbers.iter().all(|number| published.consent(person()).withdrew(*number)));
    assert_eq!(numbers.map(|it| published.named(it)), [Some(subject(1)), Some(subject(2))]);
    let civil = Civil::manual(setup.clock.clone());
    let storage = Box::new(setup.disk().restart());
    erase(storage, civil, Entropy::seeded(2), subject(1)).unwrap();
    let setup = setup.restart();
    let (ledger, _writer) = setup.open();
    let published = ledger.port.published();
    assert_eq!(numbers.map(|it| published.named(it)), [None, Some(subject(2))]);
    assert_eq!(audit(&mut setup.disk(), None).unwrap().erasures, 1);
}

#[tokio::test(start_paused = true)]
async fn a_word_that_changes_nothing_is_no_entry_and_gives_nobody_a_number() {
    let setup = Setup::new();
    let ledger = setup.start();
    assert_eq!(say(&ledger, 1, true).await.into_inner().version, 0);
    assert_eq!(ledger.port.published().number(subject(1)), None);
    for company in 0..consent::MANDATES_MAX as u64 {
        say(&ledger, company, false).await;
    }
    let before = setup.entries().len();
    let full = say(&ledger, 500, false).await.into_inner();
    assert_eq!((full.version, setup.entries().len()), (consent::MANDATES_MAX as u64, before));
    assert_eq!(ledger.port.published().number(subject(500)), None);
}

fn said(version: u64, who: u64, other: u64, allow: bool) -> Event {
    let subject = SubjectVersion { subject: who, version };
    Event::Change(Change { subject, what: consent::Change::Mandate { other, allow } })
}

#[test]
fn the_audit_finds_a_company_disclosed_under_a_mandate_that_was_withdrawn() {
    let setup = Setup::new();
    let found = "under a mandate that had been withdrawn";
    let of_company = |version| given(&setup, FORM, FIELD, &[version, 0]);
    check_found(&setup, vec![of_company(0)], None);
    // The first subject acts, the second is the company.
    check_found(&setup, vec![said(1, 1, 2, false), of_company(1)], Some(found));
    check_found(&setup, vec![said(1, 1, 3, false), of_company(1)], None);
    let restored = vec![said(1, 1, 2, false), said(2, 1, 2, true), of_company(2)];
    check_found(&setup, restored, None);
    // So does the company's word, in its own state.
    let by_company = |version| given(&setup, FORM, FIELD, &[0, version]);
    check_found(&setup, vec![acted(0, 1, 3), by_company(1)], None);
    check_found(&setup, vec![acted_by(3, 0, 1, 1, false), by_company(1)], Some(found));
    let restored = vec![acted_by(3, 0, 1, 1, false), acted_by(3, 0, 2, 1, true), by_company(2)];
    check_found(&setup, restored, None);
    // What is the applicant's own stays theirs.
    let own = given(&setup, FORM, ("familyName", "rnpp"), &[1, 0]);
    check_found(&setup, vec![said(1, 1, 2, false), own], None);
    check_found(&setup, vec![said(1, 1, 2, true)], Some("it changes nothing"));
}

/// Somebody who acts for the company, the second subject, says whether another does.
fn acted_by(by: u64, theirs: u64, version: u64, other: u64, allow: bool) -> Event {
    Event::ByMandate(ByMandate {
        by: SubjectVersion { subject: by, version: theirs },
        change: Change {
            subject: SubjectVersion { subject: 2, version },
            what: consent::Change::Mandate { other, allow },
        },
    })
}

/// The first subject withdraws another's mandate.
fn acted(theirs: u64, version: u64, other: u64) -> Event {
    acted_by(1, theirs, version, other, false)
}

#[test]
fn the_audit_finds_who_acted_for_a_company_under_a_mandate_that_was_withdrawn() {
    let setup = Setup::new();
    check_found(&setup, vec![acted(0, 1, 3)], None);
    check_found(&setup, vec![acted(1, 1, 3)], Some("under a consent that had changed"));
    check_found(&setup, vec![said(1, 1, 2, false), acted(0, 1, 3)], Some("that had changed"));
    let withdrawn = "acted for a company under a mandate that had been withdrawn";
    check_found(&setup, vec![said(1, 1, 2, false), acted(1, 1, 3)], Some(withdrawn));
    // Whom the company no longer lets act undoes nothing.
    let undone = vec![acted(0, 1, 3), acted_by(3, 0, 2, 3, true)];
    check_found(&setup, undone, Some(withdrawn));
    check_found(&setup, vec![acted(0, 1, 3), acted(0, 3, 4)], Some("does not follow"));
}

#[tokio::test(start_paused = true)]
async fn two_who_withdraw_each_others_mandate_cannot_both_do_so() {
    let setup = Setup::new();
    let ledger = setup.start();
    let [one, two] = ["1893120105732", "1971101731218"].map(|it| it.parse::<Subject>().unwrap());
    let until = crate::clock::monotonic() + WAIT;
    let withdraw = |person, versions, other| {
        let (by, what) = (By { person, versions }, Wish::Mandate { other, allow: false });
        ledger.port.change_by(by, subject(1), what, until)
    };
    let both = tokio::join!(withdraw(one, (0, 0), two), withdraw(two, (0, 0), one));
    let versions = |told: Result<Own<Arc<Consent>>, _>| told.map(|it| it.into_inner().version);
    assert_eq!((versions(both.0), versions(both.1)), (Ok(1), Err(Refused::Stale)));
    // Nor does one act on who has just given up their own.
    ledger.port.mandate(one, subject(1), false, until).await.unwrap();
    assert_eq!(versions(withdraw(one, (0, 1), two).await), Err(Refused::Stale));
    let published = ledger.port.published();
    let company = published.consent(subject(1));
    assert!(company.withdrew(published.number(two).unwrap()));
    let number = published.number(subject(1)).unwrap();
    assert_eq!((company.version, published.named(number)), (1, Some(subject(1))));
    audit(&mut setup.disk(), None).unwrap();
}
