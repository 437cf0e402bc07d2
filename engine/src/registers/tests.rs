//! Registers: what is asked, how answers are read, and what bounds it all.

mod batched;
mod country;
mod decoded;
mod exchanged;
mod network;
