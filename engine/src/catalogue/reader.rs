//! Reads TOML tables and gathers every mistake on the way, with its line.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Labels, Mistake, Source};

/// Whether a catalogue is new, or was in force before and is only read again.
///
/// What is demanded of new catalogues may grow; entries of the ledger name old
/// ones, which must stay readable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Review {
    Due,
    Passed,
}

/// One file being read, and what is wrong with it so far.
pub(crate) struct File<'a> {
    source: &'a Source,
    review: Review,
    line_starts: Vec<usize>,
    mistakes: RefCell<Vec<Mistake>>,
    /// Names that nothing bears, each said once.
    said: RefCell<HashSet<Box<str>>>,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line(pub(super) usize);

/// A text and the line it stands on.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) text: Box<str>,
    pub(crate) line: Line,
}

impl Placed {
    /// Whether it says something; a name that could not be read does not.
    pub(crate) fn is_said(&self) -> bool {
        !self.text.is_empty()
    }
}

impl<'a> File<'a> {
    pub(crate) fn new(source: &'a Source, review: Review) -> Self {
        let newlines = source.text.match_indices('\n');
        let line_starts = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        Self { source, review, line_starts, mistakes: RefCell::default(), said: RefCell::default() }
    }

    /// Parses the file; what does not parse is a mistake, and the rest is read.
    pub(crate) fn parse(&self) -> Spanned<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(&self.source.text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            self.mistake(self.line(at), error.message().replace('\n', ", "));
        }
        table
    }

    pub(crate) fn text(&self) -> &str {
        &self.source.text
    }

    pub(crate) fn mistake(&self, line: Line, what: impl Into<String>) {
        let file = self.source.path.clone();
        self.mistakes.borrow_mut().push(Mistake { file, line: line.0, what: what.into() });
    }

    /// What is a mistake in a new catalogue only.
    pub(super) fn demand(&self, line: Line, what: impl Into<String>) {
        if self.review == Review::Due {
            self.mistake(line, what);
        }
    }

    /// What is wrong wherever the name stands, and said at its first place only.
    pub(super) fn once(&self, name: &str, line: Line, what: impl Into<String>) {
        if self.said.borrow_mut().insert(name.into()) {
            self.mistake(line, what);
        }
    }

    /// Whether it stands in a folder within a catalogue's folders.
    pub(super) fn is_deep(&self) -> bool {
        self.source.path.matches('/').count() > 1
    }

    /// The name that the path gives it: `rnpp` of `registers/rnpp.toml`.
    pub(super) fn stem(&self) -> &str {
        let name = self.source.path.rsplit('/').next().unwrap_or_default();
        name.strip_suffix(".toml").unwrap_or(name)
    }

    /// Demands that what a file describes is called as the file is.
    pub(super) fn is_called(&self, name: &Placed) {
        let stem = self.stem();
        if &*name.text != stem {
            let what = format!(
                "`id` = \"{}\" is not the name of the file; write id = \"{stem}\", or call the \
                 file {0}.toml",
                name.text,
            );
            self.demand(name.line, what);
        }
    }

    /// Whether nothing is wrong in it so far.
    pub(crate) fn is_clear(&self) -> bool {
        self.mistakes.borrow().is_empty()
    }

    pub(crate) fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes.into_inner()
    }

    fn line(&self, at: usize) -> Line {
        Line(self.line_starts.partition_point(|start| *start <= at))
    }
}

/// Says where a name is given that another file, or this one, gave already.
pub(super) fn no_name_twice<'a, 'f: 'a>(
    names: impl Iterator<Item = (&'a Box<str>, (&'a File<'f>, Line))>,
) {
    let mut seen: HashMap<&str, ()> = HashMap::new();
    for (name, (file, line)) in names {
        if !name.is_empty() && seen.insert(name, ()).is_some() {
            file.mistake(line, format!("there is an id = \"{name}\" already"));
        }
    }
}

