//! The folder of a backup: who may write to it, and how one backup takes the place of another.

use super::{BackupFailed, KEYS, MANIFEST, STORE, failed, manifest::Manifest};
use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

const LOCK: &str = "lock";
const UNFINISHED: &str = "backup.manifest.new";

/// A folder that this process alone writes to.
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Opens a folder that is missing, empty, or has a backup, be it one that never ended.
    pub(super) fn open(path: &Path) -> Result<Self, BackupFailed> {
        create(path)?;
        for file in fs::read_dir(path).map_err(failed(path))? {
            let name = file.map_err(failed(path))?.file_name();
            let known = [LOCK, UNFINISHED, MANIFEST, STORE, KEYS, "lost+found"];
            if !known.iter().any(|known| name == *known) {
                return Err(BackupFailed::Foreign(path.to_owned()));
            }
        }
        let lock = path.join(LOCK);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock);
        let lock = lock.map_err(failed(path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupFailed::Busy(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(path)(error)),
        }
        let folder = Self { path: path.to_owned(), _lock: lock };
        create(&folder.store())?;
        create(&folder.keys())?;
        Ok(folder)
    }

    pub(super) fn store(&self) -> PathBuf {
        self.path.join(STORE)
    }

    pub(super) fn keys(&self) -> PathBuf {
        self.path.join(KEYS)
    }

    /// What the backup in it is; `None` where there is none that can be used.
    pub(super) fn manifest(&self) -> Option<Manifest> {
        match load(&self.path) {
            Ok(manifest) => Some(manifest),
            Err(BackupFailed::NotWhole(_)) => None,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the backup in the folder cannot be used, and is made whole anew");
                None
            }
        }
    }

    /// From now on the manifest is what the folder holds. The files that it names are durable.
    pub(super) fn commit(&self, manifest: &Manifest) -> Result<(), BackupFailed> {
        let (unfinished, path) = (self.path.join(UNFINISHED), self.path.join(MANIFEST));
        let written = || {
            let mut file = OpenOptions::new();
            let mut file = file.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
            file.write_all(manifest.to_text().as_bytes())?;
            file.sync_all()?;
            for folder in [&self.store(), &self.keys(), &self.path] {
                sync(folder)?;
            }
            fs::rename(&unfinished, &path)?;
            sync(&self.path)
        };
        written().map_err(failed(&path))
    }

    /// Removes what the manifest does not name.
    pub(super) fn tidy(&self, manifest: &Manifest) -> Result<(), BackupFailed> {
        let store: Vec<&str> = manifest.store.files().map(|file| file.name.as_str()).collect();
        let keys: Vec<&str> = manifest.keys.iter().map(|file| file.name.as_str()).collect();
        for (folder, named) in [(self.store(), store), (self.keys(), keys)] {
            for file in fs::read_dir(&folder).map_err(failed(&folder))? {
                let file = file.map_err(failed(&folder))?;
                if !named.iter().any(|name| file.file_name() == *name) {
                    fs::remove_file(file.path()).map_err(failed(&file.path()))?;
                }
            }
        }
        Ok(())
    }
}

/// What the backup in a folder is.
pub(super) fn load(folder: &Path) -> Result<Manifest, BackupFailed> {
    let path = folder.join(MANIFEST);
    match fs::read(&path) {
        Ok(text) => Manifest::parse(&text, &path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(BackupFailed::NotWhole(folder.to_owned()))
        }
        Err(error) => Err(failed(&path)(error)),
    }
}

/// A folder that its owner alone may enter.
pub(super) fn create(path: &Path) -> Result<(), BackupFailed> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))
}

/// Makes the names in a folder durable.
pub(super) fn sync(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}
