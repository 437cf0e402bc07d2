//! The API described as OpenAPI 3.1, from the table and the types that serve.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::generate::{Contract, SchemaSettings};
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::respond::{self, Out, Public};
use super::table::{self, Body, Does, Kind, Operation, PROBLEMS, Parameter, Route};
use super::{samples, wire};

/// Made once: it says nothing of any one engine.
static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// Where schemas of our types stand.
const SCHEMAS: &str = "/components/schemas";

const DESCRIPTION: &str = "Given who asks, about whom and for what, Prefill answers with a \
bundle: every field of a form with its value, its source and its age, or the honest reason why \
it is empty. Nothing leaves before a durable, ordered ledger says that it left.\n\n\
Identifiers of people travel in bodies and tokens, never in URLs. Members that are not known, \
or stand twice, are refused. Every problem is RFC 9457 with a stable `type`.";

/// `GET /openapi.json`.
pub(super) fn answer() -> Out {
    respond::public(&Public(&*DOCUMENT))
}

/// The description.
pub(super) fn description() -> &'static Value {
    &DOCUMENT
}

/// By direction: what is sent may leave out what has a default, what is answered
/// has all its members.
struct Schemas {
    sent: SchemaGenerator,
    answered: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let of = |contract| {
            let settings = SchemaSettings::draft2020_12().with(|settings| {
                settings.meta_schema = None;
                settings.definitions_path = SCHEMAS.into();
                settings.contract = contract;
            });
            // Generators take a member with a default for one that is always there.
            let no_default = |schema: &mut Schema| {
                schema.remove("default");
            };
            settings.with_transform(RecursiveTransform(no_default)).into_generator()
        };
        Self { sent: of(Contract::Deserialize), answered: of(Contract::Serialize) }
    }

    fn into_components(mut self) -> Map<String, Value> {
        let mut all = self.answered.take_definitions(true);
        all.extend(self.sent.take_definitions(true));
        all
    }
}

fn document() -> Value {
    let mut schemas = Schemas::new();
    let problem = schemas.answered.subschema_for::<wire::Problem<'_>>().to_value();
    let mut paths = Map::new();
    for route in table::routes() {
        let operations = route.operations.iter().map(|it| {
            (it.method.as_str().to_lowercase(), operation(route, it, &problem, &mut schemas))
        });
        paths.insert(route.path.to_owned(), operations.collect::<Map<_, _>>().into());
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Prefill", "version": env!("CARGO_PKG_VERSION"), "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "bundles", "description": "What operators ask for."},
            {"name": "citizen", "description": "What citizens see and change of their own."},
            {"name": "catalogue", "description": "What everybody may read."},
            {"name": "operation", "description": "What whoever runs the engine asks."},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas.into_components(),
            "securitySchemes": {
                "operator": {
                    "type": "http", "scheme": "bearer",
                    "description": samples::OPERATORS,
                },
                "citizen": {
                    "type": "http", "scheme": "bearer",
                    "description": samples::CITIZENS,
                },
            },
        },
    })
}

/// The group of an operation.
pub(super) fn tag(operation: &Operation) -> &'static str {
    match operation.does {
        Does::Operator(_) => "bundles",
        Does::Citizen(_) => "citizen",
        Does::Anybody(_) => "catalogue",
        Does::Probe(_) => "operation",
    }
}

