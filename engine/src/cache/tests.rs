//! Slots, ages, expiry, purges and bounds, under a clock that the tests turn.

use std::sync::Arc;

use super::*;
use crate::model::{AnswerBuilder, AttributeMask, CivilMs};

const ORIGIN: CivilMs = 1_750_000_000_000;
const TTL: Duration = Duration::from_secs(60);

fn cache() -> (Cache, Civil) {
    let civil = Civil::running(ORIGIN, 1);
    (Cache::new(Config::default(), civil.clone()), civil)
}

fn subject() -> Subject {
    "1893120105732".parse().unwrap()
}

fn slot() -> Slot {
    Slot {
        terms: 1,
        register: RegisterId(1),
        key: None,
        organisation: Some(OrganisationId(2)),
        purpose: ProcedureId(3),
        epoch: 4,
    }
}

/// An answer to a call for `asked`, which began at `since`.
fn answer(asked: AttributeMask, since: CivilMs) -> Answer {
    AnswerBuilder::default().found(asked, since, None)
}

fn two() -> AttributeMask {
    AttributeMask::first(2)
}

/// What is found in a slot for its first two attributes, and since when.
fn found(
    cache: &Cache,
    civil: &Civil,
    slot: &Slot,
    max_age: Option<Duration>,
) -> Option<(bool, CivilMs)> {
    let found = cache.get(subject())?.find(slot, two(), civil.now(), max_age)?;
    Some(match found {
        Found::Fresh(answer) => (true, answer.since),
        Found::Old(answer) => (false, answer.since),
    })
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_found_in_its_own_slot_and_in_no_other() {
    let (cache, civil) = cache();
    cache.keep(subject(), &slot(), &answer(two(), ORIGIN), TTL);
    assert_eq!(found(&cache, &civil, &slot(), None), Some((true, ORIGIN)));
    let others = [
        Slot { terms: 2, ..slot() },
        Slot { register: RegisterId(9), ..slot() },
        Slot { key: Some("a-key".into()), ..slot() },
        Slot { organisation: Some(OrganisationId(9)), ..slot() },
        Slot { organisation: None, ..slot() },
        Slot { purpose: ProcedureId(9), ..slot() },
        Slot { epoch: 3, ..slot() },
        Slot { epoch: 5, ..slot() },
    ];
    for other in others {
        assert_eq!(found(&cache, &civil, &other, None), None, "{other:?}");
    }
    assert!(cache.get("B123456".parse().unwrap()).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_answer_serves_only_requests_for_what_it_was_asked() {
    let (cache, civil) = cache();
    cache.keep(subject(), &slot(), &answer(AttributeMask::only(0), ORIGIN), TTL);
    assert_eq!(found(&cache, &civil, &slot(), None), None);
    cache.keep(subject(), &slot(), &answer(AttributeMask::first(3), ORIGIN), TTL);
    assert_eq!(found(&cache, &civil, &slot(), None), Some((true, ORIGIN)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_ends_with_its_time_from_the_start_of_its_call() {
    let (cache, civil) = cache();
    let began = civil.now();
    tokio::time::advance(Duration::from_secs(20)).await;
    cache.keep(subject(), &slot(), &answer(two(), began), TTL);
    tokio::time::advance(Duration::from_millis(39_999)).await;
    assert_eq!(found(&cache, &civil, &slot(), None), Some((true, began)));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(found(&cache, &civil, &slot(), None), None);
}

#[tokio::test(start_paused = true)]
async fn a_time_of_zero_or_one_that_has_passed_keeps_nothing() {
    let (cache, civil) = cache();
    cache.keep(subject(), &slot(), &answer(two(), ORIGIN), Duration::ZERO);
    cache.keep(subject(), &slot(), &answer(two(), ORIGIN - 60_000), TTL);
    assert_eq!(found(&cache, &civil, &slot(), None), None);
    assert!(cache.get(subject()).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_answer_as_old_as_the_greatest_age_is_old_and_still_there() {
    let (cache, civil) = cache();
    cache.keep(subject(), &slot(), &answer(two(), ORIGIN), TTL);
    assert_eq!(found(&cache, &civil, &slot(), Some(Duration::ZERO)), Some((false, ORIGIN)));
    tokio::time::advance(Duration::from_millis(9_999)).await;
    let ten = Some(Duration::from_secs(10));
    assert_eq!(found(&cache, &civil, &slot(), ten), Some((true, ORIGIN)));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(found(&cache, &civil, &slot(), ten), Some((false, ORIGIN)));
}

#[tokio::test(start_paused = true)]
async fn civil_time_runs_as_fast_as_it_is_scaled() {
    let civil = Civil::running(ORIGIN, 1_000);
    let cache = Cache::new(Config::default(), civil.clone());
    cache.keep(subject(), &slot(), &answer(two(), ORIGIN), TTL);
    tokio::time::advance(Duration::from_millis(59)).await;
    assert!(found(&cache, &civil, &slot(), None).is_some());
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(found(&cache, &civil, &slot(), None), None);
}

#[tokio::test(start_paused = true)]
async fn an_answer_kept_after_a_purge_shows_only_under_the_epoch_of_its_call() {
    let (cache, civil) = cache();
    cache.keep(subject(), &slot(), &answer(two(), ORIGIN), TTL);
    let other = Slot { register: RegisterId(9), ..slot() };
    cache.keep(subject(), &other, &answer(two(), ORIGIN), TTL);
    cache.purge(subject(), 1, slot().register);
    assert_eq!(found(&cache, &civil, &slot(), None), None);
    assert!(found(&cache, &civil, &other, None).is_some(), "the other register stays");
    // A call that began before the No lands after it.
    cache.keep(subject(), &slot(), &answer(two(), ORIGIN), TTL);
    assert_eq!(found(&cache, &civil, &Slot { epoch: 5, ..slot() }, None), None);
}

#[tokio::test(start_paused = true)]
async fn a_purge_of_nobody_known_adds_nobody() {
    let (cache, _) = cache();
    cache.purge(subject(), 1, RegisterId(1));
    assert!(cache.get(subject()).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_lands_late_does_not_hide_a_newer_one() {
    let (cache, civil) = cache();
    cache.keep(subject(), &slot(), &answer(two(), ORIGIN), TTL);
    cache.keep(subject(), &slot(), &answer(two(), ORIGIN - 1_000), TTL);
    assert_eq!(found(&cache, &civil, &slot(), None), Some((true, ORIGIN)));
    cache.keep(subject(), &slot(), &answer(AttributeMask::first(3), ORIGIN - 2_000), TTL);
    assert_eq!(found(&cache, &civil, &slot(), None), Some((true, ORIGIN)));
    let three = cache.get(subject()).unwrap();
    let three = three.find(&slot(), AttributeMask::first(3), civil.now(), None);
    assert!(matches!(three, Some(Found::Fresh(answer)) if answer.since == ORIGIN - 2_000));
}

#[tokio::test(start_paused = true)]
async fn a_newer_answer_takes_the_place_of_those_that_it_covers() {
    let (cache, _) = cache();
    cache.keep(subject(), &slot(), &answer(AttributeMask::only(0), ORIGIN - 3), TTL);
    cache.keep(subject(), &slot(), &answer(AttributeMask::only(5), ORIGIN - 2), TTL);
    cache.keep(subject(), &slot(), &answer(two(), ORIGIN - 1), TTL);
    let held = cache.get(subject()).unwrap();
    let since = |asked| match held.find(&slot(), asked, ORIGIN, None) {
        Some(Found::Fresh(answer)) => Some(answer.since),
        _ => None,
    };
    assert_eq!(held.count(), 2);
    assert_eq!(since(AttributeMask::only(0)), Some(ORIGIN - 1));
    assert_eq!(since(AttributeMask::only(5)), Some(ORIGIN - 2));
}

#[tokio::test(start_paused = true)]
async fn the_answers_about_one_subject_are_bounded_and_the_oldest_go_first() {
    let (cache, civil) = cache();
    let slot = |index: usize| Slot { purpose: ProcedureId(index as u16), ..slot() };
    for index in 0..=ANSWERS_MAX {
        cache.keep(subject(), &slot(index), &answer(two(), ORIGIN), TTL);
    }
    assert_eq!(cache.get(subject()).unwrap().count(), ANSWERS_MAX);
    assert_eq!(found(&cache, &civil, &slot(0), None), None);
    assert!(found(&cache, &civil, &slot(1), None).is_some());
    assert!(found(&cache, &civil, &slot(ANSWERS_MAX), None).is_some());
}

/// A company of its own for each number.
fn company(number: u64) -> Subject {
    format!("B{number}").parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_bytes_of_all_answers_are_bounded() {
    let civil = Civil::running(ORIGIN, 1);
    let bytes = 10_000;
    let cache = Cache::new(Config { bytes }, civil);
    for number in 1..=1_000 {
        cache.keep(company(number), &slot(), &answer(two(), ORIGIN), TTL);
        assert!(cache.load().weight <= bytes);
    }
    let load = cache.load();
    assert!(load.subjects > 50, "{load:?}");
    assert_eq!(load.subjects + load.evicted, 1_000);
}

#[tokio::test(start_paused = true)]
async fn more_about_one_subject_than_there_is_room_for_is_not_kept_and_all_others_stay() {
    let bytes = 10_000;
    let cache = Cache::new(Config { bytes }, Civil::running(ORIGIN, 1));
    (1..=40).for_each(|number| cache.keep(company(number), &slot(), &answer(two(), ORIGIN), TTL));
    let before = cache.load();
    assert_eq!((before.subjects, before.evicted), (40, 0));
    let large = |length: usize| {
        let mut builder = AnswerBuilder::default();
        builder.value(0, None, |out| out.resize(out.len() + length, b'7'));
        builder.found(AttributeMask::first(1), ORIGIN, None)
    };
    cache.keep(company(41), &slot(), &large(bytes as usize), TTL);
    assert_eq!(cache.load(), Load { evicted: 1, ..before });
    assert!(cache.get(company(41)).is_none());
    // All that is known of somebody is one piece, and goes as one.
    let another = Slot { register: RegisterId(9), ..slot() };
    cache.keep(company(7), &another, &large(bytes as usize), TTL);
    let load = cache.load();
    assert_eq!((load.subjects, load.evicted), (39, 2));
    assert!(load.weight < before.weight);
    assert!(cache.get(company(7)).is_none());
    // What fits where somebody makes room is kept.
    cache.keep(company(41), &slot(), &large(bytes as usize / 2), TTL);
    assert!(cache.get(company(41)).is_some() && cache.load().weight <= bytes);
}

#[tokio::test(start_paused = true)]
async fn as_much_is_kept_about_one_subject_whatever_the_size_of_the_cache() {
    for bytes in [64 << 20, (64 << 20) + (256 << 10), 100 << 20, 300 << 10, 513 << 10] {
        let cache = Cache::new(Config { bytes }, Civil::running(ORIGIN, 1));
        let mut builder = AnswerBuilder::default();
        builder.value(0, None, |out| out.resize(out.len() + (200 << 10), b'7'));
        let large = builder.found(AttributeMask::first(1), ORIGIN, None);
        cache.keep(company(1), &slot(), &large, TTL);
        assert!(cache.get(company(1)).is_some() && cache.load().weight <= bytes, "{bytes}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_about_stays_when_others_need_the_room() {
    let (cache, asked) = (Cache::new(Config { bytes: 10_000 }, Civil::running(ORIGIN, 1)), 1..=5);
    for number in 1..=1_000 {
        cache.keep(company(number), &slot(), &answer(two(), ORIGIN), TTL);
        asked.clone().take(number as usize).for_each(|number| drop(cache.get(company(number))));
    }
    assert!(cache.load().evicted > 500);
    for number in asked {
        assert!(cache.get(company(number)).is_some(), "B{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_over_leaves_without_being_asked_for() {
    let (cache, _) = cache();
    cache.keep(company(1), &slot(), &answer(two(), ORIGIN), TTL);
    cache.keep(company(2), &slot(), &answer(two(), ORIGIN), TTL * 10);
    let sweep = cache.sweep();
    tokio::pin!(sweep);
    let swept = tokio::time::timeout(TTL + SWEEP_EVERY, sweep.as_mut());
    assert!(swept.await.is_err(), "it goes on");
    let load = cache.load();
    assert_eq!((load.subjects, load.expired, load.evicted), (1, 1, 0));
    assert!(cache.get(company(2)).is_some());
    assert!(tokio::time::timeout(TTL * 10, sweep).await.is_err());
    assert_eq!((cache.load().subjects, cache.load().weight), (0, 0));
}

#[test]
fn a_long_key_weighs_what_it_is_long() {
    let weight = |slot: Slot| {
        let (cache, _) = cache();
        cache.keep(subject(), &slot, &answer(two(), ORIGIN), Duration::MAX);
        cache.load().weight
    };
    let keyed = |length: usize| Slot { key: Some("k".repeat(length).into()), ..slot() };
    let (short, long) = (weight(keyed(1 << 10)), weight(keyed(9 << 10)));
    assert!((8 << 10..10 << 10).contains(&(long - short)), "{short} and {long}");
}

/// One of everything that an answer can say.
fn full(since: CivilMs) -> Answer {
    let mut builder = AnswerBuilder::default();
    builder.value(0, Some("2024-02-29"), |out| out.extend_from_slice(b"\"a\""));
    builder.value(3, None, |out| out.extend_from_slice(&[b'7'; 300]));
    builder.value(63, Some("0001-01-01"), |out| out.extend_from_slice(b"true"));
    builder.under_review(0);
    builder.unavailable(1);
    builder.invalid(2);
    builder.found(AttributeMask::first(64), since, Some("9999-12-31"))
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_found_as_it_was_kept_whatever_stands_beside_it() {
    let (cache, civil) = cache();
    let slots = [
        slot(),
        Slot { key: Some("".into()), ..slot() },
        Slot { key: Some("a-key".into()), organisation: None, epoch: 0, ..slot() },
        Slot { purpose: ProcedureId(u16::MAX), epoch: u64::MAX, ..slot() },
        Slot { terms: u32::MAX, register: RegisterId(u8::MAX), ..slot() },
    ];
    let (now, odd) = (civil.now(), TTL + Duration::from_millis(7));
    let answers: [Answer; 5] = std::array::from_fn(|place| match place {
        0 => AnswerBuilder::not_found(AttributeMask::first(9), now + 5_000),
        place => full(now - 9 * place as CivilMs),
    });
    // The last is of newer terms, before which the others go.
    for (slot, answer) in slots[..4].iter().zip(&answers) {
        cache.keep(subject(), slot, answer, odd);
    }
    let held = cache.get(subject()).unwrap();
    for (slot, answer) in slots[..4].iter().zip(&answers) {
        let ends = answer.since + odd.as_millis() as CivilMs;
        let found = held.find(slot, answer.asked, ends - 1, None);
        assert!(matches!(found, Some(Found::Fresh(found)) if found == *answer), "{slot:?}");
        assert!(held.find(slot, answer.asked, ends, None).is_none());
    }
    cache.keep(subject(), &slots[4], &answers[4], odd);
    let held = cache.get(subject()).unwrap();
    let found = held.find(&slots[4], answers[4].asked, now, None);
    assert!(matches!(found, Some(Found::Fresh(found)) if found == answers[4]));
    assert_eq!(held.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn answers_whose_time_is_over_go_when_another_comes() {
    let (cache, _) = cache();
    cache.keep(subject(), &slot(), &answer(two(), ORIGIN), TTL);
    tokio::time::advance(TTL).await;
    let since = ORIGIN + TTL.as_millis() as CivilMs;
    cache.keep(subject(), &Slot { register: RegisterId(9), ..slot() }, &answer(two(), since), TTL);
    assert_eq!(cache.get(subject()).unwrap().count(), 1);
}

#[test]
fn what_was_fetched_under_other_terms_is_found_by_nobody_and_goes_with_a_no() {
    let (cache, civil) = cache();
    let since = civil.now();
    cache.keep(subject(), &slot(), &answer(two(), since), TTL);
    let newer = Slot { terms: 2, ..slot() };
    assert_eq!(found(&cache, &civil, &newer, None), None);
    let stays = Slot { register: RegisterId(9), ..slot() };
    cache.keep(subject(), &stays, &answer(two(), since), TTL);
    // A request of before may end now: what it brings goes with the next that is kept.
    cache.keep(subject(), &newer, &answer(two(), since), TTL);
    assert_eq!(found(&cache, &civil, &stays, None), None);
    cache.keep(subject(), &stays, &answer(two(), since), TTL);
    assert!(found(&cache, &civil, &newer, None).is_some());
    cache.purge(subject(), 2, RegisterId(9));
    assert_eq!(found(&cache, &civil, &stays, None), None);
    assert!(found(&cache, &civil, &newer, None).is_some());
}

/// With a clock that no runtime drives, since threads of their own ask.
#[test]
fn answers_kept_at_the_same_time_about_one_subject_are_all_held() {
    const THREADS: usize = 4;
    const EACH: usize = 12;
    let civil = Civil::manual(Arc::new(std::sync::atomic::AtomicI64::new(ORIGIN)));
    for _ in 0..50 {
        let cache = Cache::new(Config::default(), civil.clone());
        let begin = std::sync::Barrier::new(THREADS);
        let slot = |thread: usize, turn: usize| Slot {
            purpose: ProcedureId((thread * EACH + turn) as u16),
            ..slot()
        };
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (cache, begin, slot) = (&cache, &begin, &slot);
                scope.spawn(move || {
                    begin.wait();
                    for turn in 0..EACH {
                        cache.keep(subject(), &slot(thread, turn), &answer(two(), ORIGIN), TTL);
                    }
                });
            }
        });
        for (thread, turn) in (0..THREADS).flat_map(|it| (0..EACH).map(move |turn| (it, turn))) {
            let found = found(&cache, &civil, &slot(thread, turn), None);
            assert_eq!(found, Some((true, ORIGIN)), "of thread {thread}, turn {turn}");
        }
    }
}
