//! One table of a file, key by key.

use std::cell::RefCell;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::words::{duration, is_name};
use super::{File, Line, Placed};
use crate::catalogue::Labels;

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

    pub(in crate::catalogue) fn demand(&self, line: Line, what: impl Into<String>) {
        self.file.demand(line, what);
    }

    /// A text that must be there and say something.
    pub(in crate::catalogue) fn words(&self, key: &'static str, example: &str) -> Option<Placed> {
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
    pub(in crate::catalogue) fn name(&self, key: &'static str) -> Placed {
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
    pub(in crate::catalogue) fn optional_flag(&self, key: &'static str) -> Option<bool> {
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
    pub(in crate::catalogue) fn labels(&self, key: &'static str) -> Labels {
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
    pub(in crate::catalogue) fn optional_labels(&self, key: &'static str) -> Option<Labels> {
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
