//! Files of certificates that are trusted in place of the system's.
//!
//! Always holds: what is handed on is PEM with at least one certificate that others can be checked against, and nothing in
//! it that cannot be used. Deliberately absent: certificates and keys that the server shows of itself; it has none.

use super::ConfigError;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::path::Path;
use storage::error::BoxError;

/// The authorities of one file.
pub(crate) struct Authorities {
    /// As a TLS client wants them.
    pub(crate) roots: RootCertStore,
    /// The file, for clients that read it themselves.
    pub(super) pem: Vec<u8>,
}

impl Authorities {
    /// What the file of certificates holds that `key` names; `None` where it names none.
    pub(super) fn read(key: &'static str, path: &Path) -> Result<Option<Self>, ConfigError> {
        if path.as_os_str().is_empty() {
            return Ok(None);
        }
        let pem =
            std::fs::read(path).map_err(|source| ConfigError::File { key, path: path.to_owned(), source })?;
        let roots =
            roots(&pem).map_err(|source| ConfigError::Certificates { key, path: path.to_owned(), source })?;
        Ok(Some(Self { roots, pem }))
    }
}

fn roots(pem: &[u8]) -> Result<RootCertStore, BoxError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate?)?;
    }
    if roots.is_empty() {
        return Err("there is no `BEGIN CERTIFICATE` in it".into());
    }
    Ok(roots)
}
