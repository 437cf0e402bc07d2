//! What leaves: the shape of a bundle, ages, and the record of it.

use serde_json::{Value, json};
use uuid::Uuid;

use super::random::{Asked, NOW};
use crate::catalogue::tests::world::{Field, Pattern, Register, Role, World};
use crate::consent::{Bundle, decide};
use crate::model::{Answer, AnswerBuilder, AttributeMask, Call, Channel, Resolution, Unavailable};

/// One applicant and three registers, `z` keyed by `x.a0`; everything is
/// allowed until a test says otherwise.
pub(super) struct Scene {
    pub(super) asked: Asked,
}

impl Scene {
    /// With a field for each list of sources.
    pub(super) fn new(fields: &[&[&str]]) -> Self {
        let register = |name: &str, key: Option<(usize, String)>| Register {
            name: name.to_owned(),
            texts: 3,
            key,
            ask_all: false,
        };
        let key = Some((0, "a0".to_owned()));
        let registers = vec![register("x", None), register("y", None), register("z", key)];
        let field = |from: &&[&str]| Field {
            role: 0,
            from: from.iter().map(|text| source(&registers, text)).collect(),
            max_age: None,
            back_office: true,
        };
        let all = |register| Pattern { register, attribute: None };
        let world = World {
            fields: fields.iter().map(field).collect(),
            registers,
            roles: vec![Role { listed_in: None, minor: false }],
            authority: vec![(0..3).map(all).collect()],
            by_law: true,
            own_view: false,
        };
        let channel = Channel::FrontOffice;
        let (minors, refused) = (vec![false], vec![Vec::new()]);
        Self {
            asked: Asked {
                world,
                organisation: 0,
                channel,
                fields: None,
                minors,
                refused,
                withdrawn: Vec::new(),
                reuse: Vec::new(),
            },
        }
    }

    pub(super) fn refuse(&mut self, register: &str) {
        let index = self.asked.world.registers.iter().position(|known| known.name == register);
        self.asked.refused[0].push(index.unwrap());
    }

    pub(super) fn authorise(&mut self, attributes: &[&str]) {
        let pattern = |text: &&str| {
            let (register, attribute) = source(&self.asked.world.registers, text);
            Pattern { register, attribute: Some(attribute) }
        };
        self.asked.world.authority[0] = attributes.iter().map(pattern).collect();
    }

    /// The bundle where the calls of these registers ended so, and no other did.
    pub(super) fn bundle(&self, calls: &[(&str, Call)]) -> Value {
        serde_json::from_slice(&self.release(calls).body).unwrap()
    }

    pub(super) fn release(&self, calls: &[(&str, Call)]) -> Bundle {
        let catalogue = self.asked.world.compile();
        let procedure = &catalogue.procedures()[0];
        let request = self.asked.request(&catalogue);
        let grant = decide(&catalogue, &request, self.asked.parties(&catalogue), NOW).unwrap();
        let mut resolution = Resolution::empty(procedure.calls.len());
        for (name, call) in calls {
            let register = catalogue.find_register(name).unwrap();
            let index = procedure.calls.iter().position(|call| call.register == register);
            resolution.set(index.unwrap(), call.clone());
        }
        grant.release(&catalogue, &resolution, Uuid::nil(), NOW)
    }
}

fn source(registers: &[Register], text: &str) -> (usize, String) {
    let (register, attribute) = text.split_once('.').unwrap();
    let index = registers.iter().position(|known| known.name == register).unwrap();
    (index, attribute.to_owned())
}

/// An answer of four attributes, just given.
#[derive(Clone)]
pub(super) struct Answers {
    values: Vec<(usize, String)>,
    disputed: Option<usize>,
    unavailable: Option<usize>,
    invalid: Option<usize>,
    updated: Option<&'static str>,
    asked: AttributeMask,
    age_ms: i64,
}

/// With these values, as JSON, by ascending attribute.
pub(super) fn answer(values: &[(usize, &str)]) -> Answers {
    Answers {
        values: values.iter().map(|(index, json)| (*index, (*json).to_owned())).collect(),
        disputed: None,
        unavailable: None,
        invalid: None,
        updated: None,
        asked: AttributeMask::first(4),
        age_ms: 0,
    }
}

