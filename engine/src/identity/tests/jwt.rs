//! Signed tokens: what is taken, and the one reason for which each other is not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::{Value, json};

use crate::clock::Civil;
use crate::identity::{Directory as _, Invalid, Issued, Issuer, KeySet, Keys, Operator, Trusted};
use crate::model::CivilMs;

/// 2026-01-01, in seconds.
const NOW: i64 = 1_767_225_600;
const ADULT: &str = "1893120105732";

/// Signed once under a key that is gone: ring makes no RSA keys.
const RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lkLmV\
     4YW1wbGUiLCJhdWQiOiJwcmVmaWxsIiwiZXhwIjo0MTAyNDQ0ODAwLCJzdWIiOiIxODkzMTIwMTA1NzM\
     yIn0.NIel1Lg7wXSUqZqziEoF5xVlgJEgrthn065XEEIOtozQR-h9OkNE-O_EwNrKJB1VLaV8rM852Ry\
     ICS_IawGx2GErX6Kx8rvDDhkKqSLZz5P8hRJtn_d3nxoRRgBZ8OuEo1GATnChvVrbTZNKdPyPmLUB_eY\
     bCf77ASfJ3qhkohL5ErYyW2hN_kO4_x5jqQKCdN2vecSVysBK2Vkt5cP-7MEK6Ktqye6G9Exy680SEHl\
     baS_cNjrat-F0ub7G6h28yGYbDK8-aEE5CDOHc0IsjGhZ5TU9ny0RKRyc9jXfW1XihnKagpce2eNYSc4\
     brBkGe8xMP_ro4PLdQl809t4jTg";
const RSA_N: &str = "4YuNgM8_KxsmQmsoEAcZ1Qc-xIpf7uHrKW3RcH0DFYCgmTAwfpsusO4PQhbvxtmz3jG41VqAIAo8NX_E\
     5a-xGseR-6_3ErK8dYGVzFNIqHu__3L6rhFH6-rj14xmbEAXGHbMlHFdLWZnGWEutDgu2bq9SVtHeZtV\
     M8V93ch-92XWKyWoW4arde2yRpAHox2Rig2ij2hTwXO6XBqrIPcYumjfkwlvimRRjlrZWGltxkHavvI-\
     2LZv3QPIWjtPIHrLKCmRzqHPodsLCxtlBATctZwT7nLIu6aKXJ4bsVKXevvnDX7VtNPALcOAqhGhDUHb\
     lplwj-HglZOtUzwGGR7tZw";

/// Somebody who signs, with a key of each kind that can be made here.
pub(super) struct Signer {
    edwards: Ed25519KeyPair,
    ecdsa: EcdsaKeyPair,
    random: SystemRandom,
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    pub(super) fn new() -> Self {
        let random = SystemRandom::new();
        let edwards = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let ecdsa = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self {
            edwards: Ed25519KeyPair::from_pkcs8(edwards.as_ref()).unwrap(),
            ecdsa: EcdsaKeyPair::from_pkcs8(algorithm, ecdsa.as_ref(), &random).unwrap(),
            random,
        }
    }

    pub(super) fn jwks(&self) -> Value {
        let point = self.ecdsa.public_key().as_ref();
        json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "use": "sig", "alg": "EdDSA",
             "x": encoded(self.edwards.public_key())},
            {"kty": "EC", "crv": "P-256", "kid": "ec",
             "x": encoded(&point[1..33]), "y": encoded(&point[33..])},
            {"kty": "RSA", "kid": "rsa", "n": RSA_N, "e": "AQAB"},
        ]})
    }

    /// Signs with the key that the header names.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let signature = match header["kid"].as_str() {
            Some("ec") => {
                self.ecdsa.sign(&self.random, message.as_bytes()).unwrap().as_ref().to_vec()
            }
            _ => self.edwards.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encoded(signature))
    }

    /// The same with a header and claims that need not be JSON, under the first key.
    fn sign_bytes(&self, header: &[u8], claims: &[u8]) -> String {
        let message = format!("{}.{}", encoded(header), encoded(claims));
        let signature = self.edwards.sign(message.as_bytes());
        format!("{message}.{}", encoded(signature))
    }

    fn issuer(&self) -> Issuer {
        Issuer {
            issuer: "https://id.example".into(),
            audience: "prefill".into(),
            kind: "JWT".into(),
            lifetime_max_ms: None,
            keys: KeySet::from_jwks(&self.jwks().to_string()).unwrap(),
        }
    }
}

fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "JWT", "kid": "ed"})
}

fn claims() -> Value {
    json!({"iss": "https://id.example", "aud": "prefill", "exp": NOW + 60, "sub": ADULT})
}

/// An object with one member changed, or without it.
fn with(mut object: Value, name: &str, value: Value) -> Value {
    match value {
        Value::Null => drop(object.as_object_mut().unwrap().remove(name)),
        value => object[name] = value,
    }
    object
}

fn verify(issuer: &Issuer, token: &str) -> Result<CivilMs, Invalid> {
    issuer.verify::<Value>(token, NOW * 1_000).map(|(_, ends)| ends)
}

#[test]
fn a_token_under_each_algorithm_is_taken_until_its_end() {
    let signer = Signer::new();
    let issuer = signer.issuer();
    let elliptic = with(with(header(), "alg", "ES256".into()), "kid", "ec".into());
    for header in [header(), elliptic, with(header(), "kid", Value::Null)] {
        let token = signer.sign(&header, &claims());
        assert_eq!(verify(&issuer, &token), Ok((NOW + 60) * 1_000), "{header}");
    }
    assert_eq!(verify(&issuer, RSA_TOKEN), Ok(4_102_444_800_000));
    let several = with(claims(), "aud", json!(["other", "prefill"]));
    assert!(verify(&issuer, &signer.sign(&header(), &several)).is_ok());
    let typed = with(header(), "typ", "application/jwt".into());
    assert!(verify(&issuer, &signer.sign(&typed, &claims())).is_ok());
    let begun = with(claims(), "nbf", json!(NOW + 5));
    assert!(verify(&issuer, &signer.sign(&header(), &begun)).is_ok());
}

#[test]
fn each_claim_that_is_wrong_is_the_reason() {
    let signer = Signer::new();
    let issuer = signer.issuer();
    let check = |name: &str, value: Value, reason: Invalid| {
        let token = signer.sign(&header(), &with(claims(), name, value.clone()));
        assert_eq!(verify(&issuer, &token), Err(reason), "{name} {value}");
    };
    check("iss", "https://other.example".into(), Invalid::Issuer);
    check("iss", Value::Null, Invalid::Claims);
    check("aud", "other".into(), Invalid::Audience);
    check("aud", json!([]), Invalid::Audience);
    check("aud", json!({}), Invalid::Claims);
    check("exp", json!(NOW), Invalid::Expired);
    check("exp", Value::Null, Invalid::Claims);
    // A number as a text has been taken for no expiry at all elsewhere.
    check("exp", json!((NOW + 60).to_string()), Invalid::Claims);
    check("exp", json!(NOW as f64 + 60.5), Invalid::Claims);
    check("nbf", json!(NOW + 6), Invalid::Early);
    check("nbf", json!("soon"), Invalid::Claims);
    let bounded = Issuer { lifetime_max_ms: Some(30_000), ..signer.issuer() };
    let lasting = signer.sign(&header(), &claims());
    assert_eq!(verify(&bounded, &lasting), Err(Invalid::Lifetime));
    let short = signer.sign(&header(), &with(claims(), "exp", json!(NOW + 30)));
    assert!(verify(&bounded, &short).is_ok());
}

