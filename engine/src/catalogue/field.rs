//! One box of a form, and what can fill it.

use std::time::Duration;

use super::Labels;
use super::reader::{Line, Placed, Table};
use super::register::Kind;

/// One box of the form.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name, such as `familyName`.
    pub name: Box<str>,
    /// What people call it.
    pub label: Labels,
    /// What helps people where they would hesitate.
    pub hint: Option<Labels>,
    /// What its values are.
    pub kind: Kind,
    /// Whose it is.
    pub role: usize,
    /// The step it stands in.
    pub step: usize,
    /// Whether the form cannot be sent without it.
    pub required: bool,
    /// Whether the citizen may change what was filled in.
    pub editable: bool,
    /// Whether the back office may re-read it.
    pub back_office: bool,
    /// The greatest age of a value.
    pub max_age: Option<Duration>,
    /// Its candidates, as a range of the procedure's.
    pub candidates: std::ops::Range<usize>,
}

impl Field {
    /// Whether nothing fills it, and citizens write it themselves.
    #[must_use]
    pub fn by_hand(&self) -> bool {
        self.candidates.is_empty()
    }
}

/// A field as written. Its label and type may be those of its first source.
pub(super) struct FieldDraft {
    pub(super) field: Field,
    pub(super) label: Option<Labels>,
    /// `None` within where it cannot be read.
    pub(super) kind: Option<Option<Kind>>,
    pub(super) role: Option<Placed>,
    /// `None` where they cannot be read.
    pub(super) from: Option<Vec<Placed>>,
    pub(super) line: Line,
}

impl FieldDraft {
    /// Whether it names no source.
    pub(super) fn by_hand(&self) -> bool {
        self.from.as_ref().is_some_and(Vec::is_empty)
    }
}

/// Reads one field of a step.
pub(super) fn read(table: Table<'_>, step: usize) -> FieldDraft {
    let name = table.name("id");
    let label = table.optional_labels("label");
    let hint = table.optional_labels("hint");
    let kind = table.has("type").then(|| table.choice("type", &Kind::CHOICES));
    let role = table.text("role");
    let from = table.list_of_texts("from");
    let by_hand = table.or("by-hand", table.optional_flag("by-hand"), false);
    match (from.as_ref().map(Vec::is_empty), by_hand) {
        (Some(true), Some(false)) => table.mistake(
            table.line(),
            "nobody can fill this field; write from = [\"register.attribute\"], \
             or by-hand = true where the citizen does",
        ),
        (Some(false), Some(true)) => table.mistake(
            table.line_of("by-hand"),
            "a field has sources in `from`, or by-hand = true, and not both",
        ),
        _ => {}
    }
    let required = table.flag("required");
    let editable = table.flag("editable");
    let back_office = table.flag("back-office");
    let max_age = table.duration("max-age");
    let line = table.line();
    if by_hand == Some(true) && (back_office || max_age.is_some()) {
        let what = "nothing fills this field: leave `max-age` and `back-office` out";
        table.demand(line, what);
    }
    table.finish();
    let field = Field {
        name: name.text,
        label: Labels::default(),
        hint,
        // Most boxes of a form are texts.
        kind: Kind::Text,
        role: 0,
        step,
        required,
        editable,
        back_office,
        max_age,
        candidates: 0..0,
    };
    FieldDraft { field, label, kind, role, from, line }
}
