//! A year's totals, and what follows what.

use std::collections::{BTreeMap, HashMap};

use super::*;

fn year(submissions: u64, years: u16) -> Arc<Plan> {
    let mut profile = Profile::invented();
    profile.submissions = submissions;
    let names: Vec<_> = profile.procedures.keys().filter(|it| *it != "others").cloned().collect();
    let shares = profile.shares(&names).expect("all are offered");
    let (start, people) = (Date::constant(2026, 1, 1), People::Uniform);
    Arc::new(Plan { profile, shares, start, years, population: 10_000, people, seed: 1 })
}

fn date(plan: &Plan, visit: &Visit) -> Date {
    let days = i64::try_from(visit.at.as_secs() / DAY as u64).expect("a few years");
    plan.start.saturating_add(jiff::Span::new().days(days))
}

/// Counts against what was expected, within four and a half standard deviations.
#[track_caller]
fn check(seen: f64, expected: f64, what: &str) {
    let off = (seen - expected).abs() / expected.max(1.0).sqrt();
    assert!(off < 4.5, "{what}: {seen}, expected {expected:.1}");
}

#[test]
fn totals_by_month_and_hour_are_what_the_profile_says() {
    let plan = year(60_000, 1);
    let opened: Vec<_> = plan.visits().filter(|it| it.kind == Kind::Open).collect();
    let all = 60_000.0 * plan.profile.per_submission.opens;
    check(opened.len() as f64, all, "a year");
    let (mut months, mut hours) = ([0.0; 12], [0.0; 24]);
    for visit in &opened {
        months[date(&plan, visit).month() as usize - 1] += 1.0;
        hours[(visit.at.as_secs() / 3_600 % 24) as usize] += 1.0;
    }
    // The months by the naive way: each day by itself.
    let mut weights = [0.0; 12];
    for (day, _) in plan.days() {
        weights[day.month() as usize - 1] += plan.weight(day);
    }
    let whole: f64 = weights.iter().sum();
    for (month, (seen, weight)) in months.into_iter().zip(weights).enumerate() {
        check(seen, all * weight / whole, &format!("month {}", month + 1));
    }
    let shape = &plan.profile.shape.hour;
    let whole: f64 = shape.iter().sum();
    for (hour, (seen, weight)) in hours.into_iter().zip(shape).enumerate() {
        check(seen, all * weight / whole, &format!("hour {hour}"));
    }
}

#[test]
fn every_kind_comes_as_often_as_the_profile_says() {
    let plan = year(60_000, 1);
    let mut kinds: BTreeMap<Kind, f64> = BTreeMap::new();
    for visit in plan.visits() {
        *kinds.entry(visit.kind).or_default() += 1.0;
    }
    let per = &plan.profile.per_submission;
    for (kind, rate) in [
        (Kind::Open, per.opens),
        (Kind::MyData, per.my_data),
        (Kind::Accesses, per.accesses),
        (Kind::Preference, per.preferences),
        (Kind::OwnData, per.own_data),
        (Kind::Invalid, per.invalid),
    ] {
        check(kinds[&kind], 60_000.0 * rate, kind.name());
    }
    // Some of December's come after the year.
    let resumed = kinds[&Kind::Resume] / (60_000.0 * plan.profile.per_submission.resumes);
    assert!((0.98..1.01).contains(&resumed), "{resumed}");
}

#[test]
fn seasons_and_holidays_show() {
    let plan = year(60_000, 1);
    let (mut returns, mut days) = ([0_u32; 12], HashMap::new());
    for visit in plan.visits().filter(|it| it.kind == Kind::Open) {
        let day = date(&plan, &visit);
        *days.entry(day).or_insert(0_u32) += 1;
        if plan.shares[usize::from(visit.procedure)].0 == "income-tax-return" {
            returns[day.month() as usize - 1] += 1;
        }
    }
    assert!(returns[2] > 2 * returns[1], "{returns:?}");
    let of = |month, day| days.get(&Date::constant(2026, month, day)).copied().unwrap_or_default();
    // Easter Monday and the Monday a week later; Christmas and a month before.
    assert!(2 * of(4, 6) < of(4, 13), "{} {}", of(4, 6), of(4, 13));
    assert!(3 * of(12, 25) < of(11, 25), "{} {}", of(12, 25), of(11, 25));
}