#[test]
fn no_header_leads_around_the_signature() {
    let signer = Signer::new();
    let issuer = signer.issuer();
    let check = |name: &str, value: Value, reason: Invalid| {
        let token = signer.sign(&with(header(), name, value.clone()), &claims());
        assert_eq!(verify(&issuer, &token), Err(reason), "{name} {value}");
    };
    check("alg", "none".into(), Invalid::Key);
    check("alg", "HS256".into(), Invalid::Key);
    check("alg", "ES256".into(), Invalid::Key);
    check("kid", "nobody".into(), Invalid::Key);
    check("kid", "rsa".into(), Invalid::Key);
    check("typ", "other".into(), Invalid::Type);
    check("typ", Value::Null, Invalid::Type);
    check("crit", json!(["exp"]), Invalid::Critical);
    check("alg", Value::Null, Invalid::Form);
    // One that is there is there, whatever it is.
    let mut critical = header();
    critical["crit"] = Value::Null;
    assert_eq!(verify(&issuer, &signer.sign(&critical, &claims())), Err(Invalid::Critical));
    // Another's signature, and none.
    let stranger = Signer::new().sign(&header(), &claims());
    assert_eq!(verify(&issuer, &stranger), Err(Invalid::Signature));
    let token = signer.sign(&header(), &claims());
    let (message, _) = token.rsplit_once('.').unwrap();
    assert_eq!(verify(&issuer, &format!("{message}.")), Err(Invalid::Signature));
    // A changed payload under the old signature.
    let other = signer.sign(&header(), &with(claims(), "sub", "1893120105733".into()));
    let (_, signature) = token.rsplit_once('.').unwrap();
    let (message, _) = other.rsplit_once('.').unwrap();
    assert_eq!(verify(&issuer, &format!("{message}.{signature}")), Err(Invalid::Signature));
    for wrong in ["", "a", "a.b", "a.b.c", "a.b.c.d", &token[1..], &format!("{token}.x")] {
        assert!(verify(&issuer, wrong).is_err(), "{wrong}");
    }
    assert_eq!(verify(&issuer, &"a".repeat(9_000)), Err(Invalid::Form));
}

