//! The contract of the storage seam: each promise is one function, kept by every kind of storage.

mod crash;
mod cut;
mod files;
mod fixture;
mod index;
mod log;
mod property;
mod readers;

use super::Error;
use cut::{
    a_cut_that_goes_back_or_beyond_its_entry_is_refused,
    facts_of_the_newest_cut_alone_outlive_a_sweep,
    what_is_cut_is_no_usage_and_what_is_swept_is_no_entry,
};
use fixture::{Body, Kind, Ledger, body, head_of, row};

/// Runs every promise against every kind of storage.
macro_rules! every_storage_keeps {
    ($($promise:ident),* $(,)?) => {
        every_storage_keeps!(@kind memory Memory [$($promise)*]);
        every_storage_keeps!(@kind sqlite_without_index_steps SqliteUnindexed [$($promise)*]);
        every_storage_keeps!(@kind sqlite_with_the_index_behind SqliteBehind [$($promise)*]);
        every_storage_keeps!(@kind sqlite_with_the_index_caught_up SqliteIndexed [$($promise)*]);
    };
    (@kind $name:ident $kind:ident [$($promise:ident)*]) => {
        mod $name {
            $(#[test] fn $promise() { super::$promise(super::Kind::$kind); })*
        }
    };
}

every_storage_keeps!(
    a_new_ledger_is_empty,
    an_uncommitted_batch_is_invisible,
    an_uncommitted_batch_is_gone_after_reopening,
    a_committed_batch_is_visible_as_a_whole,
    readers_see_the_head_of_the_last_commit,
    a_batch_may_be_empty,
    sequences_are_contiguous,
    a_head_names_the_last_entry_and_the_stream,
    a_consent_state_replaces_the_one_before,
    a_text_is_kept_once,
    a_subject_number_is_given_once,
    an_erased_subject_is_gone_and_their_number_is_nobodys,
    a_number_that_sqlite_cannot_keep_is_refused,
    entries_come_in_order_and_in_pages,
    usages_come_newest_first_and_in_pages,
    pages_of_usages_are_stable_while_new_ones_arrive,
    an_entry_that_names_a_subject_twice_is_one_usage,
    after_an_error_every_write_fails,
    reading_goes_on_after_an_error,
    reopening_finds_everything,
    what_is_cut_is_no_usage_and_what_is_swept_is_no_entry,
    facts_of_the_newest_cut_alone_outlive_a_sweep,
    a_cut_that_goes_back_or_beyond_its_entry_is_refused,
);

fn a_new_ledger_is_empty(kind: Kind) {
    let ledger = Ledger::new(kind);
    assert_eq!(ledger.reader().head().unwrap(), ledger.model.head);
    assert_eq!(ledger.model.head.sequence, 0);
    ledger.check();
}

fn an_uncommitted_batch_is_invisible(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    ledger.commit(&[body(&[1])]);
    let committed = ledger.model.clone();
    let mut before = ledger.reader();
    ledger.append(&body(&[1, 2]));
    ledger.storage.put_subject(9, "nobody").unwrap();
    ledger.storage.put_consent(1, b"open").unwrap();
    ledger.storage.put_text(&[7; 32], b"open").unwrap();
    committed.check(before.as_mut());
    committed.check(ledger.reader().as_mut());
    assert_eq!(ledger.reader().text(&[7; 32]).unwrap(), None);
}

fn an_uncommitted_batch_is_gone_after_reopening(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    ledger.commit(&[body(&[1])]);
    let committed = ledger.model.clone();
    ledger.append(&body(&[1, 2]));
    ledger.storage.put_consent(1, b"open").unwrap();
    ledger.model = committed;
    ledger.reopen();
    ledger.check();
    ledger.commit(&[body(&[3])]);
    ledger.check();
}

fn a_committed_batch_is_visible_as_a_whole(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    let mut before = ledger.reader();
    ledger.put_subject(1, "one");
    ledger.put_consent(1, b"yes");
    ledger.put_text(7, b"text");
    ledger.commit(&[body(&[1]), body(&[2, 1])]);
    ledger.model.check(before.as_mut());
    ledger.check();
}

fn readers_see_the_head_of_the_last_commit(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    let mut reader = ledger.reader();
    for count in 1..4 {
        ledger.commit(&vec![body(&[1]); count]);
        assert_eq!(reader.head().unwrap(), ledger.model.head);
        ledger.append(&body(&[1]));
        assert_eq!(reader.head().unwrap().sequence, ledger.model.head.sequence);
        ledger.commit(&[]);
    }
}

fn a_batch_may_be_empty(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    ledger.commit(&[]);
    ledger.commit(&[body(&[1])]);
    ledger.commit(&[]);
    assert_eq!(ledger.model.head.stamp, 3);
    ledger.check();
}

fn sequences_are_contiguous(kind: Kind) {
    for wrong in [0, 1, 2, 4, u64::MAX] {
        let mut ledger = Ledger::new(kind);
        ledger.commit(&[body(&[1])]);
        ledger.append(&body(&[1]));
        let failure = ledger.storage.append(&row(wrong, &body(&[1]))).unwrap_err();
        assert!(
            matches!(failure, Error::Sequence { expected: 3, got } if got == wrong),
            "{failure}"
        );
    }
}

fn a_head_names_the_last_entry_and_the_stream(kind: Kind) {
    for wrong in [0, 1, 3] {
        let mut ledger = Ledger::new(kind);
        ledger.commit(&[body(&[1])]);
        ledger.append(&body(&[1]));
        let failure = ledger.storage.commit(&head_of(wrong, 9)).unwrap_err();
        assert!(
            matches!(failure, Error::Sequence { expected: 2, got } if got == wrong),
            "{failure}"
        );
    }
    let mut ledger = Ledger::new(kind);
    let mut foreign = ledger.model.head;
    foreign.stream[0] ^= 1;
    assert!(matches!(ledger.storage.commit(&foreign), Err(Error::Stream)));
}

fn an_erased_subject_is_gone_and_their_number_is_nobodys(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    for number in [1, 2, 3] {
        ledger.put_subject(number, &format!("subject {number}"));
        ledger.put_consent(number, b"no");
    }
    ledger.commit(&[body(&[1, 2])]);
    for number in [1, 3] {
        ledger.storage.erase_subject(number).unwrap();
    }
    ledger.check();
    for number in [1, 3] {
        ledger.model.subjects.remove(&number);
        ledger.model.consents.remove(&number);
    }
    ledger.commit(&[body(&[2])]);
    ledger.storage.scrub().unwrap();
    for _ in 0..2 {
        ledger.check();
        let mut erased = Vec::new();
        ledger.reader().erased(&mut |number| erased.push(number)).unwrap();
        assert_eq!(erased, [1, 3]);
        ledger.reopen();
    }
    let again = ledger.storage.put_subject(1, "another").unwrap_err();
    assert!(matches!(again, Error::SubjectTaken(1)), "{again}");
    for gone in [1, 9] {
        ledger.reopen();
        let failure = ledger.storage.erase_subject(gone).unwrap_err();
        assert!(matches!(failure, Error::NoSubject(number) if number == gone), "{failure}");
    }
}

fn a_consent_state_replaces_the_one_before(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    ledger.put_consent(1, b"one");
    ledger.put_consent(2, b"two");
    ledger.commit(&[]);
    ledger.put_consent(1, b"three");
    ledger.put_consent(1, b"");
    ledger.commit(&[]);
    assert_eq!(ledger.model.consents[&1], b"");
    ledger.check();
}

fn a_text_is_kept_once(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    ledger.put_text(1, b"first");
    ledger.storage.put_text(&[1; 32], b"second").unwrap();
    ledger.commit(&[]);
    ledger.storage.put_text(&[1; 32], b"third").unwrap();
    ledger.commit(&[]);
    assert_eq!(ledger.reader().text(&[1; 32]).unwrap().unwrap(), b"first");
    assert_eq!(ledger.reader().text(&[2; 32]).unwrap(), None);
}

fn a_subject_number_is_given_once(kind: Kind) {
    for committed in [false, true] {
        let mut ledger = Ledger::new(kind);
        ledger.put_subject(4, "four");
        if committed {
            ledger.commit(&[]);
        }
        let failure = ledger.storage.put_subject(4, "other").unwrap_err();
        assert!(matches!(failure, Error::SubjectTaken(4)), "{failure}");
    }
}

fn a_number_that_sqlite_cannot_keep_is_refused(kind: Kind) {
    let largest = u64::MAX / 2;
    let mut ledger = Ledger::new(kind);
    ledger.put_subject(largest, "last");
    ledger.put_consent(largest, b"last");
    ledger.commit(&[]);
    ledger.check();
    assert!(matches!(ledger.storage.put_subject(largest + 1, "next"), Err(Error::TooLarge(_))));
    ledger.reopen();
    assert!(matches!(ledger.storage.put_consent(u64::MAX, b"next"), Err(Error::TooLarge(_))));
}

fn entries_come_in_order_and_in_pages(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    ledger.commit(&vec![body(&[1]); 5]);
    let mut reader = ledger.reader();
    let mut sequences = |after, limit| -> Vec<u64> {
        reader.entries(after, limit).unwrap().iter().map(|row| row.sequence).collect()
    };
    assert_eq!(sequences(0, 2), [1, 2]);
    assert_eq!(sequences(2, 2), [3, 4]);
    assert_eq!(sequences(4, usize::MAX), [5]);
    assert_eq!(sequences(5, 2), [0_u64; 0]);
    assert_eq!(sequences(u64::MAX, 2), [0_u64; 0]);
    assert_eq!(sequences(0, 0), [0_u64; 0]);
}

fn usages_come_newest_first_and_in_pages(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    for _ in 0..5 {
        ledger.commit(&[body(&[1]), body(&[2, 1]), body(&[]), body(&[2]), body(&[u64::MAX])]);
    }
    assert_eq!(ledger.usages(1, None, 3), [22, 21, 17]);
    assert_eq!(ledger.usages(1, Some(17), 3), [16, 12, 11]);
    assert_eq!(ledger.usages(1, Some(2), 3), [1]);
    assert_eq!(ledger.usages(1, Some(1), 3), [0_u64; 0]);
    assert_eq!(ledger.usages(1, Some(0), 3), [0_u64; 0]);
    assert_eq!(ledger.usages(1, None, 0), [0_u64; 0]);
    assert_eq!(ledger.usages(2, Some(u64::MAX), usize::MAX).len(), 10);
    assert_eq!(ledger.usages(u64::MAX, None, 9), [25, 20, 15, 10, 5]);
    assert_eq!(ledger.usages(u64::MAX / 2, None, 9), [0_u64; 0]);
}

fn pages_of_usages_are_stable_while_new_ones_arrive(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    ledger.commit(&vec![body(&[1]); 10]);
    let mut reader = ledger.reader();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = reader.usages(1, before, 3).unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.sequence);
        seen.extend(page.iter().map(|row| row.sequence));
        ledger.commit(&[body(&[1]), body(&[1])]);
    }
    assert_eq!(seen, (1..=10).rev().collect::<Vec<_>>());
}

