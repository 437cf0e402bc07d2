//! Names what an answer holds and its description does not use.

use std::borrow::Cow;
use std::collections::BTreeSet;

use simd_json::prelude::*;

use super::super::json::{Json, tokens};
use super::mask;
use crate::catalogue::{Attribute, Dialect, Register};

/// Stands for any place in a list.
const ANY: &str = "*";

/// Pointers to what no key of the description leads to, the topmost only, with
/// `*` for any place in a list. A name that is also a value somewhere in the body,
/// or the key that was asked about, is data. Nothing below the depth of a body
/// recurses.
pub(super) fn unused(register: &Register, key: &str, root: Json<'_>) -> BTreeSet<String> {
    let used = used(register);
    let mut data = BTreeSet::from([key.to_lowercase()]);
    texts(root, &mut data);
    let mut search = Search { used: &used, data, path: Vec::new(), found: BTreeSet::new() };
    if !search.visit(root) {
        search.found.insert("(the whole body)".to_owned());
    }
    search.found
}

/// Every text of a body that is a value.
fn texts(json: Json<'_>, found: &mut BTreeSet<String>) {
    found.extend(json.as_str().map(str::to_lowercase));
    items(json).for_each(|item| texts(item, found));
    members(json).for_each(|(_, member)| texts(member, found));
}

fn items(json: Json<'_>) -> impl Iterator<Item = Json<'_>> {
    json.as_array().into_iter().flat_map(|items| items.iter())
}

fn members(json: Json<'_>) -> impl Iterator<Item = (&str, Json<'_>)> {
    json.as_object().into_iter().flat_map(|members| members.iter())
}

/// Where the description looks, part by part.
fn used(register: &Register) -> Vec<Vec<String>> {
    let dialect = register.http();
    let base = dialect.elements.as_ref().map_or(String::new(), |list| format!("{list}/{ANY}"));
    let mut pointers: Vec<String> = vec![format!("{base}{}", dialect.about)];
    pointers.extend(dialect.updated.as_ref().map(|pointer| format!("{base}{pointer}")));
    if let Some(errors) = &dialect.errors {
        pointers.push(errors.at.as_ref().unwrap_or(&errors.code).to_string());
    }
    for attribute in &register.attributes {
        pointers.extend(attribute.review.as_ref().map(|review| format!("{base}{review}")));
        for at in places(attribute) {
            leaf(dialect, &format!("{base}{at}"), &mut pointers);
        }
    }
    let parts = |pointer: &String| tokens(pointer).map(Cow::into_owned).collect();
    pointers.iter().map(parts).collect()
}

/// Where an attribute's values may stand within an element.
fn places(attribute: &Attribute) -> Vec<String> {
    let mut places = Vec::new();
    match &attribute.each {
        Some(each) => places.push(format!("{}/{ANY}{each}", attribute.at)),
        None => places.push(attribute.at.to_string()),
    }
    if let Some(parts) = &attribute.parts {
        places.push(parts.year.to_string());
        places.extend(parts.month.as_ref().map(ToString::to_string));
    }
    places
}

/// Adds what is looked at for one value: itself, or its leaf's members and what
/// the objects around it say.
fn leaf(dialect: &Dialect, pointer: &str, pointers: &mut Vec<String>) {
    let Some(leaf) = &dialect.leaf else {
        pointers.push(pointer.to_owned());
        return;
    };
    pointers.extend(leaf.value.iter().map(|member| format!("{pointer}/{member}")));
    let ends = pointer.match_indices('/').map(|(end, _)| end).skip(1).chain([pointer.len()]);
    for end in ends {
        let around = [&leaf.unavailable, &leaf.updated].into_iter().flatten();
        pointers.extend(around.map(|member| format!("{}/{member}", &pointer[..end])));
    }
}

struct Search<'u> {
    used: &'u [Vec<String>],
    /// In small letters.
    data: BTreeSet<String>,
    /// The way to where the search is; `*` and the place for lists.
    path: Vec<(String, bool)>,
    found: BTreeSet<String>,
}

impl Search<'_> {
    /// Whether anything in `json` is used. What is not is noted by whoever has
    /// something beside it that is.
    fn visit(&mut self, json: Json<'_>) -> bool {
        // What is empty holds nothing that could be looked at further down.
        let bare = json.is_null()
            || json.as_array().is_some_and(|items| items.is_empty())
            || json.as_object().is_some_and(|members| members.is_empty());
        let leads = |pointer: &Vec<String>| self.is_at(pointer) || bare && self.is_above(pointer);
        if self.used.iter().any(leads) {
            return true;
        }
        let items = items(json).enumerate();
        let items = items.map(|(place, item)| (place.to_string(), true, item));
        let members = members(json).map(|(name, member)| (name.to_string(), false, member));
        let (mut used, mut idle) = (false, Vec::new());
        for (token, in_list, child) in items.chain(members) {
            self.path.push((token, in_list));
            match self.visit(child) {
                true => used = true,
                false => idle.push(self.pointer()),
            }
            self.path.pop();
        }
        if used {
            self.found.extend(idle);
        }
        used
    }

    fn is_at(&self, pointer: &[String]) -> bool {
        pointer.len() == self.path.len() && self.is_above(pointer)
    }

    fn is_above(&self, pointer: &[String]) -> bool {
        let same = |(token, (step, in_list)): (&String, &(String, bool))| {
            token == step || (*in_list && token == ANY)
        };
        pointer.len() >= self.path.len() && pointer.iter().zip(&self.path).all(same)
    }

    fn pointer(&self) -> String {
        let shown = |(step, in_list): &(String, bool)| match in_list {
            true => format!("/{ANY}"),
            false => format!("/{}", self.name(step)),
        };
        self.path.iter().map(shown).collect()
    }

    fn name(&self, name: &str) -> String {
        // What the description names as well is shown in its pointers anyway.
        if self.used.iter().flatten().any(|token| token == name) {
            return name.replace('~', "~0").replace('/', "~1");
        }
        match self.data.contains(&name.to_lowercase()) {
            true => mask::masked(name),
            false => mask::name(name),
        }
    }
}
