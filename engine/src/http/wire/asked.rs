//! What comes in: requests, read strictly.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize as DeserializeDerive;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::words;
use crate::identity::Operator;
use crate::model::{Channel, Language, SUBJECTS_MAX};
use crate::prefill::{Asked, Rejection, named};

/// A request for a bundle.
#[derive(DeserializeDerive, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "PrefillRequest")]
pub(in super::super) struct Prefill {
    /// A procedure's name.
    procedure: String,
    /// By role: a person's matricule, or a company's number.
    #[schemars(schema_with = "words::subjects")]
    subjects: Subjects,
    /// `front-office`, if not said: the citizen is present. `back-office`: the
    /// organisation reads again, for a case.
    #[serde(default)]
    #[schemars(schema_with = "words::asked_channel")]
    channel: Option<String>,
    /// The citizen's own token, which the front office needs.
    presence: Option<String>,
    /// The body that receives, where the operator acts for another.
    organisation: Option<String>,
    /// The organisation's own name of the case, which the back office needs.
    case: Option<String>,
    /// Only these fields of the procedure; all, if not said.
    fields: Option<Vec<String>>,
    /// How long registers may take; the procedure's own, if not said.
    #[schemars(range(min = 10, max = 30_000))]
    deadline_ms: Option<u64>,
    /// The greatest age of a value; the fields' own, if not said.
    max_age_seconds: Option<u64>,
    /// Of the notices: `fr`, `de`, `en` or `lb`.
    #[serde(default)]
    #[schemars(schema_with = "words::asked_language")]
    language: Option<String>,
}

impl Prefill {
    pub(in super::super) fn asked_by(self, operator: Operator) -> Result<Asked, Rejection> {
        let channel = match self.channel.as_deref() {
            None => Channel::default(),
            Some(name) => {
                Channel::ALL.into_iter().find(|channel| channel.as_str() == name).ok_or_else(
                    || Rejection::value("channel", "must be front-office or back-office"),
                )?
            }
        };
        let language = match self.language.as_deref() {
            None => Language::default(),
            Some(name) => {
                let mut known = Language::ALL.into_iter();
                known
                    .find(|language| language.as_str() == name)
                    .ok_or_else(|| Rejection::value("language", "must be fr, de, en or lb"))?
            }
        };
        Ok(Asked {
            operator,
            procedure: self.procedure,
            subjects: self.subjects.0,
            channel,
            presence: self.presence,
            organisation: self.organisation,
            case: self.case,
            fields: self.fields,
            deadline: self.deadline_ms.map(Duration::from_millis),
            max_age: self.max_age_seconds.map(Duration::from_secs),
            language,
            trace: None,
            idempotency: None,
        })
    }
}

/// Role to identifier. A role given twice is refused, and more roles than any
/// procedure has.
struct Subjects(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Subjects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Roles;

        impl<'de> Visitor<'de> for Roles {
            type Value = Subjects;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of roles and identifiers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Subjects, A::Error> {
                let mut subjects: Vec<(String, String)> = Vec::new();
                while let Some((role, identifier)) = map.next_entry::<String, String>()? {
                    if subjects.len() == SUBJECTS_MAX {
                        let what = format_args!("`subjects` has at most {SUBJECTS_MAX} roles");
                        return Err(A::Error::custom(what));
                    }
                    if subjects.iter().any(|(known, _)| *known == role) {
                        return Err(A::Error::custom(format_args!("duplicate role `{role}`")));
                    }
                    subjects.push((role, identifier));
                }
                Ok(Subjects(subjects))
            }
        }

        deserializer.deserialize_map(Roles)
    }
}

/// A mandate, withdrawn or restored: one of `company` and `person`.
#[derive(DeserializeDerive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct PutMandate {
    /// For whom the citizen acts, or no longer does.
    pub(in super::super) company: Option<String>,
    /// Who acts for the company of the query, or no longer does.
    pub(in super::super) person: Option<String>,
    pub(in super::super) allow: bool,
}

/// A Yes or a No.
#[derive(DeserializeDerive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct PutPreference {
    /// Whether forms may be filled from the register.
    pub(in super::super) allow: bool,
}

/// A value of the citizen's own.
#[derive(DeserializeDerive, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct PutValue {
    pub(in super::super) value: String,
}

/// Reads a body, which must be an object. What is wrong with it is told with its
/// place.
pub(in super::super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Rejection> {
    // Serde takes a list of a struct's values in their order for the struct.
    if body.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(Rejection::Malformed("the body must be a JSON object".to_owned()));
    }
    serde_json::from_slice(body).map_err(|error| Rejection::Malformed(unquoted(&error.to_string())))
}

/// A complaint of serde without what it quotes of the body, unless that is a name:
/// a value in the wrong place is a value.
fn unquoted(complaint: &str) -> String {
    for (start, without) in [
        ("invalid type: ", "a value of the wrong type"),
        ("invalid value: ", "a value that is not allowed"),
        ("unknown variant `", "a word that is not known"),
    ] {
        // What was quoted may itself hold this; the last one is serde's own.
        if let Some((_, expected)) =
            complaint.strip_prefix(start).and_then(|rest| rest.rsplit_once(", expected "))
        {
            return format!("{without}, expected {expected}");
        }
    }
    let Some((before, rest)) = complaint.split_once('`') else { return complaint.to_owned() };
    let (quoted, after) = rest.split_once('`').unwrap_or((rest, ""));
    match named(quoted) {
        name if name == quoted => complaint.to_owned(),
        // It may hold a quotation mark, so that what follows is not serde's either.
        no_name => format!("{before}{no_name}{}", place(after)),
    }
}

/// Where in the body, from the end of a complaint.
fn place(complaint: &str) -> &str {
    complaint.rfind(" at line ").map_or("", |start| &complaint[start..])
}
