//! The base on fjall: one keyspace, written by ingestion only, so that its own journal stays empty.

use std::path::{Path, PathBuf};

use ::fjall::{Database, Keyspace, KeyspaceCreateOptions};

use super::{Base, BaseResult, Captured, Put};
use crate::key::Key;

pub(crate) struct FjallBase {
    // Held so that its workers live as long as the keyspace is used.
    _database: Database,
    rows: Keyspace,
    dir: PathBuf,
}

/// What fjall says of a fault does not always say where.
#[derive(Debug, thiserror::Error)]
#[error("the base in `{}` cannot be used", dir.display())]
struct Failed {
    dir: PathBuf,
    source: ::fjall::Error,
}

impl FjallBase {
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> BaseResult<Self> {
        let database = Database::builder(dir).cache_size(cache_bytes).worker_threads(1).open()?;
        let rows =
            database.keyspace("rows", || KeyspaceCreateOptions::default().manual_journal_persist(true))?;
        Ok(Self { _database: database, rows, dir: dir.to_owned() })
    }

    fn failed(dir: &Path) -> impl Fn(::fjall::Error) -> Failed {
        move |source| Failed { dir: dir.to_owned(), source }
    }
}

impl Base for FjallBase {
    fn get(&self, key: &[u8]) -> BaseResult<Option<Vec<u8>>> {
        let value = self.rows.get(key).map_err(Self::failed(&self.dir))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn contains(&self, key: &[u8]) -> BaseResult<bool> {
        Ok(self.rows.contains_key(key).map_err(Self::failed(&self.dir))?)
    }

    fn keys(&self, from: &[u8], end: &[u8], limit: usize) -> BaseResult<Vec<Key>> {
        let keys = self.rows.range(from..end).take(limit);
        keys.map(|row| Ok(Key::from_slice(&row.key().map_err(Self::failed(&self.dir))?))).collect()
    }

    fn capture(&self) -> BaseResult<Captured> {
        // The iterator keeps the version that it begins with: what is ingested later is not in it.
        let dir = self.dir.clone();
        let pairs = self.rows.iter().map(move |row| {
            let (key, value) = row.into_inner().map_err(Self::failed(&dir))?;
            Ok((Key::from_slice(&key), value.to_vec()))
        });
        Ok(Captured { segments: Vec::new(), pairs: Box::new(pairs) })
    }

    fn fold(&self, fill: &mut dyn FnMut(&mut Put<'_>) -> BaseResult<()>) -> BaseResult<()> {
        let mut ingestion = None;
        fill(&mut |key, value| {
            let started = match ingestion.take() {
                Some(started) => started,
                None => self.rows.start_ingestion().map_err(Self::failed(&self.dir))?,
            };
            let out = ingestion.insert(started);
            let written = match value {
                Some(value) => out.write(key, value),
                None => out.write_tombstone(key),
            };
            written.map_err(|cause| Self::failed(&self.dir)(cause).into())
        })?;
        if let Some(ingestion) = ingestion {
            ingestion.finish().map_err(Self::failed(&self.dir))?;
        }
        Ok(())
    }
}
