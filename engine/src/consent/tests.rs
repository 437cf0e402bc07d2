//! The decision, its plan, its release and the state it reads.

mod decided;
mod denied;
mod leaks;
mod mandate;
mod million;
mod noticed;
mod random;
mod released;
mod reuse;
mod rows;
mod state;
