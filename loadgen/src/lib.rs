//! A black-box client of the engine: it asks over HTTP, verifies every answer
//! against the synthetic country, and measures.
//!
//! ```text
//! command -> procedures (what the API offers) -> form (what can be asked)
//!         -> plan (what to send): cast (about whom) x subject (what is true);
//!            or template, for any other service
//!         -> run: schedule (when, pace) x connection (how) -> ask::Expects (verify)
//!         -> results (live while it runs), honesty
//!         -> document (held against slo) -> report, outputs, hlog
//! ```
//!
//! It knows people, companies and truth from `fixtures`, how they are related
//! from `lineage`, and everything else from the API itself; it never depends on
//! the engine.

pub mod ask;
pub mod cast;
pub mod clock;
pub mod command;
pub mod compare;
pub mod connection;
pub mod desk;
pub mod document;
pub mod form;
pub mod hlog;
pub mod honesty;
pub mod lineage;
pub mod live;
pub mod outputs;
mod pace;
pub mod plan;
pub mod procedures;
pub mod report;
pub mod results;
pub mod run;
pub mod schedule;
pub mod slo;
pub mod subject;
pub mod tally;
pub mod target;
pub mod template;
pub mod trace;
mod unique;
pub mod verify;
