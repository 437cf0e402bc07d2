//! Signed tokens: JWT (RFC 7519) in the compact form of JWS (RFC 7515), under the
//! keys of a JWK set (RFC 7517).
//!
//! Three algorithms and no more: EdDSA with Ed25519, ES256 and RS256. A key has one
//! algorithm, and a token is checked under the algorithm of its key, whatever it
//! says itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::model::CivilMs;

/// Longer ones are no tokens of ours: a request's head has 16 KiB.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// How far the clock of who signs may be ahead of ours.
const LEEWAY_MS: CivilMs = 5_000;

/// Why a token is not taken. Nothing of the token is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is no token of this form.
    #[error("not a signed token")]
    Form,
    /// Its header demands what is not understood here.
    #[error("a header with `crit`")]
    Critical,
    /// It is of another type.
    #[error("another `typ`")]
    Type,
    /// No key of its name, or of its algorithm.
    #[error("no such key")]
    Key,
    /// It is not signed by the key.
    #[error("a wrong signature")]
    Signature,
    /// Its claims lack something, or have another type.
    #[error("claims that lack something or are of another type")]
    Claims,
    /// Somebody else issued it.
    #[error("another `iss`")]
    Issuer,
    /// It is for somebody else.
    #[error("another `aud`")]
    Audience,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// Its time has not come.
    #[error("not valid yet")]
    Early,
    /// It would be valid for longer than is allowed.
    #[error("valid for too long")]
    Lifetime,
}

/// One public key and its algorithm.
#[derive(Clone, Debug)]
pub(super) struct Key {
    id: Option<Box<str>>,
    algorithm: Algorithm,
    public: Public,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    EdDsa,
    Es256,
    Rs256,
}

impl Algorithm {
    /// The name in `alg`.
    fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

#[derive(Clone, Debug)]
enum Public {
    Bytes(Vec<u8>),
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

/// The keys under which somebody signs.
#[derive(Clone, Debug)]
pub struct KeySet(Vec<Key>);

/// A key as a JWK set writes it (RFC 7517, 7518 and 8037).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, rename = "use")]
    usage: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    /// Whoever only verifies must not have a private key.
    #[serde(default)]
    d: Option<IgnoredAny>,
}

impl KeySet {
    /// Reads a JWK set.
    ///
    /// # Errors
    /// What is wrong with it; a key of another kind is wrong, too, as nobody could
    /// sign with it here.
    pub fn from_jwks(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Jwk>,
        }

        let Set { keys } =
            serde_json::from_str(text).map_err(|error| format!("not a JWK set: {error}"))?;
        if keys.is_empty() {
            return Err("a JWK set without keys".to_owned());
        }
        let keys: Result<Vec<_>, String> = keys
            .iter()
            .enumerate()
            .map(|(place, jwk)| Key::read(jwk).map_err(|why| format!("key {place}: {why}")))
            .collect();
        let keys = keys?;
        for (place, key) in keys.iter().enumerate() {
            if keys[..place].iter().any(|other| other.id == key.id) {
                return Err(format!("key {place}: its `kid` is another's, too, or missing twice"));
            }
        }
        Ok(Self(keys))
    }

    /// Each key by its name, or by its place where it has none.
    pub(super) fn named(&self) -> impl Iterator<Item = (String, &Key)> {
        let name = |(place, key): (usize, &Key)| {
            key.id.as_deref().map_or_else(|| format!("{place}"), ToOwned::to_owned)
        };
        self.0.iter().enumerate().map(move |(place, key)| (name((place, key)), key))
    }

    /// The key that a header names; the only one of its algorithm where it names
    /// none.
    fn find(&self, header: &Header) -> Result<&Key, Invalid> {
        let fits = |key: &&Key| key.algorithm.as_str() == header.alg;
        let mut fitting = self.0.iter().filter(fits).filter(|key| match &header.kid {
            Some(named) => key.id.as_deref() == Some(named),
            None => true,
        });
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            _ => Err(Invalid::Key),
        }
    }
}

