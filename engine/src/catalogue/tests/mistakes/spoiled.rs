//! Files with anything wrong in them: all of it has a place, and nothing breaks.

use proptest::prelude::*;
use proptest::sample::Index;

use super::{Catalogue, FILES, edited};

/// Spoils a text: a line is lost, comes twice, or has something put into it.
fn spoiled(text: &str, line: Index, at: Index, what: &str) -> String {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let line = line.index(lines.len());
    match what {
        "lose" => drop(lines.remove(line)),
        "twice" => lines.insert(line, lines[line].clone()),
        _ => {
            let at = at.index(lines[line].len() + 1);
            lines[line].insert_str(at, what);
        }
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever somebody writes, it compiles, or its mistakes have a place.
    #[test]
    fn a_spoiled_file_is_told_of_and_breaks_nothing(
        file in any::<Index>(),
        spoils in prop::collection::vec((
            any::<Index>(),
            any::<Index>(),
            prop::sample::select(vec!["lose", "twice", "é", "\"", "{", "]", "\u{0}", "1", "#:: "]),
        ), 1..4),
    ) {
        let mut sources = edited(&[]);
        let source = &mut sources[file.index(FILES.len())];
        for (line, at, what) in spoils {
            // Only ASCII can be put in anywhere; what is not ends the spoiling.
            if source.text.is_ascii() {
                source.text = spoiled(&source.text, line, at, what);
            }
        }
        match Catalogue::compile(&sources) {
            Ok(catalogue) => {
                let again = Catalogue::from_text(catalogue.text()).unwrap();
                prop_assert_eq!(catalogue.digest(), again.digest());
            }
            Err(mistakes) => {
                prop_assert!(!mistakes.is_empty());
                for mistake in mistakes {
                    let source = sources.iter().find(|source| source.path == mistake.file);
                    let lines = source.map_or(1, |source| source.text.split('\n').count());
                    prop_assert!((1..=lines).contains(&mistake.line), "{}", mistake);
                }
            }
        }
    }
}