fn an_entry_that_names_a_subject_twice_is_one_usage(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    ledger.commit(&[body(&[1, 2, 1])]);
    ledger.commit(&[body(&[3, 3])]);
    assert_eq!(ledger.usages(1, None, 9), [1]);
    assert_eq!(ledger.usages(3, None, 9), [2]);
}

fn after_an_error_every_write_fails(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    ledger.commit(&[body(&[1])]);
    ledger.storage.append(&row(5, &body(&[1]))).unwrap_err();
    let storage = &mut ledger.storage;
    let refusals = [
        storage.append(&row(2, &body(&[1]))),
        storage.put_subject(1, "one"),
        storage.put_consent(1, b"yes"),
        storage.put_text(&[1; 32], b"text"),
        storage.put_facts(1, 0, b"facts"),
        storage.sweep(1).map(drop),
        storage.commit(&ledger.model.head),
        storage.checkpoint().map(drop),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Err(Error::Poisoned)), "{refusal:?}");
    }
    ledger.reopen();
    ledger.commit(&[body(&[1])]);
    ledger.check();
}

fn reading_goes_on_after_an_error(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    ledger.commit(&[body(&[1])]);
    let committed = ledger.model.clone();
    ledger.append(&body(&[1]));
    ledger.storage.append(&row(1, &Body::new())).unwrap_err();
    committed.check(ledger.reader().as_mut());
}

fn reopening_finds_everything(kind: Kind) {
    let mut ledger = Ledger::new(kind);
    for number in 1..5 {
        ledger.put_subject(number, "somebody");
        ledger.put_consent(number, b"state");
        ledger.put_text(3, b"text");
        ledger.commit(&[body(&[number]), body(&[1])]);
        ledger.reopen();
        ledger.check();
    }
}
