//! What holds for a request from its beginning to its end.

use std::sync::Arc;

use super::Denials;
use crate::catalogue::Catalogue;
use crate::identity::Directory;
use crate::registers::{Endpoints, Rates};

/// One catalogue, and everything that means something only with it. Never changed:
/// others supersede it as a whole, and a request keeps those that it began with.
pub struct Terms {
    /// Counts catalogues and places of registers since the start. Answers that were
    /// fetched under one number serve no other: neither their ids nor their
    /// registers need be the same.
    pub number: u32,
    /// The catalogue.
    pub catalogue: Arc<Catalogue>,
    /// Who has which token.
    pub directory: Arc<dyn Directory>,
    /// Where the registers are.
    pub endpoints: Arc<Endpoints>,
    /// How often each register may be asked, by all cores together.
    pub rates: Arc<Rates>,
    /// Denials counted.
    pub(super) denials: Arc<Denials>,
}

impl Terms {
    /// Those that an engine starts with.
    #[must_use]
    pub fn first(
        catalogue: Arc<Catalogue>,
        directory: Arc<dyn Directory>,
        endpoints: Endpoints,
    ) -> Self {
        Self {
            number: 0,
            rates: Arc::new(Rates::new(&catalogue)),
            catalogue,
            directory,
            endpoints: Arc::new(endpoints),
            denials: Arc::default(),
        }
    }

    /// Those that supersede these. Where only tokens differ, connections and kept
    /// answers stay.
    #[must_use]
    pub fn superseded_by(
        &self,
        catalogue: Arc<Catalogue>,
        directory: Arc<dyn Directory>,
        endpoints: Endpoints,
    ) -> Self {
        if *catalogue.digest() == *self.catalogue.digest() && endpoints == *self.endpoints {
            return Self {
                number: self.number,
                catalogue: self.catalogue.clone(),
                directory,
                endpoints: self.endpoints.clone(),
                rates: self.rates.clone(),
                denials: self.denials.clone(),
            };
        }
        Self {
            number: self.number.wrapping_add(1),
            rates: Arc::new(self.rates.carried_over(&self.catalogue, &catalogue)),
            catalogue,
            directory,
            endpoints: Arc::new(endpoints),
            denials: Arc::default(),
        }
    }
}
