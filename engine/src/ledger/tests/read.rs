//! A citizen's own list.

use super::super::*;
use super::support::{Setup, TODAY, subject};
use crate::store::Readers;
use std::sync::atomic::Ordering;

#[tokio::test(start_paused = true)]
async fn a_list_is_newest_first_and_pages_repeat_and_skip_nothing() {
    let setup = Setup::new();
    let ledger = setup.start();
    let accesses =
        Accesses::new(Readers::inline(Box::new(setup.disk())), ledger.port.published().clone());
    assert_eq!(accesses.of(subject(1), page(5)).await.unwrap().into_inner(), Usages::default());

    for index in 0..10 {
        let who = if index % 2 == 0 { 1 } else { 2 };
        ledger.disclose(setup.bundle(index), setup.facts(&[(who, 0)])).await.unwrap();
    }
    let first = accesses.of(subject(1), page(2)).await.unwrap().into_inner();
    assert_eq!((first.total, ids(&first)), (5, vec![8, 6]));
    // What arrives between two pages moves neither.
    ledger.disclose(setup.bundle(10), setup.facts(&[(1, 0)])).await.unwrap();
    let rest = Page { before: first.next, ..page(10) };
    let rest = accesses.of(subject(1), rest).await.unwrap().into_inner();
    assert_eq!((ids(&rest), rest.next), (vec![4, 2, 0], None));
}

#[tokio::test(start_paused = true)]
async fn a_list_can_be_limited_to_a_period() {
    let setup = Setup::new();
    let ledger = setup.start();
    let accesses =
        Accesses::new(Readers::inline(Box::new(setup.disk())), ledger.port.published().clone());
    for index in 0..5 {
        ledger.disclose(setup.bundle(index), setup.facts(&[(1, 0)])).await.unwrap();
        setup.clock.fetch_add(1_000, Ordering::Relaxed);
    }
    let between = |from, to| Page { from: Some(TODAY + from), to: Some(TODAY + to), ..page(10) };
    let found = accesses.of(subject(1), between(1_000, 3_000)).await.unwrap().into_inner();
    assert_eq!((ids(&found), found.total), (vec![2, 1], 5));
    let found = accesses.of(subject(1), Page { limit: 1, ..between(1_000, 3_000) }).await;
    let found = found.unwrap().into_inner();
    assert_eq!(ids(&found), [2]);
    let found = accesses.of(subject(1), Page { before: found.next, ..between(1_000, 3_000) }).await;
    assert_eq!(ids(&found.unwrap().into_inner()), [1]);
}

/// Entries that differ in whom they went to and what for, by turns.
async fn mixed(setup: &Setup, ledger: &super::support::Started, count: u64) {
    let catalogue = setup.catalogue();
    let other = catalogue.find_organisation("cae").unwrap();
    let form = catalogue.find_procedure("child-benefit").unwrap();
    for index in 0..count {
        let mut facts = setup.facts(&[(1, 0)]);
        if index % 3 == 1 {
            facts.about.organisation = other;
        }
        if index % 3 == 2 {
            facts.about.procedure = form;
        }
        ledger.disclose(setup.bundle(index), facts).await.unwrap();
    }
}

