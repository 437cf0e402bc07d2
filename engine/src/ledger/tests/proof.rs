//! The audit: it accepts what holds, and finds each thing that does not.

use super::super::*;
use super::support::{Setup, TODAY};
use crate::model::{Channel, RegisterSet};
use crate::store::{Memory, Read as _, Row};

/// Writes entries as a faulty writer would: chained well, whatever they say.
pub(super) fn forged(setup: &Setup, events: Vec<(CivilMs, Event)>) -> Memory {
    forged_about(1..=4, setup, events)
}

/// The same, where so many subjects have a number.
fn forged_about(
    numbers: std::ops::RangeInclusive<u64>,
    setup: &Setup,
    events: Vec<(CivilMs, Event)>,
) -> Memory {
    let stream = [3; 16];
    let mut memory = Memory::new(stream, subjects_of);
    let mut head = Head { stream, sequence: 0, hash: chain::genesis(&stream), stamp: 0 };
    memory.put_text(setup.catalogue().digest(), setup.catalogue().text().as_bytes()).unwrap();
    numbers.for_each(|number| memory.put_subject(number, &format!("B{number}")).unwrap());
    for (stamp, event) in events {
        let sequence = head.sequence + 1;
        let body = Entry { stream, sequence, stamp, event }.encode();
        let row = Row { sequence, salt: [9; 16], body };
        memory.append(&row).unwrap();
        head = Head { sequence, stamp, hash: chain::next(&head.hash, &row), ..head };
    }
    memory.put_text(&[8; 32], setup.catalogue().text().as_bytes()).unwrap();
    memory.commit(&head).unwrap();
    memory
}

/// Writes the consent states that the changes lead to, as the writer would.
pub(super) fn with_consents(mut memory: Memory, states: &[(u64, &Consent)]) -> Memory {
    for (number, state) in states {
        memory.put_consent(*number, &state.encode()).unwrap();
    }
    let head = memory.disk().head().unwrap();
    memory.commit(&head).unwrap();
    memory
}

pub(super) fn disclosure(setup: &Setup, version: u64, valid_until: CivilMs) -> Event {
    Event::Disclosure(Disclosure {
        id: [1; 16],
        about: setup.about(),
        subjects: vec![SubjectVersion { subject: 1, version }],
        valid_until,
        called: vec![RegisterSet::EMPTY],
        fields: Vec::new(),
        complete: true,
        digest: [0; 32],
    })
}

pub(super) fn change(version: u64) -> Event {
    preference(version, "rnpp", false)
}

fn preference(version: u64, register: &str, allow: bool) -> Event {
    let what = consent::Change::Preference { register: register.into(), allow };
    Event::Change(Change { subject: SubjectVersion { subject: 1, version }, what })
}

/// One field that left, by name, from a register, for an organisation.
fn filled(setup: &Setup, version: u64, organisation: &str, field: &str, register: &str) -> Event {
    let Event::Disclosure(mut filled) = disclosure(setup, version, CivilMs::MAX) else {
        unreachable!("it makes one")
    };
    let catalogue = setup.catalogue();
    let procedure = catalogue.procedure(filled.about.procedure);
    filled.about.organisation = catalogue.find_organisation(organisation).unwrap();
    let field = procedure.find_field(field).unwrap() as u8;
    filled.fields = vec![(field, catalogue.find_register(register).unwrap())];
    filled.called = vec![(0..catalogue.registers().len()).collect()];
    Event::Disclosure(filled)
}

