//! Expressions, and where a bad one is wrong.

use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Slo {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_level_is_read_with_or_without_blanks() {
    let slo = parsed(" p99.9 [ tax-return ]<=1.5 ms ");
    assert_eq!(slo, Slo { text: slo.text.clone(), ..parsed("p99.9[tax-return] <= 1.5ms") });
    assert_eq!(slo.group(), Some("tax-return"));
    assert!((slo.bound - 0.0015).abs() < 1e-12, "{slo:?}");
    assert_eq!(parsed("p99 < 50ms").latency_max(), Some(Duration::from_millis(50)));
    assert_eq!(parsed("p99 > 50ms").latency_max(), None);
    assert!((parsed("errors < 0.1%").bound - parsed("errors < 0.001").bound).abs() < 1e-12);
    assert!(parsed("rate >= 0.99").needs_schedule());
    assert!(!parsed("rate >= 100/s").needs_schedule());
}

/// The character under the caret, and the reason.
#[track_caller]
fn check(text: &str, column: usize, why: &str) {
    let error = text.parse::<Slo>().expect_err("a mistake").to_string();
    let lines: Vec<_> = error.lines().collect();
    assert!(lines[0].contains(why), "{error}");
    assert_eq!(lines[2], format!("  {text}"), "{error}");
    assert_eq!(lines[3].find('^'), Some(column + 2), "{error}");
}

#[test]
fn a_bad_level_points_at_the_character() {
    check("", 0, "there is p50");
    check("q99 < 50ms", 0, "there is p50");
    check("p101 < 50ms", 1, "at most 100");
    check("p99 = 50ms", 4, "expected <");
    check("p99 <", 5, "expected a number");
    check("p99 < fast", 6, "expected a number");
    check("p99 < 50", 8, "us, ms or s");
    check("p99 < 50%", 8, "us, ms or s");
    check("p99 < 3601s", 6, "over an hour");
    check("p99[tax-return < 50ms", 21, "`]` is missing");
    check("p99[] < 50ms", 4, "a procedure is missing");
    check("rate[tax-return] > 1", 4, "of no procedure");
    check("errors < 1ms", 10, "expected %");
    check("rate > 3/m", 8, "expected %, /s");
    check("complete > 99", 11, "at most 100 %");
    check("p99 < 50ms and", 11, "nothing may follow");
    check("é99 < 50ms", 0, "there is p50");
    check("p99[é] ~ 50ms", 7, "expected <");
}

proptest! {
    #[test]
    fn any_text_is_a_level_or_a_mistake_within_it(text in ".{0,24}") {
        if let Err(error) = text.parse::<Slo>() {
            prop_assert!(error.at <= text.len());
            prop_assert!(error.to_string().contains('^'));
        }
    }

    #[test]
    fn a_level_reads_what_it_writes(
        metric in "p[1-9][0-9]?|mean|max",
        group in proptest::option::of("[a-z-]{1,12}"),
        op in "<|<=|>|>=",
        bound in 1u32..60_000,
    ) {
        let group = group.map(|it| format!("[{it}]")).unwrap_or_default();
        let text = format!("{metric}{group} {op} {bound}ms");
        prop_assert_eq!(parsed(&text).to_string(), text);
    }
}
