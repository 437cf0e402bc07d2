//! Calls that wait for their turn where a register declares a rate.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use fixtures::registers::Mode;
use proptest::prelude::*;

use super::super::rate::Rate;
use super::super::{Failure, Rates};
use super::compiled;
use super::network::{Peer, holders, line, line_to};
use crate::clock::{self, Instant};
use crate::model::Unavailable;

/// When calls that come at these moments go out, in nanoseconds since `began`.
fn turns(rate: &Rate, began: Instant, comings: &[u64], patience: Duration) -> Vec<u64> {
    let turn = |coming: &u64| {
        let coming = began + Duration::from_nanos(*coming);
        let turn = rate.take(coming, coming + patience)?;
        Some((turn - began).as_nanos() as u64)
    };
    comings.iter().filter_map(turn).collect()
}

/// The most calls in any span of this length, its end left out.
fn most_within(turns: &[u64], span: u64) -> usize {
    let count =
        |start: &u64| turns.iter().filter(|turn| (*start..start + span).contains(turn)).count();
    turns.iter().map(count).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// However calls come, no second sees more of them than allowed, no shorter
    /// span more than its share and the burst, and they keep their order.
    #[test]
    fn no_span_of_time_sees_more_calls_than_its_rate_allows(
        declared in prop_oneof![1..5_u32, 90..110_u32, 190..210_u32, Just(400)],
        gaps in prop::collection::vec(prop_oneof![
            4 => Just(0_u64),
            2 => 0..20_000_000_u64,
            1 => 0..3_000_000_000_u64,
        ], 1..900),
        patience_ms in prop_oneof![Just(0_u64), 0..5_000_u64],
    ) {
        let began = clock::monotonic();
        let rate = Rate::new(declared, began);
        let comings: Vec<u64> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
        let turns = turns(&rate, began, &comings, Duration::from_millis(patience_ms));
        prop_assert!(turns.is_sorted());
        prop_assert!(!turns.is_empty(), "the first goes out");
        let second = 1_000_000_000;
        prop_assert!(most_within(&turns, second) <= declared as usize);
        let burst = 1 + declared / 100;
        for span in [1, second / 1_000, second / 100, second / 7, 3 * second] {
            let allowed = u64::from(declared) * span / second + u64::from(burst);
            prop_assert!(most_within(&turns, span) as u64 <= allowed.max(1), "{span} ns");
        }
    }

    /// Timers wake calls late, each by another time, and some long after.
    #[test]
    fn no_second_sees_more_calls_than_allowed_however_late_timers_are(
        declared in prop_oneof![1..5_u32, 20..30_u32, Just(99), Just(150)],
        late in prop::collection::vec(prop_oneof![
            4 => 0..3_000_000_u64,
            1 => 0..40_000_000_u64,
            1 => 0..900_000_000_u64,
        ], 1..600),
    ) {
        let began = clock::monotonic();
        let rate = Rate::new(declared, began);
        let turns = turns(&rate, began, &vec![0; late.len()], Duration::from_secs(10_000));
        // Who wakes when; whoever may not leave is late again by as much.
        let woken = turns.iter().zip(&late).map(|(turn, late)| Reverse((turn + late, *late)));
        let mut woken: BinaryHeap<_> = woken.collect();
        let mut left = Vec::new();
        while let Some(Reverse((at, late))) = woken.pop() {
            match rate.leave(began + Duration::from_nanos(at)) {
                Ok(()) => left.push(at),
                Err(later) => {
                    let later = (later - began).as_nanos() as u64;
                    prop_assert!(later > at, "time goes on");
                    woken.push(Reverse((later + late, late)));
                }
            }
        }
        prop_assert_eq!(left.len(), late.len());
        prop_assert!(most_within(&left, 1_000_000_000) <= declared as usize);
    }

    /// A call goes out no later than the rate makes it, and none is refused whose
    /// turn would come in time.
    #[test]
    fn a_turn_comes_as_soon_as_the_rate_allows(declared in 1..3_000_u32, calls in 1..300_u32) {
        let began = clock::monotonic();
        let rate = Rate::new(declared, began);
        let extra = declared / 100;
        let turns = turns(&rate, began, &vec![0; calls as usize], Duration::from_secs(10_000));
        prop_assert_eq!(turns.len(), calls as usize);
        let gap = 1_000_000_000_u64.div_ceil(u64::from(declared - extra));
        for (index, turn) in turns.iter().enumerate() {
            let due = (index as u64).saturating_sub(u64::from(extra)) * gap;
            prop_assert_eq!(*turn, due);
        }
    }
}

#[test]
fn a_call_whose_turn_comes_too_late_takes_no_place() {
    let began = clock::monotonic();
    let rate = Rate::new(10, began);
    let patience = Duration::from_millis(250);
    let late = |at: u64| {
        let now = began + Duration::from_millis(at);
        rate.take(now, now + patience)
    };
    let turn = |ms: u64| Some(began + Duration::from_millis(ms));
    assert_eq!([late(0), late(0), late(0)], [turn(0), turn(100), turn(200)]);
    assert_eq!([late(0), late(0), late(49)], [None, None, None]);
    // Those that were refused have put nobody off.
    assert_eq!(late(50), turn(300));
    assert_eq!(late(2_000), turn(2_000), "an idle register is asked at once");
}

