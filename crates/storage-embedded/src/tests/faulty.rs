//! A base whose disk can be told to fail.

use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::sample::options;
use crate::Embedded;
use crate::base::{Base, BaseResult, Captured, FjallBase, Put};
use crate::key::Key;

/// What fails, as long as it is named here.
#[derive(Default)]
pub(super) struct Faults {
    /// Every fold, before it ends.
    pub(super) folds: Mutex<Option<io::ErrorKind>>,
    /// Reads of this key.
    pub(super) reads_of: Mutex<Option<Key>>,
    /// Writes of keys that begin so.
    pub(super) writes_of: Mutex<Option<u8>>,
}

struct FaultyBase {
    base: FjallBase,
    faults: Arc<Faults>,
}

pub(super) fn open(dir: &Path) -> (Arc<Embedded>, Arc<Faults>) {
    let faults = Arc::<Faults>::default();
    let of_base = Arc::clone(&faults);
    let open_base = |dir: &Path| -> BaseResult<Box<dyn Base>> {
        Ok(Box::new(FaultyBase { base: FjallBase::open(&dir.join("base"), 1 << 20)?, faults: of_base }))
    };
    (Embedded::open_inner(dir, options(), open_base, |_| Ok(())).unwrap(), faults)
}

impl Base for FaultyBase {
    fn get(&self, key: &[u8]) -> BaseResult<Option<Vec<u8>>> {
        match &*self.faults.reads_of.lock() {
            Some(unreadable) if unreadable[..] == *key => Err(io::Error::other("a bad sector").into()),
            _ => self.base.get(key),
        }
    }

    fn keys(&self, from: &[u8], end: &[u8], limit: usize) -> BaseResult<Vec<Key>> {
        self.base.keys(from, end, limit)
    }

    fn fold(&self, fill: &mut dyn FnMut(&mut Put<'_>) -> BaseResult<()>) -> BaseResult<()> {
        self.base.fold(&mut |put| {
            fill(&mut |key, value| match *self.faults.writes_of.lock() {
                Some(first) if key.first() == Some(&first) => Err(io::Error::other("a bad sector").into()),
                _ => put(key, value),
            })?;
            let fault = *self.faults.folds.lock();
            fault.map_or(Ok(()), |kind| Err(io::Error::from(kind).into()))
        })
    }

    fn capture(&self) -> BaseResult<Captured> {
        self.base.capture()
    }
}