impl Key {
    fn read(jwk: &Jwk) -> Result<Self, String> {
        if jwk.d.is_some() {
            return Err("it is a private key; only its public part belongs here".to_owned());
        }
        if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err("its `use` is not `sig`".to_owned());
        }
        let part = |name: &str, part: &Option<String>| {
            let text = part.as_ref().ok_or_else(|| format!("`{name}` is missing"))?;
            URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("`{name}` is not base64url"))
        };
        let (algorithm, public) = match (&*jwk.kty, jwk.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => {
                (Algorithm::EdDsa, Public::Bytes(sized("x", part("x", &jwk.x)?)?))
            }
            ("EC", Some("P-256")) => {
                // An uncompressed point, as SEC 1 writes it.
                let mut point = vec![4];
                point.extend(sized("x", part("x", &jwk.x)?)?);
                point.extend(sized("y", part("y", &jwk.y)?)?);
                (Algorithm::Es256, Public::Bytes(point))
            }
            ("RSA", None) => {
                let n = part("n", &jwk.n)?;
                if n.len() < 256 {
                    return Err("an RSA key needs at least 2048 bits".to_owned());
                }
                (Algorithm::Rs256, Public::Rsa { n, e: part("e", &jwk.e)? })
            }
            _ => return Err("must be OKP Ed25519, EC P-256 or RSA".to_owned()),
        };
        match jwk.alg.as_deref() {
            Some(named) if named != algorithm.as_str() => {
                Err(format!("its `alg` is {named}, and its kind signs {}", algorithm.as_str()))
            }
            _ => Ok(Self { id: jwk.kid.as_deref().map(Into::into), algorithm, public }),
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Invalid> {
        let verified = match (&self.public, self.algorithm) {
            (Public::Bytes(bytes), Algorithm::EdDsa) => {
                UnparsedPublicKey::new(&ED25519, bytes).verify(message, signature)
            }
            (Public::Bytes(bytes), _) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes).verify(message, signature)
            }
            (Public::Rsa { n, e }, _) => RsaPublicKeyComponents { n, e }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
        };
        verified.map_err(|_| Invalid::Signature)
    }
}

fn sized(name: &str, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    if bytes.len() == 32 { Ok(bytes) } else { Err(format!("`{name}` must be 32 bytes")) }
}

/// Whose tokens of which type are taken, and for whom they must be.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// `iss`.
    pub issuer: Box<str>,
    /// `aud`.
    pub audience: Box<str>,
    /// `typ`, without `application/`.
    pub kind: Box<str>,
    /// The longest that a token may still be valid, where that is bounded.
    pub lifetime_max_ms: Option<CivilMs>,
    /// Under which keys.
    pub keys: KeySet,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    kid: Option<String>,
    /// Whether it is there, whatever it is: a `null`, too, asks for what nobody knows.
    #[serde(default, deserialize_with = "there")]
    crit: bool,
}

fn there<'de, D: Deserializer<'de>>(member: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(member).map(|_| true)
}

/// The claims that every token has.
#[derive(Deserialize)]
struct Common {
    iss: String,
    aud: Audience,
    exp: u32,
    #[serde(default)]
    nbf: Option<u32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Issuer {
    /// A token's own claims, and when it ends; it is checked whole.
    ///
    /// # Errors
    /// The first reason for which it is not taken.
    pub fn verify<C: DeserializeOwned>(
        &self,
        token: &str,
        now: CivilMs,
    ) -> Result<(C, CivilMs), Invalid> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Invalid::Form);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Invalid::Form);
        };
        let signed = &token[..header.len() + 1 + payload.len()];
        let header: Header = json(header).ok_or(Invalid::Form)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Invalid::Form)?;
        if header.crit {
            return Err(Invalid::Critical);
        }
        self.kind_of(&header)?;
        self.keys.find(&header)?.verify(signed.as_bytes(), &signature)?;
        let common: Common = json(payload).ok_or(Invalid::Claims)?;
        let ends = self.in_force(&common, now)?;
        Ok((json(payload).ok_or(Invalid::Claims)?, ends))
    }

    fn kind_of(&self, header: &Header) -> Result<(), Invalid> {
        let named = header.typ.as_deref().ok_or(Invalid::Type)?;
        let named = named.strip_prefix("application/").unwrap_or(named);
        if named.eq_ignore_ascii_case(&self.kind) { Ok(()) } else { Err(Invalid::Type) }
    }

    fn in_force(&self, common: &Common, now: CivilMs) -> Result<CivilMs, Invalid> {
        let ends = CivilMs::from(common.exp) * 1_000;
        let begins = common.nbf.map_or(CivilMs::MIN, |nbf| CivilMs::from(nbf) * 1_000 - LEEWAY_MS);
        let meant = match &common.aud {
            Audience::One(one) => **one == *self.audience,
            Audience::Several(several) => several.iter().any(|one| **one == *self.audience),
        };
        if *common.iss != *self.issuer {
            Err(Invalid::Issuer)
        } else if !meant {
            Err(Invalid::Audience)
        } else if ends <= now {
            Err(Invalid::Expired)
        } else if begins > now {
            Err(Invalid::Early)
        } else if self.lifetime_max_ms.is_some_and(|most| ends - now > most + LEEWAY_MS) {
            Err(Invalid::Lifetime)
        } else {
            Ok(ends)
        }
    }
}

/// A part as `T`, where it is JSON to its last member: what `T` passes over is not looked
/// at, and any other reader of the token would refuse what it hides.
fn json<T: DeserializeOwned>(part: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice::<Value>(&bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}
