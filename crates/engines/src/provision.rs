//! What engines are made of, had from package registries into `target/engines/have`.
//!
//! Always holds: a folder there is whole, because it is made beside its place and moved there last; and one process
//! makes at a time. What the machine has already is used, and its registry is not asked.

pub mod debian;
pub(crate) mod java;
pub(crate) mod maven;

use std::fs;
use std::path::{Path, PathBuf};

use crate::folder::remove;
use crate::{Error, Folder, Result};

/// The folder `name`, made by `make` where it is not there yet.
pub(crate) fn folder(folder: &Folder, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let whole = folder.have(name);
    if whole.is_dir() {
        return Ok(whole);
    }
    let _lock = folder.lock("have")?;
    if whole.is_dir() {
        return Ok(whole);
    }
    folder.tell(&format!("getting {name} (once)"));
    // What others began is never finished: they are gone, since this process has the lock.
    remove(&folder.begun())?;
    // A name of its own: what still downloads for a process that is gone must not write into this one.
    let begun = folder.begun().join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&begun).map_err(Error::file(&begun))?;
    make(&begun)?;
    fs::create_dir_all(folder.have("")).map_err(Error::file(&whole))?;
    fs::rename(&begun, &whole).map_err(Error::file(&whole))?;
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Error as IoError;

    use super::folder;
    use crate::{Error, Folder};

    #[test]
    fn what_was_interrupted_is_not_there_and_is_made_anew_and_what_is_whole_is_made_once() {
        let workspace = std::env::temp_dir().join(format!("evercart-engines-have-{}", std::process::id()));
        let all = Folder::at(&workspace).unwrap();
        let interrupted = || Error::File { path: "a".into(), source: IoError::other("no room") };
        let half = folder(&all, "engine-1.2", |begun| {
            fs::write(begun.join("half"), "").unwrap();
            Err(interrupted())
        });
        assert!(half.is_err() && !all.have("engine-1.2").exists());
        let whole =
            folder(&all, "engine-1.2", |begun| fs::write(begun.join("whole"), "").map_err(Error::file("a")));
        let whole = whole.unwrap();
        assert!(whole.join("whole").exists() && !whole.join("half").exists());
        assert_eq!(folder(&all, "engine-1.2", |_| Err(interrupted())).unwrap(), whole);
        fs::remove_dir_all(&workspace).unwrap();
    }
}
