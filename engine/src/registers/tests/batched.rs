//! Keys that go out together: when, how many, and whose answer is whose.

use std::pin::pin;
use std::time::Duration;

use fixtures::registers::Mode;
use futures_util::FutureExt as _;
use tokio::time::timeout;

use super::super::Failure;
use super::network::{Line, country, holders, line};
use crate::clock;
use crate::model::{Answer, Unavailable};

/// How many keys each call named, in the order of the calls.
fn sizes(line: &Line) -> Vec<usize> {
    line.network.calls().iter().map(Vec::len).collect()
}

#[track_caller]
fn is_of(answer: &Result<Answer, Failure>, holder: &str) {
    let person = country().person_of(holder).unwrap();
    let plate = format!("\"{}\"", person.vehicle().unwrap().plate().as_str());
    assert_eq!(answer.as_ref().unwrap().value(0), Some(plate.as_bytes()));
}

#[tokio::test(start_paused = true)]
async fn an_idle_register_is_called_at_once() {
    let line = line("snca", "");
    let began = clock::monotonic();
    for holder in holders(3) {
        is_of(&line.ask(&holder).await, &holder);
    }
    assert_eq!(sizes(&line), [1, 1, 1]);
    assert_eq!(clock::monotonic(), began, "nothing waited for time to pass");
}

#[tokio::test(start_paused = true)]
async fn an_idle_register_is_called_by_whoever_asks_and_no_other_task_runs_before() {
    let line = line("snca", "");
    let holder = holders(1).remove(0);
    let mut asking = pin!(line.ask(&holder));
    assert!(asking.as_mut().now_or_never().is_none());
    assert_eq!(line.network.opened(), 1, "it went out while it was asked for");
    is_of(&asking.await, &holder);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_takes_its_own_keys_with_it_and_the_next_goes_out() {
    let line = line("snca", "");
    let people = holders(3);
    line.network.panic();
    let first = line.asking(&people[0]);
    tokio::task::yield_now().await;
    let second = line.asking(&people[1]);
    assert!(first.await.unwrap_err().is_panic());
    // Time passes here as soon as nobody has anything to do.
    let second = timeout(Duration::from_secs(60), second).await.expect("somebody calls");
    is_of(&second.unwrap(), &people[1]);
    assert_eq!(sizes(&line), [1], "only the second came through");
    is_of(&line.ask(&people[2]).await, &people[2]);
}

#[tokio::test(start_paused = true)]
async fn what_arrives_during_a_call_goes_out_together_when_it_returns() {
    let line = line("snca", "");
    line.network.behave(Mode::Ok, 100);
    let people = holders(8);
    let first = line.asking(&people[0]);
    line.settle().await;
    let others: Vec<_> = people[1..].iter().map(|holder| line.asking(holder)).collect();
    line.settle().await;
    assert_eq!(sizes(&line), [1], "the others wait for it");
    let began = clock::monotonic();
    is_of(&first.await.unwrap(), &people[0]);
    for (answer, holder) in others.into_iter().zip(&people[1..]) {
        is_of(&answer.await.unwrap(), holder);
    }
    assert_eq!(sizes(&line), [1, 7]);
    assert_eq!(clock::monotonic() - began, Duration::from_millis(200));
}

#[tokio::test(start_paused = true)]
async fn a_full_call_does_not_wait_and_none_is_fuller() {
    let line = line("snca", "");
    line.network.behave(Mode::Ok, 100);
    let people = holders(46);
    let asking: Vec<_> = people.iter().map(|holder| line.asking(holder)).collect();
    line.settle().await;
    // One at once, then as soon as there are twenty; five wait.
    assert_eq!(sizes(&line), [1, 20, 20]);
    for (answer, holder) in asking.into_iter().zip(&people) {
        is_of(&answer.await.unwrap(), holder);
    }
    assert_eq!(sizes(&line), [1, 20, 20, 5]);
    let mut named: Vec<_> = line.network.calls().concat();
    let mut asked = people;
    named.sort();
    asked.sort();
    assert_eq!(named, asked, "each key once");
}

#[tokio::test(start_paused = true)]
async fn keys_for_different_organisations_do_not_share_a_call() {
    let line = line("snca", "");
    line.network.behave(Mode::Ok, 100);
    let people = holders(6);
    let organisations = ["justice", "acd"].into_iter().cycle();
    let asking: Vec<_> = people
        .iter()
        .zip(organisations)
        .map(|(it, organisation)| line.asking_for(it, organisation))
        .collect();
    line.settle().await;
    assert_eq!(sizes(&line), [1, 1], "each is idle for its own");
    for (answer, holder) in asking.into_iter().zip(&people) {
        is_of(&answer.await.unwrap(), holder);
    }
    assert_eq!(sizes(&line), [1, 1, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_call_names_the_disclosure_of_each_of_its_keys() {
    let line = line("snca", "");
    line.network.behave(Mode::Ok, 100);
    let asking: Vec<_> = holders(3).iter().map(|holder| line.asking(holder)).collect();
    for answer in asking {
        answer.await.unwrap().unwrap();
    }
    let id = "00000000-0000-0000-0000-000000000007";
    assert_eq!(line.network.disclosures(), [id.to_owned(), format!("{id},{id}")]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_fails_its_own_keys_and_the_next_goes_out() {
    let line = line("snca", "");
    line.network.behave(Mode::Error, 100);
    let people = holders(3);
    let first = line.asking(&people[0]);
    line.settle().await;
    let second = line.asking(&people[1]);
    assert_eq!(first.await.unwrap().unwrap_err(), Failure::from(Unavailable::Error));
    line.network.behave(Mode::Ok, 0);
    is_of(&second.await.unwrap(), &people[1]);
    is_of(&line.ask(&people[2]).await, &people[2]);
}

#[tokio::test(start_paused = true)]
async fn keys_beyond_the_waiting_limit_end_overloaded() {
    let line = line("snca", "waiting = 3");
    line.network.behave(Mode::Hang, 0);
    let people = holders(6);
    let asking: Vec<_> = people[..4].iter().map(|holder| line.asking(holder)).collect();
    line.settle().await;
    for holder in &people[4..] {
        let refused = line.ask(holder).await;
        assert_eq!(refused.unwrap_err(), Failure::from(Unavailable::Overloaded));
    }
    line.network.behave(Mode::Ok, 0);
    for (answer, holder) in asking.into_iter().zip(&people) {
        is_of(&answer.await.unwrap(), holder);
    }
    is_of(&line.ask(&people[5]).await, &people[5]);
}

#[tokio::test(start_paused = true)]
async fn an_idle_register_is_called_even_where_nobody_may_wait() {
    let line = line("snca", "waiting = 0");
    let people = holders(2);
    is_of(&line.ask(&people[0]).await, &people[0]);
    line.network.behave(Mode::Ok, 100);
    let first = line.asking(&people[0]);
    line.settle().await;
    let refused = line.ask(&people[1]).await;
    assert_eq!(refused.unwrap_err(), Failure::from(Unavailable::Overloaded));
    is_of(&first.await.unwrap(), &people[0]);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_a_batch_leaves_the_others_in_it() {
    let line = line("snca", "");
    line.network.behave(Mode::Ok, 100);
    let people = holders(4);
    let asking: Vec<_> = people.iter().map(|holder| line.asking(holder)).collect();
    line.settle().await;
    asking[0].abort();
    asking[2].abort();
    for (index, answer) in asking.into_iter().enumerate().filter(|(index, _)| index % 2 == 1) {
        is_of(&answer.await.unwrap(), &people[index]);
    }
}
