//! Tallies of several threads are worth one.

use uuid::Uuid;

use super::*;

fn finding(wrong: Wrong) -> Finding {
    Finding { wrong, procedure: "p".into(), field: None, detail: String::new(), disclosure: None }
}

fn status(status: u16, problem: Option<&str>) -> Answered {
    Answered { status, problem: problem.map(Into::into) }
}

/// One request of a made-up run.
fn record(tally: &mut Tally, number: u64) {
    match number % 4 {
        0 => tally.failed(if number == 0 { Error::Timeout } else { Error::Closed }),
        1 => tally.answered(status(503, Some("overloaded")), Duration::from_millis(number)),
        _ => {
            tally.answered(status(200, None), Duration::from_micros(number * 50));
            let findings =
                if number.is_multiple_of(3) { vec![finding(Wrong::Value)] } else { vec![] };
            tally.verified(
                number,
                Verified {
                    disclosure: Some(Uuid::from_u128(u128::from(number / 2))),
                    complete: number.is_multiple_of(5),
                    filled: number,
                    unverified: 1,
                    gaps: vec![Gap::Empty, Gap::Unavailable("timeout")],
                    findings,
                },
            );
        }
    }
}

fn shown(tally: &Tally) -> String {
    let Tally { sent, statuses, errors, complete, filled, unverified, gaps, wrong, .. } = tally;
    let quantiles = [0.5, 0.9, 0.99, 1.0].map(|it| tally.latency.value_at_quantile(it));
    let examples: Vec<_> = tally.examples.iter().map(|(number, _)| number).collect();
    format!(
        "{sent} {statuses:?} {errors:?} {complete} {filled} {unverified} {gaps:?} {wrong:?} {} \
         {examples:?} {quantiles:?} {}",
        tally.wrong_answers,
        tally.latency.len(),
    )
}

#[test]
fn merged_tallies_are_worth_one_that_saw_everything() {
    let (mut whole, mut parts) = (Tally::default(), [(); 3].map(|()| Tally::default()));
    for number in 0..200 {
        record(&mut whole, number);
        record(&mut parts[(number % 7 % 3) as usize], number);
    }
    let mut merged = Tally::default();
    parts.into_iter().rev().for_each(|part| merged.merge(part));
    whole.count_duplicates();
    merged.count_duplicates();
    assert_eq!(shown(&merged), shown(&whole));
    assert_eq!(whole.sent, 200);
    // Numbers 2 and 3, 6 and 7, ... have one id between them.
    assert_eq!(whole.wrong[&Wrong::DisclosureTwice], 50);
}

#[test]
fn an_id_that_two_threads_saw_is_found() {
    let mut tallies = [(); 2].map(|()| Tally::default());
    for tally in &mut tallies {
        tally.answered(status(200, None), Duration::from_micros(1));
        let disclosure = Some(Uuid::from_u128(7));
        tally.verified(0, Verified { disclosure, ..Verified::default() });
    }
    let [mut one, other] = tallies;
    one.clone().count_duplicates();
    assert!(one.wrong.is_empty());
    one.merge(other);
    one.count_duplicates();
    assert_eq!(one.wrong, BTreeMap::from([(Wrong::DisclosureTwice, 1)]));
}

#[test]
fn only_the_first_findings_are_explained_and_all_are_counted() {
    let mut tally = Tally::default();
    for number in 0..20 {
        let findings = vec![finding(Wrong::Empty), finding(Wrong::Value)];
        tally.verified(number, Verified { findings, ..Verified::default() });
    }
    assert_eq!(tally.examples.len(), EXAMPLES_MAX);
    assert_eq!(tally.wrong, BTreeMap::from([(Wrong::Empty, 20), (Wrong::Value, 20)]));
    assert_eq!(tally.wrong_answers, 20);
}
