//! Answers of every dialect, read beside a model that makes a tree of the whole body and
//! follows each pointer in it.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::{Failure, decode};
use crate::catalogue::{Attribute, Dialect, Kind, Leaf, Register, Source};
use crate::model::{Answer, Unavailable};

/// Asked about, in this order; the third is a stranger.
const KEYS: [&str; 3] = ["k", "l", "m"];

/// Every way in which a description may say where things are.
fn registers() -> Vec<Register> {
    let ours = ["rnpp", "snca", "ccss", "cae", "cadastre", "aed"];
    let ours = fixtures::catalogue::files().iter().filter_map(|(path, text)| {
        let name = path.strip_prefix("registers/")?.strip_suffix(".toml")?;
        ours.contains(&name).then_some((name, *text))
    });
    let abroad = [
        ("brp", include_str!("../../../tests/it/shapes/brp.toml")),
        ("myinfo", include_str!("../../../tests/it/shapes/myinfo.toml")),
    ];
    let compiled = |(name, text): (&str, &str)| {
        let source = Source { path: format!("{name}.toml"), text: text.to_owned() };
        Register::compile(&source).unwrap()
    };
    ours.chain(abroad).map(compiled).collect()
}

/// For each attribute the pointers within an element at which a description looks for it.
fn places(register: &Register) -> Vec<Vec<String>> {
    let dialect = register.http();
    let of = |attribute: &Attribute| {
        let around = dialect.updated.iter().chain(&attribute.review);
        let mut places: Vec<String> = around.map(ToString::to_string).collect();
        for end in ends(attribute) {
            if let Some(leaf) = &dialect.leaf {
                let members = leaf.value.iter().chain(&leaf.unavailable).chain(&leaf.updated);
                let members: Vec<_> = members.collect();
                for way in ways(&end) {
                    places.extend(members.iter().map(|member| format!("{way}/{member}")));
                }
            }
            places.push(end);
        }
        places
    };
    register.attributes.iter().map(of).collect()
}

/// Where the values of an attribute are: two of a list.
fn ends(attribute: &Attribute) -> Vec<String> {
    let mut ends = vec![attribute.at.to_string()];
    if let Some(parts) = &attribute.parts {
        ends.extend(std::iter::once(&parts.year).chain(&parts.month).map(ToString::to_string));
    }
    if attribute.kind == Kind::Texts {
        let each = attribute.each.as_deref().unwrap_or_default();
        ends.extend((0..2).map(|item| format!("{}/{item}{each}", attribute.at)));
    }
    ends
}

/// A pointer's beginnings, the shortest first, and last itself; none of one to the whole.
fn ways(pointer: &str) -> Vec<&str> {
    let cuts = pointer.match_indices('/').map(|(cut, _)| cut).skip(1).chain([pointer.len()]);
    cuts.filter(|cut| *cut > 0).map(|cut| &pointer[..cut]).collect()
}

/// What may stand there, rightly or not.
fn values() -> Vec<Value> {
    vec![
        json!("2024-02-29"),
        json!("2021-12-31"),
        json!("Zoë \"Z\" \u{1F600}\n"),
        json!("2024-02-29"),
        json!("2024-02-30"),
        json!("2024-02"),
        json!("2024"),
        json!(""),
        json!(2020),
        json!(7),
        json!(13),
        json!(-3),
        json!(1.5),
        json!(u64::MAX),
        json!(true),
        json!(false),
        json!(null),
        json!([]),
        json!({}),
        json!(["a", "b"]),
        json!([null]),
        json!({"value": 5}),
        json!({"value": "x", "code": "y"}),
    ]
}

/// What is said of one attribute: at which of its places, what. All are taken by number.
type Said = (usize, Vec<(usize, usize)>);

/// An element about somebody that says these things; the later ones stand over the
/// earlier.
fn element(register: &Register, key: &str, said: &[Said]) -> Value {
    let (places, values) = (places(register), values());
    let leaf = register.http().leaf.as_ref().and_then(|leaf| leaf.updated.as_deref());
    let mut element = json!({});
    for (attribute, said) in said {
        let places = &places[attribute % places.len()];
        for (place, value) in said {
            let place = &places[place % places.len()];
            // Else two days around one value would be rare.
            let days = leaf.is_some_and(|name| place.ends_with(name)) && value % 4 > 0;
            let values = if days { &values[..2] } else { &values };
            put(&mut element, place, values[value % values.len()].clone());
        }
    }
    put(&mut element, &register.http().about, json!(key));
    element
}

fn put(element: &mut Value, pointer: &str, value: Value) {
    let mut place = element;
    for token in pointer.split('/').skip(1) {
        place = match token.parse::<usize>() {
            Ok(index) => {
                if !place.is_array() {
                    *place = json!([]);
                }
                let items = place.as_array_mut().unwrap();
                items.resize(items.len().max(index + 1), json!({}));
                &mut items[index]
            }
            Err(_) => {
                if !place.is_object() {
                    *place = json!({});
                }
                place.as_object_mut().unwrap().entry(token).or_insert(json!({}))
            }
        };
    }
    *place = value;
}

