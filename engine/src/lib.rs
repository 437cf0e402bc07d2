//! The engine under the once-only principle.
//!
//! One request, in the order of the modules that serve it:
//!
//! 1. `http` or [`Handle`] takes it to a core, and `identity` says whose token it bears.
//! 2. `consent::decide` intersects the organisation's authority, the procedure's fields, each
//!    subject's consent and what was asked: a `consent::Grant`.
//! 3. `consent::Grant::plan` names the register calls that the grant needs.
//! 4. `resolver` makes them, through `cache` and `registers`, until the deadline: values
//!    plus gaps.
//! 5. `consent::Grant::release` applies consent again, and composes the bundle's exact bytes.
//! 6. `ledger` makes its entry durable, in one order with every change of consent, and only
//!    then gives a `ledger::Disclosed` bundle, the only thing that `http` lets out.
//!
//! `prefill::prefill` is that request on one screen; `ARCHITECTURE.md` is the map.
//!
//! A service embeds it by [`load`] and [`start`], and asks through a [`Handle`];
//! `examples/embedded.rs` does so in a page. What is public stands below; the feature
//! `internals` opens the rest, for tests and benchmarks, and promises nothing.

// What only tests and benchmarks use is unused without them.
#![cfg_attr(not(feature = "internals"), allow(dead_code, unreachable_pub, unused_imports))]

/// The modules, in the order in which they may name each other.
#[path = ""]
mod rooms {
    pub mod model;

    pub mod clock;
    pub mod drain;
    pub mod entropy;
    pub mod logs;
    pub mod metrics;
    pub mod net;
    pub mod planted;
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
    pub mod command;
    pub mod config;
    pub mod engine;
    pub mod erase;
    #[cfg(feature = "otlp")]
    pub mod otlp;
    pub mod probe;
    pub mod report;
    pub mod serve;
    pub mod signals;

    #[cfg(feature = "demo")]
    pub mod demo;
}

#[cfg(feature = "internals")]
pub use rooms::*;
#[cfg(not(feature = "internals"))]
use rooms::*;

pub use rooms::command;
pub use rooms::config::{Config, Error as ConfigError, load};
pub use rooms::consent::{Bundle, Consent, Released};
#[cfg(feature = "demo")]
pub use rooms::demo::{Demo, Options as DemoOptions};
pub use rooms::drain::{Pauses, Phase};
pub use rooms::engine::Running;
pub use rooms::handle::Handle;
pub use rooms::identity::Operator;
pub use rooms::ledger::{Disclosed, Own};
pub use rooms::model::{Channel, InvalidIdentifier, Language, Subject};
pub use rooms::prefill::{Asked, Rejection};
pub use rooms::serve::start;
pub use rooms::trace::Context as TraceContext;
