//! What comes twice is found, as far as is said, in bounded memory.

use super::*;

fn seen(room: usize, ids: impl IntoIterator<Item = u128>) -> Unique {
    let mut unique = Unique::with_room(room);
    ids.into_iter().for_each(|id| unique.see(id));
    unique
}

/// Begins with the time, as a UUID of version 7 does.
fn id(number: u128) -> u128 {
    (1_700_000_000_000 + number / 8) << 80 | number
}

#[test]
fn where_all_fit_each_that_comes_again_is_found() {
    let unique = seen(1_000, (0..900).chain(100..150).map(id));
    assert_eq!((unique.twice(), unique.one_in()), (50, 1));
}

#[test]
fn of_more_than_fit_a_known_share_is_looked_at_in_the_same_memory() {
    const ROOM: usize = 1_000;
    let mut unique = seen(ROOM, (0..900).map(id));
    let capacity = unique.kept.capacity();
    (900..100_000).map(id).for_each(|id| unique.see(id));
    assert_eq!((unique.twice(), unique.kept.capacity()), (0, capacity));
    assert!(unique.kept.len() <= ROOM && unique.kept.len() > ROOM / 3, "{}", unique.kept.len());
    assert_eq!(unique.one_in(), 128);
    // All of them once more: one in 128 is noticed, give or take five sigmas.
    (0..100_000).map(id).for_each(|id| unique.see(id));
    let expected = 100_000.0 / 128.0;
    let off = (unique.twice() as f64 - expected).abs();
    assert!(off < 5.0 * f64::sqrt(expected), "{}", unique.twice());
    assert_eq!(unique.twice(), unique.kept.len() as u64);
}

#[test]
fn threads_that_halved_otherwise_are_worth_one() {
    let few = seen(1_000, (0..500).map(id));
    let many = seen(1_000, (0..50_000).map(id));
    let of_share = (0..500).filter(|number| is_of_share(id(*number), many.halvings)).count();
    assert!(of_share > 0);
    for (mut one, other) in [(few.clone(), many.clone()), (many, few)] {
        one.merge(other);
        assert_eq!((one.twice(), one.one_in()), (of_share as u64, 64));
    }
}
