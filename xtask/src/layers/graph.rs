//! Who depends on whom, by package name.
//!
//! Versions are left out: a rule about `tokio` means every version of it. Build dependencies of the workspace count as
//! normal ones; those of others run where evercart is built, are in no program, and do not count.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, MetadataCommand};

/// The dependencies of every resolved package, and which packages are the workspace's own.
#[derive(Debug, Default)]
pub(super) struct Graph {
    members: BTreeSet<String>,
    normal: BTreeMap<String, BTreeSet<String>>,
    dev: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    pub(super) fn add_member(&mut self, name: &str) {
        self.members.insert(name.to_owned());
    }

    pub(super) fn add_normal(&mut self, from: &str, to: &str) {
        self.normal.entry(from.to_owned()).or_default().insert(to.to_owned());
    }

    pub(super) fn add_dev(&mut self, from: &str, to: &str) {
        self.dev.entry(from.to_owned()).or_default().insert(to.to_owned());
    }

    /// The crates of the workspace.
    pub(super) fn members(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(String::as_str)
    }

    pub(super) fn is_member(&self, name: &str) -> bool {
        self.members.contains(name)
    }

    /// Direct normal and build dependencies.
    pub(super) fn normal(&self, from: &str) -> impl Iterator<Item = &str> {
        self.normal.get(from).into_iter().flatten().map(String::as_str)
    }

    /// Direct dev-dependencies.
    pub(super) fn dev(&self, from: &str) -> impl Iterator<Item = &str> {
        self.dev.get(from).into_iter().flatten().map(String::as_str)
    }

    /// A shortest chain of normal dependencies from `from` to `to`, both included.
    pub(super) fn path<'a>(&'a self, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
        let mut came_from = BTreeMap::from([(from, from)]);
        let mut queue = VecDeque::from([from]);
        while let Some(at) = queue.pop_front() {
            if at == to {
                let mut path = vec![at];
                while path.last() != Some(&from) {
                    path.extend(path.last().and_then(|last| came_from.get(last)));
                }
                path.reverse();
                return Some(path);
            }
            for next in self.normal(at) {
                if !came_from.contains_key(next) {
                    came_from.insert(next, at);
                    queue.push_back(next);
                }
            }
        }
        None
    }
}

/// What Cargo resolves for the workspace at `root`, all features of all members united.
pub(super) fn resolved(root: &Path) -> Result<Graph> {
    let metadata = MetadataCommand::new().current_dir(root).exec().context("`cargo metadata` failed")?;
    let nodes = &metadata.resolve.as_ref().context("`cargo metadata` resolved nothing")?.nodes;
    let mut graph = Graph::default();
    metadata.workspace_packages().iter().for_each(|package| graph.add_member(&package.name));
    for node in nodes {
        let from = metadata[&node.id].name.as_str();
        for dependency in &node.deps {
            let to = metadata[&dependency.pkg].name.as_str();
            for kind in &dependency.dep_kinds {
                match kind.kind {
                    DependencyKind::Development => graph.add_dev(from, to),
                    DependencyKind::Build if !graph.is_member(from) => {}
                    _ => graph.add_normal(from, to),
                }
            }
        }
    }
    Ok(graph)
}
