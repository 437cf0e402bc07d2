//! Rules that turn values which are shown into words for the citizen.

use std::time::Duration;

use super::Labels;
use super::reader::{File, Line, Placed, Table, nearest};
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
    fn is_empty(&self) -> bool {
        match self {
            Self::Is(texts) | Self::IsNot(texts) | Self::Has(texts) | Self::Lacks(texts) => {
                texts.is_empty()
            }
            _ => false,
        }
    }

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

/// The keys of the tests.
const TESTS: [&str; 11] = [
    "younger-than",
    "at-least",
    "past",
    "within",
    "is",
    "is-not",
    "has",
    "lacks",
    "below",
    "above",
    "flag",
];

/// A notice as written.
pub(super) struct Draft {
    code: Placed,
    text: Labels,
    when: Vec<ConditionDraft>,
}

/// What of it cannot be read is `None`: that was said.
struct ConditionDraft {
    field: Option<Placed>,
    test: Option<Test>,
    line: Line,
}

/// A procedure's field as its notices see it.
pub(super) struct Seen<'d> {
    pub(super) name: &'d str,
    /// `None` where that cannot be told.
    pub(super) kind: Option<Kind>,
    pub(super) by_hand: bool,
}

/// Reads a procedure's notices.
pub(super) fn read(procedure: &Table<'_>) -> Vec<Draft> {
    let mut notices: Vec<Draft> = Vec::new();
    for table in procedure.tables("notice") {
        let code = table.name("code");
        let text = table.labels("text");
        let when = table.list_of_tables("when");
        if when.as_ref().is_some_and(Vec::is_empty) {
            let what =
                "`when` is missing; write when = [{ field = \"dateOfBirth\", younger-than = 18 }]";
            table.mistake(table.line_of("when"), what);
        }
        let when = when.into_iter().flatten().map(read_condition).collect();
        table.finish();
        let again = notices.iter().any(|known| known.code.text == code.text);
        if code.is_said() && again {
            procedure.mistake(code.line, format!("there is a notice `{}` already", code.text));
            continue;
        }
        notices.push(Draft { code, text, when });
    }
    notices
}

fn read_condition(table: Table<'_>) -> ConditionDraft {
    const YEARS: std::ops::RangeInclusive<u32> = 1..=150;
    let field = table.required("field", "\"a-field\"");
    let years = |key| table.integer(key, YEARS).map(|years| years as u8);
    let number = |key| table.integer(key, 0..=u32::MAX).map(i64::from);
    let texts = |key| {
        let texts: Vec<_> = table.list_of_texts(key)?.into_iter().map(|text| text.text).collect();
        // An empty list tests nothing.
        table.has(key).then_some(texts)
    };
    let tests: [Option<Test>; TESTS.len()] = [
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
    ];
    let line = table.line();
    if table.optional_flag("past") == Some(false) {
        table.mistake(table.line_of("past"), "`past` must be true, or left out");
    }
    let written = TESTS.iter().filter(|key| table.has(key)).count();
    let test = tests.into_iter().flatten().next().filter(|_| written == 1);
    let empty = test.as_ref().is_some_and(Test::is_empty);
    if written != 1 || empty {
        let (most, last) = (&TESTS[..TESTS.len() - 1], TESTS[TESTS.len() - 1]);
        table.mistake(line, format!("a condition has one test: {} or {last}", most.join(", ")));
    }
    table.finish();
    ConditionDraft { field, test, line }
}

/// Resolves what notices say of fields.
pub(super) fn compile(file: &File<'_>, drafts: Vec<Draft>, fields: &[Seen<'_>]) -> Vec<Notice> {
    let condition = |draft: ConditionDraft| condition(file, draft, fields);
    let notice = |draft: Draft| Notice {
        code: draft.code.text,
        text: draft.text,
        when: draft.when.into_iter().filter_map(condition).collect(),
    };
    drafts.into_iter().map(notice).collect()
}

fn condition(file: &File<'_>, draft: ConditionDraft, fields: &[Seen<'_>]) -> Option<Condition> {
    let named = draft.field?;
    let Some(index) = fields.iter().position(|field| field.name == &*named.text) else {
        // It may be one whose name cannot be read.
        if fields.iter().all(|field| !field.name.is_empty()) {
            let near = nearest(&named.text, fields.iter().map(|field| field.name));
            let what = format!("there is no field `{}` in this procedure{near}", named.text);
            file.mistake(named.line, what);
        }
        return None;
    };
    let Seen { name, kind, by_hand } = &fields[index];
    if let (Some(kind), Some(test)) = (kind, &draft.test)
        && *kind != test.kind()
    {
        let (is, wanted) = (kind.as_str(), test.kind().as_str());
        let what = format!("field `{name}` is of type {is}, but this test is for type {wanted}");
        file.mistake(draft.line, what);
    }
    if *by_hand {
        let what = format!("nothing fills field `{name}`: a notice can never speak of it");
        file.mistake(named.line, what);
    }
    Some(Condition { field: index, test: draft.test? })
}
