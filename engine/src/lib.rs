//! The engine under the once-only principle.
//!
//! One request, in the order of the modules that serve it:
//!
//! 1. [`http`] or [`handle`] takes it to a core, and [`identity`] says whose token it bears.
//! 2. [`consent::decide`] intersects the organisation's authority, the procedure's fields, each
//!    subject's consent and what was asked: a [`consent::Grant`].
//! 3. [`consent::Grant::plan`] names the register calls that the grant needs.
//! 4. [`resolver`] makes them, through [`cache`] and [`registers`], until the deadline: values
//!    plus gaps.
//! 5. [`consent::Grant::release`] applies consent again, and composes the bundle's exact bytes.
//! 6. [`ledger`] makes its entry durable, in one order with every change of consent, and only
//!    then gives a [`ledger::Disclosed`] bundle, the only thing that [`http`] lets out.
//!
//! [`prefill::prefill`] is that request on one screen; `ARCHITECTURE.md` is the map.

pub mod model;

pub mod clock;
pub mod drain;
pub mod entropy;
pub mod logs;
pub mod metrics;
pub mod net;
#[cfg(feature = "planted-faults")]
pub mod planted;
#[cfg(not(feature = "planted-faults"))]
mod planted;
pub mod trace;

pub mod catalogue;
pub mod consent;
pub mod identity;

pub mod cache;
pub mod registers;
pub mod store;

pub mod ledger;
pub mod resolver;

pub mod space;

pub mod prefill;

pub mod handle;
pub mod http;

pub mod backup;
pub mod config;
pub mod engine;
pub mod erase;
pub mod probe;
pub mod serve;
pub mod signals;

#[cfg(feature = "demo")]
pub mod demo;
