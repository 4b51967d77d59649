//! A backup of a data directory: the store and the key files in one folder, whole at any time.
//!
//! ```text
//! DIR/backup.manifest   what the backup is, with the checksum of every file, and its own; replaced last, durably
//! DIR/store/…           what the engine wrote; segments that an earlier backup wrote stay
//! DIR/keys/…            the key files: without them accounts' carts cannot be found, and no token is good
//! ```
//! A backup that ends half-way leaves the one before it: no file that the manifest names is written over, and what the
//! new manifest does not name goes only once that is durable. Files can be read by their owner alone.
//!
//! Deliberately absent: the index of SKUs, which is made anew, and the configuration, which is not ours.

mod folder;
pub mod jobs;
mod keys;
mod manifest;
pub mod restore;

use crate::{http::rfc3339, wiring::World, wiring::phase_0::Engine};
use cart::Timestamp;
use folder::Folder;
use manifest::{FORMAT, Manifest};
use service::Environment as _;
use std::{
    io,
    path::{Path, PathBuf},
};
use storage_embedded::{BackupError, BackupProgress};

/// Where a manifest stands in its folder.
const MANIFEST: &str = "backup.manifest";
const STORE: &str = "store";
const KEYS: &str = "keys";

/// Why there is no backup, or none that can be restored. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackupFailed {
    /// Something else is there.
    #[error("`{}` is not empty and holds no backup: name another folder", .0.display())]
    Foreign(PathBuf),
    /// The backup of another shop.
    #[error("`{}` holds the backup of another shop, with another `shop.key`: name another folder", .0.display())]
    OtherShop(PathBuf),
    /// Another backup is being written there.
    #[error("another backup is written to `{}`: wait until it has ended", .0.display())]
    Busy(PathBuf),
    /// There is no manifest.
    #[error("`{}` holds no whole backup: it has no `{MANIFEST}`", .0.display())]
    NotWhole(PathBuf),
    /// The manifest is not what was written.
    #[error("`{}` is damaged: this backup cannot be used, take another", .0.display())]
    Damaged(PathBuf),
    /// A newer release made it.
    #[error("`{}` was made by a newer release: restore with that one", .0.display())]
    Newer(PathBuf),
    /// Too old to be taken for what the shop is.
    #[error(
        "the backup is {days} days old: things that were removed more than {DAYS_MAX} days ago may come back. \
         Restore it with --accept-old if that is well"
    )]
    Old {
        /// How old.
        days: u64,
    },
    /// The target holds something.
    #[error("`{}` is not empty: restore into a folder that is empty or not there", .0.display())]
    NotEmpty(PathBuf),
    /// The engine's part failed.
    #[error(transparent)]
    Engine(#[from] BackupError),
    /// The store does not take its new incarnation.
    #[error("the restored store does not open")]
    Store(#[from] storage::StoreError),
    /// The file system refused.
    #[error("`{}` cannot be used", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Days after which removed things are forgotten, and may come back from a backup.
const DAYS_MAX: u64 = 30;

/// What is backed up.
pub struct Source<'a> {
    /// The data directory.
    pub data: &'a Path,
    /// The engine that has it open.
    pub engine: &'a Engine,
    /// The region's name.
    pub region: &'a str,
    /// The incarnation of the region.
    pub incarnation: u32,
}

/// What a backup is, in short.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// When it was made.
    pub made_at: String,
    /// The region's name.
    pub region: String,
    /// The incarnation of the region.
    pub incarnation: u32,
    /// Carts that have a row.
    pub carts: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Backs a data directory up into `folder`, while its store goes on. Blocks.
pub fn back_up(
    source: &Source<'_>,
    folder: &Path,
    progress: &BackupProgress,
) -> Result<Summary, BackupFailed> {
    let folder = Folder::open(folder)?;
    let before = folder.manifest();
    let now = World.now();
    let keys = keys::copy(source.data, &folder, before.as_ref())?;
    // Unlike that of any backup before, also of one that has left nothing but files.
    let generation = before.as_ref().map_or(0, |before| before.generation + 1).max(now.0);
    let store = before.as_ref().map(|before| &before.store);
    let store = source.engine.back_up(&folder.store(), store, generation, progress)?;
    let bytes = store.files().chain(&keys).map(|file| file.bytes).sum();
    let manifest = Manifest {
        evercart: manifest::KIND.to_owned(),
        format: FORMAT,
        release: env!("CARGO_PKG_VERSION").to_owned(),
        generation,
        made_at_ms: now.0,
        region: source.region.to_owned(),
        incarnation: source.incarnation,
        bytes,
        store,
        keys,
    };
    folder.commit(&manifest)?;
    // It is made; what is left over goes with the next one.
    if let Err(error) = folder.tidy(&manifest) {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "files of an earlier backup cannot be removed");
    }
    Ok(manifest.summary())
}

impl Manifest {
    fn summary(&self) -> Summary {
        let Self { region, incarnation, bytes, .. } = self.clone();
        let made_at = rfc3339(Timestamp(self.made_at_ms));
        Summary { made_at, region, incarnation, carts: self.store.carts, bytes }
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> BackupFailed {
    move |source| BackupFailed::Io { path: path.to_owned(), source }
}
