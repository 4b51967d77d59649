//! What an engine says of itself; the service does the rest.

use cart::token::RowSeen;

/// How an engine is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WritePath {
    /// Load, join, and write the full join back on condition of its version.
    Replace,
    /// Append the delta blindly; the state is folded behind it.
    Append,
}

/// How durable an acknowledged write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// On the disk of one node.
    Node,
    /// In one region, as durable as the engine makes it there.
    Region,
    /// In more than one region.
    Regions,
}

/// What an engine can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Its name in metrics and logs.
    pub engine: &'static str,
    /// Its cheap way of writing.
    pub write_path: WritePath,
    /// True when appended deltas are folded by the engine itself, so that `load` answers one joined row.
    pub folds_itself: bool,
    /// True when no other process ever writes this store: a sealed guest cart is then sealed for good.
    pub single_writer: bool,
    /// What an acknowledgement means.
    pub durability: Durability,
}

impl Durability {
    /// As callers are told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Region => "region",
            Self::Regions => "regions",
        }
    }
}

impl crate::CartRows {
    /// The versions that were joined: what a freshness token remembers.
    pub fn versions(&self) -> Vec<RowSeen> {
        let seen =
            |row: &crate::Snapshot| RowSeen { owner: row.owner.as_str().into(), version: row.version.0 };
        self.snapshots.iter().map(seen).collect()
    }
}
