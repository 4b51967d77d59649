//! Key files: the secrets of a shop, in the data directory, readable by their owner alone.
//!
//! ```text
//! keys/shop.key          names the carts of accounts; never changes
//! keys/tokens-<id>.key   seal guest tokens and what callers carry; the greatest id is used, all are honoured
//! keys/issuer-<id>.key   sign local shopper and service tokens; likewise
//! ```
//! An id is the moment of creation in seconds. Files are created once and never rewritten; a file that others can
//! read is refused, because what it protects may be known to them.

use cart::{
    id::ShopKey,
    token::{Keyring, TokenKey},
};
use rand::TryRng;
use std::{
    fs, io,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// The secrets of a shop.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Names the carts of accounts.
    pub shop: ShopKey,
    /// Seal what callers carry.
    pub tokens: Keyring,
    /// Sign local tokens; the first is used, all are honoured.
    pub issuer: Vec<TokenKey>,
}

/// Why the keys cannot be used. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There are none yet.
    #[error("`{}` has no key files: start `evercart serve --data {}` once, or name its data directory with --data", .0.display(), .0.display())]
    Missing(PathBuf),
    /// Others can read a key.
    #[error("`{}` can be read by others than its owner: run `chmod 600 {}` and consider the key known", .0.display(), .0.display())]
    Exposed(PathBuf),
    /// A file does not hold a key.
    #[error("`{}` does not hold 64 hexadecimal digits: restore it from a backup", .0.display())]
    Malformed(PathBuf),
    /// The file system refused.
    #[error("`{}` cannot be used", path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system has no randomness.
    #[error("the system gives no randomness")]
    Randomness(#[from] rand::rngs::SysError),
}

const SHOP: &str = "shop";
const TOKENS: &str = "tokens";
const ISSUER: &str = "issuer";

impl Keys {
    /// The keys of a data directory, made where there are none yet.
    pub fn open_or_create(data: &Path) -> Result<Self, KeyError> {
        let folder = folder(data);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|source| KeyError::Io { path: folder.clone(), source })?;
        let id = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
        for (kind, name) in
            [(SHOP, SHOP.to_owned()), (TOKENS, numbered(TOKENS, id)), (ISSUER, numbered(ISSUER, id))]
        {
            if names(&folder, kind)?.is_empty() {
                create(&folder.join(format!("{name}.key")))?;
            }
        }
        Self::open(data)
    }

    /// The keys of a data directory that a server was started on.
    pub fn open(data: &Path) -> Result<Self, KeyError> {
        let folder = folder(data);
        if !folder.is_dir() {
            return Err(KeyError::Missing(data.to_owned()));
        }
        let shop = read(&folder.join("shop.key"))?;
        let mut tokens = ring(&folder, TOKENS)?;
        let issuer = ring(&folder, ISSUER)?;
        if tokens.is_empty() || issuer.is_empty() {
            return Err(KeyError::Missing(data.to_owned()));
        }
        let current = tokens.remove(0);
        Ok(Self { shop: ShopKey(shop), tokens: Keyring::new(current, tokens), issuer })
    }
}

fn folder(data: &Path) -> PathBuf {
    data.join("keys")
}

fn numbered(kind: &str, id: u64) -> String {
    format!("{kind}-{id}")
}

/// The keys of a kind, newest first.
fn ring(folder: &Path, kind: &str) -> Result<Vec<TokenKey>, KeyError> {
    let mut ids: Vec<u32> = names(folder, kind)?
        .iter()
        .filter_map(|name| name.strip_prefix(kind)?.strip_prefix('-')?.parse().ok())
        .collect();
    ids.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
    let key = |id: u32| {
        let secret = read(&folder.join(format!("{}.key", numbered(kind, u64::from(id)))))?;
        Ok(TokenKey { id, secret })
    };
    ids.into_iter().map(key).collect()
}

/// Names of the key files of a kind, without `.key`.
fn names(folder: &Path, kind: &str) -> Result<Vec<String>, KeyError> {
    let failed = |source| KeyError::Io { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for file in fs::read_dir(folder).map_err(failed)? {
        let name = file.map_err(failed)?.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(".key"));
        names.extend(name.filter(|name| name.starts_with(kind)).map(str::to_owned));
    }
    Ok(names)
}

/// Writes a new key beside its place and links it there, so that a key is whole or not there, and two processes
/// that start at once agree on one.
fn create(path: &Path) -> Result<(), KeyError> {
    let failed = |source| KeyError::Io { path: path.to_owned(), source };
    let mut secret = [0; 32];
    rand::rngs::SysRng.try_fill_bytes(&mut secret)?;
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(failed)?;
    let text = format!("{}\n", data_encoding::HEXLOWER.encode(&secret));
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&temporary, path));
    fs::remove_file(&temporary).map_err(failed)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(failed),
    }
}

fn read(path: &Path) -> Result<[u8; 32], KeyError> {
    let failed = |source| KeyError::Io { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed(path.to_owned()));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let bytes = data_encoding::HEXLOWER.decode(text.trim().as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| KeyError::Malformed(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_tightly() {
        let data = tempfile::tempdir().unwrap();
        assert!(matches!(Keys::open(data.path()), Err(KeyError::Missing(_))));
        let first = Keys::open_or_create(data.path()).unwrap();
        let again = Keys::open_or_create(data.path()).unwrap();
        assert_eq!(first.shop.0, again.shop.0);
        assert_eq!(first.issuer[0].secret, again.issuer[0].secret);
        let files: Vec<_> = fs::read_dir(folder(data.path())).unwrap().collect();
        assert_eq!(files.len(), 3);
        for file in files {
            assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let data = tempfile::tempdir().unwrap();
        Keys::open_or_create(data.path()).unwrap();
        let shop = folder(data.path()).join("shop.key");
        fs::set_permissions(&shop, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Keys::open(data.path()), Err(KeyError::Exposed(path)) if path == shop));
    }

    #[test]
    fn the_newest_of_several_keys_is_used() {
        let data = tempfile::tempdir().unwrap();
        Keys::open_or_create(data.path()).unwrap();
        create(&folder(data.path()).join("issuer-4294967295.key")).unwrap();
        let keys = Keys::open(data.path()).unwrap();
        assert_eq!((keys.issuer.len(), keys.issuer[0].id), (2, u32::MAX));
    }
}
