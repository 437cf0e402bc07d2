//! Reads the part of a register's file that says what its answers look like.

use std::collections::HashSet;

use super::reader::{Placed, Table};
use super::register::{Attribute, Errors, Kind, Leaf, Parts};
use crate::model::AttributeMask;

const NOT_FOUND_OF_ELEMENTS: &str =
    "with `elements`, an unknown key is one without an element: leave `not-found` out";

/// The part of a description that says how to read an answer.
#[derive(Default)]
pub(super) struct Shape {
    pub(super) elements: Option<Box<str>>,
    pub(super) about: Box<str>,
    pub(super) updated: Option<Box<str>>,
    pub(super) error_header: Option<Box<str>>,
    pub(super) not_found: bool,
    pub(super) blank_is_empty: bool,
    pub(super) leaf: Option<Leaf>,
    pub(super) errors: Option<Errors>,
}

/// Where nobody can read it, what stands for it leads to no further mistakes.
pub(super) fn read_answer(register: &Table<'_>) -> Shape {
    let Some(table) = register.table("answer") else {
        if !register.has("answer") {
            register.mistake(register.line(), "the table [answer] is missing");
        }
        return Shape::default();
    };
    let about = table.required("about", "\"/pointer/to/the/key\"");
    let about = about.and_then(|about| pointer(&table, "about", about));
    let optional = |key| table.text(key).and_then(|text| pointer(&table, key, text));
    let (elements, updated) = (optional("elements"), optional("updated"));
    let error_header = table.text("error-header").map(|name| {
        if !is_token(&name.text) {
            table.mistake(name.line, format!("`{}` is not a header's name", name.text));
        }
        name.text
    });
    let many = table.has("elements");
    let not_found = read_not_found(&table, many);
    let leaf = table.table("leaf").map(read_leaf);
    let errors = table.table("errors").and_then(|errors| read_errors(errors, many));
    let blank_is_empty = table.flag("blank-is-empty");
    if register.has("batch") && !many {
        table.mistake(table.line(), "a register that takes a batch needs `elements`");
    }
    table.finish();
    Shape {
        elements,
        about: about.unwrap_or_default(),
        updated,
        error_header,
        not_found,
        blank_is_empty,
        leaf,
        errors,
    }
}

fn read_leaf(leaf: Table<'_>) -> Leaf {
    let value = leaf.list_of_texts("value");
    if value.as_ref().is_some_and(Vec::is_empty) {
        let what = "`value` names the members that may hold the value; write value = [\"value\"]";
        leaf.mistake(leaf.line(), what);
    }
    let value = value.into_iter().flatten().map(|text| text.text).collect();
    let member = |key| leaf.text(key).map(|text| text.text);
    let (unavailable, updated) = (member("unavailable"), member("updated"));
    leaf.finish();
    Leaf { value, unavailable, updated }
}

fn read_errors(table: Table<'_>, elements: bool) -> Option<Errors> {
    let optional = |key| table.text(key).and_then(|text| pointer(&table, key, text));
    let (at, retry) = (optional("at"), optional("retry"));
    let code = table.required("code", "\"/pointer/to/the/code\"");
    let code = code.and_then(|code| pointer(&table, "code", code));
    let mut known = Vec::new();
    let [not_found, maintenance, overloaded] =
        ["not-found", "maintenance", "overloaded"].map(|key| codes(&table, key, &mut known));
    if elements && !not_found.is_empty() {
        table.mistake(table.line_of("not-found"), NOT_FOUND_OF_ELEMENTS);
    }
    table.finish();
    Some(Errors { at, code: code?, retry, not_found, maintenance, overloaded })
}

/// A list of codes, none of which stands in another.
fn codes(table: &Table<'_>, key: &'static str, known: &mut Vec<Box<str>>) -> Vec<Box<str>> {
    let codes = table.texts(key);
    for code in &codes {
        if known.contains(&code.text) {
            table.mistake(code.line, format!("the code \"{}\" is listed twice", code.text));
        }
        known.push(code.text.clone());
    }
    codes.into_iter().map(|code| code.text).collect()
}

