//! Key files: the secrets of a shop, in the data directory, readable by their owner alone.
//!
//! ```text
//! keys/shop.key          names the carts of accounts; never changes
//! keys/tokens-<id>.key   seal guest tokens and what callers carry; the newest settled one is used, all are honoured
//! keys/issuer-<id>.key   sign local shopper and service tokens; likewise
//! ```
//! An id is the moment of creation in seconds. A key settles for a minute before it is used, so that every process that
//! reads these files honours it by then. Files are created once and never rewritten; a file that others can
//! read is refused, because what it protects may be known to them. A key's line ends with its checksum: another digit
//! would be another key, under which every account has an empty cart. Files of older releases have none.

pub mod live;

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
    #[error("`{}` does not hold 64 hexadecimal digits and their checksum: restore it from a backup", .0.display())]
    Malformed(PathBuf),
    /// The file system refused.
    #[error("`{}` cannot be used", path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no such key.
    #[error("there is no key `{0}`: see `evercart key list`")]
    Unknown(String),
    /// New tokens are made with it.
    #[error("`{0}` is in use: make another with `evercart key rotate` first, and wait a minute")]
    InUse(String),
    /// What it made may still be in use.
    #[error(
        "what `{0}` made can be in use for {HONOURED_DAYS} days after it was replaced: wait, or use --force"
    )]
    Honoured(String),
    /// The system has no randomness.
    #[error("the system gives no randomness")]
    Randomness(#[from] rand::rngs::SysError),
}

/// A key file, by what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    /// Without `.key`.
    pub name: String,
    /// When it was made, in seconds since 1970.
    pub id: u32,
    /// True for the one that new tokens are made with.
    pub is_used: bool,
}

/// What a key that can be rotated is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Seals guests' tokens and what callers carry.
    Tokens,
    /// Signs tokens of services and of local shoppers.
    Issuer,
}

/// Seconds from the making of a key to its use.
pub const SETTLE_S: u64 = 60;
/// Days for which what a key made may be in use after the key was replaced: longer than a guest's token lives.
pub const HONOURED_DAYS: u32 = 100;

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
        let id = now_s();
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

impl KeyKind {
    const ALL: [Self; 2] = [Self::Tokens, Self::Issuer];

    fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => TOKENS,
            Self::Issuer => ISSUER,
        }
    }
}

impl Keys {
    /// Makes a new key of a kind, and answers its name.
    pub fn rotate(data: &Path, kind: KeyKind) -> Result<String, KeyError> {
        let newest =
            Self::list(data)?.iter().filter(|file| file.kind() == kind.as_str()).map(|file| file.id).max();
        let id = now_s().max(newest.map_or(0, |id| u64::from(id) + 1));
        let name = numbered(kind.as_str(), id);
        create(&folder(data).join(format!("{name}.key")))?;
        Ok(name)
    }

    /// The key files that can be rotated, newest first by kind.
    pub fn list(data: &Path) -> Result<Vec<KeyFile>, KeyError> {
        Self::open(data)?;
        let mut files = Vec::new();
        for kind in KeyKind::ALL {
            let ids = ids(&folder(data), kind.as_str())?;
            let used = used(&ids, now_s());
            files.extend(ids.iter().map(|id| KeyFile {
                name: numbered(kind.as_str(), u64::from(*id)),
                id: *id,
                is_used: Some(*id) == used,
            }));
        }
        Ok(files)
    }

    /// Deletes a key that is not used; without `force` only if nothing that it made can still be in use.
    pub fn retire(data: &Path, name: &str, force: bool) -> Result<(), KeyError> {
        let files = Self::list(data)?;
        let file = files.iter().find(|file| file.name == name);
        let file = file.ok_or_else(|| KeyError::Unknown(name.to_owned()))?;
        if file.is_used {
            return Err(KeyError::InUse(name.to_owned()));
        }
        let successors = files.iter().filter(|other| other.kind() == file.kind() && other.id > file.id);
        let replaced_at = successors.map(|other| u64::from(other.id)).min().unwrap_or(u64::MAX);
        let honoured_until = replaced_at.saturating_add(u64::from(HONOURED_DAYS) * 24 * 60 * 60);
        if !force && now_s() < honoured_until {
            return Err(KeyError::Honoured(name.to_owned()));
        }
        let path = folder(data).join(format!("{name}.key"));
        fs::remove_file(&path).map_err(|source| KeyError::Io { path, source })
    }
}

impl KeyFile {
    fn kind(&self) -> &str {
        self.name.split('-').next().unwrap_or_default()
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs())
}

/// Of these keys, newest first, the one to use: the newest that has settled, and the oldest where none has.
fn used(ids: &[u32], now_s: u64) -> Option<u32> {
    let settled = ids.iter().find(|id| u64::from(**id) + SETTLE_S <= now_s);
    settled.or(ids.last()).copied()
}