fn operation(
    route: &Route,
    operation: &Operation,
    problem: &Value,
    schemas: &mut Schemas,
) -> Value {
    let security = match operation.does {
        Does::Operator(_) => json!([{"operator": []}]),
        Does::Citizen(_) => json!([{"citizen": []}]),
        Does::Anybody(_) | Does::Probe(_) => json!([]),
    };
    let placed = [("query", operation.query), ("header", operation.headers)];
    let placed = placed.into_iter().flat_map(|(place, all)| all.iter().map(move |it| (place, it)));
    let parameters = route.parameter.iter().map(|it| ("path", it)).chain(placed);
    let mut described = json!({
        "operationId": operation.id,
        "tags": [tag(operation)],
        "summary": operation.summary,
        "security": security,
        "parameters": parameters.map(|(place, it)| parameter(place, it)).collect::<Vec<_>>(),
        "responses": responses(operation, problem, schemas),
    });
    if !operation.tells.is_empty() {
        described["description"] = operation.tells.into();
    }
    if let Some(takes) = &operation.takes {
        let mut content = content(takes.body, &mut schemas.sent);
        let example = serde_json::from_str::<Value>(takes.example);
        content["example"] = example.expect("a test reads every example");
        let media = media_type(takes.body).unwrap_or_default();
        // A job of no lines is a job.
        let required = !matches!(takes.body, Body::Lines(_));
        described["requestBody"] = json!({"required": required, "content": {media: content}});
    }
    described
}

fn parameter(place: &str, parameter: &Parameter) -> Value {
    let (schema, example) = match parameter.kind {
        // A path without its last part is another path.
        Kind::Text { example } if place == "path" => {
            (json!({"type": "string", "minLength": 1}), json!(example))
        }
        Kind::Text { example } => (json!({"type": "string"}), json!(example)),
        Kind::Uuid { example } => (json!({"type": "string", "format": "uuid"}), json!(example)),
        Kind::Whole { least, most, example } => {
            (json!({"type": "integer", "minimum": least, "maximum": most}), json!(example))
        }
        Kind::Moment { example } => {
            let either = [
                json!({"type": "string", "format": "date"}),
                json!({"type": "string", "format": "date-time"}),
            ];
            (json!({"anyOf": either}), json!(example))
        }
    };
    json!({
        "name": parameter.name, "in": place, "required": place == "path",
        "description": parameter.tells, "schema": schema, "example": example,
    })
}

fn responses(operation: &Operation, problem: &Value, schemas: &mut Schemas) -> Map<String, Value> {
    let mut all = Map::new();
    for answer in operation.answers {
        let mut described = json!({"description": answer.tells});
        if let Some(media) = media_type(answer.body) {
            described["content"] = json!({media: content(answer.body, &mut schemas.answered)});
        }
        all.insert(answer.status.to_string(), described);
    }
    let mut by_status: BTreeMap<u16, Vec<_>> = BTreeMap::new();
    for name in operation.problems() {
        let known = PROBLEMS.iter().find(|(known, ..)| *known == name);
        let (_, status, tells) = known.expect("a test looks for every name");
        by_status.entry(*status).or_default().push((table::kind(name), *tells));
    }
    for (status, problems) in by_status {
        let line = |(kind, tells): &(&str, &str)| format!("`{kind}`: {tells}");
        let tells: Vec<_> = problems.iter().map(line).collect();
        let types: Vec<_> = problems.iter().map(|(kind, _)| *kind).collect();
        let described = all.entry(status.to_string()).or_insert_with(|| json!({"content": {}}));
        let tells = match described.get("description").and_then(Value::as_str) {
            Some(before) => format!("{before}\n\n{}", tells.join("\n\n")),
            None => tells.join("\n\n"),
        };
        described["description"] = tells.into();
        described["content"]["application/problem+json"] = json!({"schema": problem});
        described["x-problem-types"] = types.into();
    }
    all
}

/// `None` where there is no body.
fn media_type(body: Body) -> Option<&'static str> {
    match body {
        Body::Nothing => None,
        Body::Json(_) => Some("application/json"),
        Body::Lines(_) => Some("application/x-ndjson"),
        Body::Text(media) => Some(media),
    }
}

fn content(body: Body, schemas: &mut SchemaGenerator) -> Value {
    match body {
        Body::Json(typed) => json!({"schema": typed(schemas).to_value()}),
        // OpenAPI 3.1 has no word for lines; this is that of one (3.2: `itemSchema`).
        Body::Lines(typed) => {
            json!({"schema": {"type": "string"}, "x-line": typed(schemas).to_value()})
        }
        Body::Nothing | Body::Text(_) => json!({"schema": {"type": "string"}}),
    }
}

#[cfg(test)]
mod tests;
