//! The cart as a join-semilattice.
//!
//! Pure: no clock, no randomness, no runtime, no network. `now`, ids and bytes come in as arguments; states,
//! deltas and views come out. Everything that evercart promises of a cart is decided here:
//!
//! - **C1** join is associative, commutative and idempotent, and every operation only adds knowledge.
//! - **C2** equal states give equal views, byte for byte.
//! - **C3** an acknowledged add is visible unless an operation that listed its dot was executed.
//! - **C4** a dot that is gone never comes back.
//! - **C5** executing an operation twice, anywhere, equals once.
//! - **C6** quantities are never negative. **C7** merge and replay are joins. **C8** limits bound operations.
//!
//! Start at [`state::Cart`] for what is known, [`operation`] for what can be done, [`view::View`] for what is
//! shown.

pub mod context;
pub mod digest;
pub mod dot;
pub mod entry;
pub mod format;
mod hash;
pub mod id;
pub mod item;
pub mod lattice;
#[cfg(test)]
mod laws;
pub mod lifetime;
pub mod limits;
pub mod line;
pub mod money;
pub mod operation;
pub mod planted;
pub mod quantity;
pub mod rewrite;
pub mod seen;
pub mod state;
pub mod subject;
pub mod time;
pub mod token;
pub mod view;

pub use dot::{Dot, WriterId};
pub use id::CartId;
pub use lattice::Join;
pub use state::{Cart, Delta};
pub use time::{Day, Timestamp};
