//! Who gets in to a server, and over what: a password, and TLS with a certificate that signs itself.
//!
//! The files lie in the folder of the server, beside its data. Without TLS on the server, an unencrypted connection is as
//! good as any; with it, there is no other way in.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Options;
use crate::certificate::Certificate;
use crate::launch::Account;
use crate::{Error, Result};

const RULES: &str = "pg_hba.conf";
const CERTIFICATE: &str = "server.crt";
const KEY: &str = "server.key";

/// Writes the files of a new server.
pub(super) fn write(folder: &Path, options: &Options, account: &Account) -> Result<()> {
    let line = if options.tls { "hostssl" } else { "host" };
    let method = if options.password.is_some() { "scram-sha-256" } else { "trust" };
    let rule = |databases: &str| format!("{line} {databases} all 127.0.0.1/32 {method}\n");
    give(folder, RULES, &(rule("all") + &rule("replication")), account)?;
    if options.tls {
        let made = Certificate::made(&["localhost", "127.0.0.1"], folder)?;
        give(folder, CERTIFICATE, &made.shown, account)?;
        give(folder, KEY, &made.key, account)?;
    }
    Ok(())
}

/// Gives a replica what its primary has.
pub(super) fn copy(from: &Path, to: &Path, account: &Account) -> Result<()> {
    for name in [RULES, CERTIFICATE, KEY] {
        let path = from.join(name);
        if path.is_file() {
            give(to, name, &fs::read_to_string(&path).map_err(Error::file(&path))?, account)?;
        }
    }
    Ok(())
}

/// What a server is told of its files.
pub(super) fn settings(folder: &Path) -> Vec<String> {
    let named = |setting: &str, name: &str| format!("{setting}={}", folder.join(name).display());
    let mut settings = vec![named("hba_file", RULES)];
    if certificate(folder).is_file() {
        let files = [named("ssl_cert_file", CERTIFICATE), named("ssl_key_file", KEY)];
        settings.extend(files.into_iter().chain(["ssl=on".to_owned()]));
    }
    settings
}

/// Where the certificate is, if there is one.
pub(super) fn certificate(folder: &Path) -> PathBuf {
    folder.join(CERTIFICATE)
}

/// Writes a file that `account` alone may read; others learn nothing from it but the certificate's.
pub(super) fn give(folder: &Path, name: &str, text: &str, account: &Account) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(Error::file(&path))?;
    let mode = if name == CERTIFICATE { 0o644 } else { 0o600 };
    fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(Error::file(&path))?;
    account.own(&path)
}
