//! The laws of arrival, by what they promise.

use super::*;

fn moments(law: &str, seconds: u64, seed: u64) -> Vec<f64> {
    let law: Law = law.parse().expect("a law");
    events(&law, Duration::from_secs(seconds), None, seed).map(|it| it.at.as_secs_f64()).collect()
}

/// The largest distance between the sample's distribution and the law's
/// (Kolmogorov and Smirnov), times the root of the sample's size. Beyond 1.95
/// one in a thousand fair samples lies; these are seeded, and do not vary.
fn kolmogorov_smirnov(sample: &mut [f64], law: impl Fn(f64) -> f64) -> f64 {
    sample.sort_by(f64::total_cmp);
    let size = sample.len() as f64;
    let far = sample.iter().enumerate().map(|(index, value)| {
        let below = law(*value) - index as f64 / size;
        below.abs().max((below - 1.0 / size).abs())
    });
    far.fold(0.0, f64::max) * size.sqrt()
}

const ONE_IN_A_THOUSAND: f64 = 1.95;

#[test]
fn a_constant_rate_is_even_from_the_first_moment_on() {
    assert_eq!(moments("4/s", 2, 1), [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]);
    assert_eq!(moments("120/m", 1, 1), [0.0, 0.5]);
    assert_eq!(moments("100/s", 1_000, 1).len(), 100_000);
}

#[test]
fn gaps_of_a_poisson_process_are_exponential_and_its_moments_even() {
    let seen = moments("poisson 200/s", 500, 3);
    let mut gaps: Vec<_> = seen.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let far = kolmogorov_smirnov(&mut gaps, |gap| 1.0 - (-200.0 * gap).exp());
    assert!(far < ONE_IN_A_THOUSAND, "{far}");
    let far = kolmogorov_smirnov(&mut seen.clone(), |at| at / 500.0);
    assert!(far < ONE_IN_A_THOUSAND, "{far}");
    // Four standard deviations.
    assert!((seen.len() as f64 - 100_000.0).abs() < 4.0 * 100_000_f64.sqrt(), "{}", seen.len());
}

#[test]
fn a_poisson_process_is_no_constant_rate() {
    // What the other test must be able to tell apart.
    let even = moments("200/s", 500, 3);
    let mut gaps: Vec<_> = even.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(kolmogorov_smirnov(&mut gaps, |gap| 1.0 - (-200.0 * gap).exp()) > 100.0);
}

#[test]
fn a_ramp_follows_its_rate() {
    let seen = moments("ramp 0/s..100/s", 100, 1);
    assert_eq!(seen.len(), 5_000);
    let far = kolmogorov_smirnov(&mut seen.clone(), |at| (at / 100.0).powi(2));
    assert!(far < 0.1, "{far}");
    let down = moments("ramp 100/s..0/s", 100, 1);
    let far = kolmogorov_smirnov(&mut down.clone(), |at| 1.0 - (1.0 - at / 100.0).powi(2));
    assert!(far < 0.1, "{far}");
}

#[test]
fn steps_each_have_their_part_of_the_run() {
    let seen = moments("steps 10/s,0/s,30/s", 30, 1);
    let within = |from: f64, to: f64| seen.iter().filter(|at| (from..to).contains(*at)).count();
    assert_eq!([within(0.0, 10.0), within(10.0, 20.0), within(20.0, 30.0)], [100, 0, 300]);
}

#[test]
fn a_burst_comes_at_once_and_again() {
    assert_eq!(moments("burst 3/2s", 5, 1), [0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 4.0, 4.0, 4.0]);
}

#[test]
fn one_seed_gives_one_row_of_moments_and_another_another() {
    assert_eq!(moments("poisson 50/s", 20, 7), moments("poisson 50/s", 20, 7));
    assert_ne!(moments("poisson 50/s", 20, 7), moments("poisson 50/s", 20, 8));
}

#[test]
fn a_number_of_requests_ends_a_schedule() {
    let law: Law = "100/s".parse().unwrap();
    let numbers: Vec<_> =
        events(&law, Duration::from_secs(60), Some(3), 1).map(|it| it.number).collect();
    assert_eq!(numbers, [0, 1, 2]);
}

#[test]
fn a_text_that_is_no_law_says_why() {
    for (text, says) in [
        ("0/s", "a rate of zero sends nothing"),
        ("poisson 0/h", "a rate of zero sends nothing"),
        ("steps 0/s,0/s", "a rate of zero sends nothing"),
        ("ramp 0/s..0/s", "a rate of zero sends nothing"),
        ("burst 0/s", "a rate of zero sends nothing"),
        ("burst 1/0s", "a rate of zero sends nothing"),
        ("100", "`100` is no rate"),
        ("-1/s", "`-1/s` is no rate"),
        ("1e999/s", "`1e999/s` is no rate"),
        ("poisson 1/d", "`1/d` is no rate"),
        ("steps 1/s,two/s", "`two/s` is no rate"),
        ("ramp 1/s", "must be `closed`"),
        ("burst many", "`many` is no burst"),
        ("sometimes", "must be `closed`"),
        ("", "must be `closed`"),
    ] {
        let said = text.parse::<Law>().expect_err(text).to_string();
        assert!(said.contains(says), "{text}: {said}");
    }
    for text in ["closed", "constant 5/s", "poisson 5/s", "steps 1/s,2/s", "ramp 1/s..2/s"] {
        assert_eq!(text.parse::<Law>().unwrap().to_string(), text);
    }
}
