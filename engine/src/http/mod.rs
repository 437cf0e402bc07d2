//! The API over HTTP/1.1: connections, routes, our JSON, all statuses.
//!
//! Personal data goes through `respond` sealed: as [`Disclosed`] or [`Own`],
//! which only the ledger makes, or as [`Kept`], which only the space makes.
//! Everything else is [`Public`].
//!
//! [`Disclosed`]: crate::ledger::Disclosed
//! [`Own`]: crate::ledger::Own
//! [`Kept`]: crate::space::Kept

#[cfg(feature = "internals")]
pub mod doors;
mod query;
mod respond;
mod reuse;
mod route;
mod server;
mod wire;

pub use respond::Public;
pub use server::{Limits, serve, serve_connection};
