//! The configuration of `serve`, as an operator writes it.

use std::path::Path;

use engine::catalogue::Source;
use engine::config;

const EXAMPLE: &str = include_str!("../../fixtures/engine.toml");

/// It names files that are not there, so that there is always a mistake; each has its
/// file and a line that is there.
pub(crate) fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    // What is named from the root on could be a device, which has no end.
    if text.contains("\"/") || text.contains("'/") {
        return;
    }
    let lines = text.lines().count().max(1);
    let source = Source { path: "engine.toml".to_owned(), text };
    let Err(mistakes) = config::parse(&source, Path::new("/nowhere")) else {
        panic!("a configuration of files that are not there");
    };
    assert!(!mistakes.is_empty(), "refused, and nothing is wrong");
    for mistake in mistakes {
        assert!((1..=lines).contains(&mistake.line), "{mistake} of {lines} lines");
        assert!(!mistake.what.is_empty());
    }
}

/// The example whole, and without its comments.
pub(crate) fn example() -> Vec<Vec<u8>> {
    let bare = EXAMPLE.lines().filter(|line| !line.trim_start().starts_with('#'));
    vec![EXAMPLE.as_bytes().to_vec(), bare.collect::<Vec<_>>().join("\n").into_bytes()]
}
