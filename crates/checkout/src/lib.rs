//! Inventory and checkout: the part of evercart that is strongly consistent.
//!
//! Pure: no clock, no randomness, no runtime, no network. `now`, ids and replies of stores come in as arguments;
//! records to write, questions and answers come out. Coordination happens here and only here; carts never wait for it.
//!
//! - **K1** no oversell: what is sold and held never exceeds what was stocked.
//! - **K2** what a commit lists was held at the commit point.
//! - **K3** no stuck stock: with the ledger reachable every hold ends.
//! - **K4** no lost order: order, holds and consumed dots become known in one write.
//! - **K5** no double order: what was bought is checked and extended in the record that is the claim.
//! - **K6** money: no authorisation without order or void.
//!
//! Start at [`ledger::Ledger`] and [`stock::Stock`], each changed by a conditional write of one record; then
//! [`coordinator::Coordinator`], and what comes after it when it stops: [`resolver::Resolver`] and
//! [`sweeper::Sweeper`]. [`machine::Machine`] says how they are driven.

mod abort;
pub mod answer;
pub mod cancel;
pub mod coordinator;
pub mod effect;
mod finish;
pub mod format;
pub mod grant;
pub mod id;
pub mod ledger;
pub mod machine;
pub mod order;
pub mod order_list;
pub mod planted;
mod records;
pub mod resolver;
pub mod returns;
pub mod settings;
pub mod shelf;
pub mod stock;
pub mod sweeper;
pub mod undo;

pub use answer::Answer;
pub use effect::{Effect, Input, Reply, Request};
pub use id::TxId;
pub use ledger::Ledger;
pub use machine::Machine;
pub use order::Order;
pub use settings::{Clock, Settings};
pub use stock::Stock;
