//! Load over keep-alive connections that costs little, because it shares the cores with what it measures.
//!
//! What always holds: one thread drives all connections; requests are bytes that a [`Source`] has ready; of an answer
//! only the status and the length are read. A [closed loop](Pace::Closed) sends when answered and hides stalls; an
//! [open loop](Pace::Open) sends at intended times and counts from those, so that a stall, and queueing in here, is seen.
//! Deliberately absent: JSON, redirects, TLS and chunked answers (an error, never a guess).

mod answer;
mod drive;
mod recording;

pub use drive::{Pace, Plan, run};
pub use recording::{Kind, Recording, Second};

/// Where requests come from.
pub trait Source {
    /// Writes the bytes of the next request into `request`, which is empty, and answers its kind: an index into
    /// [`Recording::kinds`]. None when there are no more.
    fn next(&mut self, request: &mut Vec<u8>) -> Option<usize>;
}

#[cfg(test)]
mod tests;