/// JSON with its members in either order, and with some that nobody asked for.
fn text(value: &Value, backwards: bool) -> String {
    let list = |mut parts: Vec<String>| {
        if backwards {
            parts.reverse();
        }
        parts.join(" , ")
    };
    let members = |members: &Map<String, Value>| {
        let noise = [r#""more":{"value":[{"x":"]}"},1]}"#.to_owned()];
        let member = |(name, value): (&String, &Value)| {
            format!("{} : {}", json!(name), text(value, backwards))
        };
        list(noise.into_iter().chain(members.iter().map(member)).collect())
    };
    match value {
        Value::Object(all) => format!("{{{}}}", members(all)),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| text(item, backwards)).collect();
            format!("[{}]", items.join(","))
        }
        _ => value.to_string(),
    }
}

/// What an answer says of an attribute.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Value(Value, Option<String>),
    Nothing,
    Unavailable,
    Invalid,
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

fn day(value: Option<&Value>) -> Option<String> {
    value?.as_str().filter(|text| is_day(text)).map(str::to_owned)
}

/// The model: one attribute of an element.
fn told(dialect: &Dialect, attribute: &Attribute, element: &Value) -> Told {
    let said = reached(dialect, attribute, element, &attribute.at, attribute.kind);
    let Some(parts) = attribute.parts.as_ref().filter(|_| said == Told::Nothing) else {
        return said;
    };
    let part = |pointer: &str| reached(dialect, attribute, element, pointer, Kind::Integer);
    // Where a leaf says that the number is outside, nothing stands at its own place for sure.
    let outside = |pointer: &str| match element.pointer(pointer) {
        Some(_) => Told::Invalid,
        None => Told::Nothing,
    };
    let (year, updated) = match part(&parts.year) {
        Told::Value(year, updated) => (year.as_i64().unwrap(), updated),
        said => return said,
    };
    if !(1..=9999).contains(&year) {
        return outside(&parts.year);
    }
    let month = parts.month.as_ref().map(|month| (month, part(month)));
    match month {
        None | Some((_, Told::Nothing)) => Told::Value(json!(format!("{year:04}")), updated),
        Some((pointer, Told::Value(month, _))) => match month.as_i64().unwrap() {
            month @ 1..=12 => Told::Value(json!(format!("{year:04}-{month:02}")), updated),
            _ => outside(pointer),
        },
        Some((_, said)) => said,
    }
}

fn reached(
    dialect: &Dialect,
    attribute: &Attribute,
    start: &Value,
    pointer: &str,
    kind: Kind,
) -> Told {
    match &dialect.leaf {
        None => match start.pointer(pointer) {
            Some(found) => plain(dialect, attribute, found, kind, None),
            None => Told::Nothing,
        },
        Some(leaf) => {
            let way: Vec<_> = ways(pointer).into_iter().map(|way| start.pointer(way)).collect();
            within(dialect, attribute, leaf, start, &way, kind)
        }
    }
}

/// What the last of the objects on the way says, and what those around it say for it.
fn within(
    dialect: &Dialect,
    attribute: &Attribute,
    leaf: &Leaf,
    start: &Value,
    way: &[Option<&Value>],
    kind: Kind,
) -> Told {
    let member = |json: &Value, name: &Option<Box<str>>| json.get(&**name.as_ref()?).cloned();
    let there: Vec<&Value> = way.iter().map_while(|it| *it).collect();
    let closed = |json: &&Value| member(json, &leaf.unavailable) == Some(json!(true));
    let closed = there.iter().any(closed);
    let updated = there.iter().rev().find_map(|json| day(member(json, &leaf.updated).as_ref()));
    match (there.len() < way.len(), closed) {
        (_, true) => return Told::Unavailable,
        (true, false) => return Told::Nothing,
        (false, false) => {}
    }
    let last = there.last().copied().unwrap_or(start);
    if kind == Kind::Texts && last.is_array() {
        return plain(dialect, attribute, last, kind, updated);
    }
    if !last.is_object() {
        return Told::Invalid;
    }
    match leaf.value.iter().find_map(|name| last.get(&**name)) {
        Some(value) => plain(dialect, attribute, value, kind, updated),
        None => Told::Nothing,
    }
}

fn plain(
    dialect: &Dialect,
    attribute: &Attribute,
    json: &Value,
    kind: Kind,
    updated: Option<String>,
) -> Told {
    if json.is_null() || dialect.blank_is_empty && json == "" {
        return Told::Nothing;
    }
    let word = json.as_str().unwrap_or_default();
    let right = match kind {
        Kind::Text => json.is_string(),
        Kind::Date => is_day(word),
        Kind::PartialDate => match word.len() {
            4 => word.bytes().all(|byte| byte.is_ascii_digit()),
            7 => is_day(&format!("{word}-01")),
            _ => is_day(word),
        },
        Kind::Integer => json.is_i64(),
        Kind::Boolean => json.is_boolean(),
        Kind::Texts => return listed(dialect, attribute, json, updated),
    };
    if right { Told::Value(json.clone(), updated) } else { Told::Invalid }
}

