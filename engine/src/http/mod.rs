//! The API over HTTP/1.1 and HTTP/2: connections, routes, our JSON, all statuses.
//!
//! Personal data goes through `respond` sealed: as [`Disclosed`] or [`Own`],
//! which only the ledger makes, or as [`Kept`], which only the space makes.
//! Everything else is [`Public`].
//!
//! [`Disclosed`]: crate::ledger::Disclosed
//! [`Own`]: crate::ledger::Own
//! [`Kept`]: crate::space::Kept

mod admin;
mod answer;
mod batch;
mod caller;
mod citizen;
mod company;
mod docs;
#[cfg(feature = "internals")]
pub mod doors;
mod guarded;
mod heads;
mod idle;
mod limits;
mod lines;
mod listen;
mod open;
mod openapi;
mod operations;
mod places;
mod prefill;
mod protocol;
mod public;
mod query;
mod respond;
mod reuse;
mod route;
mod samples;
mod server;
mod table;
mod tls;
mod wire;

pub use admin::serve_admin;
pub use limits::Limits;
pub use listen::{At, Listen, Listener, NotThere, inherited};
pub(crate) use listen::{Opened, open_admin};
pub use respond::Public;
pub use server::{serve, serve_connection};
pub use tls::{Tls, TlsError};