#[track_caller]
fn check(setup: &Setup, events: Vec<(CivilMs, Event)>, expected: Option<(u64, &str)>) {
    let mut consents: std::collections::BTreeMap<u64, Consent> = Default::default();
    for (stamp, event) in &events {
        if let Event::Change(change) | Event::ByMandate(ByMandate { change, .. }) = event {
            let consent = consents.entry(change.subject.subject).or_default();
            *consent = consent.after(&change.what, *stamp).unwrap_or(consent.clone());
        }
    }
    let memory = forged(setup, events);
    let consents = consents.iter().filter(|(_, consent)| consent.version > 0);
    let consents: Vec<_> = consents.map(|(number, consent)| (*number, consent)).collect();
    let memory = if consents.is_empty() { memory } else { with_consents(memory, &consents) };
    let found = audit(&mut memory.disk(), None);
    match (found, expected) {
        (Ok(_), None) => {}
        (Err(AuditError::Violated(violation)), Some((sequence, what))) => {
            assert_eq!(violation.sequence, sequence, "{violation}");
            assert!(violation.what.contains(what), "{violation}");
        }
        (found, _) => panic!("{found:?}"),
    }
}

#[test]
fn the_audit_names_the_entry_that_breaks_a_promise() {
    let setup = Setup::new();
    let setup = &setup;
    let start = || (TODAY, Event::Catalogue(*setup.catalogue().digest()));
    let at = |stamp, event| (TODAY + stamp, event);
    let fine = |version| disclosure(setup, version, CivilMs::MAX);
    let fills = |version, register| filled(setup, version, "justice", "postCode", register);
    let no = |version, register| preference(version, register, false);
    check(setup, vec![start(), at(0, fills(0, "caclr"))], None);
    check(setup, vec![start(), at(0, no(1, "snca")), at(1, fills(1, "caclr"))], None);
    check(
        setup,
        vec![start(), at(0, no(1, "caclr")), at(1, fills(1, "caclr"))],
        Some((3, "refused")),
    );
    // The register of addresses is keyed by the answer of another.
    check(
        setup,
        vec![start(), at(0, no(1, "rnpp")), at(1, fills(1, "caclr"))],
        Some((3, "refused")),
    );
    let yes = preference(2, "rnpp", true);
    check(setup, vec![start(), at(0, change(1)), at(1, yes), at(1, fills(2, "caclr"))], None);
    check(setup, vec![start(), at(0, fills(0, "snca"))], Some((2, "cannot fill")));
    let Event::Disclosure(mut silent) = fills(0, "caclr") else { unreachable!("it makes one") };
    let caclr = setup.catalogue().find_register("caclr").unwrap().index();
    // The register of addresses is keyed by the answer of another.
    for called in [RegisterSet::EMPTY, RegisterSet::only(caclr)] {
        silent.called = vec![called];
        let silent = Event::Disclosure(silent.clone());
        check(setup, vec![start(), at(0, silent)], Some((2, "does not tell")));
    }
    let stranger = filled(setup, 0, "acd", "postCode", "caclr");
    check(setup, vec![start(), at(0, stranger)], Some((2, "without authority")));
    check(setup, vec![start(), at(0, preference(1, "rnpp", true))], Some((2, "changes nothing")));
    let forged = |forge: fn(&mut Disclosure)| {
        let Event::Disclosure(mut forged) = fine(0) else { unreachable!("it makes one") };
        forge(&mut forged);
        at(0, Event::Disclosure(forged))
    };
    let nobody = forged(|it| it.subjects.clear());
    check(setup, vec![start(), nobody], Some((2, "one subject for each role")));
    let untold = forged(|it| it.called.clear());
    check(setup, vec![start(), untold], Some((2, "registers called about each subject")));
    let no_body = forged(|it| it.about.organisation = crate::model::OrganisationId(u16::MAX));
    check(setup, vec![start(), no_body], Some((2, "an organisation that its catalogue")));
    let no_form = forged(|it| it.about.procedure = crate::model::ProcedureId(u16::MAX));
    check(setup, vec![start(), no_form], Some((2, "a procedure that its catalogue")));

    check(setup, vec![start(), at(0, fine(0)), at(1, change(1)), at(1, fine(1))], None);
    check(
        setup,
        vec![start(), at(0, change(1)), at(1, fine(0))],
        Some((3, "consent that had changed")),
    );
    check(setup, vec![start(), at(0, fine(1))], Some((2, "consent that had changed")));
    check(setup, vec![start(), at(0, change(2))], Some((2, "does not follow")));
    check(setup, vec![start(), at(5, fine(0)), at(4, fine(0))], Some((3, "time goes back")));
    let over = disclosure(setup, 0, TODAY + 9);
    check(setup, vec![start(), at(8, over.clone()), at(9, over)], Some((3, "no longer valid")));
    check(setup, vec![at(0, fine(0))], Some((1, "not in force")));
    check(setup, vec![(TODAY, Event::Catalogue([7; 32]))], Some((1, "no text of a catalogue")));
    check(setup, vec![(TODAY, Event::Catalogue([8; 32]))], Some((1, "not what its digest says")));
}

