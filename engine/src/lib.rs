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

// The modules, in the order in which they may name each other; at the root, so that
// a log's target is what one would type: `RUST_LOG=engine::http=debug`.
cfg_if::cfg_if! {
    if #[cfg(feature = "internals")] {
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
    } else {
        mod model;

        mod clock;
        mod drain;
        mod entropy;
        mod logs;
        mod metrics;
        mod net;
        mod planted;
        mod trace;

        mod catalogue;
        mod consent;
        mod identity;

        mod cache;
        mod registers;
        mod store;

        mod ledger;
        mod resolver;

        mod space;

        mod prefill;

        mod handle;
        mod http;

        mod backup;
        pub mod command;
        mod config;
        mod engine;
        mod erase;
        #[cfg(feature = "otlp")]
        mod otlp;
        mod probe;
        mod report;
        mod serve;
        mod signals;

        #[cfg(feature = "demo")]
        mod demo;
    }
}

pub use crate::config::{Config, Error as ConfigError, load};
pub use crate::consent::{Bundle, Consent, Released};
#[cfg(feature = "demo")]
pub use crate::demo::{Demo, Options as DemoOptions};
pub use crate::drain::{Pauses, Phase};
pub use crate::engine::Running;
pub use crate::handle::Handle;
pub use crate::identity::Operator;
pub use crate::ledger::{Disclosed, Own};
pub use crate::model::{Channel, InvalidIdentifier, Language, Subject};
pub use crate::prefill::{Asked, Rejection};
pub use crate::serve::start;
pub use crate::trace::Context as TraceContext;
