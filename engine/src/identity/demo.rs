//! The demonstration's tokens: they prove nothing, and no production build
//! contains them.

use sha2::{Digest, Sha256};

use super::{Citizen, Directory, Operator, Presence};
use crate::model::{CivilMs, Subject};

/// `demo-org-<organisation>` is an operator, `demo-person-<matricule>` a
/// citizen and their presence.
#[derive(Clone, Copy, Debug)]
pub struct Demo {
    salt: [u8; 16],
}

impl Demo {
    /// With a salt that hides citizens in the ids of presence tokens.
    #[must_use]
    pub fn new(salt: [u8; 16]) -> Self {
        Self { salt }
    }

    fn token_id(&self, token: &str) -> Box<str> {
        let digest = Sha256::new().chain_update(self.salt).chain_update(token).finalize();
        let bytes = digest.first_chunk().expect("8 of 32 bytes");
        format!("{:016x}", u64::from_be_bytes(*bytes)).into()
    }
}

impl Directory for Demo {
    fn operator(&self, token: &str) -> Option<Operator> {
        token.strip_prefix("demo-org-").map(|name| Operator { organisation: name.into() })
    }

    fn citizen(&self, token: &str) -> Option<Citizen> {
        let subject: Subject = token.strip_prefix("demo-person-")?.parse().ok()?;
        matches!(subject, Subject::Natural(_)).then_some(Citizen { subject })
    }

    fn presence(&self, token: &str) -> Option<Presence> {
        self.citizen(token).map(|citizen| Presence {
            subject: citizen.subject,
            token: self.token_id(token),
            organisation: None,
            procedure: None,
            valid_until: CivilMs::MAX,
        })
    }
}