/// What is found in a ledger with these events, the first subject's consent being
/// what their changes lead to.
#[track_caller]
pub(super) fn check_found(setup: &Setup, events: Vec<Event>, expected: Option<&str>) {
    let start = Event::Catalogue(*setup.catalogue().digest());
    let last = events.len() as u64 + 1;
    let events = std::iter::once(start).chain(events).map(|event| (TODAY, event)).collect();
    check(setup, events, expected.map(|what| (last, what)));
}

/// A field given out about several subjects, numbered from one by role.
pub(super) fn given(
    setup: &Setup,
    to: (&str, &str, Channel),
    (field, register): (&str, &str),
    versions: &[u64],
) -> Event {
    let (organisation, procedure, channel) = to;
    let Event::Disclosure(mut given) = disclosure(setup, 0, CivilMs::MAX) else {
        unreachable!("it makes one")
    };
    let catalogue = setup.catalogue();
    given.about.procedure = catalogue.find_procedure(procedure).unwrap();
    given.about.organisation = catalogue.find_organisation(organisation).unwrap();
    given.about.channel = channel;
    let field = catalogue.procedure(given.about.procedure).find_field(field).unwrap() as u8;
    given.fields = vec![(field, catalogue.find_register(register).unwrap())];
    let subjects = versions.iter().zip(1..);
    let version = |(version, subject): (&u64, u64)| SubjectVersion { subject, version: *version };
    given.subjects = subjects.map(version).collect();
    given.called = vec![(0..catalogue.registers().len()).collect(); versions.len()];
    Event::Disclosure(given)
}

/// Whatever decides what is too old, or has expired, believes it.
#[test]
fn a_head_of_another_time_is_seen_by_the_audit_and_at_the_start() {
    let setup = Setup::new();
    let start = (TODAY, Event::Catalogue(*setup.catalogue().digest()));
    for wrong in [-1, 1, 1 << 40] {
        let mut memory = forged(&setup, vec![start.clone()]);
        let head = memory.disk().head().unwrap();
        memory.commit(&Head { stamp: head.stamp + wrong, ..head }).unwrap();
        let found = audit(&mut memory.disk(), None).map(drop);
        assert!(
            matches!(&found, Err(AuditError::Violated(it)) if it.what.contains("time is not that")),
            "{found:?}"
        );
        let (clock, entropy) = (Civil::system(), Entropy::seeded(1));
        let storage = Box::new(memory);
        let opened = Ledger::open(storage, clock, entropy, setup.catalogue(), Arc::default());
        assert!(matches!(opened.map(drop), Err(OpenError::Damaged(_))));
    }
}

#[test]
fn the_audit_sees_a_no_through_which_a_relation_was_shown() {
    let setup = Setup::new();
    let office = ("cae", "child-benefit", Channel::FrontOffice);
    let of_child = |version| given(&setup, office, ("childFamilyName", "rnpp"), &[version, 0]);
    check_found(&setup, vec![of_child(0)], None);
    let no = |register| preference(1, register, false);
    check_found(&setup, vec![no("snca"), of_child(1)], None);
    // The parent's own register shows that the child is theirs.
    check_found(&setup, vec![no("rnpp"), of_child(1)], Some("refused"));
}

