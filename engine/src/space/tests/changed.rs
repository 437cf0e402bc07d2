//! The space over both vaults: what is put, read, removed, and by whom at once.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::super::turns::{CHANGES_ADMITTED_MAX, CHANGES_OF_ONE_MAX, READS_ADMITTED_MAX};
use super::*;
use crate::catalogue::own;

/// Checks something of both.
macro_rules! each {
    ($space:ident, $body:block) => {{
        let folder = crate::store::files::temporary();
        for $space in [open(Memory::default()), sqlite(folder.path())] $body
    }};
}

#[tokio::test]
async fn a_value_is_answered_as_it_was_normalised() {
    each!(space, {
        assert_eq!(shown(&space, alice(), "mobile").await, None);
        let kept = space.put(alice(), attribute("mobile"), "+352 621 123 456", NOW).await.unwrap();
        let told = (attribute("mobile"), "+352621123456".to_owned(), NOW);
        assert_eq!(kept.into_parts(), told);
        let value = ("\"+352621123456\"".to_owned(), "2026-06-01".to_owned());
        assert_eq!(shown(&space, alice(), "mobile").await, Some(value));
        assert_eq!(shown(&space, alice(), "email").await, None);
    });
}

#[tokio::test]
async fn a_value_that_is_none_changes_nothing() {
    each!(space, {
        space.put(alice(), attribute("email"), "a@example.lu", NOW).await.unwrap();
        let refused = space.put(alice(), attribute("email"), "a@b@c", NOW).await.err().unwrap();
        assert!(matches!(refused, Error::Invalid(_)));
        assert_eq!(shown(&space, alice(), "email").await.unwrap().0, "\"a@example.lu\"");
    });
}

#[tokio::test]
async fn a_value_is_removed_and_the_others_stay() {
    each!(space, {
        space.delete(alice(), attribute("email")).await.unwrap();
        space.put(alice(), attribute("email"), "a@example.lu", NOW).await.unwrap();
        space.put(alice(), attribute("bankHolder"), "A. B.", NOW).await.unwrap();
        space.delete(alice(), attribute("email")).await.unwrap();
        space.delete(alice(), attribute("email")).await.unwrap();
        assert_eq!(shown(&space, alice(), "email").await, None);
        assert_eq!(shown(&space, alice(), "bankHolder").await.unwrap().0, "\"A. B.\"");
    });
}

#[tokio::test]
async fn nobody_sees_what_another_added() {
    each!(space, {
        space.put(alice(), attribute("email"), "a@example.lu", NOW).await.unwrap();
        assert_eq!(shown(&space, bob(), "email").await, None);
        space.put(bob(), attribute("email"), "b@example.lu", NOW).await.unwrap();
        assert_eq!(shown(&space, alice(), "email").await.unwrap().0, "\"a@example.lu\"");
        space.erase(alice()).await.unwrap();
        assert_eq!(shown(&space, bob(), "email").await.unwrap().0, "\"b@example.lu\"");
    });
}

#[tokio::test]
async fn a_legal_person_adds_nothing() {
    let company: Subject = "B123456".parse().unwrap();
    each!(space, {
        let refused = space.put(company, attribute("email"), "a@example.lu", NOW).await;
        assert!(matches!(refused.err(), Some(Error::Legal)));
        assert_eq!(shown(&space, company, "email").await, None);
        space.delete(company, attribute("email")).await.unwrap();
        space.erase(company).await.unwrap();
    });
}

#[tokio::test]
async fn values_are_there_after_a_restart_and_only_under_their_master_key() {
    let folder = crate::store::files::temporary();
    let space = sqlite(folder.path());
    space.put(alice(), attribute("email"), "a@example.lu", NOW).await.unwrap();
    drop(space);
    let space = sqlite(folder.path());
    assert_eq!(shown(&space, alice(), "email").await.unwrap().0, "\"a@example.lu\"");
    drop(space);
    let vault = Box::new(Sqlite::open(folder.path()).unwrap());
    let refused = Space::open(vault, &key(2), Entropy::seeded(1)).err();
    assert!(matches!(refused, Some(Error::WrongKey)));
}

#[tokio::test]
async fn the_files_hold_neither_identifiers_nor_values() {
    let folder = crate::store::files::temporary();
    let space = sqlite(folder.path());
    space.put(alice(), attribute("email"), "marker.of.mine@example.lu", NOW).await.unwrap();
    space.put(alice(), attribute("bankHolder"), "Marker Holder", NOW).await.unwrap();
    for bytes in [ALICE, "marker.of", "example.lu", "Marker Holder", "18931201"] {
        assert!(!found_in(folder.path(), bytes.as_bytes()), "{bytes}");
    }
    let number = ALICE.parse::<u64>().unwrap();
    assert!(!found_in(folder.path(), &number.to_le_bytes()));
    assert!(!found_in(folder.path(), &number.to_be_bytes()));
}

/// A vault whose every call must not happen.
struct Untouched;

impl Vault for Untouched {
    fn blocks(&self) -> bool {
        false
    }

    fn tags(&self) -> Result<Vec<Tag>, Error> {
        Ok(Vec::new())
    }

    fn get(&self, _: &Tag) -> Result<Option<Record>, Error> {
        panic!("nobody has a record")
    }

