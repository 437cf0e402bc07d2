//! How keys are written.

use hyper::HeaderMap;

use super::{IDEMPOTENCY_KEY, key};

fn read(values: &[&str]) -> Result<Option<String>, &'static str> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(IDEMPOTENCY_KEY, value.parse().expect("a header's value"));
    }
    key(&headers).map_err(|rejection| rejection.kind())
}

#[test]
fn a_key_is_a_quoted_string_or_the_same_without_quotes() {
    let good = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(read(&[]), Ok(None));
    assert_eq!(read(&["\"8e03978e-40d5\""]), good("8e03978e-40d5"));
    assert_eq!(read(&["8e03978e-40d5"]), good("8e03978e-40d5"));
    assert_eq!(read(&[" a:b=c "]), good("a:b=c"));
    // Its length is the request's to judge.
    assert_eq!(read(&["\"\""]), good(""));
    for bad in ["\"open", "open\"", "\"", "\"a\\\"b\"", "\"a\";p=1", "a b", "\u{e9}"] {
        assert_eq!(read(&[bad]), Err("invalid-value"), "{bad}");
    }
    assert_eq!(read(&["a", "a"]), Err("invalid-value"));
}
