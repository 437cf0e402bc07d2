//! Identifiers of people and companies.

use engine::model::Subject;

/// A text is an identifier or none, and whoever reads what it prints reads the
/// same. The country's own reader, which shares no code, agrees about people.
pub(crate) fn identifier(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = text.parse::<Subject>();
    let person = text.parse::<fixtures::Matricule>();
    match read {
        Ok(subject) => {
            assert_eq!(subject.to_string(), text, "one subject, one spelling");
            assert!(!format!("{subject:?}").contains(text), "masked");
            let natural = matches!(subject, Subject::Natural(_));
            assert_eq!(natural, person.is_ok(), "two readers of matricules disagree");
            if let Subject::Natural(matricule) = subject {
                assert!(matricule.date_of_birth().to_string().replace('-', "") == text[..8]);
            }
        }
        Err(why) => {
            assert!(person.is_err(), "two readers of matricules disagree");
            assert!(!why.check().is_empty());
        }
    }
}

/// The people whom the README names.
pub(crate) fn derived() -> Vec<Vec<u8>> {
    let texts = ["1974030542023", "2019121235487", "B523212", "F1", "eidas:LU/LU/1", ""];
    texts.map(|text| text.as_bytes().to_vec()).into()
}