#[test]
fn the_audit_wants_each_subject_told_of_the_registers_by_which_a_field_was_filled() {
    let setup = Setup::new();
    let office = ("cae", "child-benefit", Channel::FrontOffice);
    let Event::Disclosure(given) = given(&setup, office, ("childFamilyName", "rnpp"), &[0, 0])
    else {
        unreachable!("it makes one")
    };
    let told_to = |role: usize| {
        let mut told = given.clone();
        told.called[1 - role] = RegisterSet::EMPTY;
        Event::Disclosure(told)
    };
    check_found(&setup, vec![Event::Disclosure(given.clone())], None);
    check_found(&setup, vec![told_to(0)], Some("does not tell"));
    // The parent's own register shows that the child is theirs.
    check_found(&setup, vec![told_to(1)], Some("does not tell"));
}

#[test]
fn the_audit_sees_a_back_office_that_had_more_than_the_law_gives_it() {
    let setup = Setup::new();
    let owner = ("commune-luxembourg", "residence-certificate", Channel::BackOffice);
    let by_law = given(&setup, owner, ("familyName", "rnpp"), &[0]);
    check_found(&setup, vec![by_law], None);
    let never = given(&setup, owner, ("civilStatus", "rnpp"), &[0]);
    check_found(&setup, vec![never], Some("without authority"));
    let another = ("commune-vianden", "residence-certificate", Channel::BackOffice);
    let theirs = given(&setup, another, ("familyName", "rnpp"), &[0]);
    check_found(&setup, vec![theirs], Some("without authority"));
    let unconsented = ("housing-ministry", "housing-aid", Channel::BackOffice);
    let reuse = given(&setup, unconsented, ("taxableIncomeEuros", "acd"), &[0]);
    check_found(&setup, vec![reuse], Some("without authority"));
}

#[test]
fn the_audit_sees_a_back_office_beyond_its_reuse_consent() {
    let setup = Setup::new();
    let setup = &setup;
    let catalogue = setup.catalogue();
    let form = catalogue.procedure(catalogue.find_procedure("housing-aid").unwrap());
    let terms = consent::Terms {
        id: [1; 16],
        organisation: "housing-ministry".into(),
        case: "c".into(),
        procedure: form.name.clone(),
        purpose: form.purpose.clone(),
        fields: vec!["taxableIncomeEuros".into()],
        expires: TODAY + 10,
    };
    let change = |version, what: &consent::Change| {
        let subject = SubjectVersion { subject: 1, version };
        Event::Change(Change { subject, what: what.clone() })
    };
    let read = |version, case: &str, field: &str| {
        let office = ("housing-ministry", "housing-aid", Channel::BackOffice);
        let mut event = given(setup, office, (field, "acd"), &[version]);
        if let Event::Disclosure(disclosure) = &mut event {
            disclosure.about.case = Some(case.into());
        }
        event
    };
    let income = |version| read(version, "c", "taxableIncomeEuros");
    // What stands before a disclosure, at which moment it comes, and what is found.
    let check = |terms: consent::Terms, at, event: Event, expected: Option<&str>| {
        let start = Event::Catalogue(*catalogue.digest());
        let given = change(1, &consent::Change::Give(terms));
        let events = vec![(TODAY, start), (TODAY, given), (TODAY + at, event)];
        check(setup, events, expected.map(|what| (3, what)));
    };
    let without = Some("without authority");
    check(terms.clone(), 9, income(1), None);
    check(terms.clone(), 10, income(1), without);
    check(terms.clone(), 0, read(1, "d", "taxableIncomeEuros"), without);
    check(terms.clone(), 0, read(1, "c", "taxYear"), without);
    let other = |change: fn(&mut consent::Terms)| {
        let mut other = terms.clone();
        change(&mut other);
        other
    };
    check(other(|terms| terms.organisation = "cae".into()), 0, income(1), without);
    check(other(|terms| terms.procedure = "student-aid".into()), 0, income(1), without);
    check(other(|terms| terms.purpose = "Another".into()), 0, income(1), without);
    let withdrawn = change(2, &consent::Change::Withdraw { id: [1; 16] });
    let given = change(1, &consent::Change::Give(terms));
    check_found(setup, vec![given, withdrawn, income(2)], without);
}

