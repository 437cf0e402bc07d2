//! A black-box client of the engine: it asks over HTTP, verifies every answer
//! against the synthetic country, and measures.
//!
//! ```text
//! command -> procedures (what the API offers) -> plan (what to send)
//!         -> run: schedule (when) x target (how) -> verify -> tally -> report
//! ```
//!
//! It knows people and truth from `fixtures` and everything else from the API
//! itself; it never depends on the engine.

pub mod clock;
pub mod command;
pub mod plan;
pub mod procedures;
pub mod report;
pub mod run;
pub mod schedule;
pub mod tally;
pub mod target;
pub mod verify;
