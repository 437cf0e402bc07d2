//! What is read back from files, and what citizens write into them.

use engine::catalogue::own;
use engine::consent::{self, Consent, Terms};
use engine::ledger::{
    About, ByMandate, Change, Denial, Digests, Disclosure, Entry, Event, Snapshot, SubjectVersion,
    head_text, parse_head, subjects_of,
};
use engine::model::{Channel, OrganisationId, ProcedureId, RegisterId, RegisterSet};
use engine::space::{Attribute, doors};

/// A value that a citizen writes, for whichever attribute would take it: what is
/// kept is taken again, as it is.
pub(crate) fn own_value(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for attribute in own::names().filter_map(Attribute::named) {
        // A refusal is a static text, and cannot repeat the value.
        let Ok(kept) = attribute.normalised(text) else { continue };
        assert!(kept.len() <= 1_024, "longer than any value may be");
        assert!(!kept.chars().any(char::is_control), "a control character is kept");
        let again = attribute.normalised(&kept);
        assert_eq!(again.as_deref(), Ok(&*kept), "{}", attribute.name());
    }
}

/// The body of an entry, and a head as it is typed.
pub(crate) fn entry(data: &[u8]) {
    if let Ok(entry) = Entry::decode(data) {
        let body = entry.encode();
        assert_eq!(Entry::decode(&body), Ok(entry), "what is written is read");
        let mut subjects = Vec::new();
        subjects_of(data, &mut |subject| subjects.push(subject));
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(head) = parse_head(text)
    {
        assert_eq!(parse_head(&head_text(&head)), Ok(head));
    }
}

/// A stored state of consent.
pub(crate) fn consent(data: &[u8]) {
    if let Some(state) = Consent::decode(data) {
        assert_eq!(Consent::decode(&state.encode()), Some(state), "what is written is read");
    }
}

/// A document of own data, as it is before it is sealed.
pub(crate) fn document(data: &[u8]) {
    if let Some(written) = doors::document(data) {
        assert_eq!(doors::document(&written), Some(written), "what is written is read");
    }
}

fn about() -> About {
    About {
        catalogue: [7; 32],
        operator: OrganisationId(300),
        organisation: OrganisationId(1),
        procedure: ProcedureId(249),
        version: 4,
        channel: Channel::BackOffice,
        case: Some("2026-0001".into()),
        presence: Some("0123456789abcdef".into()),
        idempotency: None,
    }
}

fn terms() -> Terms {
    Terms {
        id: [3; 16],
        organisation: "housing-ministry".into(),
        case: "2026-0001".into(),
        procedure: "housing-aid".into(),
        purpose: "Decide on housing aid".into(),
        fields: vec!["familyName".into(), "dateOfBirth".into()],
        expires: 1_900_000_000_000,
    }
}

/// An entry of every kind.
pub(crate) fn entries() -> Vec<Vec<u8>> {
    let who = SubjectVersion { subject: 1 << 40, version: 2 };
    let no = consent::Change::Preference { register: "rnpp".into(), allow: false };
    let events = [
        Event::Catalogue([7; 32]),
        Event::Disclosure(Disclosure {
            id: [1; 16],
            about: about(),
            subjects: vec![who, who],
            valid_until: i64::MAX,
            called: vec![RegisterSet::first(5), RegisterSet::EMPTY],
            fields: vec![(0, RegisterId(0)), (11, RegisterId(14))],
            complete: false,
            digest: [9; 32],
        }),
        Event::Change(Change { subject: who, what: no }),
        Event::Change(Change { subject: who, what: consent::Change::Give(terms()) }),
        Event::Change(Change { subject: who, what: consent::Change::Withdraw { id: [3; 16] } }),
        Event::Change(Change {
            subject: who,
            what: consent::Change::Mandate { other: 300, allow: false },
        }),
        Event::Denial(Denial {
            about: about(),
            subjects: vec![1],
            reason: "no-authority".into(),
            count: 12,
        }),
        Event::Erasure(1 << 40),
        Event::Forgotten(vec![2, 1 << 40]),
        Event::Snapshot(Snapshot {
            upto: 76,
            hash: [6; 32],
            before: 1_700_000_000_000,
            kept_ms: 63_072_000_000,
            numbers: 1 << 40,
            facts: Digests {
                catalogues: [1; 32],
                erased: [2; 32],
                consents: [3; 32],
                uses: [4; 32],
            },
        }),
        Event::ByMandate(ByMandate {
            by: who,
            change: Change {
                subject: SubjectVersion { subject: 2, version: 9 },
                what: consent::Change::Mandate { other: 300, allow: true },
            },
        }),
    ];
    let entry = |event| Entry { stream: [5; 16], sequence: 77, stamp: 1_780_000_000_000, event };
    let bodies = events.map(|event| entry(event).encode());
    // But for disclosures, the first format differs in its first byte only.
    let first = bodies.iter().map(|body| [&[1], &body[1..]].concat());
    first.chain(bodies.iter().cloned()).collect()
}

/// A state after a No, a reuse consent, its withdrawal and that of a mandate.
pub(crate) fn states() -> Vec<Vec<u8>> {
    let changes = [
        consent::Change::Preference { register: "rnpp".into(), allow: false },
        consent::Change::Give(terms()),
        consent::Change::Withdraw { id: [3; 16] },
        consent::Change::Mandate { other: 300, allow: false },
    ];
    let mut state = Consent::default();
    let mut stored = vec![state.encode()];
    for change in &changes {
        state = state.after(change, 1_780_000_000_000).expect("each changes something");
        stored.push(state.encode());
    }
    stored
}

/// A document of two values: format, count, then place, text and moment of each.
pub(crate) fn documents() -> Vec<Vec<u8>> {
    let two = b"\x01\x02\x00\x08a@b.test\x02\x01\x0c+35262112345\x04";
    vec![b"\x01\x00".to_vec(), two.to_vec()]
}
