//! What is skimmed is what is read.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::*;
use crate::ledger::entry::{About, Denial, Disclosure, Entry, Event, SubjectVersion};
use crate::model::{Channel, OrganisationId, ProcedureId, RegisterId, RegisterSet};

fn text() -> impl Strategy<Value = Option<Box<str>>> {
    of("[a-zé]{0,200}").prop_map(|it| it.map(Into::into))
}

prop_compose! {
    fn about()(
        catalogue in any::<[u8; 32]>(),
        organisation in any::<u16>(),
        version in any::<u32>(),
        channel in 0..3_usize,
        case in text(),
        presence in text(),
        idempotency in text(),
    ) -> About {
        About {
            catalogue,
            operator: OrganisationId(organisation / 3),
            organisation: OrganisationId(organisation),
            procedure: ProcedureId(organisation / 7),
            version,
            channel: Channel::ALL[channel],
            case,
            presence,
            idempotency,
        }
    }
}

fn entry(stream: [u8; 16], sequence: u64, stamp: i64, event: Event) -> Entry {
    Entry { stream, sequence, stamp, event }
}

proptest! {
    #[test]
    fn it_tells_the_subjects_of_every_disclosure_and_of_nothing_else(
        about in about(),
        subjects in vec((any::<u64>(), any::<u64>()), 0..5),
        (stream, id) in any::<([u8; 16], [u8; 16])>(),
        (sequence, stamp) in any::<(u64, i64)>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let numbers: Vec<_> = subjects.iter().map(|(subject, _)| *subject).collect();
        let of = |(subject, version): &(u64, u64)| SubjectVersion {
            subject: *subject,
            version: *version,
        };
        let disclosure = Disclosure {
            id,
            about: about.clone(),
            subjects: subjects.iter().map(of).collect(),
            valid_until: 7,
            called: vec![RegisterSet::only(3); subjects.len()],
            fields: vec![(8, RegisterId(9))],
            complete: true,
            digest: [0xd1; 32],
        };
        let body = entry(stream, sequence, stamp, Event::Disclosure(disclosure)).encode();
        let told = |body: &[u8]| {
            let mut told = Vec::new();
            let whole = disclosed(body, &mut |number| told.push(number)).is_some();
            assert!(whole || told.is_empty());
            whole.then_some(told)
        };
        prop_assert_eq!(told(&body), Some(numbers.clone()));
        // Of a part of it, everything or nothing.
        let part = told(&body[..cut.index(body.len())]);
        prop_assert!(part.is_none() || part == Some(numbers.clone()));
        let denial = Denial { about, subjects: numbers, reason: "role".into(), count: 1 };
        let denial = entry(stream, sequence, stamp, Event::Denial(denial)).encode();
        prop_assert_eq!(told(&denial), None);
    }
}
