//! What a production knows: operators by API key or signed token, citizens and
//! their presence by signed token.

use std::collections::BTreeMap;
use std::fmt;

use moka::sync::Cache;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::jwt::{Invalid, Issuer};
use super::keys::Keys;
use super::{Citizen, Directory, Operator, Presence};
use crate::clock::Civil;
use crate::model::{CivilMs, Subject};

/// Tokens that are remembered: some 100 bytes each. A country's citizens at a peak
/// hour fit; further ones are verified again.
const REMEMBERED_MAX: u64 = 100_000;
/// What the ledger keeps of a presence token's id.
const ID_CHARS_MAX: usize = 64;

/// Who may sign for whom.
#[derive(Clone, Debug, Default)]
pub struct Trusted {
    /// Operators by API key.
    pub keys: Keys,
    /// Who signs operators' tokens.
    pub operators: Option<Issuer>,
    /// Who signs citizens' tokens.
    pub citizens: Option<Issuer>,
    /// Who signs that a citizen is present.
    pub presences: Option<Issuer>,
}

impl Trusted {
    /// Everything that is trusted, by a name that tells nothing secret, and what it
    /// is, for telling whether it is still the same.
    #[must_use]
    pub fn named(&self) -> BTreeMap<String, String> {
        let keys = self.keys.named();
        let mut named: BTreeMap<_, _> = keys
            .map(|(name, operator)| (format!("operator {name}"), format!("{operator:?}")))
            .collect();
        let kinds = [
            ("operators", &self.operators),
            ("citizens", &self.citizens),
            ("presence", &self.presences),
        ];
        for (kind, issuer) in kinds {
            let Some(it) = issuer else { continue };
            let (most, meant) = (it.lifetime_max_ms, (&it.issuer, &it.audience, &it.kind));
            named.insert(format!("tokens.{kind}"), format!("{meant:?} {most:?}"));
            for (name, key) in it.keys.named() {
                named.insert(format!("tokens.{kind} key {name}"), format!("{key:?}"));
            }
        }
        named
    }
}

/// Knows tokens that others issued. A token is verified once, and remembered by its
/// digest until it ends.
pub struct Issued {
    trusted: Trusted,
    civil: Civil,
    operators: Remembered<Operator>,
    citizens: Remembered<Citizen>,
    presences: Remembered<Presence>,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").finish_non_exhaustive()
    }
}

impl Issued {
    /// Trusts these, by the time of this clock.
    #[must_use]
    pub fn new(trusted: Trusted, civil: Civil) -> Self {
        Self {
            trusted,
            civil,
            operators: Remembered::default(),
            citizens: Remembered::default(),
            presences: Remembered::default(),
        }
    }
}

impl Directory for Issued {
    fn operator(&self, token: &str) -> Option<Operator> {
        #[derive(Deserialize)]
        struct Claims {
            organisation: Box<str>,
        }

        self.trusted.keys.operator(token).or_else(|| {
            let issuer = self.trusted.operators.as_ref()?;
            self.operators.get(token, self.civil.now(), || {
                verified(issuer, token, self.civil.now(), |claims: Claims, _| {
                    Some(Operator { organisation: claims.organisation })
                })
            })
        })
    }

    fn citizen(&self, token: &str) -> Option<Citizen> {
        #[derive(Deserialize)]
        struct Claims {
            sub: String,
        }

        let issuer = self.trusted.citizens.as_ref()?;
        self.citizens.get(token, self.civil.now(), || {
            verified(issuer, token, self.civil.now(), |claims: Claims, _| {
                natural(&claims.sub).map(|subject| Citizen { subject })
            })
        })
    }

    fn presence(&self, token: &str) -> Option<Presence> {
        #[derive(Deserialize)]
        struct Claims {
            sub: String,
            jti: Box<str>,
            organisation: Box<str>,
            procedure: Box<str>,
        }

        let issuer = self.trusted.presences.as_ref()?;
        self.presences.get(token, self.civil.now(), || {
            verified(issuer, token, self.civil.now(), |claims: Claims, ends| {
                let named = (1..=ID_CHARS_MAX).contains(&claims.jti.chars().count());
                let subject = natural(&claims.sub).filter(|_| named)?;
                Some(Presence {
                    subject,
                    token: claims.jti,
                    organisation: Some(claims.organisation),
                    procedure: Some(claims.procedure),
                    valid_until: ends,
                })
            })
        })
    }
}

fn natural(identifier: &str) -> Option<Subject> {
    identifier.parse().ok().filter(|subject| matches!(subject, Subject::Natural(_)))
}

/// What a token shows, and when that ends.
fn verified<C: DeserializeOwned, T>(
    issuer: &Issuer,
    token: &str,
    now: CivilMs,
    read: impl FnOnce(C, CivilMs) -> Option<T>,
) -> Option<(T, CivilMs)> {
    let verified = issuer.verify::<C>(token, now);
    let shown = verified.and_then(|(claims, ends)| {
        read(claims, ends).map(|shown| (shown, ends)).ok_or(Invalid::Claims)
    });
    shown.inspect_err(|reason| tracing::debug!(%reason, "a token is not taken")).ok()
}

/// What tokens have shown, by their digest. A signature costs fifty microseconds
/// and more to verify, and a citizen's token comes with each of their requests.
struct Remembered<T>(Cache<[u8; 32], (T, CivilMs)>);

impl<T: Clone + Send + Sync + 'static> Default for Remembered<T> {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED_MAX))
    }
}

impl<T: Clone + Send + Sync + 'static> Remembered<T> {
    /// What a token shows. What is not taken is not remembered: it would take the
    /// place of what is.
    fn get(
        &self,
        token: &str,
        now: CivilMs,
        verify: impl FnOnce() -> Option<(T, CivilMs)>,
    ) -> Option<T> {
        let digest = Sha256::digest(token).into();
        if let Some((shown, ends)) = self.0.get(&digest) {
            return (now < ends).then_some(shown);
        }
        let (shown, ends) = verify()?;
        self.0.insert(digest, (shown.clone(), ends));
        Some(shown)
    }
}
