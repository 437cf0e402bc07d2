//! Shows that an engine keeps what its ledger promises.
//!
//! [`world`] is a small country made for it: registers that number each answer, so
//! that whoever sees a value knows which call it came from. [`clients`] ask, say
//! No, consent, withdraw and give up at random, all at once, and write down when
//! each call began and ended: a [`history`]. [`check`] then holds that history
//! against the entries of the ledger, with a replay of its own.

pub mod check;
pub mod clients;
pub mod facts;
pub mod history;
pub mod killed;
pub mod power;
pub mod registers;
pub mod run;
pub mod stands;
pub mod storage;
pub mod world;
