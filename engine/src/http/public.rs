//! What everybody may read: the catalogue, and the ledger's head.

use super::query::Query;
use super::respond::{self, Public};
use super::route::Answered;
use super::wire;
use crate::prefill::{Core, Rejection, named};

/// The most procedures that one page holds.
pub(super) const PROCEDURES_MAX: u64 = 1_000;
/// A page of procedures, where no other size is asked for.
const PAGE_DEFAULT: u64 = 50;

/// `GET /v1/procedures`.
pub(super) fn procedures(core: &Core, query: &Query) -> Answered {
    let catalogue = core.catalogue();
    let limit = query.number("limit", 1..=PROCEDURES_MAX)?.unwrap_or(PAGE_DEFAULT) as usize;
    let forms = catalogue.procedures().iter().filter(|procedure| !procedure.own_view);
    let mut known: Vec<_> = forms.collect();
    known.sort_by(|a, b| a.name.cmp(&b.name));
    let start = match query.text("after") {
        None => 0,
        Some(after) => known.partition_point(|procedure| &*procedure.name <= after),
    };
    let page = &known[start..known.len().min(start + limit)];
    let next = page.last().filter(|_| start + page.len() < known.len());
    Ok(respond::public(&Public(wire::Procedures {
        procedures: page.iter().map(|known| wire::ProcedureRow::of(known, catalogue)).collect(),
        next: next.map(|last| &*last.name),
    })))
}

/// `GET /v1/procedures/{id}`.
pub(super) fn procedure(core: &Core, id: &str) -> Answered {
    let catalogue = core.catalogue();
    let found = catalogue.find_procedure(id);
    let found = found.ok_or_else(|| Rejection::UnknownProcedure(named(id).into()))?;
    let found = wire::Procedure::of(catalogue.procedure(found), catalogue);
    Ok(respond::public(&Public(found)))
}

/// `GET /v1/registers`.
pub(super) fn registers(core: &Core) -> Answered {
    Ok(respond::public(&Public(wire::Registers::of(core.catalogue()))))
}

/// `GET /v1/organisations`.
pub(super) fn organisations(core: &Core) -> Answered {
    Ok(respond::public(&Public(wire::Organisations::of(core.catalogue()))))
}

/// `GET /v1/ledger/head`.
pub(super) fn head(core: &Core) -> Answered {
    Ok(respond::public(&Public(wire::Head::from(core.shared().ledger.published().head()))))
}
