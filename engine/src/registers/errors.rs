//! Reads the errors that a register puts into a body.

use std::borrow::Cow;

use simd_json::prelude::*;

use super::json::{Json, at, text};
use crate::catalogue::{Dialect, Errors};
use crate::model::Unavailable;

/// What the errors of one body come to.
pub(super) struct Told<'a> {
    pub(super) means: Means,
    /// Seconds; the longest of those that the errors name.
    pub(super) retry_after: Option<u32>,
    /// The code of each error, where it has one.
    pub(super) codes: Vec<Option<Cow<'a, str>>>,
}

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// The register does not know the key.
    NotFound,
    /// It is closed for now.
    Maintenance,
    /// It is asked too much.
    Overloaded,
    /// Something that the description does not list.
    Unlisted,
}

impl Means {
    /// Why there is no answer.
    pub(super) fn reason(self) -> Unavailable {
        match self {
            Self::Maintenance => Unavailable::Maintenance,
            Self::Overloaded => Unavailable::Overloaded,
            Self::NotFound | Self::Unlisted => Unavailable::Error,
        }
    }
}

/// How errors are told in the body of a response, where they may be. `marked`
/// says that a header says so.
pub(super) fn described(dialect: &Dialect, ok: bool, marked: bool) -> Option<&Errors> {
    let errors = dialect.errors.as_ref()?;
    // Where the body itself is the error, an answer may look like one.
    let failed = marked || (!ok && dialect.error_header.is_none());
    (errors.at.is_some() || failed).then_some(errors)
}

/// The errors of a body; `None` where it has none.
pub(super) fn told<'a>(errors: &Errors, root: Json<'a>) -> Option<Told<'a>> {
    let found = match &errors.at {
        None => at(root, &errors.code).map(|_| root),
        Some(pointer) => at(root, pointer).filter(|json| !json.is_null()),
    };
    let found = found?;
    let list = found.as_array().map_or_else(|| vec![found], |list| list.iter().collect());
    let codes: Vec<_> = list.iter().map(|error| code(errors, *error)).collect();
    // Where errors say different things, "not found" is not believed.
    let means = codes.iter().map(|code| means(errors, code.as_deref()));
    let means = means.reduce(|first, next| if first == Means::NotFound { next } else { first })?;
    Some(Told {
        means,
        retry_after: list.iter().filter_map(|error| retry_after(errors, *error)).max(),
        codes,
    })
}

fn code<'a>(errors: &Errors, error: Json<'a>) -> Option<Cow<'a, str>> {
    let code = at(error, &errors.code)?;
    let number = || code.as_i64().map(|number| number.to_string().into());
    text(code).map(Cow::Borrowed).or_else(number)
}

fn means(errors: &Errors, code: Option<&str>) -> Means {
    let lists = [
        (&errors.not_found, Means::NotFound),
        (&errors.maintenance, Means::Maintenance),
        (&errors.overloaded, Means::Overloaded),
    ];
    let listed = |list: &[Box<str>]| code.is_some_and(|code| list.iter().any(|it| **it == *code));
    lists.iter().find(|(list, _)| listed(list)).map_or(Means::Unlisted, |(_, means)| *means)
}

fn retry_after<'a>(errors: &Errors, error: Json<'a>) -> Option<u32> {
    let seconds = at(error, errors.retry.as_deref()?)?;
    seconds.as_u64().and_then(|seconds| u32::try_from(seconds).ok())
}
