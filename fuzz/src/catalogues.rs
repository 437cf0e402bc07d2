//! What operators write: descriptions of registers, whole catalogues.

use std::collections::HashMap;

use engine::catalogue::{Catalogue, Mistake, Register, Source};

/// What stands above each file in the text of a whole catalogue.
const HEADING: &str = "#:: ";
/// Where mistakes are that no file has.
const MISSING: [&str; 4] = ["catalogue", "procedures", "organisations", "organisations.toml"];
/// The files of the country that a small catalogue can have as they are.
const SMALL: [&str; 3] =
    ["registers/rnpp.toml", "registers/caclr.toml", "procedures/criminal-record-extract.toml"];
const ORGANISATIONS: &str = r#"[[organisation]]
id = "justice"
label = { fr = "a", de = "b", en = "c", lb = "d" }
[[organisation.authority]]
procedures = ["criminal-record-extract"]
attributes = ["rnpp.*", "caclr.*"]
[[organisation]]
id = "platform"
label = { fr = "a", de = "b", en = "c", lb = "d" }
acts-for = ["justice"]
"#;

/// The description of one register: it compiles, or every mistake has its line.
pub(crate) fn register(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let source = Source { path: "registers/any.toml".to_owned(), text };
    match Register::compile(&source) {
        Ok(register) => assert!(register.attributes.len() <= 64, "more than a mask can hold"),
        Err(mistakes) => placed(&mistakes, &[source]),
    }
}

/// The text of a whole catalogue: what compiles once compiles again from its own
/// text, to the same; mistakes have a file and a line that are there.
pub(crate) fn catalogue(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let sources = split(&text);
    match Catalogue::compile(&sources) {
        Ok(first) => {
            let second = Catalogue::from_text(first.text());
            let second = second.expect("what compiled once compiles again");
            assert_eq!(first.digest(), second.digest());
            assert_eq!(first.text(), second.text());
            assert_eq!(first.procedures().len(), second.procedures().len());
        }
        Err(mistakes) => placed(&mistakes, &sources),
    }
    // Also as it stands in a ledger, where the text is nobody's own.
    if let Err(mistakes) = Catalogue::from_text(&text) {
        assert!(!mistakes.is_empty(), "refused, and nothing is wrong");
    }
}

/// Splits a text at its headings, as simply as can be.
fn split(text: &str) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for line in text.split_inclusive('\n') {
        match (line.strip_prefix(HEADING), sources.last_mut()) {
            (Some(path), _) => {
                sources.push(Source { path: path.trim_end().to_owned(), text: String::new() });
            }
            (None, Some(source)) => source.text.push_str(line),
            (None, None) => {}
        }
    }
    sources
}

/// Every mistake is in a file that is there, on a line that it has.
fn placed(mistakes: &[Mistake], sources: &[Source]) {
    assert!(!mistakes.is_empty(), "refused, and nothing is wrong");
    let mut lines: HashMap<&str, usize> = HashMap::new();
    for source in sources {
        let most = lines.entry(&source.path).or_default();
        *most = (*most).max(source.text.split('\n').count());
    }
    for mistake in mistakes {
        assert!(mistake.line >= 1, "lines count from one: {mistake}");
        assert!(!mistake.what.is_empty(), "a mistake without words");
        match lines.get(&*mistake.file) {
            Some(most) => assert!(mistake.line <= *most, "beyond the end of its file: {mistake}"),
            // What is missing altogether has no file to name.
            None => assert!(MISSING.contains(&&*mistake.file), "of no file: {mistake}"),
        }
    }
}

/// Every register of the country.
pub(crate) fn registers() -> Vec<Vec<u8>> {
    let files = fixtures::catalogue::files().iter();
    let described = files.filter(|(path, _)| path.starts_with("registers/"));
    described.map(|(_, text)| text.as_bytes().to_vec()).collect()
}

/// The files of a catalogue of one form and two registers.
pub(crate) fn smallest() -> Vec<(&'static str, &'static str)> {
    let country: HashMap<_, _> = fixtures::catalogue::files().iter().copied().collect();
    let mut files = vec![("organisations.toml", ORGANISATIONS)];
    files.extend(SMALL.map(|path| (path, country[path])));
    files
}

/// That catalogue, whole and without each of its files.
pub(crate) fn small() -> Vec<Vec<u8>> {
    let files = smallest();
    let join = |without: Option<usize>| -> Vec<u8> {
        let kept = files.iter().enumerate().filter(|(index, _)| Some(*index) != without);
        kept.flat_map(|(_, (path, text))| format!("{HEADING}{path}\n{text}").into_bytes()).collect()
    };
    (0..files.len()).map(Some).chain([None]).map(join).collect()
}
