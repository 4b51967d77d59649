//! The engine against real nodes of Apache Cassandra.

#[path = "cassandra/conformance.rs"]
mod conformance;
#[path = "cassandra/node.rs"]
mod node;
