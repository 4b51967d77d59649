//! Where the workspace stands.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folder of the root manifest.
///
/// Cargo tells where this package is at run time; what was true when it was compiled may be another checkout.
pub(crate) fn root() -> Result<PathBuf> {
    let own = env::var_os("CARGO_MANIFEST_DIR").context("started outside cargo: use `cargo xtask …`")?;
    let root = Path::new(&own).parent().context("the xtask folder has no parent")?;
    Ok(root.to_owned())
}
