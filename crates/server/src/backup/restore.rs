//! From a backup to a data directory that a server can start on, as a new incarnation of its region.
//!
//! All is made in a folder beside its place and checked before it is put there; a server does not start on a directory
//! whose restore did not end. What was acknowledged after the backup is not here: clients that present their receipts
//! have it joined.

use super::{BackupFailed, DAYS_MAX, KEYS, STORE, Summary, failed, folder, manifest::Manifest};
use crate::wiring::{World, incarnation};
use service::Environment as _;
use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};
use storage_embedded::{BackupFile, Embedded, EmbeddedOptions};

/// Where a restore is made. While it is there, no server starts.
pub const UNFINISHED: &str = "restoring";

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// What to restore, and where to.
#[derive(Debug, Clone)]
pub struct Restore {
    /// The folder of the backup.
    pub from: PathBuf,
    /// The data directory, which is empty or not there.
    pub data: PathBuf,
    /// Settings of the store.
    pub options: EmbeddedOptions,
    /// True where it may be older than things that were removed are remembered.
    pub accept_old: bool,
}

/// Restores, and answers what was, with the incarnation that the region has from now on.
pub async fn restore(restore: Restore) -> Result<Summary, BackupFailed> {
    let manifest = folder::load(&restore.from)?;
    let days = World.now().0.saturating_sub(manifest.made_at_ms) / DAY_MS;
    if days > DAYS_MAX && !restore.accept_old {
        return Err(BackupFailed::Old { days });
    }
    let unfinished = begin(&restore.data)?;
    let (data, summary) = (restore.data.clone(), manifest.summary());
    let made = make(restore, manifest, unfinished.clone()).await;
    let made = made.inspect_err(|_| give_up(&unfinished));
    let incarnation = made?;
    blocking(move || end(&data)).await?;
    Ok(Summary { incarnation, ..summary })
}

/// Makes store and keys, and answers the new incarnation.
async fn make(restore: Restore, manifest: Manifest, unfinished: PathBuf) -> Result<u32, BackupFailed> {
    let before = manifest.incarnation;
    let engine = blocking(move || {
        restore_keys(&restore.from.join(KEYS), &manifest.keys, &unfinished.join(KEYS))?;
        let (from, to) = (restore.from.join(STORE), unfinished.join(STORE));
        Ok(storage_embedded::restore(&from, &manifest.store, &to, restore.options)?)
    });
    let engine: Arc<Embedded> = engine.await?;
    let incarnation = incarnation::renew(&*engine.stores().linear, before).await?;
    blocking(move || {
        engine.fold()?;
        drop(engine);
        Ok(incarnation)
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupFailed> + Send + 'static,
) -> Result<T, BackupFailed> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(BackupFailed::Store(storage::StoreError::Unavailable(error.into()))))
}

/// Makes the folder in which all is made; refuses a data directory that holds anything.
fn begin(data: &Path) -> Result<PathBuf, BackupFailed> {
    folder::create(data)?;
    for file in fs::read_dir(data).map_err(failed(data))? {
        // A file system of its own has that.
        if file.map_err(failed(data))?.file_name() != "lost+found" {
            return Err(BackupFailed::NotEmpty(data.to_owned()));
        }
    }
    let unfinished = data.join(UNFINISHED);
    folder::create(&unfinished)?;
    folder::sync(data).map_err(failed(data))?;
    Ok(unfinished)
}

fn restore_keys(from: &Path, keys: &[BackupFile], to: &Path) -> Result<(), BackupFailed> {
    folder::create(to)?;
    for key in keys {
        let mut bytes = Vec::new();
        key.read(from, |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        let path = to.join(&key.name);
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let written = file.and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()));
        written.map_err(failed(&path))?;
    }
    folder::sync(to).map_err(failed(to))
}

/// Puts all in its place. The folder in which it was made goes last.
fn end(data: &Path) -> Result<(), BackupFailed> {
    let unfinished = data.join(UNFINISHED);
    for name in [KEYS, STORE] {
        fs::rename(unfinished.join(name), data.join(name)).map_err(failed(&data.join(name)))?;
    }
    folder::sync(data).map_err(failed(data))?;
    fs::remove_dir(&unfinished).map_err(failed(&unfinished))?;
    folder::sync(data).map_err(failed(data))
}

/// Nothing of it is needed: the directory is empty again.
fn give_up(unfinished: &Path) {
    if let Err(error) = fs::remove_dir_all(unfinished) {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "what was restored so far cannot be removed"
        );
    }
}
