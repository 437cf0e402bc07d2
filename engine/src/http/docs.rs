//! The API as a page to read, drawn from its description. It loads nothing.

use std::fmt::{self, Write as _};
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::respond::{self, Out, Public};
use super::table::{self, Does, Kind, Operation, Parameter, Route};
use super::{openapi, samples};

/// Made once: it says nothing of any one engine.
static PAGE: LazyLock<String> = LazyLock::new(page);

const STYLE: &str = include_str!("docs/style.css");

/// `GET /docs`.
pub(super) fn answer() -> Out {
    respond::page(&Public(&PAGE))
}

/// A text that HTML does not read as HTML; what stands in backticks is code.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, part) in self.0.split('`').enumerate() {
            match place {
                0 => {}
                odd if odd % 2 == 1 => f.write_str("<code>")?,
                _ => f.write_str("</code>")?,
            }
            for letter in part.chars() {
                match letter {
                    '<' => f.write_str("&lt;")?,
                    '>' => f.write_str("&gt;")?,
                    '&' => f.write_str("&amp;")?,
                    '"' => f.write_str("&quot;")?,
                    _ => f.write_char(letter)?,
                }
            }
        }
        Ok(())
    }
}

fn page() -> String {
    let mut page = String::new();
    let written = write(&mut page);
    written.expect("a string takes every byte");
    page
}

fn write(page: &mut String) -> fmt::Result {
    let document = openapi::description();
    let texts = |pointer| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let version = texts("/info/version");
    write!(
        page,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Prefill: the API</title><style>{STYLE}</style></head><body>\
         <header><h1>Prefill <small>API {version}</small></h1>"
    )?;
    for paragraph in texts("/info/description").split("\n\n") {
        write!(page, "<p>{}</p>", Text(paragraph))?;
    }
    write!(page, "<p>For programs: <a href=\"/openapi.json\">/openapi.json</a></p></header>")?;
    write_contents(page)?;
    write!(page, "<main>")?;
    for route in table::routes() {
        for operation in route.operations {
            write_operation(page, document, route, operation)?;
        }
    }
    write!(page, "<h2 id=\"types\">Types</h2>")?;
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    for (name, schema) in schemas.into_iter().flatten() {
        write_type(page, name, schema)?;
    }
    write!(page, "</main></body></html>")
}

fn write_contents(page: &mut String) -> fmt::Result {
    write!(page, "<nav>")?;
    let mut group = "";
    for route in table::routes() {
        for operation in route.operations {
            let tag = openapi::tag(operation);
            if tag != group {
                let end = if group.is_empty() { "" } else { "</ul>" };
                write!(page, "{end}<h2>{tag}</h2><ul>")?;
                group = tag;
            }
            let (id, method, path) = (operation.id, operation.method.as_str(), route.path);
            write!(page, "<li><a href=\"#{id}\"><b>{method}</b> {path}</a></li>")?;
        }
    }
    write!(page, "</ul><h2><a href=\"#types\">types</a></h2></nav>")
}

fn write_operation(
    page: &mut String,
    document: &Value,
    route: &Route,
    operation: &Operation,
) -> fmt::Result {
    let (id, method, path) = (operation.id, operation.method.as_str(), route.path);
    write!(page, "<section id=\"{id}\"><h3><b>{method}</b> {path}</h3>")?;
    write!(page, "<p><strong>{}.</strong> {}</p>", Text(operation.summary), Text(operation.tells))?;
    let whose = match operation.does {
        Does::Operator(_) => "An operator's token.",
        Does::Citizen(_) => "A citizen's token.",
        Does::Anybody(_) | Does::Probe(_) => "No token.",
    };
    write!(page, "<p class=\"who\">{whose}</p>")?;
    let pre = Example { route, operation };
    write!(page, "<pre>{}</pre>", Text(&pre.to_string()))?;
    let all = [
        ("path", route.parameter.as_slice()),
        ("query", operation.query),
        ("header", operation.headers),
    ];
    if all.iter().any(|(_, them)| !them.is_empty()) {
        write!(page, "<table>")?;
        for (place, parameter) in
            all.iter().flat_map(|(place, all)| all.iter().map(move |it| (place, it)))
        {
            let (name, tells) = (parameter.name, Text(parameter.tells));
            write!(page, "<tr><td><code>{name}</code><td>{place}<td>{tells}</tr>")?;
        }
        write!(page, "</table>")?;
    }
    let method = method.to_lowercase();
    let described = &document["paths"][path][&method];
    if let Some(kind) = schema_of(&described["requestBody"]["content"]) {
        write!(page, "<p>Takes {kind}.</p>")?;
    }
    write!(page, "<table class=\"answers\">")?;
    for (status, answer) in described["responses"].as_object().into_iter().flatten() {
        let kind = schema_of(&answer["content"]).unwrap_or_default();
        let tells = answer["description"].as_str().unwrap_or_default();
        write!(page, "<tr><td><b>{status}</b><td>{kind}<td>")?;
        for paragraph in tells.split("\n\n") {
            write!(page, "<p>{}</p>", Text(paragraph))?;
        }
        write!(page, "</tr>")?;
    }
    write!(page, "</table></section>")
}

