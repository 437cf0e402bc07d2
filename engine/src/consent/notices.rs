//! What released values have to say. A value that is not shown says nothing:
//! a notice must not tell what its field withholds.

use std::borrow::Cow;

use jiff::ToSpan;
use jiff::civil::Date;

use crate::catalogue::{Condition, Notice, Test};

/// The notices whose conditions all hold. `shown` gives the value of a field as
/// JSON, where the bundle shows one.
pub(super) fn notices<'c, 'v>(
    rules: &'c [Notice],
    today: Date,
    shown: impl Fn(usize) -> Option<&'v [u8]>,
) -> impl Iterator<Item = &'c Notice> {
    let holds = move |condition: &Condition| {
        shown(condition.field).is_some_and(|value| holds(&condition.test, value, today))
    };
    rules.iter().filter(move |rule| !rule.when.is_empty() && rule.when.iter().all(&holds))
}

/// Whether a value passes a test. One of another type passes none.
fn holds(test: &Test, value: &[u8], today: Date) -> bool {
    match test {
        Test::YoungerThan(years) => day(value).is_some_and(|day| turns(day, *years) > today),
        Test::AtLeast(years) => day(value).is_some_and(|day| turns(day, *years) <= today),
        Test::Past => day(value).is_some_and(|day| day < today),
        Test::Within(time) => {
            let last = today.checked_add(*time).unwrap_or(Date::MAX);
            day(value).is_some_and(|day| (today..=last).contains(&day))
        }
        Test::Is(texts) => text(value).is_some_and(|text| lists(texts, &text)),
        Test::IsNot(texts) => text(value).is_some_and(|text| !lists(texts, &text)),
        Test::Has(texts) => {
            items(value).is_some_and(|items| items.iter().any(|item| lists(texts, item)))
        }
        Test::Lacks(texts) => {
            items(value).is_some_and(|items| !items.iter().any(|item| lists(texts, item)))
        }
        Test::Below(number) => json::<i64>(value).is_some_and(|value| value < *number),
        Test::Above(number) => json::<i64>(value).is_some_and(|value| value > *number),
        Test::Flag(flag) => json::<bool>(value) == Some(*flag),
    }
}

fn lists(texts: &[Box<str>], text: &str) -> bool {
    texts.iter().any(|known| **known == *text)
}

fn json<'v, T: serde::Deserialize<'v>>(value: &'v [u8]) -> Option<T> {
    serde_json::from_slice(value).ok()
}

fn text(value: &[u8]) -> Option<Cow<'_, str>> {
    // A `Cow` of its own would be owned in any case: serde borrows only on demand.
    json::<&str>(value).map(Cow::Borrowed).or_else(|| json::<String>(value).map(Cow::Owned))
}

fn items(value: &[u8]) -> Option<Vec<String>> {
    json(value)
}

fn day(value: &[u8]) -> Option<Date> {
    json::<&str>(value)?.parse().ok()
}

/// The day on which something of that day is so many years old.
fn turns(day: Date, years: u8) -> Date {
    day.checked_add(i32::from(years).years()).unwrap_or(Date::MAX)
}
