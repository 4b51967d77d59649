//! Layers: stores around stores, of the same traits, so that any engine can carry any of them.

pub mod asker;
pub mod fault;
pub mod metrics;