#[test]
fn cores_that_take_turns_at_once_take_different_ones() {
    let began = clock::monotonic();
    let rate = Rate::new(50, began);
    let take = |_| rate.take(began, began + Duration::from_secs(1_000)).unwrap();
    let core = || (0..500).map(take).collect::<Vec<_>>();
    let mut turns: Vec<Instant> = std::thread::scope(|scope| {
        let cores: Vec<_> = (0..4).map(|_| scope.spawn(core)).collect();
        cores.into_iter().flat_map(|core| core.join().unwrap()).collect()
    });
    turns.sort();
    let gaps = turns.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(gaps.into_iter().all(|gap| gap == Duration::from_millis(20)));
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_their_turn_in_the_order_in_which_they_came() {
    let line = line("rnpp", "rate = 4");
    let people = holders(5);
    let began = clock::monotonic();
    let asking: Vec<_> = people.iter().map(|holder| line.asking(holder)).collect();
    for (place, answer) in asking.into_iter().enumerate() {
        assert!(answer.await.unwrap().unwrap().found);
        let waited = (clock::monotonic() - began).as_millis();
        assert_eq!(waited, 250 * place as u128, "{place}");
    }
    let asked: Vec<String> = line.network.calls().concat();
    assert_eq!(asked, people);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_turn_is_further_off_than_the_timeout_fails_at_once() {
    // A timeout of two seconds: turns at 0, 1 and 2 s.
    let line = line("rnpp", "rate = 1");
    let people = holders(5);
    let began = clock::monotonic();
    let asking: Vec<_> = people[..3].iter().map(|holder| line.asking(holder)).collect();
    line.settle().await;
    for holder in &people[3..] {
        let refused = line.ask(holder).await;
        assert_eq!(refused.unwrap_err(), Failure::from(Unavailable::Overloaded));
    }
    assert_eq!(clock::monotonic(), began, "nobody waited to be refused");
    for answer in asking {
        assert!(answer.await.unwrap().unwrap().found);
    }
    assert_eq!(clock::monotonic() - began, Duration::from_secs(2));
    assert_eq!(line.network.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_has_its_whole_timeout_from_its_turn_on_and_its_answer_is_as_old_as_that() {
    let line = line("rnpp", "rate = 1");
    line.network.behave(Mode::Ok, 1_500);
    let people = holders(2);
    let (first, second) = (line.asking(&people[0]), line.asking(&people[1]));
    let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    assert!(first.found && second.found);
    assert_eq!(second.since - first.since, 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_batch_takes_one_turn_for_all_of_its_keys() {
    let line = line("snca", "rate = 1");
    let people = holders(21);
    let began = clock::monotonic();
    let asking: Vec<_> = people.iter().map(|holder| line.asking(holder)).collect();
    for answer in asking {
        assert!(answer.await.unwrap().unwrap().found);
    }
    assert_eq!(clock::monotonic() - began, Duration::from_secs(1));
    let sizes: Vec<_> = line.network.calls().iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 20]);
}

#[tokio::test(start_paused = true)]
async fn a_register_without_a_rate_is_never_waited_for() {
    let missing = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    let line = line_to("rnpp", "", Peer::Says(missing.to_owned()));
    let began = clock::monotonic();
    for holder in holders(50) {
        line.ask(&holder).await.unwrap();
    }
    assert_eq!(clock::monotonic(), began);
}

#[tokio::test(start_paused = true)]
async fn calls_that_waited_for_a_connection_keep_to_the_rate() {
    let line = line("rnpp", "rate = 100\nconnections = 1");
    line.network.behave(Mode::Ok, 1_500);
    let asking: Vec<_> = holders(150).iter().map(|holder| line.asking(holder)).collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    line.network.behave(Mode::Ok, 0);
    tokio::time::sleep(Duration::from_millis(1_399)).await;
    assert_eq!(line.network.calls().len(), 1);
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert!(line.network.calls().len() <= 4, "{} calls within 2 ms", line.network.calls().len());
    // A turn each hundredth of a second (less its burst), until two have passed.
    let mut found = 0;
    for answer in asking {
        match answer.await.unwrap() {
            Ok(answer) => found += usize::from(answer.found),
            Err(failure) => assert_eq!(failure, Failure::from(Unavailable::Overloaded)),
        }
    }
    assert_eq!(line.network.calls().len(), found);
    assert!((48..=52).contains(&found), "{found}");
}

#[tokio::test(start_paused = true)]
async fn calls_whose_timers_are_late_do_not_leave_together() {
    let line = line("rnpp", "rate = 2");
    let asking: Vec<_> = holders(5).iter().map(|holder| line.asking(holder)).collect();
    line.settle().await;
    assert_eq!(line.network.calls().len(), 1);
    // Turns at 500, 1,000 and 1,500 ms, which all come at once.
    tokio::time::advance(Duration::from_millis(1_900)).await;
    line.settle().await;
    assert_eq!(line.network.calls().len(), 3);
    for answer in asking {
        assert!(answer.await.unwrap().unwrap().found);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_before_counts_on_under_another_catalogue_of_the_same_rate() {
    let (same, slower) = (compiled("snca", "rate = 5"), compiled("snca", "rate = 4"));
    let known = Rates::new(&same);
    let id = same.find_register("snca").unwrap().index();
    let now = clock::monotonic();
    let left = |rates: &Rates| {
        let rate = rates.of(id).unwrap();
        rate.take(now, now + Duration::from_millis(100)).is_some()
    };
    assert_eq!([left(&known), left(&known)], [true, false]);
    assert!(!left(&known.carried_over(&same, &compiled("snca", "rate = 5"))));
    assert!(left(&known.carried_over(&same, &slower)), "another rate counts from its start");
}
