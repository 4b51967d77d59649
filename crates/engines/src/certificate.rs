//! Certificates that servers show of themselves: each signs itself, and so is the root to trust too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// A certificate and its key, in PEM.
pub(crate) struct Certificate {
    pub(crate) shown: String,
    pub(crate) key: String,
}

impl Certificate {
    /// Made for a server that is called by these names or addresses, whose files are in `folder`.
    pub(crate) fn made<N: ToString>(names: &[N], folder: &Path) -> Result<Self> {
        let unmade = |error| Error::File { path: folder.to_owned(), source: io::Error::other(error) };
        let names: Vec<String> = names.iter().map(N::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names).map_err(unmade)?;
        Ok(Self { shown: made.cert.pem(), key: made.signing_key.serialize_pem() })
    }

    /// Writes both into `folder`, and says where.
    pub(crate) fn write(&self, folder: &Path) -> Result<Files> {
        let files = Files { shown: folder.join("server.crt"), key: folder.join("server.key") };
        fs::write(&files.shown, &self.shown).map_err(Error::file(&files.shown))?;
        fs::write(&files.key, &self.key).map_err(Error::file(&files.key))?;
        Ok(files)
    }
}

/// Where they are.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) shown: PathBuf,
    pub(crate) key: PathBuf,
}