/// All pages of so many usages, one after another.
async fn paged(accesses: &Accesses, wanted: &Page) -> Vec<u128> {
    let (mut all, mut page) = (Vec::new(), wanted.clone());
    loop {
        let found = accesses.of(subject(1), page).await.unwrap().into_inner();
        assert!(found.usages.len() <= wanted.limit);
        all.extend(ids(&found));
        match found.next {
            Some(next) => page = Page { before: Some(next), ..wanted.clone() },
            None => return all,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_can_be_limited_to_an_organisation_and_a_procedure() {
    let setup = Setup::new();
    let ledger = setup.start();
    let accesses =
        Accesses::new(Readers::inline(Box::new(setup.disk())), ledger.port.published().clone());
    mixed(&setup, &ledger, 12).await;
    let of = |organisation: Option<&str>, procedure: Option<&str>| Page {
        organisation: organisation.map(Into::into),
        procedure: procedure.map(Into::into),
        ..page(2)
    };
    for (wanted, expected) in [
        (of(Some("cae"), None), vec![10, 7, 4, 1]),
        (of(None, Some("child-benefit")), vec![11, 8, 5, 2]),
        (of(Some("justice"), Some("child-benefit")), vec![11, 8, 5, 2]),
        (of(Some("cae"), Some("criminal-record-extract")), vec![10, 7, 4, 1]),
        (of(Some("cae"), Some("child-benefit")), vec![]),
        (of(Some("nobody"), None), vec![]),
    ] {
        assert_eq!(paged(&accesses, &wanted).await, expected, "{wanted:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_rare_among_many_comes_in_short_pages_and_whole() {
    let setup = Setup::new();
    let ledger = setup.start();
    let accesses =
        Accesses::new(Readers::inline(Box::new(setup.disk())), ledger.port.published().clone());
    mixed(&setup, &ledger, 2).await;
    for index in 2..11_000 {
        let facts = setup.facts(&[(1, 0)]);
        ledger.disclose(setup.bundle(index), facts).await.unwrap();
    }
    let rare = Page { organisation: Some("cae".into()), ..page(10) };
    let first = accesses.of(subject(1), rare.clone()).await.unwrap().into_inner();
    assert_eq!((ids(&first), first.next.is_some()), (vec![], true));
    assert_eq!(paged(&accesses, &rare).await, [1]);
}

#[tokio::test(start_paused = true)]
async fn a_usage_is_told_in_the_words_of_its_own_catalogue() {
    let setup = Setup::new();
    let ledger = setup.start();
    ledger.disclose(setup.bundle(1), setup.facts(&[(1, 0)])).await.unwrap();
    let accesses =
        Accesses::new(Readers::inline(Box::new(setup.disk())), ledger.port.published().clone());
    let found = accesses.of(subject(1), page(1)).await.unwrap().into_inner();
    let usage = &found.usages[0];
    assert_eq!(usage.procedure, "criminal-record-extract");
    assert_eq!(usage.fields, ["familyName", "givenName"]);
    assert_eq!(usage.registers, ["rnpp"]);
    assert_eq!(usage.at, TODAY);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_about_somebody_has_their_changes_and_who_was_denied() {
    let setup = Setup::new();
    let ledger = setup.start();
    let accesses =
        Accesses::new(Readers::inline(Box::new(setup.disk())), ledger.port.published().clone());
    let denial = |index| Denied {
        about: setup.about(),
        subjects: vec![subject(index)],
        reason: "no-presence",
        count: 1,
    };
    ledger.prefer(2, "snca", false).await.unwrap();
    ledger.port.deny(denial(1));
    ledger.port.deny(denial(2));
    ledger.prefer(1, "rnpp", false).await.unwrap();
    ledger.disclose(setup.bundle(1), setup.facts(&[(1, 1)])).await.unwrap();
    ledger.prefer(1, "rnpp", true).await.unwrap();
    let held = accesses.held(subject(1)).await.unwrap().into_inner();
    assert_eq!((held.accesses.total, held.history_total, held.history.len()), (1, 3, 3));
    let preference = |version, allow| {
        let register = "rnpp".into();
        What::Changed(version, consent::Change::Preference { register, allow })
    };
    let denied = What::Denied {
        organisation: "justice".into(),
        operator: "justice".into(),
        procedure: "criminal-record-extract".into(),
        channel: "front-office",
        reason: "no-presence".into(),
    };
    let mut told: Vec<_> = held.history.into_iter().map(|moment| moment.what).collect();
    assert_eq!(told.remove(0), preference(2, true));
    assert!(told.contains(&preference(1, false)) && told.contains(&denied), "{told:?}");
}

fn page(limit: usize) -> Page {
    Page { limit, ..Page::default() }
}

fn ids(found: &Usages) -> Vec<u128> {
    found.usages.iter().map(|usage| usage.disclosure.as_u128()).collect()
}
