//! What the HTTP API promises, asked for over real connections: one file for each resource, and one for each kind of
//! claim that concerns them all.

mod claims;
mod harness;
mod lines;
mod sessions;