fn folder(data: &Path) -> PathBuf {
    data.join("keys")
}

fn numbered(kind: &str, id: u64) -> String {
    format!("{kind}-{id}")
}

/// The ids of the keys of a kind, newest first.
fn ids(folder: &Path, kind: &str) -> Result<Vec<u32>, KeyError> {
    let names = names(folder, kind)?;
    let ids = names.iter().filter_map(|name| name.strip_prefix(kind)?.strip_prefix('-')?.parse().ok());
    let mut ids: Vec<u32> = ids.collect();
    ids.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
    Ok(ids)
}

/// The keys of a kind, the one to use first.
fn ring(folder: &Path, kind: &str) -> Result<Vec<TokenKey>, KeyError> {
    let mut ids = ids(folder, kind)?;
    let used = used(&ids, now_s());
    ids.sort_by_key(|id| Some(*id) != used);
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
    let text = format!("{} {}\n", data_encoding::HEXLOWER.encode(&secret), check_digits(&secret));
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
    parse(&text).ok_or_else(|| KeyError::Malformed(path.to_owned()))
}

fn parse(text: &str) -> Option<[u8; 32]> {
    let line = text.trim_end();
    let (digits, check) = line.split_once(' ').map_or((line, None), |(digits, check)| (digits, Some(check)));
    let secret: [u8; 32] = data_encoding::HEXLOWER.decode(digits.as_bytes()).ok()?.try_into().ok()?;
    check.is_none_or(|check| check == check_digits(&secret)).then_some(secret)
}

/// Digits that change with any of the key's, and say nothing about it to who cannot guess it.
fn check_digits(secret: &[u8; 32]) -> String {
    let digest = blake3::derive_key("evercart 2026 checksum of a key file", secret);
    data_encoding::HEXLOWER.encode(&digest[..8])
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
    fn a_key_with_any_bit_flipped_is_refused_and_one_of_an_older_release_is_read() {
        let data = tempfile::tempdir().unwrap();
        let keys = Keys::open_or_create(data.path()).unwrap();
        let shop = folder(data.path()).join("shop.key");
        let whole = fs::read(&shop).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(&shop, &flipped).unwrap();
            // White space at the end means nothing.
            let opened = Keys::open(data.path());
            assert!(opened.is_err() || bit / 8 == whole.len() - 1, "bit {bit}");
        }
        fs::write(&shop, [&whole[..64], b"\n"].concat()).unwrap();
        assert_eq!(Keys::open(data.path()).unwrap().shop.0, keys.shop.0);
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
    fn the_newest_key_that_has_settled_is_used_and_all_are_honoured() {
        assert_eq!(used(&[1000, 900, 800], 1000 + SETTLE_S), Some(1000));
        assert_eq!(used(&[1000, 900, 800], 1000 + SETTLE_S - 1), Some(900));
        assert_eq!(used(&[1000], 1000), Some(1000), "there is no other");
        assert_eq!(used(&[], 1000), None);
        let data = tempfile::tempdir().unwrap();
        Keys::open_or_create(data.path()).unwrap();
        for id in [1, 2, u32::MAX] {
            create(&folder(data.path()).join(format!("issuer-{id}.key"))).unwrap();
        }
        let ids: Vec<u32> = Keys::open(data.path()).unwrap().issuer.iter().map(|key| key.id).collect();
        assert_eq!((ids.len(), ids[0]), (4, 2));
    }

    #[test]
    fn a_rotated_key_is_listed_and_only_an_unused_one_is_retired() {
        let data = tempfile::tempdir().unwrap();
        Keys::open_or_create(data.path()).unwrap();
        let old = Keys::list(data.path()).unwrap().remove(0);
        let new = Keys::rotate(data.path(), KeyKind::Tokens).unwrap();
        let again = Keys::rotate(data.path(), KeyKind::Tokens).unwrap();
        assert!(new != old.name && again != new, "each has a name of its own, within one second too");
        let listed = Keys::list(data.path()).unwrap();
        let used: Vec<&str> =
            listed.iter().filter(|file| file.is_used).map(|file| file.name.as_str()).collect();
        assert_eq!((listed.len(), used[0]), (4, old.name.as_str()), "a new key settles first");
        let retire = |name: &str, force| Keys::retire(data.path(), name, force);
        assert!(matches!(retire(&old.name, true), Err(KeyError::InUse(_))));
        assert!(matches!(retire(&new, false), Err(KeyError::Honoured(_))));
        assert!(matches!(retire("tokens-7", true), Err(KeyError::Unknown(_))));
        assert!(matches!(retire("shop", true), Err(KeyError::Unknown(_))));
        retire(&new, true).unwrap();
        assert_eq!(Keys::list(data.path()).unwrap().len(), 3);
    }
}
