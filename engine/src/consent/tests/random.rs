//! Random requests to random catalogues.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::catalogue::Catalogue;
use crate::catalogue::tests::world::{World, world};
use crate::consent::{Consent, Request};
use crate::identity::Presence;
use crate::model::{Channel, CivilMs, Language, ProcedureId, SUBJECTS_MAX, Subject};

/// 15 June 2025, at noon.
pub(super) const NOW: CivilMs = 1_749_988_800_000;

/// Who asks for what, about people who have decided something.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) world: World,
    pub(super) organisation: usize,
    pub(super) channel: Channel,
    /// The fields wanted, by index; all where there are none.
    pub(super) fields: Option<Vec<usize>>,
    /// By role: whether they are under 18.
    pub(super) minors: Vec<bool>,
    /// By role: the registers refused, by index in the world.
    pub(super) refused: Vec<Vec<usize>>,
}

impl Asked {
    pub(super) fn request(&self, catalogue: &Catalogue) -> Request {
        let person = |role: usize| {
            let year = if self.minors[role] { 2015 } else { 1980 };
            let born = fixtures::Day::new(year, 5, 20).unwrap();
            let matricule = fixtures::Matricule::from_parts(born, role as u16).unwrap();
            matricule.to_string().parse::<Subject>().unwrap()
        };
        let mut subjects = [None; SUBJECTS_MAX];
        (0..self.world.roles.len()).for_each(|role| subjects[role] = Some(person(role)));
        Request {
            procedure: ProcedureId(0),
            organisation: catalogue.find_organisation(&format!("o{}", self.organisation)).unwrap(),
            channel: self.channel,
            subjects,
            fields: self.fields.as_ref().map(|fields| fields.iter().copied().collect()),
            presence: Some(Presence {
                subject: person(0),
                token: "t".into(),
                organisation: None,
                procedure: None,
                valid_until: CivilMs::MAX,
            }),
            case: Some("case".into()),
            language: Language::default(),
        }
    }

    pub(super) fn consents(&self) -> [Option<Arc<Consent>>; SUBJECTS_MAX] {
        let mut consents = [const { None }; SUBJECTS_MAX];
        for (role, refused) in self.refused.iter().enumerate() {
            let mut consent = Consent::default();
            for register in refused {
                let name = &self.world.registers[*register].name;
                consent = consent.with_preference(name, false, 0).unwrap_or(consent);
            }
            consents[role] = Some(Arc::new(consent));
        }
        consents
    }
}

prop_compose! {
    pub(super) fn asked()(world in world())(
        organisation in 0..world.authority.len(),
        channel in prop_oneof![
            2 => Just(Channel::FrontOffice),
            1 => Just(Channel::BackOffice),
            1 => Just(Channel::Own),
        ],
        fields in prop::option::of(prop::collection::vec(0..world.fields.len(), 0..6)),
        minors in prop::collection::vec(prop::bool::weighted(0.7), world.roles.len()),
        refused in prop::collection::vec(
            prop::collection::vec(any::<Index>(), 0..2), world.roles.len(),
        ),
        world in Just(world),
    ) -> Asked {
        let index = |index: Index| index.index(world.registers.len());
        let indexes = |raw: Vec<Index>| raw.into_iter().map(index).collect();
        let refused = refused.into_iter().map(indexes).collect();
        Asked { world, organisation, channel, fields, minors, refused }
    }
}
