//! The keys of a running server: read again when the key files change, so that a rotation needs no restart.

use super::{KeyError, Keys};
use crate::auth::Issuer;
use cart::token::Keyring;
use parking_lot::RwLock;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::Duration,
};

/// How often the key files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Keys that follow their files.
pub struct LiveKeys {
    data: PathBuf,
    current: RwLock<Current>,
}

#[derive(Clone)]
struct Current {
    tokens: Arc<Keyring>,
    issuer: Arc<Issuer>,
}

impl LiveKeys {
    /// The keys of a data directory, followed for as long as somebody holds them.
    pub fn follow(data: &Path, keys: &Keys) -> Result<Arc<Self>, KeyError> {
        let current = RwLock::new(Current::of(data, keys)?);
        let live = Arc::new(Self { data: data.to_owned(), current });
        tokio::spawn(look(Arc::downgrade(&live)));
        Ok(live)
    }

    /// Seal what callers carry: the very same ring for as long as the keys are the same, so that what was sealed with it can
    /// be told by it.
    pub fn tokens(&self) -> Arc<Keyring> {
        self.current.read().tokens.clone()
    }

    /// Makes and checks local tokens.
    pub fn issuer(&self) -> Arc<Issuer> {
        self.current.read().issuer.clone()
    }

    /// Reads the key files again. What cannot be read leaves everything as it was.
    pub fn reload(&self) -> Result<(), KeyError> {
        let mut fresh = Current::of(&self.data, &Keys::open(&self.data)?)?;
        let mut current = self.current.write();
        if fresh.tokens.is_same(&current.tokens) {
            fresh.tokens = current.tokens.clone();
        }
        *current = fresh;
        Ok(())
    }
}

impl Current {
    fn of(data: &Path, keys: &Keys) -> Result<Self, KeyError> {
        let issuer = Issuer::new(&keys.issuer).ok_or_else(|| KeyError::Missing(data.to_owned()))?;
        Ok(Self { tokens: Arc::new(keys.tokens.clone()), issuer: Arc::new(issuer) })
    }
}

async fn look(live: Weak<LiveKeys>) {
    let mut every = tokio::time::interval(LOOK_EVERY);
    let mut failing = false;
    loop {
        every.tick().await;
        let Some(live) = live.upgrade() else { return };
        // A handful of small files; a thread of its own all the same, for a disk that hangs.
        let read = tokio::task::spawn_blocking(move || live.reload()).await;
        match read {
            Ok(Ok(())) => failing = false,
            Ok(Err(error)) if !failing => {
                failing = true;
                tracing::error!(error = &error as &dyn std::error::Error, "key files cannot be read again");
            }
            Ok(Err(_)) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyKind;

    #[tokio::test]
    async fn a_ring_is_the_very_same_until_its_keys_are_others() {
        let data = tempfile::tempdir().unwrap();
        let live = LiveKeys::follow(data.path(), &Keys::open_or_create(data.path()).unwrap()).unwrap();
        let first = live.tokens();
        live.reload().unwrap();
        assert!(Arc::ptr_eq(&first, &live.tokens()), "what it sealed is still told by it");
        Keys::rotate(data.path(), KeyKind::Tokens).unwrap();
        live.reload().unwrap();
        assert!(!Arc::ptr_eq(&first, &live.tokens()), "there is another key");
    }
}