impl Answers {
    pub(super) fn disputed(self, attribute: usize) -> Self {
        Self { disputed: Some(attribute), ..self }
    }

    pub(super) fn unavailable(self, attribute: usize) -> Self {
        Self { unavailable: Some(attribute), ..self }
    }

    pub(super) fn invalid(self, attribute: usize) -> Self {
        Self { invalid: Some(attribute), ..self }
    }

    pub(super) fn updated(self, date: &'static str) -> Self {
        Self { updated: Some(date), ..self }
    }

    pub(super) fn asked(self, asked: AttributeMask) -> Self {
        Self { asked, ..self }
    }

    fn aged(self, age_ms: i64) -> Self {
        Self { age_ms, ..self }
    }

    pub(super) fn call(self) -> Call {
        Call::Answered(self.build())
    }

    pub(super) fn stale(self, reason: Unavailable) -> Call {
        Call::Stale { answer: self.build(), reason }
    }

    fn build(self) -> Answer {
        let mut builder = AnswerBuilder::default();
        for (index, json) in &self.values {
            builder.value(*index, None, |out| out.extend_from_slice(json.as_bytes()));
        }
        self.disputed.into_iter().for_each(|index| builder.under_review(index));
        self.unavailable.into_iter().for_each(|index| builder.unavailable(index));
        self.invalid.into_iter().for_each(|index| builder.invalid(index));
        builder.found(self.asked, NOW - self.age_ms, self.updated)
    }
}

#[test]
fn a_bundle_names_its_disclosure_its_procedure_and_every_field() {
    let scene = Scene::new(&[&["x.a1"], &["y.a0"]]);
    let bundle = scene.bundle(&[("x", answer(&[(1, "\"v\"")]).call())]);
    let expected = json!({
        "disclosure": "00000000-0000-0000-0000-000000000000",
        "procedure": {"id": "form", "version": 1},
        "complete": false,
        "fields": {
            "f0": {"status": "filled", "value": "v", "source": "x", "ageSeconds": 60},
            "f1": {"status": "unavailable", "source": "y", "reason": "timeout"},
        },
        "sources": {"x": {"outcome": "answered"}},
        "notices": [],
    });
    assert_eq!(bundle, expected);
}

#[test]
fn a_bundle_has_the_fields_that_were_asked_for_and_no_other() {
    let mut scene = Scene::new(&[&["x.a1"], &["y.a0"], &["x.a2"]]);
    let x = answer(&[(1, "\"one\""), (2, "\"two\"")]).call();
    scene.asked.fields = Some(vec![2, 0]);
    let bundle = scene.bundle(&[("x", x.clone())]);
    let names: Vec<_> = bundle["fields"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["f0", "f2"]);
    scene.asked.fields = Some(Vec::new());
    assert_eq!(scene.bundle(&[("x", x)])["fields"], json!({}));
}

#[test]
fn the_record_of_a_bundle_has_the_fields_that_left_and_the_registers_asked() {
    let scene = Scene::new(&[&["x.a1"], &["y.a0"], &["z.a0"], &["y.a0", "x.a1"]]);
    let old = answer(&[(1, "\"v\"")]).stale(Unavailable::Timeout);
    let calls = [("x", old), ("y", answer(&[]).call()), ("z", Call::NoKey)];
    let released = scene.release(&calls).released;
    let catalogue = scene.asked.world.compile();
    let id = |name| catalogue.find_register(name).unwrap();
    assert_eq!(released.fields, [(0, id("x")), (3, id("x"))]);
    let called: Vec<_> = released.called[0].iter().collect();
    assert_eq!(called, [id("x").index(), id("y").index()]);
    assert!(!released.complete);
}

