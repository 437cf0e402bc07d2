//! Who comes, and who comes back.

use std::collections::{BTreeMap, HashMap};

use super::*;

fn choice(who: Who, weights: &[f64]) -> Choice {
    Choice::new(who, 1_000, weights, 400.0, 7)
}

#[test]
fn a_sweep_asks_everybody_for_everything_before_anybody_comes_again() {
    let sweep = Choice::sweep(30, 4);
    let first: std::collections::HashSet<_> = (0..120).map(|number| sweep.of(number)).collect();
    assert_eq!(first.len(), 120);
    assert_eq!(sweep.of(120), sweep.of(0));
}

#[test]
fn forms_come_by_weight_whoever_asks() {
    for who in [Who::Sweep, Who::Uniform, Who::Zipf, Who::Sessions] {
        let choice = choice(who, &[6.0, 3.0, 1.0]);
        let mut seen = [0.0; 3];
        for number in 0..40_000 {
            seen[choice.of(number).1] += 1.0 / 40_000.0;
        }
        for (seen, expected) in seen.into_iter().zip([0.6, 0.3, 0.1]) {
            // Four and a half standard deviations, of the 20,000 drawings that
            // sessions make.
            assert!(f64::abs(seen - expected) < 0.016, "{who:?}: {seen} {expected}");
        }
    }
}

#[test]
fn uniform_people_are_all_as_likely_and_zipfs_first_hundred_are_two_thirds() {
    let top = |who| {
        let choice = choice(who, &[1.0]);
        let mut people: HashMap<u64, f64> = HashMap::new();
        for number in 0..50_000 {
            *people.entry(choice.of(number).0).or_default() += 1.0 / 50_000.0;
        }
        let mut shares: Vec<_> = people.into_values().collect();
        shares.sort_by(|left, right| right.total_cmp(left));
        shares[..100].iter().sum::<f64>()
    };
    let (uniform, zipf) = (top(Who::Uniform), top(Who::Zipf));
    assert!((0.1..0.14).contains(&uniform), "{uniform}");
    // ln 101 / ln 1000, and more, since some people have several ranks.
    assert!((0.64..0.76).contains(&zipf), "{zipf}");
}

#[test]
fn a_session_is_one_persons_and_comes_back_after_its_pauses() {
    let choice = choice(Who::Sessions, &[1.0; 50]);
    // A pause of 400 requests is one of 100 sessions.
    let (mut same, sessions) = (BTreeMap::<bool, u32>::new(), 1_000);
    for session in 0..sessions {
        let at = |step: usize| choice.of((session + PAUSES[step] * 100) * STEPS + step as u64);
        let (subject, form) = at(0);
        assert_eq!(at(1), (subject, form));
        assert_eq!(at(3), (subject, form));
        assert_eq!(at(OTHER).0, subject);
        *same.entry(at(OTHER).1 == form).or_default() += 1;
    }
    // One in fifty opens the same form as another one.
    assert!(same[&true] < 45, "{same:?}");
}

#[test]
fn the_first_requests_are_of_sessions_that_began_before() {
    let choice = choice(Who::Sessions, &[1.0; 3]);
    assert!((0..10).all(|number| choice.of(number).0 < 1_000));
}
