//! Preferences: versions, epochs, and changes that change nothing.

use crate::catalogue::tests::demo;
use crate::consent::Consent;

/// The version, whether it allows `rnpp`, and the epoch of that.
type State = (u64, bool, u64);

/// What comes of each change; `None` where nothing does.
#[track_caller]
fn check(changes: &[(bool, Option<State>)]) {
    let mut consent = Consent::default();
    for (place, (allow, expected)) in changes.iter().enumerate() {
        let next = consent.with_preference("rnpp", *allow, 7);
        let seen =
            next.as_ref().map(|next| (next.version, next.allows("rnpp"), next.epoch("rnpp")));
        assert_eq!(seen, *expected, "change {place}");
        consent = next.unwrap_or(consent);
    }
}

#[test]
fn each_change_counts_a_version_and_each_no_begins_an_epoch() {
    check(&[
        (true, None),
        (false, Some((1, false, 1))),
        (false, None),
        (true, Some((2, true, 1))),
        (true, None),
        (false, Some((3, false, 3))),
        (true, Some((4, true, 3))),
    ]);
}

#[test]
fn a_no_to_one_register_leaves_the_others_as_they_were() {
    let consent = Consent::default().with_preference("rnpp", false, 10).unwrap();
    let consent = consent.with_preference("ccss", false, 20).unwrap();
    assert!(consent.allows("snca") && !consent.allows("rnpp") && !consent.allows("ccss"));
    assert_eq!((consent.epoch("snca"), consent.epoch("rnpp"), consent.epoch("ccss")), (0, 1, 2));
    assert_eq!(consent.preference("snca"), None);
    let since = |register| consent.preference(register).unwrap().since;
    assert_eq!((since("rnpp"), since("ccss")), (10, 20));
    let again = consent.with_preference("rnpp", true, 30).unwrap();
    assert_eq!(again.epoch("ccss"), 2);
    assert!(!again.allows("ccss") && again.allows("rnpp"));
}

#[test]
fn the_refused_registers_are_those_that_the_catalogue_still_has() {
    let catalogue = demo();
    let consent = Consent::default().with_preference("rnpp", false, 0).unwrap();
    let consent = consent.with_preference("closed-long-ago", false, 0).unwrap();
    let consent = consent.with_preference("snca", false, 0).unwrap();
    let consent = consent.with_preference("snca", true, 0).unwrap();
    let refused: Vec<_> = consent.refused(catalogue).iter().collect();
    assert_eq!(refused, [catalogue.find_register("rnpp").unwrap().index()]);
}

#[test]
fn a_state_survives_being_stored() {
    let consent = Consent::default().with_preference("rnpp", false, 10).unwrap();
    let consent = consent.with_preference("rnpp", true, 20).unwrap();
    assert_eq!(Consent::decode(&consent.encode()), Some(consent));
}