fn listed(
    dialect: &Dialect,
    attribute: &Attribute,
    json: &Value,
    mut updated: Option<String>,
) -> Told {
    let Some(items) = json.as_array() else { return Told::Invalid };
    let each = attribute.each.as_deref().unwrap_or_default();
    let mut texts = Vec::new();
    for item in items {
        let found = item.pointer(each);
        let said = match &dialect.leaf {
            Some(leaf) => {
                let mut way = vec![Some(item)];
                way.extend(ways(each).into_iter().map(|way| item.pointer(way)));
                match within(dialect, attribute, leaf, item, &way, Kind::Text) {
                    Told::Nothing if found.is_none() => Told::Invalid,
                    said => said,
                }
            }
            None => match found {
                None | Some(Value::Null) => Told::Invalid,
                Some(found) => plain(dialect, attribute, found, Kind::Text, None),
            },
        };
        match said {
            Told::Value(text, own) => {
                texts.push(text);
                updated = updated.max(own);
            }
            Told::Nothing => {}
            said => return said,
        }
    }
    if texts.is_empty() { Told::Nothing } else { Told::Value(texts.into(), updated) }
}

/// Compares one answer with the model's reading of its element.
fn compare(register: &Register, answer: &Answer, element: &Value) -> Result<(), TestCaseError> {
    let dialect = register.http();
    let whole = dialect.updated.as_ref().and_then(|pointer| day(element.pointer(pointer)));
    prop_assert!(answer.found);
    for index in register.all().iter() {
        let attribute = &register.attributes[index];
        let read = match answer.value(index) {
            Some(value) => Told::Value(
                serde_json::from_slice(value).unwrap(),
                answer.last_updated(index).map(|day| day.to_string()),
            ),
            None if answer.unavailable.contains(index) => Told::Unavailable,
            None if answer.invalid.contains(index) => Told::Invalid,
            None => Told::Nothing,
        };
        let expected = match told(dialect, attribute, element) {
            Told::Value(value, own) => Told::Value(value, own.or_else(|| whole.clone())),
            said => said,
        };
        prop_assert_eq!(read, expected, "{} of {}: {}", &attribute.name, &register.name, element);
        let review = attribute.review.as_ref().and_then(|pointer| element.pointer(pointer));
        prop_assert_eq!(answer.under_review.contains(index), review == Some(&json!(true)));
    }
    Ok(())
}

fn said() -> impl Strategy<Value = Said> {
    (any::<usize>(), prop::collection::vec(any::<(usize, usize)>(), 0..12))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_dialect_is_read_as_a_tree_of_the_whole_body_would_be(
        which in any::<prop::sample::Index>(),
        elements in prop::collection::vec(
            (0..3_usize, prop::collection::vec(said(), 0..5)), 0..4),
        backwards in any::<bool>(),
    ) {
        thread_local! { static REGISTERS: Vec<Register> = registers(); }
        REGISTERS.with(|registers| {
            let register = which.get(registers);
            // Without a list of elements, the body is the one.
            let count = if register.http().elements.is_some() { 3 } else { 1 };
            let elements: Vec<(&str, Value)> = elements
                .iter()
                .take(count)
                .map(|(key, said)| (KEYS[*key], element(register, KEYS[*key], said)))
                .collect();
            let (asked, body) = match &register.http().elements {
                Some(pointer) => {
                    let mut body = json!({});
                    let all = elements.iter().map(|(_, element)| element.clone());
                    put(&mut body, pointer, all.collect::<Vec<_>>().into());
                    (&KEYS[..2], body)
                }
                None => match elements.first() {
                    Some((_, element)) => (&KEYS[..1], element.clone()),
                    None => return Ok(()),
                },
            };
            let mut bytes = text(&body, backwards).into_bytes();
            let answers = decode(register, asked, register.all(), 0, &mut bytes).unwrap();
            prop_assert_eq!(answers.len(), asked.len());
            let strange = elements.iter().any(|(about, _)| !asked.contains(about));
            for (key, answer) in asked.iter().zip(answers) {
                match (elements.iter().find(|(about, _)| about == key), answer) {
                    (Some((_, element)), Ok(answer)) => compare(register, &answer, element)?,
                    (None, Ok(answer)) => prop_assert!(!answer.found && !strange),
                    (None, Err(failure)) => {
                        prop_assert!(strange);
                        prop_assert_eq!(failure, Failure::from(Unavailable::Invalid));
                    }
                    (Some(_), Err(failure)) => prop_assert!(false, "{failure:?}: {body}"),
                }
            }
            Ok(())
        })?;
    }
}
