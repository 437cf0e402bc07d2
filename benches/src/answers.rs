//! The simulated registers' answers, asked as their descriptions say.

use std::sync::Arc;

use bytes::Bytes;
use engine::catalogue::{CallKey, Catalogue, Register};
use engine::consent::{Plan, Request};
use engine::model::{Answer, AttributeMask, Call, Resolution};
use engine::registers::decode;
use fixtures::{Authority, Profile};
use hyper::Request as Http;

use crate::{NOW, country};

/// A call about `keys`, as the register of this name takes it.
///
/// Written out here because filling templates is part of the engine's client,
/// which needs a network.
#[must_use]
pub fn call(register: &Register, keys: &[&str], asked: AttributeMask) -> Http<Bytes> {
    let fields: Vec<&str> = asked.iter().map(|index| &*register.attributes[index].ask_as).collect();
    let key = keys.first().copied().unwrap_or_default();
    let get = |path: String| Http::get(path).header("x-road-client", "LU/GOV/1000/prefill");
    let built = match Authority::named(&register.name) {
        Some(Authority::Rnpp) => {
            get(format!("/persons/{key}?fields={}", fields.join(","))).body(Bytes::new())
        }
        Some(Authority::Caclr) => {
            get(format!("/r1/LU/GOV/1003/caclr/addresses/{key}")).body(Bytes::new())
        }
        Some(Authority::Ccss) => {
            let path = format!("/com/v4/person/{key}?attributes={}", fields.join(","));
            get(path).body(Bytes::new())
        }
        Some(Authority::Snca) => {
            let body = format!(r#"{{"fields":{fields:?},"holders":{keys:?}}}"#);
            Http::post("/vehicles/query").body(body.into())
        }
        None => panic!("the demonstration has no register {}", register.name),
    };
    built.expect("a request of known parts")
}

/// The simulated register of this name, without latency.
#[must_use]
pub fn simulated(register: &Register) -> fixtures::Register {
    let authority = Authority::named(&register.name).expect("a register of the demonstration");
    fixtures::Register::new(authority, country(), Profile::Instant)
}

/// The body with which a register answers about `keys`.
#[must_use]
pub fn body(register: &Register, keys: &[&str], asked: AttributeMask) -> Vec<u8> {
    let answer = simulated(register).answer(&call(register, keys, asked));
    assert!(answer.status().is_success(), "{} {}", register.name, answer.status());
    answer.into_body().to_vec()
}

/// The decoded answer about one key.
#[must_use]
pub fn answer(register: &Register, key: &str, asked: AttributeMask) -> Arc<Answer> {
    let mut body = body(register, &[key], asked);
    let answers = decode(register, &[key], asked, NOW, &mut body).expect("a right answer");
    let answer = answers.into_iter().next().expect("an answer for the key");
    Arc::new(answer.expect("an answer about the key"))
}

pub(crate) fn all(catalogue: &Catalogue, request: &Request, plan: &Plan) -> Resolution {
    let procedure = catalogue.procedure(request.procedure);
    let mut resolution = Resolution::empty(procedure.calls.len());
    for index in plan.calls().iter() {
        let planned = &procedure.calls[index];
        let key = match planned.key {
            CallKey::Subject => {
                request.subjects[planned.role].expect("a subject in each role").to_string()
            }
            CallKey::Answer { call, attribute } => text(&resolution, call, attribute),
        };
        let register = catalogue.register(planned.register);
        let answer = answer(register, &key, plan.attributes(index));
        resolution.set(index, Call::Answered(answer));
    }
    resolution
}

/// A key is plain text, without escapes.
fn text(resolution: &Resolution, call: usize, attribute: usize) -> String {
    let Call::Answered(answer) = resolution.call(call) else { panic!("its giver comes first") };
    let json = answer.value(attribute).expect("the giver has the key");
    String::from_utf8_lossy(json).trim_matches('"').to_owned()
}
