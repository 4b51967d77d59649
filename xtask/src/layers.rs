//! Which crate may depend on which: the layer table of the architecture, checked on what Cargo resolved.
//!
//! Normal and build dependencies between workspace crates must stand in the table. Dev-dependencies may add the crates
//! of proof (`testkit`, `sim`, `gameday`) and nothing else, so engines are named by `server` alone even in tests.
//! Pure crates must not reach a runtime, a network, a store or a wire format, however many crates lie in between.
//! Crates of the table that do not exist yet are no finding; a crate that the table does not know is one.

mod graph;

use std::path::Path;

use anyhow::{Result, bail};

use graph::Graph;

/// A crate of the workspace and the workspace crates it may depend on. The table of the architecture, row by row.
const TABLE: &[(&str, &[&str])] = &[
    ("cart", &[]),
    ("checkout", &["cart"]),
    ("storage", &["cart", "checkout"]),
    ("journal", &[]),
    ("storage-embedded", &["storage", "journal"]),
    ("storage-cache", &["storage"]),
    ("storage-postgres", &["storage"]),
    ("storage-dynamodb", &["storage"]),
    ("storage-cassandra", &["storage"]),
    ("service", &["storage", "journal", "checkout", "cart"]),
    ("insights", &["cart", "checkout"]),
    ("testkit", &["cart", "checkout"]),
    ("engines", &[]),
    ("sim", &["testkit", "service", "storage", "journal", "checkout", "cart"]),
    ("gameday", &["testkit", "engines"]),
];

/// The edge wires everything together, the chores may call anything, and what measures stands beside both.
const UNBOUND: &[&str] = &["server", "xtask", "bench"];

/// What tests of any crate may use on top of the table.
const PROOF: &[&str] = &["testkit", "engines", "sim", "gameday"];

/// Crates that take time, ids and bytes as arguments and give values back.
const PURE: &[&str] = &["cart", "checkout"];

/// Packages that bring a runtime, a network, randomness, a store or a wire format.
const IMPURE: &[&str] = &[
    "async-std",
    "aws-config",
    "aws-sdk-dynamodb",
    "axum",
    "fjall",
    "getrandom",
    "h2",
    "http",
    "hyper",
    "mio",
    "prost",
    "rand",
    "redis",
    "reqwest",
    "rustls",
    "scylla",
    "serde_json",
    "smol",
    "sqlx",
    "tokio",
    "tokio-postgres",
    "tonic",
    "tower",
];

/// Checks the workspace at `root`.
pub(crate) fn run(root: &Path) -> Result<()> {
    let graph = graph::resolved(root)?;
    let findings = check(&graph);
    findings.iter().for_each(|finding| println!("layers: {finding}"));
    if !findings.is_empty() {
        bail!(
            "{} dependencies cross a layer: move the code, or change the architecture first",
            findings.len()
        );
    }
    println!("layers: {} crates keep to their layer", graph.members().count());
    Ok(())
}

/// Every dependency that the rules do not allow, as a sentence.
fn check(graph: &Graph) -> Vec<String> {
    let mut findings = Vec::new();
    for member in graph.members().filter(|member| !UNBOUND.contains(member)) {
        match TABLE.iter().find(|(name, _)| *name == member) {
            Some((_, allowed)) => check_edges(graph, member, allowed, &mut findings),
            None => findings
                .push(format!("`{member}` has no row in the layer table: decide its layer and add it")),
        }
    }
    for pure in PURE {
        check_purity(graph, pure, &mut findings);
    }
    findings
}

fn check_edges(graph: &Graph, member: &str, allowed: &[&str], findings: &mut Vec<String>) {
    let may = if allowed.is_empty() { "nothing of the workspace".to_owned() } else { allowed.join(", ") };
    for target in graph.normal(member).filter(|target| graph.is_member(target)) {
        if !allowed.contains(&target) {
            findings.push(format!("`{member}` must not depend on `{target}`; it may use: {may}"));
        }
    }
    for target in graph.dev(member).filter(|target| graph.is_member(target)) {
        if target != member && !allowed.contains(&target) && !PROOF.contains(&target) {
            findings.push(format!(
                "tests of `{member}` must not depend on `{target}`; they may use: {may}, the proof crates"
            ));
        }
    }
}

fn check_purity(graph: &Graph, pure: &str, findings: &mut Vec<String>) {
    for impure in IMPURE {
        if let Some(path) = graph.path(pure, impure) {
            findings.push(format!("`{pure}` is pure and must not reach `{impure}`: {}", path.join(" -> ")));
        }
    }
}

#[cfg(test)]
mod tests;
