//! The closed lists of the API, for its description.

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::catalogue;
use crate::http::table;
use crate::model::{Channel, Language, Outcome, SUBJECTS_MAX, Unavailable, Withheld};

fn one_of(words: impl IntoIterator<Item = &'static str>) -> Schema {
    let words: Vec<_> = words.into_iter().collect();
    json_schema!({"type": "string", "enum": words})
}

fn one_of_or_null(words: impl IntoIterator<Item = &'static str>) -> Schema {
    let words: Vec<_> = words.into_iter().map(Some).chain([None]).collect();
    json_schema!({"type": ["string", "null"], "enum": words})
}

pub(super) fn channel(_: &mut SchemaGenerator) -> Schema {
    one_of(Channel::ALL.map(Channel::as_str))
}

/// Nobody asks for another's own view.
pub(super) fn asked_channel(_: &mut SchemaGenerator) -> Schema {
    one_of_or_null([Channel::FrontOffice, Channel::BackOffice].map(Channel::as_str))
}

pub(super) fn asked_language(_: &mut SchemaGenerator) -> Schema {
    one_of_or_null(Language::ALL.map(Language::as_str))
}

pub(super) fn subjects(_: &mut SchemaGenerator) -> Schema {
    let identifier = json_schema!({"type": "string"});
    json_schema!({
        "type": "object", "additionalProperties": identifier,
        "minProperties": 1, "maxProperties": SUBJECTS_MAX,
    })
}

pub(super) fn withheld(_: &mut SchemaGenerator) -> Schema {
    one_of(Withheld::ALL.map(Withheld::as_str))
}

pub(super) fn unavailable(_: &mut SchemaGenerator) -> Schema {
    one_of(Unavailable::ALL.map(Unavailable::as_str))
}

pub(super) fn outcome(_: &mut SchemaGenerator) -> Schema {
    // A register that was not asked has no outcome.
    let failed = Unavailable::ALL.into_iter().filter(|it| *it != Unavailable::KeyMissing);
    let all = [Outcome::Answered, Outcome::NotFound].into_iter().chain(failed.map(Outcome::Failed));
    one_of(all.map(Outcome::as_str))
}

pub(super) fn kind(_: &mut SchemaGenerator) -> Schema {
    one_of(catalogue::Kind::names())
}

/// What a field of any kind may hold.
pub(super) fn value(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            {"type": "string"},
            {"type": "integer"},
            {"type": "boolean"},
            {"type": "array", "items": {"type": "string"}},
        ],
    })
}

pub(super) fn own_attribute(_: &mut SchemaGenerator) -> Schema {
    one_of(catalogue::own::names())
}

pub(super) fn problem(_: &mut SchemaGenerator) -> Schema {
    one_of(table::kinds())
}
