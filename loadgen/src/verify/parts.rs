//! What a bundle says beside its fields: its head, its sources, its notices.

use uuid::Uuid;

use super::bundle::Bundle;
use super::{Expected, Verified, Wrong, short};

pub(super) fn check(expected: &Expected, bundle: &Bundle<'_>, verified: &mut Verified) {
    head(expected, bundle, verified);
    sources(expected, bundle, verified);
    notices(expected, bundle, verified);
}

fn head(expected: &Expected, bundle: &Bundle<'_>, verified: &mut Verified) {
    let mut wrong = |wrong| verified.findings.push(expected.finding(wrong, String::new()));
    // `try_parse` also takes spellings that the API does not have.
    let disclosure = Some(&*bundle.disclosure.0).filter(|text| text.len() == 36);
    let disclosure = disclosure.and_then(|text| Uuid::try_parse(text).ok());
    if disclosure.is_none() {
        wrong(Wrong::Disclosure);
    }
    let form = expected.form();
    if form.id != *bundle.procedure.id || form.version != bundle.procedure.version {
        wrong(Wrong::Procedure);
    }
    verified.disclosure = disclosure;
}

/// Each register once, and none without need: who was asked has learned of it.
fn sources(expected: &Expected, bundle: &Bundle<'_>, verified: &mut Verified) {
    for (place, (name, source)) in bundle.sources.iter().enumerate() {
        let mut wrong = |wrong, why: &str| {
            let detail = format!("{} {why}", short(name));
            verified.findings.push(expected.finding(wrong, detail));
        };
        if !source.is_known() {
            wrong(Wrong::Status, "has another outcome");
        }
        if bundle.sources[..place].iter().any(|(known, _)| **known == **name) {
            wrong(Wrong::Sources, "stands there twice");
        } else if !expected.needs(name) {
            wrong(Wrong::Sources, "is of no use here");
        }
    }
}

fn notices(expected: &Expected, bundle: &Bundle<'_>, verified: &mut Verified) {
    for (place, notice) in bundle.notices.iter().enumerate() {
        let known = expected.form().notices.iter().find(|known| known.code == *notice.code);
        let why = match known {
            None => "of no such code",
            Some(_) if bundle.notices[..place].iter().any(|it| *it.code == *notice.code) => "twice",
            Some(_) if notice.text.is_empty() => "without a text",
            Some(known) if known.text.values().all(|text| *text != *notice.text) => {
                "with another text than described"
            }
            Some(_) => continue,
        };
        let detail = format!("{} {why}", short(&notice.code));
        verified.findings.push(expected.finding(Wrong::Notice, detail));
    }
}
