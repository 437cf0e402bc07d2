//! Holds the layers: a module names only those that this table lets it name.
//!
//! Changing the table *is* the architecture decision; say so in ARCHITECTURE.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module, by layer from the lowest up, and what it may name.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("clock", &["model"]),
    ("drain", &[]),
    ("entropy", &["model"]),
    ("logs", &[]),
    ("net", &[]),
    ("planted", &[]),
    ("trace", &["clock", "entropy"]),
    ("metrics", &[]),
    ("catalogue", &["model"]),
    ("identity", &["model", "clock", "entropy", "catalogue"]),
    ("consent", &["model", "clock", "planted", "catalogue", "identity"]),
    ("registers", &["model", "clock", "net", "trace", "metrics", "catalogue"]),
    ("cache", &["model", "clock", "planted"]),
    ("store", &[]),
    (
        "ledger",
        &["model", "clock", "entropy", "metrics", "planted", "catalogue", "consent", "store"],
    ),
    (
        "resolver",
        &[
            "model",
            "clock",
            "trace",
            "metrics",
            "planted",
            "catalogue",
            "consent",
            "registers",
            "cache",
        ],
    ),
    ("space", &["model", "clock", "entropy", "catalogue", "store"]),
    (
        "prefill",
        &[
            "model",
            "clock",
            "drain",
            "entropy",
            "trace",
            "net",
            "metrics",
            "planted",
            "catalogue",
            "identity",
            "consent",
            "registers",
            "cache",
            "ledger",
            "resolver",
            "space",
            "store",
        ],
    ),
    ("handle", &["model", "drain", "consent", "ledger", "prefill"]),
    (
        "http",
        &[
            "model",
            "clock",
            "drain",
            "metrics",
            "trace",
            "net",
            "catalogue",
            "identity",
            "consent",
            "store",
            "ledger",
            "space",
            "prefill",
        ],
    ),
    (
        "engine",
        &[
            "cache",
            "catalogue",
            "clock",
            "drain",
            "entropy",
            "handle",
            "http",
            "identity",
            "ledger",
            "metrics",
            "net",
            "prefill",
            "registers",
            "resolver",
            "space",
            "store",
            "trace",
        ],
    ),
    ("otlp", &["clock", "trace"]),
    (
        "config",
        &[
            "model",
            "cache",
            "catalogue",
            "http",
            "identity",
            "ledger",
            "registers",
            "space",
            "store",
        ],
    ),
    ("signals", &["drain", "engine"]),
    (
        "serve",
        &[
            "cache",
            "catalogue",
            "clock",
            "config",
            "drain",
            "engine",
            "entropy",
            "http",
            "identity",
            "ledger",
            "net",
            "otlp",
            "signals",
            "store",
            "trace",
        ],
    ),
    ("backup", &["ledger", "space", "store"]),
    ("erase", &["model", "clock", "entropy", "ledger", "space", "store"]),
    ("probe", &["model", "net", "catalogue", "registers"]),
    ("report", &["model", "clock", "ledger", "store"]),
    (
        "demo",
        &[
            "model",
            "cache",
            "catalogue",
            "clock",
            "drain",
            "engine",
            "entropy",
            "handle",
            "http",
            "identity",
            "ledger",
            "net",
            "signals",
            "space",
            "store",
        ],
    ),
    (
        "command",
        &[
            "backup",
            "catalogue",
            "clock",
            "config",
            "demo",
            "entropy",
            "erase",
            "identity",
            "ledger",
            "logs",
            "model",
            "planted",
            "probe",
            "registers",
            "report",
            "serve",
            "space",
            "store",
        ],
    ),
];