/// What a body is, with a link to its type.
fn schema_of(content: &Value) -> Option<String> {
    let (media, content) = content.as_object()?.iter().next()?;
    let kind = kind_of(content.get("x-line").unwrap_or(&content["schema"]));
    Some(match &**media {
        "application/json" | "application/problem+json" => kind,
        "application/x-ndjson" => format!("lines of {kind}"),
        media => format!("<code>{media}</code>"),
    })
}

/// A call of the demonstration, as curl makes it.
struct Example<'a> {
    route: &'a Route,
    operation: &'a Operation,
}

impl fmt::Display for Example<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match &self.route.parameter {
            None => self.route.path.to_owned(),
            Some(parameter) => {
                self.route.path.replace(&format!("{{{}}}", parameter.name), &example_of(parameter))
            }
        };
        let method = match (self.operation.method, &self.operation.takes) {
            (table::Verb::Get, _) | (table::Verb::Post, Some(_)) => String::new(),
            (verb, _) => format!(" -X {}", verb.as_str()),
        };
        write!(f, "curl -s{method} 'localhost:8080{path}'")?;
        match self.operation.does {
            Does::Operator(_) => write_token(f, samples::OPERATOR)?,
            Does::Citizen(_) => write_token(f, samples::CITIZEN)?,
            Does::Anybody(_) | Does::Probe(_) => {}
        }
        match &self.operation.takes {
            Some(takes) => write!(f, " \\\n  -d '{}'", takes.example),
            None => Ok(()),
        }
    }
}

fn write_token(f: &mut fmt::Formatter<'_>, token: &str) -> fmt::Result {
    write!(f, " \\\n  -H 'authorization: Bearer {token}'")
}

fn example_of(parameter: &Parameter) -> String {
    match parameter.kind {
        Kind::Text { example } | Kind::Moment { example } | Kind::Uuid { example } => {
            example.to_owned()
        }
        Kind::Whole { example, .. } => example.to_string(),
    }
}

fn write_type(page: &mut String, name: &str, schema: &Value) -> fmt::Result {
    let tells = schema["description"].as_str().unwrap_or_default();
    write!(page, "<section id=\"type-{name}\"><h3>{name}</h3><p>{}</p>", Text(tells))?;
    let forms = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    match forms {
        None => write_members(page, schema)?,
        Some(forms) => {
            for form in forms {
                let tells = form["description"].as_str().unwrap_or_default();
                write!(page, "<p>{}</p>", Text(tells))?;
                if let Some(reference) = form["$ref"].as_str() {
                    write!(page, "<p>{}</p>", link(reference))?;
                }
                write_members(page, form)?;
            }
        }
    }
    write!(page, "</section>")
}

fn write_members(page: &mut String, schema: &Value) -> fmt::Result {
    let none = Map::new();
    let members = schema["properties"].as_object().unwrap_or(&none);
    if members.is_empty() {
        return Ok(());
    }
    let required = schema["required"].as_array();
    let needed = |name: &str| required.is_some_and(|all| all.iter().any(|it| it == name));
    write!(page, "<table>")?;
    for (name, member) in members {
        let tells = Text(member["description"].as_str().unwrap_or_default());
        let optional = if needed(name) { "" } else { "optional" };
        let kind = kind_of(member);
        write!(page, "<tr><td><code>{name}</code><td>{kind}<td>{optional}<td>{tells}</tr>")?;
    }
    write!(page, "</table>")
}

/// What a value is, in a few words.
fn kind_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return link(reference);
    }
    if let Some(only) = schema.get("const") {
        return format!("<code>{}</code>", Text(&only.to_string()));
    }
    if let Some(words) = schema["enum"].as_array() {
        let words =
            words.iter().map(|it| format!("<code>{}</code>", Text(it.as_str().unwrap_or("null"))));
        return words.collect::<Vec<_>>().join(" ");
    }
    if let Some(forms) = schema["anyOf"].as_array() {
        return forms.iter().map(kind_of).collect::<Vec<_>>().join(" or ");
    }
    if schema["type"] == "array" {
        return format!("list of {}", kind_of(&schema["items"]));
    }
    if let Some(values) = schema.get("additionalProperties").filter(|it| it.is_object()) {
        return format!("by name: {}", kind_of(values));
    }
    let format = schema["format"].as_str().filter(|format| !format.starts_with("uint"));
    match (&schema["type"], format) {
        (Value::String(_), Some(format)) => format.to_owned(),
        (Value::String(kind), None) => kind.clone(),
        (Value::Array(kinds), _) => {
            kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn link(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or_default();
    format!("<a href=\"#type-{name}\">{name}</a>")
}
