//! The sources of a catalogue: its registers, and whose answer keys which.

use std::collections::{HashMap, HashSet};
use std::ops::Index;

use super::reader::{File, Line, Placed, no_name_twice};
use super::register::{Key, Kind, Of, Register};
use super::{description, own};
use crate::model::{RegisterId, RegisterSet};

/// A catalogue's sources, by id and by name.
pub(super) struct Sources {
    list: Vec<Register>,
    ids: HashMap<Box<str>, RegisterId>,
    /// Registers whose files cannot be read: their own mistakes say enough.
    unread: HashSet<Box<str>>,
}

impl Index<RegisterId> for Sources {
    type Output = Register;

    fn index(&self, id: RegisterId) -> &Register {
        &self.list[id.index()]
    }
}

impl Sources {
    fn new(list: Vec<Register>, unread: HashSet<Box<str>>) -> Self {
        let mut ids = HashMap::new();
        for source in &list {
            ids.entry(source.name.clone()).or_insert(source.id);
        }
        Self { list, ids, unread }
    }

    pub(super) fn into_list(self) -> Vec<Register> {
        self.list
    }

    /// The source of that name.
    pub(super) fn find(&self, name: &str) -> Option<RegisterId> {
        self.ids.get(name).copied()
    }

    /// Finds `register.attribute`.
    pub(super) fn attribute(&self, text: &str) -> Option<(RegisterId, usize)> {
        let (register, attribute) = text.split_once('.')?;
        let register = self.find(register)?;
        Some((register, self[register].find(attribute)?))
    }

    /// Says that a text names no attribute, unless that follows from another
    /// mistake.
    pub(super) fn say_unknown(&self, file: &File<'_>, text: &Placed) {
        let register = text.text.split_once('.').map(|(register, _)| register);
        if !register.is_some_and(|register| self.unread.contains(register)) {
            file.mistake(text.line, self.unknown(&text.text));
        }
    }

    /// What to say of a text that names no attribute.
    fn unknown(&self, text: &str) -> String {
        let Some((register, _)) = text.split_once('.') else { return self.unqualified(text) };
        match self.find(register) {
            None => {
                let names: Vec<_> = self.list.iter().map(|source| &*source.name).collect();
                format!("unknown register in \"{text}\"; known are {}", names.join(", "))
            }
            Some(register) => {
                let source = &self[register];
                let names: Vec<_> = source.attributes.iter().map(|known| &*known.name).collect();
                format!("unknown attribute \"{text}\"; {} has {}", source.name, names.join(", "))
            }
        }
    }

    /// What to say of an attribute's name without its register's.
    fn unqualified(&self, text: &str) -> String {
        let holders = self.list.iter().filter(|source| source.find(text).is_some());
        let sources: Vec<_> = holders.map(|it| format!("\"{}.{text}\"", it.name)).collect();
        match &*sources {
            [] => format!("\"{text}\" must be \"register.attribute\""),
            [one] => format!("\"{text}\" must be \"register.attribute\"; write {one}"),
            several => format!(
                "\"{text}\" has {} sources and no order; write them in the order in which they \
                 are tried: {}",
                several.len(),
                several.join(", "),
            ),
        }
    }
}

/// Compiles the registers, and adds the citizens' own data as the last source.
pub(super) fn compile(files: Vec<&File<'_>>) -> Sources {
    let mut registers: Vec<Register> = Vec::new();
    let mut keys: Vec<(&File<'_>, Line, Placed)> = Vec::new();
    let mut unread = HashSet::new();
    for file in files {
        // One place is for the citizens' own data.
        if registers.len() + 1 == RegisterSet::CAPACITY {
            file.mistake(Line(1), "a catalogue has at most 127 registers");
            break;
        }
        match description::read(file, RegisterId(registers.len() as u8)) {
            Some(draft) => {
                keys.push((file, draft.name_line, draft.key));
                registers.push(draft.register);
            }
            None => unread.extend(file.id()),
        }
    }
    let places = keys.iter().map(|(file, line, _)| (*file, *line));
    no_name_twice(registers.iter().map(|register| &register.name).zip(places));
    for ((file, line, _), register) in keys.iter().zip(&registers) {
        if &*register.name == own::NAME {
            let what = format!("`{}` is the name of the citizens' own data", own::NAME);
            file.mistake(*line, what);
        }
    }
    let mut sources = Sources::new(registers, unread);
    for (index, (file, _, key)) in keys.iter().enumerate() {
        if &*key.text == "subject" {
            continue;
        }
        let Some((holder, attribute)) = sources.attribute(&key.text) else {
            sources.say_unknown(file, key);
            continue;
        };
        check_key(file, key, sources.list[index].of, &sources[holder], attribute);
        sources.list[index].key = Key::Attribute(holder, attribute);
    }
    for (index, (file, _, key)) in keys.iter().enumerate() {
        break_cycle(file, key, &mut sources.list, index);
    }
    let own = own::register(RegisterId(sources.list.len() as u8));
    sources.ids.insert(own.name.clone(), own.id);
    sources.list.push(own);
    sources
}

fn check_key(file: &File<'_>, key: &Placed, of: Of, holder: &Register, attribute: usize) {
    if holder.of != of {
        let what = format!("`key` = \"{}\" must name a register `of` the same subjects", key.text);
        file.mistake(key.line, what);
    }
    if holder.attributes[attribute].kind != Kind::Text {
        file.mistake(
            key.line,
            format!("`key` = \"{}\" must name an attribute of type text", key.text),
        );
    }
}

/// Reports a register whose key needs, in the end, its own answer.
fn break_cycle(file: &File<'_>, key: &Placed, registers: &mut [Register], start: usize) {
    let mut at = start;
    for _ in 0..registers.len() {
        match registers[at].key {
            Key::Subject => return,
            Key::Attribute(next, _) => at = next.index(),
        }
        if at == start {
            let what = format!(
                "`key` = \"{}\" needs this register's own answer: a cycle among keys",
                key.text
            );
            file.mistake(key.line, what);
            registers[start].key = Key::Subject;
            return;
        }
    }
}
