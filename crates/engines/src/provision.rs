//! What engines are made of, had from package registries into `target/engines/have`.
//!
//! Always holds: a folder there is whole, because it is made beside its place and moved there last; and one process
//! makes at a time. What the machine has already is used, and its registry is not asked.

pub(crate) mod apt;
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
    let begun = folder.have(&format!("{name}.begun"));
    remove(&begun)?;
    fs::create_dir_all(&begun).map_err(Error::file(&begun))?;
    make(&begun)?;
    fs::rename(&begun, &whole).map_err(Error::file(&whole))?;
    Ok(whole)
}
