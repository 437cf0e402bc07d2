//! Every answer is held against `/openapi.json`: an undocumented status, media type,
//! problem or member fails the test that got it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::client::{Api, Reply};

/// What one status of one operation may be answered with.
struct Described {
    /// By media type; none where there is no schema.
    content: BTreeMap<String, Option<Validator>>,
    problems: Vec<String>,
}

/// By method and path, then by status.
struct Description {
    paths: Vec<Vec<String>>,
    operations: BTreeMap<(String, usize), BTreeMap<u16, Described>>,
}

static DESCRIPTION: OnceLock<Description> = OnceLock::new();

/// Holds an answer against the description that the same engine gives.
#[track_caller]
pub(super) fn check(api: Api, method: &str, target: &str, reply: &Reply) {
    let description =
        DESCRIPTION.get_or_init(|| read(&api.elsewhere("GET", "/openapi.json", b"").json()));
    let method = if method == "HEAD" { "get".to_owned() } else { method.to_lowercase() };
    let path = target.split('?').next().unwrap_or_default();
    let Some(place) = description.find(path) else {
        assert_eq!(reply.status, 404, "{method} {path} is not described");
        return;
    };
    let Some(statuses) = description.operations.get(&(method.clone(), place)) else {
        assert_eq!(reply.status, 405, "{method} {path} is not described");
        return;
    };
    let Some(described) = statuses.get(&reply.status) else {
        panic!("{method} {path}: {} is not described: {}", reply.status, reply.text());
    };
    let media = reply.header("content-type").and_then(|it| it.split(';').next());
    let Some(media) = media else {
        assert!(described.content.is_empty(), "{method} {path} has no media type");
        return;
    };
    let Some(schema) = described.content.get(media) else {
        panic!("{method} {path}: {} as {media} is not described", reply.status);
    };
    let lines = match media {
        "application/x-ndjson" => reply.text().lines().map(str::to_owned).collect(),
        _ => vec![reply.text()],
    };
    let Some(schema) = schema else { return };
    for line in lines {
        let value: Value = serde_json::from_str(&line).expect("it is JSON");
        if let Err(wrong) = schema.validate(&value) {
            panic!("{method} {path}: {wrong} at {}: {line}", wrong.instance_path());
        }
        if media == "application/problem+json" {
            let kind = value["type"].as_str().expect("a problem has a type");
            let known = described.problems.iter().any(|known| known == kind);
            assert!(known, "{method} {path}: {kind} is not described");
        }
    }
}

impl Description {
    /// A path of its own goes before one with a parameter in its place.
    fn find(&self, path: &str) -> Option<usize> {
        let wanted: Vec<_> = path.split('/').collect();
        let fits = |known: &&Vec<String>| {
            known.len() == wanted.len()
                && known
                    .iter()
                    .zip(&wanted)
                    .all(|(known, it)| known.starts_with('{') || known == it)
        };
        let parameters =
            |known: &Vec<String>| known.iter().filter(|it| it.starts_with('{')).count();
        let found = self.paths.iter().filter(fits).min_by_key(|known| parameters(known))?;
        self.paths.iter().position(|it| it == found)
    }
}

fn read(document: &Value) -> Description {
    let paths = document["paths"].as_object().expect("paths");
    let mut operations = BTreeMap::new();
    for (place, (_, methods)) in paths.iter().enumerate() {
        for (method, operation) in methods.as_object().expect("methods") {
            let answers = operation["responses"].as_object().expect("responses");
            let statuses = answers.iter().map(|(status, answer)| {
                (status.parse().expect("a status"), described(document, answer))
            });
            operations.insert((method.clone(), place), statuses.collect());
        }
    }
    let segments = |path: &String| path.split('/').map(str::to_owned).collect();
    Description { paths: paths.keys().map(segments).collect(), operations }
}

fn described(document: &Value, answer: &Value) -> Described {
    let content = answer["content"].as_object().into_iter().flatten();
    let schema = |content: &Value| {
        let schema = content.get("x-line").unwrap_or(&content["schema"]);
        // Text is no JSON.
        (schema["type"] != "string").then(|| validator(document, schema))
    };
    let problems = answer["x-problem-types"].as_array().into_iter().flatten();
    Described {
        content: content.map(|(media, it)| (media.clone(), schema(it))).collect(),
        problems: problems.filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

/// A schema, with the types that it may name. Answers may not have members that
/// are not described, whatever they may get later.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut types = document["components"].clone();
    for schema in types["schemas"].as_object_mut().expect("types").values_mut() {
        close(schema);
    }
    let whole = json!({"allOf": [schema], "components": types});
    jsonschema::options().should_validate_formats(true).build(&whole).expect("a schema")
}

fn close(schema: &mut Value) {
    for forms in ["oneOf", "anyOf"] {
        schema[forms].as_array_mut().into_iter().flatten().for_each(close);
    }
    let reference = schema.get("$ref").is_some();
    let Some(members) = schema.as_object_mut() else { return };
    members.retain(|_, member| !member.is_null());
    if !reference && members.contains_key("properties") {
        members.entry("additionalProperties").or_insert(json!(false));
    }
}