/// These do no I/O and know no runtime.
const PURE: &[&str] = &["model", "catalogue", "identity", "consent"];
const IMPURE_WORDS: &[&str] = &["tokio", "hyper", "std::fs", "std::net", "std::io::Read"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every Rust file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The top module that a file belongs to; `lib` and `main` for those two.
fn module_of(path: &Path) -> String {
    let relative = path.strip_prefix(source()).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs")
}

/// The modules of this crate that a text names, with the line of each, whether
/// by path (`crate::a::b`) or by a grouped import (`use crate::{a, b::c}`).
/// `root` is how the file can name the crate's root.
fn named(text: &str, root: &[&str]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for prefix in root {
        for (at, _) in text.match_indices(prefix) {
            let line = text[..at].matches('\n').count() + 1;
            let start = text[..at].rsplit('\n').next().unwrap_or_default().trim_start();
            let within = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || c == ':';
            if start.starts_with("//") || text[..at].ends_with(within) {
                continue;
            }
            let rest = &text[at + prefix.len()..];
            match rest.strip_prefix('{') {
                None => found.push((line, word(rest))),
                Some(group) => found.extend(members(group).into_iter().map(|name| (line, name))),
            }
        }
    }
    found
}

/// How a file can name the crate's root: a top file also as its parent.
fn root(path: &Path) -> &'static [&'static str] {
    let relative = path.strip_prefix(source()).unwrap();
    let top = relative.components().count() == 1
        || (relative.components().count() == 2 && relative.ends_with("mod.rs"));
    if top { &["crate::", "super::"] } else { &["crate::", "super::super::"] }
}

/// The first words of the members of a grouped import, which is open.
fn members(group: &str) -> Vec<String> {
    let (mut depth, mut members, mut start) = (0, Vec::new(), 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                members.push(word(group[start..at].trim_start()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    members.retain(|member| !member.is_empty());
    members
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn a_module_names_only_what_the_table_lets_it_name() {
    let mut wrong = Vec::new();
    for path in files(&source()) {
        let module = module_of(&path);
        if module == "lib" || module == "main" || is_test(&path) {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(known, _)| *known == module) else {
            wrong.push(format!("{}: module `{module}` is not in the table", path.display()));
            continue;
        };
        for (line, name) in named(&fs::read_to_string(&path).unwrap(), root(&path)) {
            let known = MAY_USE.iter().any(|(known, _)| *known == name);
            if known && name != module && !allowed.contains(&&*name) {
                wrong.push(format!("{}:{line}: `{module}` may not name `{name}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_cycle_and_names_what_exists() {
    let mut lower = BTreeSet::new();
    for (module, allowed) in MAY_USE {
        for name in *allowed {
            assert!(
                lower.contains(name),
                "`{module}` may use `{name}`, which does not stand above it"
            );
        }
        lower.insert(*module);
    }
    let existing: BTreeSet<_> = files(&source()).iter().map(|path| module_of(path)).collect();
    for (module, _) in MAY_USE {
        assert!(existing.contains(*module), "there is no module `{module}`");
    }
}

#[test]
fn the_reader_of_imports_sees_through_groups() {
    let text = "use crate::a::B;\nuse crate::{b, c::{D, E}, f::G};\n// crate::no\nlet x = crate::h::i();\nuse super::j::K;";
    let names = |root| {
        let found = named(text, root).into_iter();
        found.map(|(line, name)| format!("{line}{name}")).collect::<Vec<_>>()
    };
    assert_eq!(names(&["crate::"]), ["1a", "2b", "2c", "2f", "4h"]);
    assert_eq!(names(&["super::"]), ["5j"]);
}

#[test]
fn pure_modules_name_no_runtime_and_no_io() {
    for path in files(&source()) {
        if !PURE.contains(&&*module_of(&path)) || is_test(&path) {
            continue;
        }
        for (index, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap();
            for word in IMPURE_WORDS {
                assert!(!code.contains(word), "{}:{}: names {word}", path.display(), index + 1);
            }
        }
    }
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for package in ["engine", "fixtures", "loadgen", "benches"] {
        for path in files(&packages.join(package)) {
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.starts_with("//!"), "{} does not open with //!", path.display());
        }
    }
}

#[test]
fn every_invariant_in_the_architecture_names_a_test_that_exists() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let architecture = fs::read_to_string(manifest.join("ARCHITECTURE.md")).unwrap();
    let table = architecture.split("## Invariants").nth(1).expect("a section `## Invariants`");
    let table = table.split("\n## ").next().unwrap();
    let mut code = String::new();
    for folder in ["engine/src", "engine/tests", "fixtures", "loadgen", "fuzz/tests", "proof/tests"]
    {
        for path in files(&manifest.parent().unwrap().join(folder)) {
            code.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    let rows =
        table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Invariant"));
    let mut tests = 0;
    for row in rows {
        let named: Vec<_> = row.rsplit('|').nth(1).unwrap().split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test is named in: {row}");
        for name in named {
            let short = name.rsplit("::").next().unwrap();
            assert!(code.contains(&format!("fn {short}(")), "there is no test `{name}`: {row}");
            tests += 1;
        }
    }
    assert!(tests >= 10, "the table names {tests} tests");
}
