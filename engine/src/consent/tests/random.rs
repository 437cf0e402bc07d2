//! Random requests to random catalogues.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::catalogue::Catalogue;
use crate::catalogue::tests::world::{World, world};
use crate::consent::{Change, Consent, Parties, Request, Terms};
use crate::identity::Presence;
use crate::model::{Channel, CivilMs, Language, ProcedureId, SUBJECTS_MAX, Subject};

/// 15 June 2025, at noon.
pub(super) const NOW: CivilMs = 1_749_988_800_000;
const CASE: &str = "case";

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
    /// Mandates that one role's subject withdrew, with another's.
    pub(super) withdrawn: Vec<(usize, usize)>,
    /// The applicant's reuse consents: the fields, by index, and for what.
    pub(super) reuse: Vec<(Vec<usize>, Fit)>,
}

/// The number in the ledger of a role's subject.
fn number(role: usize) -> u64 {
    70 + role as u64
}

/// Whether a reuse consent is for the request, or why it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Fits,
    OtherOrganisation,
    OtherCase,
    OtherProcedure,
    OtherPurpose,
    Expired,
    Withdrawn,
}

pub(super) const FITS: [Fit; 7] = [
    Fit::Fits,
    Fit::OtherOrganisation,
    Fit::OtherCase,
    Fit::OtherProcedure,
    Fit::OtherPurpose,
    Fit::Expired,
    Fit::Withdrawn,
];

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
            case: Some(CASE.into()),
            language: Language::default(),
        }
    }

    /// What the applicant consented to, one change after another.
    fn reused(&self, catalogue: &Catalogue, mut consent: Consent) -> Consent {
        for (number, (fields, fit)) in (0_u8..).zip(&self.reuse) {
            let other = |which: Fit, name: &str| match *fit == which {
                true => Box::from("other"),
                false => Box::from(name),
            };
            let procedure = &catalogue.procedures()[0];
            let terms = Terms {
                id: [number; 16],
                organisation: other(Fit::OtherOrganisation, &format!("o{}", self.organisation)),
                case: other(Fit::OtherCase, CASE),
                procedure: other(Fit::OtherProcedure, &procedure.name),
                purpose: other(Fit::OtherPurpose, &procedure.purpose),
                fields: fields.iter().map(|index| procedure.fields[*index].name.clone()).collect(),
                expires: if *fit == Fit::Expired { NOW } else { NOW + 1 },
            };
            consent = consent.after(&Change::Give(terms), 0).unwrap();
            if *fit == Fit::Withdrawn {
                consent = consent.after(&Change::Withdraw { id: [number; 16] }, 0).unwrap();
            }
        }
        consent
    }

    pub(super) fn parties(&self, catalogue: &Catalogue) -> Parties {
        let mut parties = Parties::default();
        for (role, refused) in self.refused.iter().enumerate() {
            let mut consent = Consent::default();
            for register in refused {
                let name = &self.world.registers[*register].name;
                consent = consent.with_preference(name, false, 0).unwrap_or(consent);
            }
            if role == 0 {
                consent = self.reused(catalogue, consent);
            }
            for (_, other) in self.withdrawn.iter().filter(|(one, _)| *one == role) {
                let withdrawn = Change::Mandate { other: number(*other), allow: false };
                consent = consent.after(&withdrawn, 0).unwrap_or(consent);
            }
            parties.consents[role] = Some(Arc::new(consent));
            parties.numbers[role] = Some(number(role));
        }
        parties
    }
}

prop_compose! {
    pub(super) fn asked()(world in world())(
        organisation in 0..world.authority.len(),
        channel in prop_oneof![
            2 => Just(Channel::FrontOffice),
            2 => Just(Channel::BackOffice),
            1 => Just(Channel::Own),
        ],
        fields in prop::option::of(prop::collection::vec(0..world.fields.len(), 0..6)),
        minors in prop::collection::vec(prop::bool::weighted(0.7), world.roles.len()),
        refused in prop::collection::vec(
            prop::collection::vec(any::<Index>(), 0..2), world.roles.len(),
        ),
        withdrawn in prop::collection::vec((0..world.roles.len(), 0..world.roles.len()), 0..2),
        reuse in prop::collection::vec(
            (prop::collection::vec(0..world.fields.len(), 0..4), prop::sample::select(&FITS[..])),
            0..3,
        ),
        world in Just(world),
    ) -> Asked {
        let index = |index: Index| index.index(world.registers.len());
        let indexes = |raw: Vec<Index>| raw.into_iter().map(index).collect();
        let refused = refused.into_iter().map(indexes).collect();
        Asked { world, organisation, channel, fields, minors, refused, withdrawn, reuse }
    }
}