#[test]
fn the_record_names_a_register_that_was_asked_before_it_was_refused() {
    let mut scene = Scene::new(&[&["x.a1"], &["y.a0"]]);
    scene.refuse("x");
    let calls = [("x", answer(&[(1, "1")]).call()), ("y", answer(&[]).call())];
    assert_eq!(scene.bundle(&calls)["sources"], json!({"y": {"outcome": "answered"}}));
    let catalogue = scene.asked.world.compile();
    let index = |name| catalogue.find_register(name).unwrap().index();
    let called: Vec<_> = scene.release(&calls).released.called[0].iter().collect();
    assert_eq!(called, [index("x"), index("y")]);
}

/// The age that is told of an answer that old, in milliseconds.
fn age_told(channel: Channel, age_ms: i64) -> Value {
    let mut scene = Scene::new(&[&["x.a1"]]);
    scene.asked.channel = channel;
    scene.asked.world.own_view = channel == Channel::Own;
    let bundle = scene.bundle(&[("x", answer(&[(1, "1")]).aged(age_ms).call())]);
    bundle["fields"]["f0"]["ageSeconds"].clone()
}

#[test]
fn an_age_is_rounded_up_to_the_grain_so_that_just_now_looks_like_a_moment_ago() {
    // The registers of the scene have the default grain, a minute.
    for channel in [Channel::FrontOffice, Channel::BackOffice] {
        let rows = [
            (-5_000, 60),
            (0, 60),
            (1, 60),
            (999, 60),
            (59_999, 60),
            (60_000, 120),
            (60_001, 120),
            (119_999, 120),
            (120_000, 180),
            (3_599_999, 3_600),
        ];
        for (age_ms, told) in rows {
            assert_eq!(age_told(channel, age_ms), told, "{age_ms} ms");
        }
    }
}

#[test]
fn citizens_are_told_the_exact_age_of_their_own_data() {
    for (age_ms, told) in [(-1, 0), (0, 0), (999, 0), (1_000, 1), (59_999, 59), (61_500, 61)] {
        assert_eq!(age_told(Channel::Own, age_ms), told, "{age_ms} ms");
    }
}

#[test]
fn a_back_office_cannot_tell_a_no_from_no_consent_and_no_authority() {
    let scene = || {
        let mut scene = Scene::new(&[&["x.a1"], &["y.a0"], &["z.a0", "y.a1"]]);
        scene.asked.channel = Channel::BackOffice;
        scene
    };
    let body = |scene: &Scene| {
        let x = answer(&[(0, "\"key\""), (1, "\"v\"")]).call();
        let y = answer(&[(0, "\"secret\""), (1, "\"secret\"")]);
        let z = answer(&[(0, "\"secret\"")]).call();
        scene.release(&[("x", x), ("y", y.call()), ("z", z)]).body
    };
    let mut no = scene();
    no.refuse("y");
    no.refuse("z");
    let mut no_authority = scene();
    no_authority.authorise(&["x.a1"]);
    let mut no_consent = scene();
    no_consent.asked.world.fields[1].back_office = false;
    no_consent.asked.world.fields[2].back_office = false;
    let bodies = [body(&no), body(&no_authority), body(&no_consent)].map(String::from_utf8);
    let [no, no_authority, no_consent] = bodies.map(Result::unwrap);
    assert_eq!(no, no_authority);
    assert_eq!(no, no_consent);
    assert!(no.contains("notAvailableToYou") && no.contains("\"v\"") && !no.contains("secret"));
}

#[test]
fn a_case_without_a_reuse_consent_gives_the_bytes_of_a_no_to_everything() {
    let mut refused = Scene::new(&[&["x.a1"], &["y.a0"]]);
    refused.asked.channel = Channel::BackOffice;
    let mut without = Scene::new(&[&["x.a1"], &["y.a0"]]);
    without.asked.channel = Channel::BackOffice;
    without.asked.world.by_law = false;
    refused.refuse("x");
    refused.refuse("y");
    let call = || answer(&[(0, "\"secret\""), (1, "\"secret\"")]).call();
    let body = |scene: &Scene| scene.release(&[("x", call()), ("y", call())]).body;
    assert_eq!(body(&refused), body(&without));
    assert!(!String::from_utf8(body(&without)).unwrap().contains("secret"));
}
