//! A family of metrics with few label sets, found without a lock.

use std::sync::OnceLock;

/// At most `N` members, which come and never go. Looking one up walks them, which
/// beats hashing for the few that a request meets; whoever counts often keeps the
/// reference.
pub(super) struct Few<K, V, const N: usize>([OnceLock<(K, V)>; N]);

impl<K, V, const N: usize> Default for Few<K, V, N> {
    fn default() -> Self {
        Self([const { OnceLock::new() }; N])
    }
}

impl<K: PartialEq, V, const N: usize> Few<K, V, N> {
    /// The member under a key, made where it is new; `None` where all places are taken.
    pub(super) fn get(&self, key: K, make: impl Fn() -> V) -> Option<&V> {
        let mut key = Some(key);
        for place in &self.0 {
            let wanted = key.as_ref()?;
            match place.get() {
                Some((known, value)) if known == wanted => return Some(value),
                Some(_) => continue,
                None => {}
            }
            // Whoever comes at the same moment with another key takes the next place.
            let (known, value) =
                place.get_or_init(|| (key.take().expect("it is given away once"), make()));
            match &key {
                None => return Some(value),
                Some(wanted) if known == wanted => return Some(value),
                Some(_) => {}
            }
        }
        None
    }

    /// All members, in the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map_while(OnceLock::get).map(|(key, value)| (key, value))
    }
}
