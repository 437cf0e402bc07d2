//! Results of parts are the results of the whole.

use proptest::prelude::*;

use super::*;
use crate::verify::{Finding, Wrong};

const GROUPS: u16 = 3;

prop_compose! {
    fn verified()(
        complete: bool,
        gaps in proptest::collection::vec(
            prop_oneof![Just(Gap::Stale), Just(Gap::Empty), Just(Gap::Unavailable("timeout"))],
            0..4,
        ),
        is_wrong in proptest::bool::weighted(0.2),
    ) -> Verified {
        let finding = || Finding {
            wrong: Wrong::Value,
            procedure: "some-form".into(),
            field: None,
            detail: "another".into(),
            disclosure: None,
        };
        let findings = is_wrong.then(finding).into_iter().collect();
        Verified { complete, gaps, findings, ..Verified::default() }
    }
}

prop_compose! {
    fn sample()(
        at in prop_oneof![0u64..20_000, 0u64..2_000_000],
        wait in 0u64..3_000_000,
        took in 0u64..70_000_000,
        group in 0..GROUPS,
        channel in prop_oneof![Just(Channel::FrontOffice), Just(Channel::Citizen)],
        cache in proptest::option::of(prop_oneof![Just(Cache::Hit), Just(Cache::Miss)]),
        ending in 0u8..8,
        verified in verified(),
    ) -> Sample {
        let intended = Duration::from_millis(at);
        let sent = intended + Duration::from_micros(wait);
        let answered = |status| Answered { status, problem: None };
        let ending = match ending {
            0 => Ending::Failed(Error::Timeout),
            1 => Ending::Unexpected(answered(503)),
            2 => Ending::Aborted,
            _ => Ending::Answered(answered(200)),
        };
        let is_bundle = matches!(ending, Ending::Answered(_));
        Sample {
            number: at,
            intended,
            sent,
            ended: sent + Duration::from_micros(took),
            lag: Some(Duration::from_micros(wait)),
            group,
            channel,
            cache,
            verified: is_bundle.then_some(verified),
            compared: is_bundle,
            ending,
        }
    }
}

fn results(samples: &[Sample]) -> Results {
    let groups = (0..GROUPS).map(|group| format!("form-{group}")).collect();
    let mut results = Results::new(groups);
    samples.iter().for_each(|sample| results.record(sample));
    results
}

pub(crate) fn samples() -> impl Strategy<Value = Vec<Sample>> {
    proptest::collection::vec(sample(), 0..60)
}

#[track_caller]
fn check_same(left: &Results, right: &Results) {
    assert_eq!(left.by_group, right.by_group);
    assert_eq!(left.by_channel, right.by_channel);
    assert_eq!(left.by_completeness, right.by_completeness);
    assert_eq!(left.by_gap, right.by_gap);
    assert_eq!(left.by_cache, right.by_cache);
    assert_eq!(left.series, right.series);
    assert_eq!(left.compared, right.compared);
    assert_eq!(left.tally.statuses, right.tally.statuses);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn parts_merge_into_the_whole(samples in samples(), cut in 0usize..60) {
        let (first, second) = samples.split_at(cut.min(samples.len()));
        let mut merged = results(first);
        merged.merge(results(second));
        check_same(&merged, &results(&samples));
    }

    #[test]
    fn channels_are_the_whole(samples in samples()) {
        let results = results(&samples);
        let ended = samples.iter().filter(|it| it.ending != Ending::Aborted).count() as u64;
        let sum = |parts: &mut dyn Iterator<Item = &Part>| parts.map(|it| it.sent).sum::<u64>();
        prop_assert_eq!(sum(&mut results.by_channel.values()), ended);
        prop_assert_eq!(sum(&mut results.by_group.values()), ended);
        prop_assert_eq!(results.series.intervals.iter().map(|it| it.sent).sum::<u64>(), ended);
        prop_assert!(results.series.is_sound());
    }
}

#[test]
fn an_answer_of_a_status_that_was_wanted_is_neither_refused_nor_a_bundle() {
    let answered = |status| Answered { status, problem: None };
    let sample = |ending, verified: Option<Verified>| Sample {
        number: 0,
        intended: Duration::ZERO,
        sent: Duration::ZERO,
        ended: Duration::from_millis(1),
        lag: None,
        group: 0,
        channel: Channel::FrontOffice,
        cache: None,
        compared: verified.is_some(),
        verified,
        ending,
    };
    let results = results(&[
        sample(Ending::Answered(answered(422)), None),
        sample(Ending::Answered(answered(201)), None),
        sample(Ending::Answered(answered(200)), None),
        sample(Ending::Answered(answered(200)), Some(Verified::default())),
        sample(Ending::Unexpected(answered(422)), None),
    ]);
    let tally = &results.tally;
    assert_eq!((tally.answers(), tally.bundles, tally.unexpected.len()), (5, 1, 1));
}