#[test]
fn visits_come_in_order_and_whatever_was_led_to_after_what_led_to_it() {
    let plan = year(5_000, 1);
    let (mut last, mut opened) = (Duration::ZERO, HashMap::new());
    let (mut after_open, mut looks) = (0.0, 0.0);
    for visit in plan.visits() {
        assert!(visit.at >= last && visit.at < plan.length());
        last = visit.at;
        match visit.kind {
            Kind::Open => assert!(opened.insert(visit.case, visit).is_none()),
            Kind::Resume | Kind::Consent | Kind::BackOffice => {
                let open = opened[&visit.case];
                assert_eq!((open.subject, open.procedure), (visit.subject, visit.procedure));
            }
            Kind::MyData | Kind::Accesses => {
                looks += 1.0;
                if let Some(open) = opened.get(&visit.case) {
                    after_open += 1.0;
                    assert_eq!(open.subject, visit.subject);
                }
            }
            _ => {}
        }
    }
    // The same person's, within minutes: what gives a cache its hits.
    let share = plan.profile.per_submission.looks_after_open;
    check(after_open, looks * share, "looks after a form was opened");
}

#[test]
fn a_setting_replaces_a_value_and_a_wrong_one_says_why() {
    let with = |settings: &[&str]| {
        let settings: Vec<_> = settings.iter().map(|it| (*it).to_owned()).collect();
        Profile::with(None, &settings).map_err(|error| error.to_string())
    };
    let profile = with(&["submissions=9", "per-submission.opens = 2", "procedures.moving=5"]);
    let profile = profile.expect("they are values");
    assert_eq!((profile.submissions, profile.per_submission.opens), (9, 2.0));
    assert_eq!(profile.procedures["moving"], 5.0);
    for (setting, says) in [
        ("submissions", "--set submissions: has no `=`"),
        ("submissions=0", "a year without any sends nothing"),
        ("submissions=many", "its value is none of TOML"),
        ("submissions=1.5", "submissions"),
        ("visitors=5", "--set visitors=5: no such value"),
        ("per-submission.walks=5", "no such value"),
        ("name.first=5", "no such value"),
        ("per-submission.looks-after-open=1.5", "a share is at most 1"),
    ] {
        let said = with(&[setting]).expect_err(setting);
        assert!(said.contains(says), "{setting}: {said}");
    }
}

#[test]
fn a_second_year_is_larger_by_its_growth_and_has_its_own_calendar() {
    let plan = year(40_000, 3);
    assert_eq!(plan.length().as_secs_f64() / DAY, 365.0 + 365.0 + 366.0);
    let mut years = [0.0; 3];
    for visit in plan.visits().filter(|it| it.kind == Kind::Open) {
        years[(date(&plan, &visit).year() - 2026) as usize] += 1.0;
    }
    let first = 40_000.0 * plan.profile.per_submission.opens;
    check(years[0], first, "the first");
    // Weekdays and holidays fall otherwise in each year: a few in a thousand.
    assert!((years[1] / first / 1.05 - 1.0).abs() < 0.01, "{years:?}");
    assert!((years[2] / first / 1.05_f64.powi(2) - 1.0).abs() < 0.01, "{years:?}");
}

#[test]
fn the_first_come_most_where_people_are_drawn_so() {
    let mut plan = (*year(20_000, 1)).clone();
    plan.people = People::Zipf;
    let mut people: HashMap<u64, u64> = HashMap::new();
    for visit in Arc::new(plan).visits().filter(|it| it.kind == Kind::Open) {
        *people.entry(visit.subject).or_default() += 1;
    }
    let mut counts: Vec<_> = people.into_values().collect();
    counts.sort_unstable_by(|left, right| right.cmp(left));
    let whole: u64 = counts.iter().sum();
    // Ranks 1 to 100 of 10,000: half of the logarithm.
    let share = counts[..100].iter().sum::<u64>() as f64 / whole as f64;
    assert!((0.45..0.56).contains(&share), "{share}");
}

#[test]
fn easter_is_when_it_was() {
    for (year, month, day) in
        [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25)]
    {
        assert_eq!(super::super::profile::easter_of(year), Date::constant(year, month, day));
    }
}

#[test]
fn a_profile_that_cannot_be_says_where() {
    let text = toml::to_string(&Profile::invented()).expect("TOML");
    assert!(Profile::parse(&text).is_ok());
    for (from, to, says) in [
        ("submissions = 400000", "submissions = 0", "a year without any sends nothing"),
        ("opens = 1.6", "opens = -1.0", "per-submission.opens: must be"),
        ("holiday-factor = 0.3", "holiday-factor = nan", "shape.holiday-factor: must be"),
        ("factor = 2.5", "factor = -2.5", "tax returns are due: its factor"),
        ("to = \"03-31\"", "to = \"02-30\"", "tax returns are due: from and to"),
        ("name = \"invented\"", "nickname = \"invented\"", "unknown field `nickname`"),
    ] {
        assert!(text.contains(from), "{from}");
        let said = Profile::parse(&text.replacen(from, to, 1)).expect_err(to).to_string();
        assert!(said.contains(says), "{to}: {said}");
    }
}
