//! Peers that somebody describes in a file: they are measured beside all others.

use std::path::Path;

use super::table::{Comparison, Series};
use super::{MISS, MISS_BATCHING, Work, by};

/// What is measured of such a peer.
pub(super) fn series(name: &str) -> [(Series, Work); 2] {
    [(kept(format!("{name}: hits")), Work::Hits), (kept(format!("{name}: misses")), Work::Misses)]
}

/// And what that is compared with.
pub(super) fn comparisons(name: &str) -> [Comparison; 3] {
    let [(hits, _), (misses, _)] = series(name);
    let what = |what: &str| kept(format!("{what}, by {name}"));
    [
        by(what("hit"), super::HIT, hits, None),
        by(what("miss, one key a call"), MISS, misses, None),
        by(what("miss, batches"), MISS_BATCHING, misses, None),
    ]
}

/// Whether a program is there: at its path, or where the shell would look.
pub(super) fn is_installed(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).exists())
}

/// A name is told until the program ends, and there are few.
fn kept(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::table::Table;
    use super::*;

    #[test]
    fn a_further_peer_has_its_rows() {
        let mut rates: BTreeMap<Series, Vec<f64>> =
            series("another").map(|(series, _)| (series, vec![2.0])).into();
        rates.extend([(super::super::HIT, vec![4.0]), (MISS, vec![3.0])]);
        let (nothing, none) = (BTreeMap::new(), BTreeMap::new());
        let comparisons = comparisons("another");
        let table = Table::of(String::new(), &comparisons, rates, nothing, none, Vec::new());
        let markdown = table.markdown();
        assert!(markdown.contains("| hit, by another | 2.00 |"), "{markdown}");
        assert!(markdown.contains("| miss, one key a call, by another | 1.50 |"), "{markdown}");
        assert!(!markdown.contains("batches"), "what was not measured has no row");
    }

    #[test]
    fn a_program_is_there_or_not() {
        assert!(is_installed("/bin/sh") && is_installed("sh"));
        assert!(!is_installed("/bin/no-such-peer") && !is_installed("no-such-peer"));
    }
}