/// Most tables are read by fewer keys.
const KEYS: usize = 16;

/// One table being read. Keys that nobody read are mistakes in the end.
pub(crate) struct Table<'f> {
    file: &'f File<'f>,
    table: &'f DeTable<'f>,
    line: Line,
    read: RefCell<Vec<&'static str>>,
}

impl<'f> Table<'f> {
    pub(crate) fn root(file: &'f File<'f>, table: &'f Spanned<DeTable<'f>>) -> Self {
        Self::new(file, table.get_ref(), table.span())
    }

    fn new(file: &'f File<'f>, table: &'f DeTable<'f>, span: Range<usize>) -> Self {
        let line = file.line(span.start);
        Self { file, table, line, read: RefCell::new(Vec::with_capacity(KEYS)) }
    }

    pub(crate) fn line(&self) -> Line {
        self.line
    }

    pub(crate) fn mistake(&self, line: Line, what: impl Into<String>) {
        self.file.mistake(line, what);
    }

    pub(super) fn demand(&self, line: Line, what: impl Into<String>) {
        self.file.demand(line, what);
    }

    /// A text that must be there and say something.
    pub(super) fn words(&self, key: &'static str, example: &str) -> Option<Placed> {
        let words = self.required(key, example)?;
        if words.text.trim().is_empty() {
            self.demand(words.line, format!("`{key}` is empty; write {key} = {example}"));
        }
        Some(words)
    }

    /// The line of a key; of the table where the key is missing.
    pub(crate) fn line_of(&self, key: &'static str) -> Line {
        self.get(key).map_or(self.line, |value| self.file.line(value.span().start))
    }

    fn get(&self, key: &'static str) -> Option<&'f Spanned<DeValue<'f>>> {
        self.read.borrow_mut().push(key);
        self.table.get(key)
    }

    fn missing<T>(&self, key: &str, example: &str) -> Option<T> {
        self.mistake(self.line, format!("`{key}` is missing; write {key} = {example}"));
        None
    }

    fn wrong<T>(&self, key: &str, value: &Spanned<DeValue<'f>>, wanted: &str) -> Option<T> {
        let line = self.file.line(value.span().start);
        let found = value.get_ref().type_str();
        self.mistake(line, format!("`{key}` must be {wanted}, not {found}"));
        None
    }

    /// An optional text.
    pub(crate) fn text(&self, key: &'static str) -> Option<Placed> {
        self.text_of(key, self.get(key)?)
    }

    fn text_of(&self, key: &str, value: &'f Spanned<DeValue<'f>>) -> Option<Placed> {
        let line = self.file.line(value.span().start);
        match value.get_ref() {
            DeValue::String(text) => Some(Placed { text: text.as_ref().into(), line }),
            _ => self.wrong(key, value, "a text"),
        }
    }

    /// A text that must be there.
    pub(crate) fn required(&self, key: &'static str, example: &str) -> Option<Placed> {
        match self.get(key) {
            Some(value) => self.text_of(key, value),
            None => self.missing(key, example),
        }
    }

    /// Whether the key is there, be it readable or not.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// What was read of a key, or `default` where the key is not there. `None`
    /// where it cannot be read: that was said, and nothing follows from it.
    pub(crate) fn or<T>(&self, key: &'static str, read: Option<T>, default: T) -> Option<T> {
        read.or_else(|| (!self.has(key)).then_some(default))
    }

    /// A name: `[A-Za-z][A-Za-z0-9-]*`, at most 64 characters. Where it is
    /// wrong or missing, that is said and the name is empty: others may mean it.
    pub(super) fn name(&self, key: &'static str) -> Placed {
        let Some(name) = self.required(key, "\"a-name\"") else {
            return Placed { text: "".into(), line: self.line_of(key) };
        };
        if !is_name(&name.text) {
            let what = "must be letters, digits and hyphens, a letter first, 64 at most";
            self.mistake(name.line, format!("`{key}` = \"{}\" {what}", name.text));
            return Placed { text: "".into(), line: name.line };
        }
        name
    }