#[tokio::test(start_paused = true)]
async fn the_audit_finds_a_changed_byte_a_missing_entry_and_a_cut() {
    let setup = Setup::new();
    let ledger = setup.start();
    let mut heads = Vec::new();
    for index in 0..5 {
        ledger.disclose(setup.bundle(index), setup.facts(&[(index, 0)])).await.unwrap();
        heads.push(ledger.port.published().head());
    }
    audit(&mut setup.disk(), Some(&heads[2])).unwrap();

    // A head that this ledger never had, or no longer reaches.
    let other = Head { hash: [0; 32], ..heads[2] };
    assert_violated(audit(&mut setup.disk(), Some(&other)), "not that of the expected head");
    let later = Head { sequence: 99, ..heads[4] };
    assert_violated(audit(&mut setup.disk(), Some(&later)), "ends before");
    let stranger = Head { stream: [0; 16], ..heads[4] };
    assert_violated(audit(&mut setup.disk(), Some(&stranger)), "another ledger");

    // The same rows with one bit of one body or salt turned.
    let rows = setup.disk().entries(0, usize::MAX).unwrap();
    for turn in 0..=rows.len() {
        for salt in [true, false] {
            let mut rows = rows.clone();
            match rows.get_mut(turn) {
                Some(row) if salt => row.salt[3] ^= 1,
                Some(row) => *row.body.last_mut().unwrap() ^= 1,
                None => {}
            }
            let mut copy = Memory::new([3; 16], subjects_of);
            let text = setup.catalogue().text().as_bytes();
            copy.put_text(setup.catalogue().digest(), text).unwrap();
            (1..=5).for_each(|number| copy.put_subject(number, "B1").unwrap());
            rows.iter().for_each(|row| copy.append(row).unwrap());
            copy.commit(&heads[4]).unwrap();
            let holds = audit(&mut copy.disk(), None).is_ok();
            // Without a turned bit, the copy holds.
            assert_eq!(holds, turn == rows.len(), "entry {turn} may be changed unseen");
        }
    }
}

#[track_caller]
fn assert_violated(found: Result<Report, AuditError>, what: &str) {
    match found {
        Err(AuditError::Violated(violation)) => {
            assert!(violation.what.contains(what), "{violation}")
        }
        found => panic!("{found:?}"),
    }
}

#[test]
fn the_audit_compares_the_stored_consent_with_the_changes() {
    let setup = Setup::new();
    let events =
        || vec![(TODAY, Event::Catalogue(*setup.catalogue().digest())), (TODAY, change(1))];
    let refused = Consent::default().with_preference("rnpp", false, TODAY).unwrap();
    let of = |states: &[(u64, &Consent)]| with_consents(forged(&setup, events()), states);
    audit(&mut of(&[(1, &refused)]).disk(), None).unwrap();
    let what = "a stored consent is not";
    assert_violated(audit(&mut forged(&setup, events()).disk(), None), what);
    assert_violated(audit(&mut of(&[(1, &Consent::default())]).disk(), None), what);
    assert_violated(audit(&mut of(&[(1, &refused), (2, &refused)]).disk(), None), what);
    let later = Consent::default().with_preference("rnpp", false, TODAY + 1).unwrap();
    assert_violated(audit(&mut of(&[(1, &later)]).disk(), None), what);
}

