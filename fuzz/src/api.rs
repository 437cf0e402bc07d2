//! What clients send: bodies, query strings, headers.

use engine::http::doors;
use engine::model::SUBJECTS_MAX;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;

/// What may be told of a body that was refused, in bytes.
const TOLD_MAX: usize = 2_048;

/// A body of `POST /v1/prefill`: what is taken is JSON to another reader too,
/// and says the same to it.
pub(crate) fn request(data: &[u8]) {
    let asked = match doors::asked(data) {
        Ok(asked) => asked,
        Err(rejection) => {
            assert!(rejection.to_string().len() <= TOLD_MAX, "a refusal as long as what it is of");
            return;
        }
    };
    let json: Value = serde_json::from_slice(data).expect("what is taken is JSON");
    assert_eq!(json["procedure"].as_str(), Some(&*asked.procedure));
    let subjects = json["subjects"].as_object().expect("an object of roles");
    assert!(subjects.len() <= SUBJECTS_MAX, "more subjects than any procedure has");
    let mut said: Vec<_> = subjects.iter().map(|(role, id)| (&**role, id.as_str())).collect();
    let mut heard: Vec<_> =
        asked.subjects.iter().map(|(role, id)| (&**role, Some(&**id))).collect();
    said.sort_unstable();
    heard.sort_unstable();
    assert_eq!(said, heard, "every role once, and no other");
    let channel = json["channel"].as_str().unwrap_or("front-office");
    assert_eq!(channel, asked.channel.as_str());
    assert_eq!(json["case"].as_str(), asked.case.as_deref());
    assert_eq!(json["presence"].as_str(), asked.presence.as_deref());
    assert_eq!(json["organisation"].as_str(), asked.organisation.as_deref());
}

/// A query string, and the numbers and times in it.
pub(crate) fn query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let known = ["limit", "before", "from", "to"];
    let Ok(read) = doors::query(&text, &known) else { return };
    for (index, (name, _)) in read.iter().enumerate() {
        assert!(known.contains(&&**name), "a member that is not known");
        assert!(read[..index].iter().all(|(before, _)| before != name), "a member twice");
    }
    let of = |name: &str| read.iter().find(|(known, _)| known == name).map(|(_, value)| &**value);
    if let Some(from) = of("from")
        && let (Ok(starts), Ok(ends)) = (doors::moment(from, 0), doors::moment(from, 1))
    {
        assert!(starts <= ends, "a day that ends before it starts");
    }
    if let Ok(Some(limit)) = doors::number(&text, &known, "limit", 1..=500) {
        assert!((1..=500).contains(&limit), "beyond its bounds");
    }
}

/// The `Authorization` headers of a request, one a line.
pub(crate) fn bearer(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(4) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(AUTHORIZATION, value);
        }
    }
    let Some(token) = doors::bearer(&headers) else { return };
    assert_eq!(headers.get_all(AUTHORIZATION).iter().count(), 1, "which of two would it be?");
    assert!(!token.is_empty() && token.trim() == token, "a token without an edge");
    let value = headers[AUTHORIZATION].to_str().expect("a token is of text");
    assert!(value.to_ascii_lowercase().starts_with("bearer "), "of another scheme");
}
