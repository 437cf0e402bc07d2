//! What registers answer, in every dialect of the country.
//!
//! An input is a line `register key key ..`, and below it the body.

use std::sync::LazyLock;

use engine::catalogue::{Kind, Register, Source};
use engine::model::Answer;
use engine::registers::decode;
use serde_json::Value;

/// Any moment; an answer carries it along.
const SINCE: i64 = 1_780_000_000_000;
/// `2026-01-31`.
const DAY: usize = 10;

static REGISTERS: LazyLock<Vec<Register>> = LazyLock::new(|| {
    let files = fixtures::catalogue::files().iter();
    let described = files.filter(|(path, _)| path.starts_with("registers/"));
    let compile = |(path, text): &(&str, &str)| {
        let source = Source { path: (*path).to_owned(), text: (*text).to_owned() };
        Register::compile(&source).expect("the country's registers compile")
    };
    described.map(compile).collect()
});

/// Whatever a register says becomes an answer about the key asked for, of the
/// types that its description promises, or none.
pub(crate) fn answer(data: &[u8]) {
    let Some((register, keys, body)) = parts(data) else { return };
    let keys: Vec<&str> = keys.collect();
    if keys.is_empty() || keys.len() > register.http().batch {
        return;
    }
    let asked = register.all();
    let Ok(answers) = decode(register, &keys, asked, SINCE, &mut body.to_vec()) else { return };
    assert_eq!(answers.len(), keys.len(), "an answer for each key");
    for (key, answer) in keys.iter().zip(&answers) {
        let Ok(answer) = answer else { continue };
        assert_eq!((answer.asked, answer.since), (asked, SINCE));
        assert!(!answer.found || names(register, key, body), "an answer about another key");
        typed(register, answer);
    }
}

/// The register and the keys that an input names, and the body below them.
fn parts(data: &[u8]) -> Option<(&'static Register, impl Iterator<Item = &str>, &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    let mut words = std::str::from_utf8(&data[..end]).ok()?.split(' ');
    let name = words.next()?;
    let register = REGISTERS.iter().find(|register| *register.name == *name)?;
    Some((register, words, &data[end + 1..]))
}

/// Whether a body names the key where the description says, to another reader.
fn names(register: &Register, key: &str, body: &[u8]) -> bool {
    let dialect = register.http();
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let of = |json: &Value| json.pointer(&dialect.about).and_then(Value::as_str) == Some(key);
    let named = json.is_some_and(|json| match &dialect.elements {
        None => of(&json),
        Some(at) => {
            json.pointer(at).and_then(Value::as_array).is_some_and(|all| all.iter().any(of))
        }
    });
    // Of two members of one name the two readers take different ones, and the
    // other one refuses a text that holds half a character.
    named || body.windows(key.len()).any(|window| window == key.as_bytes())
}

/// Every value is JSON of its attribute's type, and every date looks like one.
fn typed(register: &Register, answer: &Answer) {
    for index in answer.asked.iter() {
        if let Some(day) = answer.last_updated(index) {
            assert!(day.len() == DAY && day.is_ascii(), "a date of an unknown form");
        }
        let _ = answer.lists(index, "B123456".parse().expect("a number of a company"));
        let Some(value) = answer.value(index) else { continue };
        assert!(!answer.invalid.contains(index), "a value that is not of its type");
        let value: Value = serde_json::from_slice(value).expect("a value is JSON");
        let right = match register.attributes[index].kind {
            Kind::Text => value.is_string(),
            Kind::Date => value.as_str().is_some_and(|day| day.len() == DAY),
            Kind::PartialDate => value.as_str().is_some_and(|day| matches!(day.len(), 4 | 7 | DAY)),
            Kind::Integer => value.is_i64() || value.is_u64(),
            Kind::Boolean => value.is_boolean(),
            Kind::Texts => value.as_array().is_some_and(|all| all.iter().all(Value::is_string)),
        };
        assert!(right, "a value of another type");
    }
}
