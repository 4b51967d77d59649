//! What goes on beside requests. Each worker walks by itself, at a bounded rate, and can be stopped anywhere.

pub mod expire;
pub mod fold;
pub mod refresh;
pub mod sweep;