#[test]
fn a_member_that_nobody_reads_is_json_too() {
    let signer = Signer::new();
    let issuer = signer.issuer();
    let more = |object: Value, member: &[u8]| {
        let mut bytes = object.to_string().into_bytes();
        assert_eq!(bytes.pop(), Some(b'}'));
        [&bytes, member, b"}"].concat()
    };
    let check = |member: &[u8], taken: bool| {
        let (whole, with) = (header().to_string().into_bytes(), more(header(), member));
        let (payload, and) = (claims().to_string().into_bytes(), more(claims(), member));
        let form = if taken { Ok(()) } else { Err(Invalid::Form) };
        let claims = if taken { Ok(()) } else { Err(Invalid::Claims) };
        assert_eq!(verify(&issuer, &signer.sign_bytes(&with, &payload)).map(|_| ()), form);
        assert_eq!(verify(&issuer, &signer.sign_bytes(&whole, &and)).map(|_| ()), claims);
    };
    check(br#","x":"y""#, true);
    check(b",\"x\":\"\xeb\"", false);
    check(br#","x":"\ud800""#, false);
    check(br#","x":1e999"#, false);
}

#[test]
fn a_key_set_that_cannot_be_used_says_why() {
    let check = |keys: Value, expected: &str| {
        let wrong = KeySet::from_jwks(&json!({"keys": keys}).to_string()).unwrap_err();
        assert!(wrong.contains(expected), "{wrong}");
    };
    let key = |name: &str, value: Value| {
        let x = encoded([1; 32]);
        json!([with(json!({"kty": "OKP", "crv": "Ed25519", "x": x}), name, value)])
    };
    check(json!([]), "without keys");
    check(key("d", "secret".into()), "private key");
    check(key("use", "enc".into()), "`use` is not `sig`");
    check(key("alg", "RS256".into()), "its `alg` is RS256");
    check(key("x", Value::Null), "`x` is missing");
    check(key("x", "!".into()), "not base64url");
    check(key("x", "AQAB".into()), "must be 32 bytes");
    check(key("crv", "X25519".into()), "must be OKP Ed25519, EC P-256 or RSA");
    check(json!([{"kty": "oct", "k": "AQAB"}]), "must be OKP Ed25519");
    check(json!([{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]), "at least 2048 bits");
    let one = key("kid", "a".into())[0].clone();
    check(json!([one.clone(), one]), "key 1: its `kid` is another's");
    assert!(KeySet::from_jwks("{}").unwrap_err().contains("not a JWK set"));
}

/// Everybody trusts one signer, who signs tokens of three types.
fn issued(signer: &Signer) -> Issued {
    let issuer = |kind: &str, lifetime_max_ms| {
        Some(Issuer { kind: kind.into(), lifetime_max_ms, ..signer.issuer() })
    };
    let key = sha2::Digest::finalize(sha2::Digest::chain_update(
        <sha2::Sha256 as sha2::Digest>::new(),
        "key",
    ));
    let operator = Operator { organisation: "snca".into() };
    let trusted = Trusted {
        keys: Keys::from_iter([(key.into(), operator)]),
        operators: issuer("operator+jwt", None),
        citizens: issuer("citizen+jwt", None),
        presences: issuer("presence+jwt", Some(900_000)),
    };
    Issued::new(trusted, Civil::manual(std::sync::Arc::new((NOW * 1_000).into())))
}

#[test]
fn each_kind_of_token_shows_what_it_is_for_and_nothing_else() {
    let signer = Signer::new();
    let issued = issued(&signer);
    let token =
        |kind: &str, claims: Value| signer.sign(&with(header(), "typ", kind.into()), &claims);
    let operator = token("operator+jwt", with(claims(), "organisation", "justice".into()));
    let citizen = token("citizen+jwt", claims());
    let bound = with(with(claims(), "organisation", "justice".into()), "procedure", "p".into());
    let bound = with(bound, "jti", "j".into());
    let presence = token("presence+jwt", bound.clone());
    // Also when they are remembered.
    for _ in 0..2 {
        assert_eq!(issued.operator(&operator).unwrap().organisation, "justice".into());
        assert_eq!(issued.operator("key").unwrap().organisation, "snca".into());
        assert_eq!(issued.citizen(&citizen).unwrap().subject.to_string(), ADULT);
        let shown = issued.presence(&presence).unwrap();
        assert_eq!((shown.subject.to_string(), &*shown.token), (ADULT.to_owned(), "j"));
        assert_eq!(shown.organisation.as_deref(), Some("justice"));
        assert_eq!(shown.procedure.as_deref(), Some("p"));
        assert_eq!(shown.valid_until, (NOW + 60) * 1_000);
        for other in [&citizen, &presence, "", "yek"] {
            assert_eq!(issued.operator(other), None);
        }
        for other in [&operator, &presence, "key"] {
            assert_eq!(issued.citizen(other), None);
        }
        for other in [&operator, &citizen, "key"] {
            assert_eq!(issued.presence(other), None);
        }
    }
    for unbound in ["organisation", "procedure", "jti"] {
        let token = token("presence+jwt", with(bound.clone(), unbound, Value::Null));
        assert_eq!(issued.presence(&token), None, "{unbound}");
    }
    let company = token("citizen+jwt", with(claims(), "sub", "B123456".into()));
    assert_eq!(issued.citizen(&company), None);
}

#[test]
fn what_is_remembered_ends_with_its_token() {
    let signer = Signer::new();
    let clock = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(NOW * 1_000));
    let citizens = Some(signer.issuer());
    let trusted = Trusted { citizens, ..Trusted::default() };
    let issued = Issued::new(trusted, Civil::manual(clock.clone()));
    let token = signer.sign(&header(), &claims());
    assert!(issued.citizen(&token).is_some());
    clock.store((NOW + 60) * 1_000 - 1, std::sync::atomic::Ordering::Relaxed);
    assert!(issued.citizen(&token).is_some());
    clock.store((NOW + 60) * 1_000, std::sync::atomic::Ordering::Relaxed);
    assert!(issued.citizen(&token).is_none());
}