    /// A flag; false where it is missing.
    pub(crate) fn flag(&self, key: &'static str) -> bool {
        self.optional_flag(key).unwrap_or_default()
    }

    /// A flag, if it is there.
    pub(super) fn optional_flag(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let flag = value.get_ref().as_bool();
        flag.or_else(|| self.wrong(key, value, "true or false"))
    }

    /// A whole number within `range`, if it is there.
    pub(crate) fn integer(
        &self,
        key: &'static str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Option<u32> {
        let value = self.get(key)?;
        let wanted = || format!("a whole number from {} to {}", range.start(), range.end());
        let Some(integer) = value.get_ref().as_integer() else {
            return self.wrong(key, value, &wanted());
        };
        match u32::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let line = self.file.line(value.span().start);
                self.mistake(line, format!("`{key}` = {} must be {}", integer.as_str(), wanted()));
                None
            }
        }
    }

    /// A duration such as `"15m"`, if it is there.
    pub(crate) fn duration(&self, key: &'static str) -> Option<Duration> {
        let text = self.text(key)?;
        let parsed = duration(&text.text);
        if parsed.is_none() {
            let what = "must be a whole number and ms, s, m, h or d, such as \"15m\"";
            self.mistake(text.line, format!("`{key}` = \"{}\" {what}", text.text));
        }
        parsed
    }

    /// One of a closed list, if it is there.
    pub(crate) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = choices.iter().find(|(name, _)| *name == &*text.text);
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            let what = format!("`{key}` = \"{}\" must be one of {}", text.text, names.join(", "));
            self.mistake(text.line, what);
        }
        found.map(|(_, value)| *value)
    }

    /// One of a closed list that must be there; the first is the example.
    pub(crate) fn required_choice<T: Copy>(
        &self,
        key: &'static str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        if self.get(key).is_none() {
            return self.missing(key, &format!("\"{}\"", choices[0].0));
        }
        self.choice(key, choices)
    }

    /// A list of texts; empty where it is missing.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<Placed> {
        self.list_of_texts(key).unwrap_or_default()
    }

    /// A list of texts; empty where it is missing, `None` where something else
    /// stands there, or in it.
    pub(crate) fn list_of_texts(&self, key: &'static str) -> Option<Vec<Placed>> {
        let Some(value) = self.get(key) else { return Some(Vec::new()) };
        let Some(items) = value.get_ref().as_array() else {
            return self.wrong(key, value, "a list of texts");
        };
        let text = |item: &'f Spanned<DeValue<'f>>| {
            let line = self.file.line(item.span().start);
            match item.get_ref() {
                DeValue::String(text) => Some(Placed { text: text.as_ref().into(), line }),
                _ => self.wrong(key, item, "a list of texts"),
            }
        };
        // To its end, so that all that is wrong in it is said.
        let texts: Vec<_> = items.iter().map(text).collect();
        texts.into_iter().collect()
    }

    /// A table within this one, if it is there.
    pub(crate) fn table(&self, key: &'static str) -> Option<Table<'f>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Self::new(self.file, table, value.span())),
            _ => self.wrong(key, value, "a table"),
        }
    }

    /// The tables of a list; empty where it is missing.
    pub(crate) fn tables(&self, key: &'static str) -> Vec<Table<'f>> {
        self.list_of_tables(key).unwrap_or_default()
    }

    /// The tables of a list; empty where it is missing, `None` where something
    /// else stands there.
    pub(crate) fn list_of_tables(&self, key: &'static str) -> Option<Vec<Table<'f>>> {
        let Some(value) = self.get(key) else { return Some(Vec::new()) };
        let Some(items) = value.get_ref().as_array() else {
            return self.wrong(key, value, "a list of tables");
        };
        let table = |item: &'f Spanned<DeValue<'f>>| match item.get_ref() {
            DeValue::Table(table) => Some(Self::new(self.file, table, item.span())),
            _ => self.wrong(key, item, "a list of tables"),
        };
        Some(items.iter().filter_map(table).collect())
    }

    /// All keys with their texts, for tables whose keys are free.
    pub(crate) fn pairs(&self) -> Vec<(Box<str>, Placed)> {
        let pair =
            |(key, value): (&'f Spanned<toml::de::DeString<'f>>, &'f Spanned<DeValue<'f>>)| {
                let line = self.file.line(value.span().start);
                match value.get_ref() {
                    DeValue::String(text) => Some((
                        key.get_ref().as_ref().into(),
                        Placed { text: text.as_ref().into(), line },
                    )),
                    _ => self.wrong(key.get_ref(), value, "a text"),
                }
            };
        self.table.iter().filter_map(pair).collect()
    }

    /// A text in all four languages.
    pub(super) fn labels(&self, key: &'static str) -> Labels {
        let example = r#"{ fr = "..", de = "..", en = "..", lb = ".." }"#;
        if self.get(key).is_none() {
            return self.missing(key, example).unwrap_or_default();
        }
        let Some(table) = self.table(key) else { return Labels::default() };
        let text = |language| table.words(language, "\"..\"").map(|text| text.text);
        let [fr, de, en, lb] = ["fr", "de", "en", "lb"].map(|l| text(l).unwrap_or_default());
        table.finish();
        Labels { fr, de, en, lb }
    }

    /// A text in all four languages, if it is there.
    pub(super) fn optional_labels(&self, key: &'static str) -> Option<Labels> {
        self.get(key).is_some().then(|| self.labels(key))
    }

    /// The keys of a table whose keys are free.
    pub(crate) fn keys(&self) -> Vec<Placed> {
        let placed = |key: &Spanned<toml::de::DeString<'f>>| Placed {
            text: key.get_ref().as_ref().into(),
            line: self.file.line(key.span().start),
        };
        self.table.keys().map(placed).collect()
    }

    /// The table under one of them.
    pub(crate) fn table_under(&self, key: &Placed) -> Option<Table<'f>> {
        let value = self.table.get(&*key.text)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Self::new(self.file, table, value.span())),
            _ => self.wrong(&key.text, value, "a table"),
        }
    }

    /// Reports keys that nobody asked for.
    pub(crate) fn finish(self) {
        let read = self.read.borrow();
        for key in self.table.keys() {
            if read.iter().all(|known| *known != key.get_ref().as_ref()) {
                let mut known = read.clone();
                known.sort_unstable();
                known.dedup();
                let what =
                    format!("unknown key `{}`; known are {}", key.get_ref(), known.join(", "));
                self.mistake(self.file.line(key.span().start), what);
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" if number == 0 => 1,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// A duration as files write it, in its largest whole unit.
pub(crate) fn spelled(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let whole = units.into_iter().find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit));
    let (unit, name) = whole.unwrap_or((1, "ms"));
    format!("{}{name}", millis / unit)
}

/// The names nearest to one that nothing bears, for whoever mistyped it: empty
/// where none is near.
pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    /// So many may be as near as the nearest.
    const SHOWN: usize = 3;
    // Of longer names, more letters may be wrong.
    let most = (name.chars().count() / 3).max(1);
    let near = known.map(|known| (strsim::osa_distance(name, known), known));
    let mut near: Vec<_> = near.filter(|(distance, _)| *distance <= most).collect();
    near.sort_unstable();
    near.dedup();
    let near: Vec<_> = near.iter().take(SHOWN).map(|(_, known)| format!("\"{known}\"")).collect();
    match near.is_empty() {
        true => String::new(),
        false => format!("; the nearest known: {}", near.join(", ")),
    }
}
