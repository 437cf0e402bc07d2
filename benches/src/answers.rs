//! The simulated registers' answers, asked as their descriptions say.

use bytes::Bytes;
use engine::catalogue::{CallKey, Catalogue, Method, Part, Register, Template};
use engine::consent::{Plan, Request};
use engine::model::{Answer, AnswerBuilder, AttributeMask, Call, Resolution};
use engine::registers::decode;
use fixtures::{Authority, Profile};
use hyper::Request as Http;

use crate::{NOW, country};

/// A call about `keys`, as the register's description says; keys and names
/// here need no escaping.
#[must_use]
pub fn call(register: &Register, keys: &[&str], asked: AttributeMask) -> Http<Bytes> {
    let dialect = register.http();
    let fields = asked.iter().map(|index| &*register.attributes[index].ask_as);
    let mut fields: Vec<&str> = fields.chain(dialect.always.iter().map(|it| &**it)).collect();
    fields.sort_unstable();
    fields.dedup();
    let list = |words: &[&str], body: bool| match body {
        true => format!("{words:?}"),
        false => words.join(","),
    };
    let fill = |template: &Template, body: bool| -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.to_string(),
            Part::Key => keys.first().copied().unwrap_or_default().to_owned(),
            Part::Keys => list(keys, body),
            Part::Fields => list(&fields, body),
            Part::Disclosure => "01a20957-21ea-7e08-b9e6-2375ab191532".to_owned(),
            Part::Organisation => crate::ORGANISATION.to_owned(),
            Part::Procedure => crate::FORM.to_owned(),
        };
        template.0.iter().map(part).collect()
    };
    let mut request =
        Http::builder().uri(fill(&dialect.path, false)).method(match dialect.method {
            Method::Get => "GET",
            Method::Post => "POST",
        });
    for header in &dialect.headers {
        request = request.header(&*header.name, fill(&header.value, false));
    }
    let body = dialect.body.as_ref().map(|body| fill(body, true)).unwrap_or_default();
    request.body(body.into()).expect("a request of known parts")
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
pub fn answer(register: &Register, key: &str, asked: AttributeMask) -> Answer {
    let mut body = body(register, &[key], asked);
    let answers = decode(register, &[key], asked, NOW, &mut body).expect("a right answer");
    let answer = answers.into_iter().next().expect("an answer for the key");
    answer.expect("an answer about the key")
}

pub(crate) fn all(catalogue: &Catalogue, request: &Request, plan: &Plan) -> Resolution {
    let procedure = catalogue.procedure(request.procedure);
    let mut resolution = Resolution::empty(procedure.calls.len());
    for index in plan.calls().iter() {
        let planned = &procedure.calls[index];
        if planned.register == catalogue.own_data().id {
            resolution.set(index, Call::Answered(nothing_added(plan.attributes(index))));
            continue;
        }
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

/// The own data of somebody who added none.
fn nothing_added(asked: AttributeMask) -> Answer {
    AnswerBuilder::default().found(asked, NOW, None)
}

/// A key is plain text, without escapes.
fn text(resolution: &Resolution, call: usize, attribute: usize) -> String {
    let Call::Answered(answer) = resolution.call(call) else { panic!("its giver comes first") };
    let json = answer.value(attribute).expect("the giver has the key");
    String::from_utf8_lossy(json).trim_matches('"').to_owned()
}
