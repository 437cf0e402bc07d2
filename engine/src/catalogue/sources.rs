//! The sources of a catalogue: its registers, and whose answer keys which.

use std::collections::{HashMap, HashSet};
use std::ops::Index;

use super::reader::{File, Line, Placed, no_name_twice};
use super::register::{Key, Kind, Register};
use super::shape::Unread;
use super::{description, own};
use crate::model::{RegisterId, RegisterSet};

/// A catalogue's sources, by id and by name.
pub(super) struct Sources {
    list: Vec<Register>,
    ids: HashMap<Box<str>, RegisterId>,
    /// What cannot be read of each: that was said, and is enough.
    unread: Vec<Unread>,
    /// Registers beyond the most.
    beyond: HashSet<Box<str>>,
}

impl Index<RegisterId> for Sources {
    type Output = Register;

    fn index(&self, id: RegisterId) -> &Register {
        &self.list[id.index()]
    }
}

impl Sources {
    fn new(
        files: &[&File<'_>],
        drafts: Vec<(Register, Unread)>,
        beyond: HashSet<Box<str>>,
    ) -> Self {
        let (list, unread): (Vec<Register>, Vec<_>) = drafts.into_iter().unzip();
        // By its file, too: where an id is wrong, nobody else's mistake follows.
        let by_file = files.iter().zip(&list).map(|(file, source)| (file.stem().into(), source.id));
        let mut ids: HashMap<Box<str>, RegisterId> = by_file.collect();
        for source in &list {
            ids.entry(source.name.clone()).or_insert(source.id);
        }
        Self { list, ids, unread, beyond }
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
    /// mistake. An unknown register is said once in a file.
    pub(super) fn say_unknown(&self, file: &File<'_>, text: &Placed) {
        let Some((register, attribute)) = text.text.split_once('.') else {
            return file.mistake(text.line, self.unqualified(&text.text));
        };
        let Some(id) = self.find(register) else {
            if !self.beyond.contains(register) {
                file.once(register, text.line, self.no_register(register));
            }
            return;
        };
        let unread = &self.unread[id.index()];
        if !unread.any && !unread.attributes.contains(attribute) {
            let source = &self[id];
            let names: Vec<_> = source.attributes.iter().map(|known| &*known.name).collect();
            let what = format!(
                "unknown attribute \"{}\"; {} has {}",
                text.text,
                source.name,
                names.join(", ")
            );
            file.mistake(text.line, what);
        }
    }

    fn no_register(&self, register: &str) -> String {
        let names: Vec<_> = self.list.iter().map(|source| &*source.name).collect();
        format!("unknown register `{register}`; known are {}", names.join(", "))
    }

    /// Whether somebody can tell whom a register knows.
    fn knows_whom(&self, id: RegisterId) -> bool {
        !self.unread[id.index()].of
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
pub(super) fn compile(mut files: Vec<&File<'_>>) -> Sources {
    // One place is for the citizens' own data.
    let most = RegisterSet::CAPACITY - 1;
    let beyond = files.split_off(files.len().min(most));
    if let Some(file) = beyond.first() {
        file.mistake(Line(1), "a catalogue has at most 127 registers");
    }
    let beyond = beyond.iter().map(|file| file.stem().into()).collect();
    let mut drafts: Vec<(Register, Unread)> = Vec::new();
    let mut keys: Vec<(&File<'_>, Placed)> = Vec::new();
    let mut names: Vec<Placed> = Vec::new();
    for file in &files {
        let draft = description::read(file, RegisterId(drafts.len() as u8));
        names.push(Placed { text: draft.register.name.clone(), line: draft.name_line });
        keys.push((file, draft.key));
        drafts.push((draft.register, draft.unread));
    }
    let places = || files.iter().copied().zip(&names);
    no_name_twice(places().map(|(file, name)| (&name.text, (file, name.line))));
    for (file, name) in places() {
        if &*name.text == own::NAME {
            let what = format!("`{}` is the name of the citizens' own data", own::NAME);
            file.mistake(name.line, what);
        } else {
            file.is_called(name);
        }
    }
    let mut sources = Sources::new(&files, drafts, beyond);
    for (index, (file, key)) in keys.iter().enumerate() {
        if &*key.text == description::SUBJECT {
            continue;
        }
        let Some((holder, attribute)) = sources.attribute(&key.text) else {
            sources.say_unknown(file, key);
            continue;
        };
        check_key(file, key, &sources, RegisterId(index as u8), (holder, attribute));
        sources.list[index].key = Key::Attribute(holder, attribute);
    }
    for (index, (file, key)) in keys.iter().enumerate() {
        break_cycle(file, key, &mut sources.list, index);
    }
    let own = own::register(RegisterId(sources.list.len() as u8));
    sources.ids.insert(own.name.clone(), own.id);
    sources.list.push(own);
    sources.unread.push(Unread::default());
    sources
}

fn check_key(
    file: &File<'_>,
    key: &Placed,
    sources: &Sources,
    keyed: RegisterId,
    (holder, attribute): (RegisterId, usize),
) {
    let told = sources.knows_whom(keyed) && sources.knows_whom(holder);
    let holder = &sources[holder];
    if told && holder.of != sources[keyed].of {
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
    let mut ring = vec![start];
    for _ in 0..registers.len() {
        match registers[ring[ring.len() - 1]].key {
            Key::Subject => return,
            Key::Attribute(next, _) => ring.push(next.index()),
        }
        if ring[ring.len() - 1] == start {
            let names: Vec<_> = ring.iter().map(|index| &*registers[*index].name).collect();
            let what = format!(
                "`key` = \"{}\" closes a cycle among keys, in which each register waits for the \
                 next one's answer: {}; write key = \"subject\" in one of them",
                key.text,
                names.join(", "),
            );
            file.mistake(key.line, what);
            registers[start].key = Key::Subject;
            return;
        }
    }
}
