//! Rules that turn values which are shown into words for the citizen.

use std::time::Duration;

use super::Labels;
use super::field::Field;
use super::reader::{File, Line, Placed, Table};
use super::register::Kind;

/// A notice: its text is shown where all of its conditions hold.
#[derive(Debug)]
pub struct Notice {
    /// What programs know it by, such as `minor`.
    pub code: Box<str>,
    /// What people read.
    pub text: Labels,
    /// All must hold; at least one.
    pub when: Vec<Condition>,
}

/// One condition, on the value of one field.
#[derive(Debug)]
pub struct Condition {
    /// The field, as an index into the procedure's.
    pub field: usize,
    /// What its value must be.
    pub test: Test,
}

/// What a value is tested for. A field without a value passes no test.
#[derive(Debug, PartialEq, Eq)]
pub enum Test {
    /// A day less than so many years ago.
    YoungerThan(u8),
    /// A day at least so many years ago.
    AtLeast(u8),
    /// A day before today.
    Past,
    /// Today, or a day that comes within that time.
    Within(Duration),
    /// One of these texts.
    Is(Vec<Box<str>>),
    /// None of these texts.
    IsNot(Vec<Box<str>>),
    /// A list with one of these texts at least.
    Has(Vec<Box<str>>),
    /// A list with none of these texts.
    Lacks(Vec<Box<str>>),
    /// Less than that number.
    Below(i64),
    /// More than that number.
    Above(i64),
    /// True, or false.
    Flag(bool),
}

impl Test {
    /// The type of value that it can be put to.
    fn kind(&self) -> Kind {
        match self {
            Self::YoungerThan(_) | Self::AtLeast(_) | Self::Past | Self::Within(_) => Kind::Date,
            Self::Is(_) | Self::IsNot(_) => Kind::Text,
            Self::Has(_) | Self::Lacks(_) => Kind::Texts,
            Self::Below(_) | Self::Above(_) => Kind::Integer,
            Self::Flag(_) => Kind::Boolean,
        }
    }
}

/// A notice as written.
pub(super) struct Draft {
    code: Placed,
    text: Labels,
    when: Vec<ConditionDraft>,
}

struct ConditionDraft {
    field: Placed,
    test: Test,
    line: Line,
}

/// Reads a procedure's notices.
pub(super) fn read(procedure: &Table<'_>) -> Vec<Draft> {
    let mut notices: Vec<Draft> = Vec::new();
    for table in procedure.tables("notice") {
        let code = table.name("code");
        let text = table.labels("text");
        let when = table.tables("when");
        if when.is_empty() {
            let what =
                "`when` is missing; write when = [{ field = \"dateOfBirth\", younger-than = 18 }]";
            table.mistake(table.line_of("when"), what);
        }
        let when = when.into_iter().filter_map(read_condition).collect();
        table.finish();
        let Some(code) = code else { continue };
        if notices.iter().any(|known| known.code.text == code.text) {
            procedure.mistake(code.line, format!("there is a notice `{}` already", code.text));
            continue;
        }
        notices.push(Draft { code, text, when });
    }
    notices
}

fn read_condition(table: Table<'_>) -> Option<ConditionDraft> {
    const YEARS: std::ops::RangeInclusive<u32> = 1..=150;
    let field = table.required("field", "\"a-field\"");
    let years = |key| table.integer(key, YEARS).map(|years| years as u8);
    let number = |key| table.integer(key, 0..=u32::MAX).map(i64::from);
    let texts = |key| {
        let texts: Vec<_> = table.texts(key).into_iter().map(|text| text.text).collect();
        (!texts.is_empty()).then_some(texts)
    };
    let mut tests: Vec<Test> = [
        years("younger-than").map(Test::YoungerThan),
        years("at-least").map(Test::AtLeast),
        table.optional_flag("past").map(|_| Test::Past),
        table.duration("within").map(Test::Within),
        texts("is").map(Test::Is),
        texts("is-not").map(Test::IsNot),
        texts("has").map(Test::Has),
        texts("lacks").map(Test::Lacks),
        number("below").map(Test::Below),
        number("above").map(Test::Above),
        table.optional_flag("flag").map(Test::Flag),
    ]
    .into_iter()
    .flatten()
    .collect();
    let line = table.line();
    if table.optional_flag("past") == Some(false) {
        table.mistake(table.line_of("past"), "`past` must be true, or left out");
    }
    if tests.len() != 1 {
        let what = "a condition has one test: younger-than, at-least, past, within, is, is-not, \
                    has, lacks, below, above or flag";
        table.mistake(line, what);
    }
    table.finish();
    let test = tests.pop()?;
    Some(ConditionDraft { field: field?, test, line })
}

/// Resolves what notices say of fields.
pub(super) fn compile(file: &File<'_>, drafts: Vec<Draft>, fields: &[Field]) -> Vec<Notice> {
    let condition = |draft: ConditionDraft| {
        let field = fields.iter().position(|field| field.name == draft.field.text);
        let Some(field) = field else {
            let what = format!("there is no field `{}` in this procedure", draft.field.text);
            file.mistake(draft.field.line, what);
            return None;
        };
        let Field { name, kind, candidates, .. } = &fields[field];
        if *kind != draft.test.kind() {
            let (is, wanted) = (kind.as_str(), draft.test.kind().as_str());
            let what =
                format!("field `{name}` is of type {is}, but this test is for type {wanted}");
            file.mistake(draft.line, what);
        }
        if candidates.is_empty() {
            let what = format!("nothing fills field `{name}`: a notice can never speak of it");
            file.mistake(draft.field.line, what);
        }
        Some(Condition { field, test: draft.test })
    };
    let notice = |draft: Draft| Notice {
        code: draft.code.text,
        text: draft.text,
        when: draft.when.into_iter().filter_map(condition).collect(),
    };
    drafts.into_iter().map(notice).collect()
}
