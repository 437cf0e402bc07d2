//! What released values have to say, and what withheld ones do not.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::random::NOW;
use crate::catalogue::{Catalogue, Notice, Source, Test};
use crate::consent::notices::notices;
use crate::consent::{Consent, Parties, Request, decide};
use crate::identity::Presence;
use crate::model::{
    AnswerBuilder, Call, Channel, Language, OrganisationId, ProcedureId, Resolution, Unavailable,
};

const ADULT: &str = "1893120105732";
const LABEL: &str = "{ fr = \"fr\", de = \"de\", en = \"en\", lb = \"lb\" }";

fn day(year: i16, month: i8, day: i8) -> jiff::civil::Date {
    jiff::civil::date(year, month, day)
}

/// Whether a value, as JSON, passes a test on 15 June 2025.
#[track_caller]
fn check(test: Test, value: &str, expected: bool) {
    let condition = crate::catalogue::Condition { field: 0, test };
    let rule = Notice { code: "c".into(), text: Default::default(), when: vec![condition] };
    let rules = [rule];
    let shown = |_| Some(value.as_bytes());
    let holds = notices(&rules, day(2025, 6, 15), shown).count() == 1;
    assert_eq!(holds, expected, "{:?} of {value}", rules[0].when);
}

#[test]
fn days_are_compared_with_today() {
    check(Test::YoungerThan(18), "\"2007-06-16\"", true);
    check(Test::YoungerThan(18), "\"2007-06-15\"", false);
    check(Test::AtLeast(18), "\"2007-06-15\"", true);
    check(Test::AtLeast(18), "\"2007-06-16\"", false);
    check(Test::Past, "\"2025-06-14\"", true);
    check(Test::Past, "\"2025-06-15\"", false);
    let month = || Test::Within(std::time::Duration::from_secs(30 * 86_400));
    check(month(), "\"2025-06-14\"", false);
    check(month(), "\"2025-06-15\"", true);
    check(month(), "\"2025-07-15\"", true);
    check(month(), "\"2025-07-16\"", false);
}

#[test]
fn texts_lists_numbers_and_flags_are_compared_with_what_the_rule_names() {
    let lu = || vec!["LU".into(), "É\"".into()];
    check(Test::Is(lu()), "\"LU\"", true);
    check(Test::Is(lu()), "\"É\\\"\"", true);
    check(Test::Is(lu()), "\"L\"", false);
    check(Test::IsNot(lu()), "\"FR\"", true);
    check(Test::IsNot(lu()), "\"\\u004cU\"", false);
    check(Test::Has(lu()), "[\"FR\",\"LU\"]", true);
    check(Test::Has(lu()), "[\"FR\"]", false);
    check(Test::Lacks(lu()), "[\"FR\"]", true);
    check(Test::Lacks(lu()), "[\"LU\",\"FR\"]", false);
    check(Test::Below(20), "19", true);
    check(Test::Below(20), "20", false);
    check(Test::Above(20), "21", true);
    check(Test::Above(20), "20", false);
    check(Test::Flag(true), "true", true);
    check(Test::Flag(true), "false", false);
    check(Test::Flag(false), "false", true);
}

#[test]
fn a_value_of_another_type_passes_no_test() {
    for value in ["null", "7", "\"text\"", "true", "[1]", "{}"] {
        check(Test::YoungerThan(150), value, false);
        check(Test::Past, value, false);
        check(Test::Has(vec!["x".into()]), value, false);
        check(Test::Lacks(vec!["x".into()]), value, false);
    }
    check(Test::IsNot(vec!["x".into()]), "7", false);
    check(Test::Below(100), "\"7\"", false);
    check(Test::Flag(false), "0", false);
}

/// A form with a birth date and a country, and a notice on each and on both.
fn catalogue() -> Catalogue {
    let register = format!(
        "id = \"people\"\nlabel = {LABEL}\nkey = \"subject\"\npreference = true\n\
         [request]\npath = \"/{{key}}\"\n[answer]\nabout = \"/id\"\n\
         [[attribute]]\nid = \"born\"\ntype = \"date\"\nat = \"/born\"\nlabel = {LABEL}\n\
         [[attribute]]\nid = \"country\"\ntype = \"text\"\nat = \"/country\"\nlabel = {LABEL}\n"
    );
    let notice = |code: &str, when: &str| {
        format!("[[notice]]\ncode = \"{code}\"\ntext = {LABEL}\nwhen = [{when}]\n")
    };
    let (young, foreign) =
        ("{ field = \"born\", younger-than = 18 }", "{ field = \"country\", is-not = [\"LU\"] }");
    let form = format!(
        "id = \"form\"\nversion = 1\nowner = \"body\"\nlabel = {LABEL}\npurpose = \"p\"\n\
         legal-basis = \"l\"\nback-office-consent = \"not-required\"\n\
         [[role]]\nid = \"applicant\"\n[[step]]\nid = \"s\"\nlabel = {LABEL}\n\
         [[step.field]]\nid = \"born\"\nfrom = [\"people.born\"]\n\
         [[step.field]]\nid = \"country\"\nfrom = [\"people.country\"]\nback-office = true\n{}{}{}",
        notice("minor", young),
        notice("foreign", foreign),
        notice("both", &format!("{young}, {foreign}")),
    );
    let body = format!(
        "[[organisation]]\nid = \"body\"\nlabel = {LABEL}\n[[organisation.authority]]\n\
         procedures = [\"form\"]\nattributes = [\"people.*\"]\n"
    );
    let files = [
        ("registers/people.toml", register),
        ("procedures/form.toml", form),
        ("organisations.toml", body),
    ];
    let source = |(path, text): (&str, String)| Source { path: path.to_owned(), text };
    Catalogue::compile(&files.map(source)).unwrap()
}

