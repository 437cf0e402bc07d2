//! Signed tokens, and the key sets that they are checked under.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::identity::{Issuer, KeySet};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

/// 2026-01-01, in milliseconds.
const NOW: i64 = 1_767_225_600_000;
const ISSUER: &str = "https://id.example";
const KIND: &str = "prefill-citizen+jwt";

struct Signer {
    pair: Ed25519KeyPair,
    issuer: Issuer,
}

static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed is 32 bytes");
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    let set = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x}]});
    let issuer = Issuer {
        issuer: ISSUER.into(),
        audience: "prefill".into(),
        kind: KIND.into(),
        lifetime_max_ms: Some(3_600_000),
        keys: KeySet::from_jwks(&set.to_string()).expect("a key set"),
    };
    Signer { pair, issuer }
});

impl Signer {
    fn sign(&self, header: &[u8], claims: &[u8]) -> String {
        let message = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        let signature = self.pair.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn header() -> Value {
    json!({"alg": "EdDSA", "typ": KIND, "kid": "k"})
}

fn good() -> Value {
    json!({"iss": ISSUER, "aud": "prefill", "exp": NOW / 1_000 + 600, "sub": "1893120105732"})
}

/// A token as a client sends it: whoever has no key makes none that is taken.
pub(crate) fn token(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let taken = SIGNER.issuer.verify::<Value>(&text, NOW);
    if taken.is_ok() {
        let known = SIGNER.sign(header().to_string().as_bytes(), good().to_string().as_bytes());
        assert_eq!(text, known, "a token that nobody signed");
    }
}

/// A header and its claims, a line each, signed by the right key: what is taken says
/// what every token must say, to another reader too.
pub(crate) fn signed(data: &[u8]) {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let (header, claims) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let token = SIGNER.sign(header, claims);
    let Ok((read, ends)) = SIGNER.issuer.verify::<Value>(&token, NOW) else { return };
    let header: Value = serde_json::from_slice(header).expect("a header that is taken is JSON");
    assert_eq!((&header["alg"], header.get("crit")), (&json!("EdDSA"), None), "{header}");
    let kind = header["typ"].as_str().expect("a type");
    let kind = kind.strip_prefix("application/").unwrap_or(kind);
    assert!(kind.eq_ignore_ascii_case(KIND), "of another kind");
    assert_eq!(read["iss"], ISSUER);
    let ours = |aud: &Value| aud == "prefill";
    let meant =
        ours(&read["aud"]) || read["aud"].as_array().is_some_and(|all| all.iter().any(ours));
    assert!(meant, "for somebody else");
    assert_eq!(read["exp"].as_i64().map(|exp| exp * 1_000), Some(ends));
    assert!(ends > NOW && ends <= NOW + 3_600_000 + 5_000, "beyond its time");
}

/// A key set as an operator writes it: it is taken, or what is wrong is said in words
/// that are shorter than it may get long.
pub(crate) fn keys(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match KeySet::from_jwks(&text) {
        Ok(_) => {
            let set: Value = serde_json::from_str(&text).expect("what is taken is JSON");
            let keys = set["keys"].as_array().expect("a list");
            assert!(!keys.is_empty() && keys.iter().all(|key| key.get("d").is_none()));
        }
        Err(what) => assert!(!what.is_empty()),
    }
}

/// One that is good, and one that ended.
pub(crate) fn tokens() -> Vec<Vec<u8>> {
    let header = header().to_string();
    let mut ended = good();
    ended["exp"] = json!(1);
    let sign = |claims: &Value| SIGNER.sign(header.as_bytes(), claims.to_string().as_bytes());
    [good(), ended].iter().map(|claims| sign(claims).into_bytes()).collect()
}

/// What is signed, with more than it needs, too.
pub(crate) fn claims() -> Vec<Vec<u8>> {
    let mut more = good();
    more["aud"] = json!(["other", "prefill"]);
    more["nbf"] = json!(NOW / 1_000 - 1);
    let with = |claims: Value| format!("{}\n{claims}", header()).into_bytes();
    vec![with(good()), with(more)]
}

/// One of each kind of key, as the example has them, and one alone.
pub(crate) fn key_sets() -> Vec<Vec<u8>> {
    let example = include_bytes!("../../fixtures/jwks.json").to_vec();
    vec![example, br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#.to_vec()]
}