    fn put(&self, _: &Tag, _: &Record) -> Result<(), Error> {
        panic!("nothing is put")
    }

    fn forget(&self, _: &Tag) -> Result<(), Error> {
        panic!("nothing is forgotten")
    }
}

#[tokio::test]
async fn whoever_added_nothing_costs_no_look_at_the_vault() {
    assert_eq!(shown(&open(Untouched), alice(), "email").await, None);
}

/// Every attribute at once, each from a task of its own, over and over: a form may
/// save them all, which one subject's places must allow.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_of_one_subject_at_once_lose_nothing() {
    let good = |name: &str| match name {
        "email" => "a@example.lu",
        "mobile" | "emergencyContactPhone" => "+352621123456",
        "iban" => "LU280019400644750000",
        "preferredLanguage" => "lb",
        _ => "LU",
    };
    for _ in 0..20 {
        each!(space, {
            let names: Vec<_> = own::names().collect();
            let put = |name: &'static str| {
                let space = space.clone();
                tokio::spawn(
                    async move { space.put(alice(), attribute(name), good(name), NOW).await },
                )
            };
            // All under way before the first is waited for.
            let changes: Vec<_> = names.into_iter().map(put).collect();
            for change in changes {
                change.await.unwrap().unwrap();
            }
            let all = AttributeMask::first(12);
            let answer = space.answer(alice(), all, NOW).await.unwrap();
            assert!((0..12).all(|index| answer.value(index).is_some()));
        });
    }
}

/// A change whose caller goes away is made whole, or not at all.
#[tokio::test]
async fn a_change_ends_also_when_nobody_waits_for_it() {
    let folder = crate::store::files::temporary();
    let space = sqlite(folder.path());
    {
        let change = space.put(alice(), attribute("email"), "a@example.lu", NOW);
        let mut change = std::pin::pin!(change);
        assert!(change.as_mut().now_or_never().is_none(), "it has begun");
    }
    // It comes after that one.
    space.put(alice(), attribute("mobile"), "+352621123456", NOW).await.unwrap();
    assert!(shown(&space, alice(), "email").await.is_some());
}

/// Changes that wait, each a try to change an own subject's document.
async fn waiting(space: &Space, count: usize) -> Vec<BoxFuture<'_, Result<Turn, Error>>> {
    let tag = |number: usize| -> Tag { (number as u128).to_be_bytes() };
    let change = |number| async move { space.turns.to_change(&tag(number)).await }.boxed();
    let mut waiting: Vec<_> = (0..count).map(change).collect();
    for change in &mut waiting {
        assert!(change.now_or_never().is_none());
    }
    waiting
}

async fn email(space: &Space, subject: Subject) -> Result<(), Error> {
    space.put(subject, attribute("email"), "a@example.lu", NOW).await.map(drop)
}

#[tokio::test]
async fn more_changes_than_may_wait_are_refused_and_reads_go_on() {
    let folder = crate::store::files::temporary();
    let space = sqlite(folder.path());
    email(&space, alice()).await.unwrap();
    let turn = space.turns.changing.clone().acquire_owned().await.unwrap();
    let waiting = waiting(&space, CHANGES_ADMITTED_MAX).await;
    assert!(matches!(email(&space, alice()).now_or_never(), Some(Err(Error::Busy))));
    assert!(shown(&space, alice(), "email").await.is_some());
    drop(waiting);
    drop(turn);
    email(&space, alice()).await.unwrap();
}

#[tokio::test]
async fn more_reads_than_may_wait_are_refused_and_changes_go_on() {
    let folder = crate::store::files::temporary();
    let space = sqlite(folder.path());
    email(&space, alice()).await.unwrap();
    let all = space.turns.reads.clone().acquire_many_owned(READS_ADMITTED_MAX as u32).await;
    let asked = AttributeMask::first(12);
    assert!(matches!(space.answer(alice(), asked, NOW).await, Err(Error::Busy)));
    email(&space, alice()).await.unwrap();
    drop(all);
    space.answer(alice(), asked, NOW).await.unwrap();
}

#[tokio::test]
async fn one_subject_has_few_changes_waiting_and_others_have_theirs() {
    let folder = crate::store::files::temporary();
    let space = sqlite(folder.path());
    let turn = space.turns.changing.clone().acquire_owned().await.unwrap();
    let mut flood: Vec<_> =
        (0..CHANGES_OF_ONE_MAX).map(|_| Box::pin(email(&space, alice()))).collect();
    for change in &mut flood {
        assert!(change.as_mut().now_or_never().is_none());
    }
    assert!(matches!(email(&space, alice()).now_or_never(), Some(Err(Error::Busy))));
    assert!(matches!(space.erase(alice()).now_or_never(), Some(Err(Error::Busy))));
    let mut other = Box::pin(email(&space, bob()));
    assert!(other.as_mut().now_or_never().is_none(), "it waits, and is not refused");
    // Whoever stops waiting leaves their place.
    drop(flood.pop());
    let mut again = Box::pin(email(&space, alice()));
    assert!(again.as_mut().now_or_never().is_none());
    drop(turn);
    for change in flood {
        change.await.unwrap();
    }
    // In the order in which they came.
    other.await.unwrap();
    again.await.unwrap();
    assert!(space.turns.is_idle());
}