/// What becomes of one request for the form of a child from abroad.
#[derive(Clone, Debug)]
struct Case {
    fields: Option<Vec<usize>>,
    refused: bool,
    channel: Channel,
    language: Language,
    /// Whether the register failed, and whether an older answer stands in.
    failed: bool,
    stale: bool,
}

impl Case {
    const SHOWN: Self = Self {
        fields: None,
        refused: false,
        channel: Channel::FrontOffice,
        language: Language::En,
        failed: false,
        stale: false,
    };

    fn bundle(&self) -> Value {
        let catalogue = catalogue();
        let subject = ADULT.parse().unwrap();
        let request = Request {
            procedure: ProcedureId(0),
            organisation: OrganisationId(0),
            channel: self.channel,
            subjects: [Some(subject), None, None, None],
            fields: self.fields.as_ref().map(|fields| fields.iter().copied().collect()),
            presence: Some(Presence {
                subject,
                token: "t".into(),
                organisation: None,
                procedure: None,
                valid_until: i64::MAX,
            }),
            case: Some("c".into()),
            language: self.language,
        };
        let mut parties = Parties::default();
        let consent = Consent::default();
        let refusing = consent.with_preference("people", false, 0).unwrap();
        parties.consents[0] = Some(if self.refused { refusing } else { consent }.into());
        let grant = decide(&catalogue, &request, parties, NOW).unwrap();
        let mut builder = AnswerBuilder::default();
        builder.value(0, None, |out| out.extend_from_slice(b"\"2015-01-01\""));
        builder.value(1, None, |out| out.extend_from_slice(b"\"FR\""));
        let answer = builder.found(catalogue.registers()[0].all(), NOW, None);
        let mut resolution = Resolution::empty(1);
        let reason = Unavailable::Error;
        resolution.set(
            0,
            match (self.failed, self.stale) {
                (true, true) => Call::Stale { answer, reason },
                (true, false) => Call::failed(reason),
                (false, _) => Call::Answered(answer),
            },
        );
        let bundle = grant.release(&catalogue, &resolution, Uuid::nil(), NOW);
        serde_json::from_slice(&bundle.body).unwrap()
    }
}

fn codes(bundle: &Value) -> BTreeSet<&str> {
    let notices = bundle["notices"].as_array().unwrap();
    notices.iter().map(|notice| notice["code"].as_str().unwrap()).collect()
}

#[test]
fn released_values_have_their_notices_in_the_language_asked_for() {
    let bundle = Case::SHOWN.bundle();
    assert_eq!(bundle["notices"][0], json!({"code": "minor", "text": "en"}));
    assert_eq!(codes(&bundle), BTreeSet::from(["minor", "foreign", "both"]));
    for language in Language::ALL {
        let bundle = Case { language, ..Case::SHOWN }.bundle();
        assert_eq!(bundle["notices"][1]["text"], language.as_str());
    }
}

#[test]
fn a_withheld_birth_date_yields_no_notice() {
    let refused = Case { refused: true, ..Case::SHOWN }.bundle();
    assert_eq!(refused["fields"]["born"]["status"], "withheld");
    assert_eq!(refused["notices"], json!([]));
    // Of the two fields the back office may have one.
    let back_office = Case { channel: Channel::BackOffice, ..Case::SHOWN }.bundle();
    assert_eq!(codes(&back_office), BTreeSet::from(["foreign"]));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A notice is there exactly where the bundle shows each value it is about,
    /// so that it tells nothing beyond the bundle.
    #[test]
    fn notices_follow_from_the_values_shown_and_from_nothing_else(
        fields in prop::option::of(prop::collection::vec(0..2_usize, 0..3)),
        refused in any::<bool>(),
        back_office in any::<bool>(),
        failed in any::<bool>(),
        stale in any::<bool>(),
    ) {
        let channel = if back_office { Channel::BackOffice } else { Channel::FrontOffice };
        let case = Case { fields, refused, channel, failed, stale, ..Case::SHOWN };
        let bundle = case.bundle();
        let shown = |field: &str| !bundle["fields"][field]["value"].is_null();
        let mut expected = BTreeSet::new();
        expected.extend(shown("born").then_some("minor"));
        expected.extend(shown("country").then_some("foreign"));
        expected.extend((shown("born") && shown("country")).then_some("both"));
        prop_assert_eq!(codes(&bundle), expected);
    }
}