/// A ledger whose first subject is forgotten, as the engine forgets.
fn with_erased(mut memory: Memory, number: u64) -> Memory {
    memory.erase_subject(number).unwrap();
    let head = memory.disk().head().unwrap();
    memory.commit(&head).unwrap();
    memory
}

#[test]
fn the_audit_finds_what_is_left_of_somebody_who_was_erased() {
    let setup = Setup::new();
    let events = |later: Vec<Event>| {
        let first = vec![Event::Catalogue(*setup.catalogue().digest()), change(1)];
        let all = first.into_iter().chain([Event::Erasure(1)]).chain(later);
        all.map(|event| (TODAY, event)).collect::<Vec<_>>()
    };
    let found = |later| audit(&mut with_erased(forged(&setup, events(later)), 1).disk(), None);
    let report = found(vec![]).unwrap();
    assert_eq!((report.changes, report.erasures), (1, 1));
    let about = "about a subject who was erased";
    assert_violated(found(vec![disclosure(&setup, 1, CivilMs::MAX)]), about);
    assert_violated(found(vec![disclosure(&setup, 0, CivilMs::MAX)]), about);
    assert_violated(found(vec![change(1)]), about);
    assert_violated(found(vec![Event::Erasure(1)]), about);
    let reason = "no-presence".into();
    let denial = Denial { about: setup.about(), subjects: vec![1], reason, count: 1 };
    assert_violated(found(vec![Event::Denial(denial)]), about);

    // Recorded, and not done.
    let undone = audit(&mut forged_about(2..=4, &setup, events(vec![])).disk(), None);
    assert_violated(undone, "those who were erased are not those");
    let undone = audit(&mut forged(&setup, events(vec![])).disk(), None);
    assert_violated(undone, "the identifier of a subject");
    // Its consent, too, must be gone.
    let refused = Consent::default().with_preference("rnpp", false, TODAY).unwrap();
    let kept = with_consents(with_erased(forged(&setup, events(vec![])), 1), &[(1, &refused)]);
    assert_violated(audit(&mut kept.disk(), None), "a stored consent is not");
    // Done, and not recorded: a No would be forgotten with nobody seeing it.
    let start = vec![(TODAY, Event::Catalogue(*setup.catalogue().digest()))];
    let unrecorded = audit(&mut with_erased(forged(&setup, start), 1).disk(), None);
    assert_violated(unrecorded, "those who were erased are not those");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_erased_begins_anew_under_another_number() {
    let setup = Setup::new();
    {
        let ledger = setup.start();
        ledger.prefer(1, "snca", false).await.unwrap();
        ledger.disclose(setup.bundle(1), setup.facts(&[(1, 1)])).await.unwrap();
    }
    let civil = || Civil::manual(setup.clock.clone());
    let subject = super::support::subject(1);
    let storage = Box::new(setup.disk().restart());
    let entry = erase(storage, civil(), Entropy::seeded(2), subject).unwrap();
    assert_eq!(entry, Some(4));
    let again = Box::new(setup.disk().restart());
    assert_eq!(erase(again, civil(), Entropy::seeded(3), subject).unwrap(), None);
    assert_eq!(audit(&mut setup.disk(), None).unwrap().erasures, 1);

    let ledger = setup.restart().start();
    let published = ledger.port.published();
    assert_eq!(published.number(subject), None);
    assert_eq!(published.consent(subject).version, 0);
    ledger.disclose(setup.bundle(2), setup.facts(&[(1, 0)])).await.unwrap();
    assert_eq!(published.number(subject), Some(2));
    let readers = store::Readers::inline(Box::new(setup.disk()));
    let accesses = Accesses::new(readers, published.clone());
    let held = accesses.held(subject).await.unwrap().into_inner();
    assert_eq!((held.accesses.total, held.history_total), (1, 0));
    audit(&mut setup.disk(), None).unwrap();
}
