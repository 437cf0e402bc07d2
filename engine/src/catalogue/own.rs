//! What citizens add themselves: a source like a register, in every catalogue.
//!
//! It is the last of a catalogue's registers, so that the ids of the others do
//! not depend on it.

use std::time::Duration;

use super::Labels;
use super::register::{Attribute, Key, Kind, Of, Register, Share};
use crate::model::RegisterId;

/// The name of the source, which no register may have.
pub(super) const NAME: &str = "space";

/// Each attribute's name and its labels in French, German, English and
/// Luxembourgish. Ledger entries name them by place: new ones go to the end.
const ATTRIBUTES: [(&str, [&str; 4]); 12] = [
    ("email", ["Adresse e-mail", "E-Mail-Adresse", "E-mail address", "E-Mail-Adress"]),
    ("mobile", ["Téléphone mobile", "Mobiltelefon", "Mobile phone", "Handy"]),
    (
        "iban",
        ["Compte bancaire (IBAN)", "Bankkonto (IBAN)", "Bank account (IBAN)", "Bankkont (IBAN)"],
    ),
    ("bankHolder", ["Titulaire du compte", "Kontoinhaber", "Account holder", "Kontinhaber"]),
    (
        "preferredLanguage",
        ["Langue préférée", "Bevorzugte Sprache", "Preferred language", "Léifste Sprooch"],
    ),
    (
        "correspondenceThoroughfare",
        [
            "Rue (correspondance)",
            "Straße (Korrespondenz)",
            "Street (correspondence)",
            "Strooss (Korrespondenz)",
        ],
    ),
    (
        "correspondenceLocatorDesignator",
        [
            "Numéro (correspondance)",
            "Hausnummer (Korrespondenz)",
            "House number (correspondence)",
            "Hausnummer (Korrespondenz)",
        ],
    ),
    (
        "correspondencePostCode",
        [
            "Code postal (correspondance)",
            "Postleitzahl (Korrespondenz)",
            "Postcode (correspondence)",
            "Postleetzuel (Korrespondenz)",
        ],
    ),
    (
        "correspondencePostName",
        [
            "Localité (correspondance)",
            "Ort (Korrespondenz)",
            "Locality (correspondence)",
            "Uertschaft (Korrespondenz)",
        ],
    ),
    (
        "correspondenceAdminUnitL1",
        [
            "Pays (correspondance)",
            "Land (Korrespondenz)",
            "Country (correspondence)",
            "Land (Korrespondenz)",
        ],
    ),
    (
        "emergencyContactName",
        ["Personne à prévenir", "Notfallkontakt", "Emergency contact", "Noutfallkontakt"],
    ),
    (
        "emergencyContactPhone",
        [
            "Téléphone de la personne à prévenir",
            "Telefon des Notfallkontakts",
            "Emergency contact's phone",
            "Telefon vum Noutfallkontakt",
        ],
    ),
];

/// The names of the attributes, by index.
pub fn names() -> impl ExactSizeIterator<Item = &'static str> {
    ATTRIBUTES.iter().map(|(name, _)| *name)
}

/// The source, as the register of this id.
pub(super) fn register(id: RegisterId) -> Register {
    let attribute = |(name, label): &(&str, [&str; 4])| Attribute {
        name: (*name).into(),
        label: Some(labels(*label)),
        kind: Kind::Text,
        at: "".into(),
        parts: None,
        each: None,
        review: None,
        lists: None,
        ask_as: (*name).into(),
    };
    Register {
        id,
        name: NAME.into(),
        label: labels([
            "Vos propres données",
            "Ihre eigenen Angaben",
            "Your own data",
            "Är eegen Donnéeën",
        ]),
        of: Of::Natural,
        key: Key::Subject,
        share: Share::Call,
        ask_all: false,
        preference: false,
        ttl: Duration::ZERO,
        grain: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        typical: Duration::ZERO,
        attributes: ATTRIBUTES.iter().map(attribute).collect(),
        dialect: None,
    }
}

fn labels([fr, de, en, lb]: [&str; 4]) -> Labels {
    Labels { fr: fr.into(), de: de.into(), en: en.into(), lb: lb.into() }
}