/// `not-found = 404`, where that is how the register says that a key is unknown.
fn read_not_found(answer: &Table<'_>, elements: bool) -> bool {
    let Some(status) = answer.integer("not-found", 0..=999) else { return false };
    let line = answer.line_of("not-found");
    if status != 404 {
        answer.mistake(line, format!("`not-found` = {status} must be 404, or left out"));
    }
    if elements {
        answer.mistake(line, NOT_FOUND_OF_ELEMENTS);
    }
    true
}

/// What is there, and cannot be read: whoever names it makes no mistake.
#[derive(Default)]
pub(super) struct Unread {
    /// Attributes by name.
    pub(super) attributes: HashSet<Box<str>>,
    /// Whether any name may be one of its attributes.
    pub(super) any: bool,
    /// Whether nobody can tell whom it knows.
    pub(super) of: bool,
}

pub(super) fn read_attributes(register: &Table<'_>, unread: &mut Unread) -> Vec<Attribute> {
    let mut attributes: Vec<Attribute> = Vec::new();
    let tables = register.list_of_tables("attribute");
    if tables.as_ref().is_some_and(Vec::is_empty) {
        register.mistake(register.line(), "a register needs at least one [[attribute]]");
    }
    unread.any |= tables.is_none();
    for table in tables.into_iter().flatten() {
        let (name, attribute) = read_attribute(table);
        unread.any |= !name.is_said();
        if attributes.iter().any(|known| known.name == name.text)
            || unread.attributes.contains(&name.text)
        {
            register.mistake(name.line, format!("there is an attribute `{}` already", name.text));
            continue;
        }
        match attribute {
            Some(attribute) => attributes.push(attribute),
            None => drop(unread.attributes.insert(name.text)),
        }
    }
    if attributes.len() > AttributeMask::CAPACITY {
        register.mistake(register.line(), "a register has at most 64 attributes");
        let beyond = attributes.drain(AttributeMask::CAPACITY..);
        unread.attributes.extend(beyond.map(|attribute| attribute.name));
    }
    attributes
}

/// One attribute's name, and all of it where it can be read.
fn read_attribute(table: Table<'_>) -> (Placed, Option<Attribute>) {
    let name = table.name("id");
    let label = table.optional_labels("label");
    let kind = table.required_choice("type", &Kind::CHOICES);
    let at = table.required("at", "\"/pointer\"").and_then(|at| pointer(&table, "at", at));
    let optional = |key| table.text(key).and_then(|text| pointer(&table, key, text));
    let (each, review) = (optional("each"), optional("review"));
    let parts = read_parts(&table, kind);
    let lists = table.choice("lists", &[("natural", true), ("legal", false)]);
    if kind.is_some_and(|kind| kind != Kind::Texts) && table.has("lists") {
        let what = "`lists` is for attributes of the type \"texts\"";
        table.mistake(table.line_of("lists"), what);
    }
    let lists_read = table.or("lists", lists.map(Some), None);
    let ask_as = table.text("ask-as");
    table.finish();
    let (Some(kind), Some(at), Some(lists), true) = (kind, at, lists_read, name.is_said()) else {
        return (name, None);
    };
    let ask_as = ask_as.map_or_else(|| name.text.clone(), |text| text.text);
    let text = name.text.clone();
    let attribute = Attribute { name: text, label, kind, at, parts, each, review, lists, ask_as };
    (name, Some(attribute))
}

/// `year = "/pointer"` and `month = "/pointer"` of a partial date.
fn read_parts(table: &Table<'_>, kind: Option<Kind>) -> Option<Parts> {
    let part = |key| {
        let text = table.text(key)?;
        if kind.is_some_and(|kind| kind != Kind::PartialDate) {
            let what = format!("`{key}` is for attributes of the type \"partial-date\"");
            table.mistake(text.line, what);
        }
        pointer(table, key, text)
    };
    let (year, month) = (part("year"), part("month"));
    if !table.has("year") && month.is_some() {
        table.mistake(table.line_of("month"), "a `month` needs a `year` beside it");
    }
    Some(Parts { year: year?, month })
}

fn pointer(table: &Table<'_>, key: &str, text: Placed) -> Option<Box<str>> {
    if !text.text.starts_with('/') {
        let what =
            format!("`{key}` = \"{}\" must be a JSON pointer such as \"/person/name\"", text.text);
        table.mistake(text.line, what);
        return None;
    }
    Some(text.text)
}

/// Whether a text is a header's name: a token of RFC 9110, section 5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    let special = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || special(byte))
}
