//! The whole engine over real HTTP, against simulated registers.

#![allow(clippy::unwrap_used, reason = "a test tells by its panic what went wrong")]

mod accesses;
mod backup;
mod backup_and_cuts;
mod bad_input;
mod batch;
mod bundle;
mod canary;
mod child;
mod closed;
mod company;
mod consent;
mod country;
mod denials;
mod drain;
mod erased;
mod explain;
mod faults;
mod handle;
mod hardness;
mod http2;
mod idempotency;
mod layers;
mod mandates;
mod own_data;
mod packaged;
mod probe;
mod process;
mod public;
mod readme;
mod reload;
mod report;
mod restart;
mod retention;
mod reuse;
mod scaled;
mod seen;
mod serve;
mod shapes;
mod simulation;
mod spans;
mod support;
mod traced;
