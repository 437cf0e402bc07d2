//! What is asked of a ledger: whether it holds, whether a bundle left, a copy of it.

use std::path::Path;

use anyhow::Context as _;

use super::{HOLDS, UNREADABLE, USAGE, VIOLATED, complain, say};
use crate::backup;
use crate::ledger::{self, AuditError, Report, Witness, Witnessed};
use crate::store;

pub(super) fn audit(
    data: &Path,
    expected: Option<&store::Head>,
    bundle: Option<&Path>,
) -> anyhow::Result<u8> {
    let bundle = bundle.map(|file| std::fs::read(file).with_context(|| file.display().to_string()));
    let bundle = bundle.transpose()?;
    let mut storage = store::open_read_only(data, ledger::subjects_of)
        .with_context(|| format!("no ledger can be read in {}", data.display()))?;
    match ledger::audit(&mut storage, expected) {
        Ok(report) => {
            say(&told(&report));
            bundle.map_or(Ok(HOLDS), |bundle| witness(&mut storage, &bundle))
        }
        Err(AuditError::Violated(violation)) => {
            complain(&format!("violated: {violation}"));
            Ok(VIOLATED)
        }
        Err(error @ (AuditError::Unreadable(_) | AuditError::BeyondRetention { .. })) => {
            Err(error.into())
        }
    }
}

pub(super) fn copied(what: &str, done: Result<Report, backup::Error>) -> anyhow::Result<u8> {
    match done {
        Ok(report) => {
            say(&format!("{what}: {}", told(&report)));
            Ok(HOLDS)
        }
        Err(error @ (backup::Error::Violated(_) | backup::Error::Behind { .. })) => {
            complain(&error.to_string());
            Ok(VIOLATED)
        }
        Err(error @ (backup::Error::Taken(_) | backup::Error::Inside(_))) => {
            complain(&error.to_string());
            Ok(USAGE)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether a bundle that somebody holds left here.
fn witness(storage: &mut dyn store::Read, bundle: &[u8]) -> anyhow::Result<u8> {
    let of = |it: &Witnessed| {
        format!(
            "{} at {}, entry {}: {} version {} for {}, asked by {}, {}",
            it.disclosure,
            crate::clock::rfc3339(it.at),
            it.sequence,
            it.procedure,
            it.version,
            it.organisation,
            it.operator,
            it.channel,
        )
    };
    match ledger::witness(storage, bundle)? {
        Witness::Disclosed(found) => {
            say(&format!("disclosed: {}", of(&found)));
            return Ok(HOLDS);
        }
        Witness::Altered(found) => {
            complain(&format!("altered: these are not the bytes that left as {}", of(&found)));
        }
        Witness::BeyondRetention(before) => {
            complain(&format!(
                "beyond retention: what left before {} is no longer recorded, so it cannot be told \
                 whether this did",
                crate::clock::rfc3339(before)
            ));
            return Ok(UNREADABLE);
        }
        Witness::Unknown => complain("unknown: no bundle of this id left here"),
        Witness::NoBundle => complain("no bundle: the file names no disclosure"),
    }
    Ok(VIOLATED)
}

fn told(report: &Report) -> String {
    let head = report.head.map_or_else(String::new, |head| ledger::head_text(&head));
    let cut = match report.cut {
        0 => String::new(),
        cut => format!("; entries up to {cut} are beyond retention, and what they led to is kept"),
    };
    format!(
        "the chain holds: {} disclosures, {} changes of consent, {} denials, {} starts and changes of \
         catalogue, {} erasures, {} people and companies forgotten, {} cuts{cut}\nhead {head}",
        report.disclosures,
        report.changes,
        report.denials,
        report.catalogues,
        report.erasures,
        report.forgotten,
        report.cuts,
    )
}
