//! The index of SKUs on disk, in a directory of its own that can be deleted at any time.
//!
//! ```text
//! carts   cart id        -> its SKUs, each ended by 0
//!         "mark"         -> rules u64 | lineage u64 | batch u64 | milliseconds u64, big-endian
//! skus    SKU | 0 | id   -> nothing
//! ```
//! A SKU has no control characters, so 0 ends it. Nothing is synced: what a crash takes is found again by the next scan.
//! The mark says of which moment of the store the index is, and nothing that was put before it can be lost without it.
//! A directory that does not open is deleted and begun anew.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ::fjall::compaction::Leveled;
use ::fjall::{AbstractTree as _, Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use async_trait::async_trait;
use storage::cart::line::Sku;
use storage::cart::{CartId, Timestamp};
use storage::error::{BoxError, Result};
use storage::{SkuIndex, StoreError};
use tokio::sync::Mutex;

use crate::Position;

/// Ends a SKU.
const END: u8 = 0;
/// Bytes of keys and values in memory before they go to disk. They take several times as much there, and nothing reads
/// them more often than what is on disk.
const MEMTABLE_BYTES: u64 = 4 << 20;
/// How often it is seen whether they are there.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// One compacts; with another, what is in memory does not wait for that to go to disk, and grow meanwhile.
const WORKERS: usize = 2;
/// Tables of one memtable each before they are merged into what is on disk. Each has keys from everywhere, so a merge
/// writes all of the index anew: by fours, that took a seventh of the server's time under adds.
const TABLES_MERGED: u8 = 12;

/// A tenth of what a thread of a request may take, where all want to work: with less, at the greatest there is, what is in
/// memory would not go to disk for as long as the server is busy.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Beside ids of carts, which are longer.
const MARK: &[u8] = b"mark";
/// Counts the changes of what carts are found under: a mark made under other rules is none.
const RULES: u64 = 1;

/// Says that the index holds all carts of a store as they are at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexMark {
    /// Where the store's writes had come to.
    pub position: Position,
    /// When all carts had last been scanned.
    pub scanned_at: Timestamp,
}

/// An open index.
pub struct FjallSkuIndex {
    disk: Arc<Disk>,
    /// Held by a write until it has ended, also where nobody waits for it any more: they end in their order.
    write: Arc<Mutex<()>>,
}

struct Disk {
    database: Database,
    carts: Keyspace,
    skus: Keyspace,
}

impl FjallSkuIndex {
    /// Opens the index in `dir`, anew where what is there does not open. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where a new one cannot be made either, or another process has it open.
    pub fn open(dir: &Path, cache_bytes: u64) -> Result<Self> {
        let opened = yielding(|| Disk::open(dir, cache_bytes)).or_else(|error| {
            if matches!(error, ::fjall::Error::Locked) {
                return Err(BoxError::from(error));
            }
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the index of SKUs does not open, and is made anew from the carts");
            std::fs::remove_dir_all(dir)?;
            Ok(yielding(|| Disk::open(dir, cache_bytes))?)
        });
        let disk = opened.map_err(StoreError::Unavailable)?;
        Ok(Self { disk: Arc::new(disk), write: Arc::default() })
    }

    /// The mark that was set last.
    pub async fn mark(&self) -> Result<Option<IndexMark>> {
        self.on_disk(|disk| Ok(disk.carts.get(MARK)?.and_then(|bytes| IndexMark::decode(&bytes)))).await
    }

    /// Takes the mark away.
    pub async fn remove_mark(&self) -> Result<()> {
        self.write(|disk| disk.carts.remove(MARK)).await
    }

    /// Sets the mark, so that an end of the process finds it set.
    pub async fn set_mark(&self, mark: IndexMark) -> Result<()> {
        self.write(move |disk| {
            disk.carts.insert(MARK, mark.encode())?;
            disk.database.persist(PersistMode::Buffer)
        })
        .await
    }

    async fn write(&self, work: impl FnOnce(&Disk) -> ::fjall::Result<()> + Send + 'static) -> Result<()> {
        let alone = Arc::clone(&self.write).lock_owned().await;
        self.on_disk(move |disk| {
            let _alone = alone;
            work(disk)
        })
        .await
    }

    /// Does what reads or writes the disk off the event loop.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> ::fjall::Result<T> + Send + 'static,
    ) -> Result<T> {
        let disk = Arc::clone(&self.disk);
        let done = tokio::task::spawn_blocking(move || work(&disk)).await;
        let done = done.map_err(|error| StoreError::Unavailable(error.into()))?;
        done.map_err(|error| StoreError::Unavailable(error.into()))
    }
}

/// Has threads that are begun in here take little of the processors but what others leave: a merge of the index works for
/// seconds, and nobody waits for it.
fn yielding<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let begin = || {
        // Of this thread alone, and of those that it begins, which is so on Linux and not everywhere.
        #[cfg(target_os = "linux")]
        rustix::process::nice(NICENESS).ok(); // nobody is kept from being nicer; without it, the index is only less so
        work()
    };
    thread::scope(|scope| scope.spawn(begin).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

impl IndexMark {
    fn encode(&self) -> Vec<u8> {
        let Position { lineage, batch } = self.position;
        [RULES, lineage, batch, self.scanned_at.0].iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    /// `None` of what is none.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (numbers, []) = bytes.as_chunks() else { return None };
        let numbers = <[[u8; 8]; 4]>::try_from(numbers).ok()?.map(u64::from_be_bytes);
        let [RULES, lineage, batch, scanned_at] = numbers else { return None };
        Some(Self { position: Position { lineage, batch }, scanned_at: Timestamp(scanned_at) })
    }
}

#[async_trait]
impl SkuIndex for FjallSkuIndex {
    async fn put(&self, carts: Vec<(CartId, BTreeSet<Sku>)>) -> Result<()> {
        self.write(move |disk| carts.iter().try_for_each(|(cart, skus)| disk.put(*cart, skus))).await
    }

    async fn find(&self, sku: &Sku, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>> {
        let sku = sku.clone();
        self.on_disk(move |disk| disk.find(&sku, after, limit)).await
    }

    fn scan_begins(&self) {}

    fn is_whole(&self) -> bool {
        true
    }
}

impl Disk {
    fn open(dir: &Path, cache_bytes: u64) -> ::fjall::Result<Self> {
        let database = Database::builder(dir).cache_size(cache_bytes).worker_threads(WORKERS).open()?;
        let merging = Arc::new(Leveled::default().with_l0_threshold(TABLES_MERGED));
        let options = || {
            KeyspaceCreateOptions::default().manual_journal_persist(true).compaction_strategy(merging.clone())
        };
        let keyspace = |name| database.keyspace(name, options);
        let (carts, skus) = (keyspace("carts")?, keyspace("skus")?);
        Ok(Self { database, carts, skus })
    }

    fn put(&self, cart: CartId, skus: &BTreeSet<Sku>) -> ::fjall::Result<()> {
        let value: Vec<u8> = skus.iter().flat_map(|sku| sku.bytes().chain([END])).collect();
        let before = self.carts.get(cart.0)?;
        let before = before.as_deref().unwrap_or_default();
        if before == value {
            return Ok(());
        }
        // Only what is different: all that is written is merged into all that there is, and an add brings one of many.
        let (old, new) = (ended(before), ended(&value));
        let mut batch = self.database.batch();
        for sku in old.difference(&new) {
            batch.remove(&self.skus, [sku, &cart.0[..]].concat());
        }
        for sku in new.difference(&old) {
            batch.insert(&self.skus, [sku, &cart.0[..]].concat(), []);
        }
        if skus.is_empty() {
            batch.remove(&self.carts, cart.0);
        } else {
            batch.insert(&self.carts, cart.0, value);
        }
        batch.commit()?;
        [&self.carts, &self.skus].into_iter().try_for_each(|keyspace| self.flush_if_full(keyspace))
    }

    /// Has what is in memory go to disk where it is much, and waits for what went before.
    ///
    /// fjall's threads are asked for that by itself, but its writers do not wait for an answer: of ten million carts the last
    /// million were in memory alone, with 600 MB, and the next open read them from its journal for 27 seconds.
    fn flush_if_full(&self, keyspace: &Keyspace) -> ::fjall::Result<()> {
        if keyspace.tree.active_memtable().size() < MEMTABLE_BYTES {
            return Ok(());
        }
        while keyspace.sealed_memtable_count() > 0 {
            self.database.persist(PersistMode::Buffer)?; // an error where no thread will come to it any more
            thread::sleep(LOOK_EVERY);
        }
        keyspace.rotate_memtable().map(drop)
    }

    fn find(&self, sku: &Sku, after: Option<CartId>, limit: usize) -> ::fjall::Result<Vec<CartId>> {
        let first = [sku.as_bytes(), &[END]].concat();
        let end = [sku.as_bytes(), &[END + 1]].concat();
        let from = match after {
            Some(after) => [first.as_slice(), &after.0, &[0]].concat(),
            None => first.clone(),
        };
        let mut found = Vec::new();
        for entry in self.skus.range(from..end).take(limit) {
            let key = entry.key()?;
            found.extend(key.get(first.len()..).and_then(|id| id.try_into().ok()).map(CartId));
        }
        Ok(found)
    }
}

/// SKUs that stand one after the other, each with its end.
fn ended(skus: &[u8]) -> BTreeSet<&[u8]> {
    skus.split_inclusive(|byte| *byte == END).collect()
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What is lost without it is found again; with it, less.
        self.database.persist(PersistMode::Buffer).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn threads_that_yield_begin_others_that_do_and_nobody_else() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        let inside = yielding(|| thread::spawn(niceness).join().unwrap());
        assert_eq!((inside, niceness()), (NICENESS, before));
    }

    fn opened() -> (FjallSkuIndex, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (FjallSkuIndex::open(&folder.path().join("sku-index"), 1 << 20).unwrap(), folder)
    }

    mod conformance {
        use super::*;
        storage::sku_index_suite!(opened());
    }

    #[tokio::test]
    async fn the_mark_that_was_set_last_is_there_when_the_index_is_opened_again() {
        let (index, folder) = opened();
        assert_eq!(index.mark().await.unwrap(), None);
        let mark =
            |batch| IndexMark { position: Position { lineage: 7, batch }, scanned_at: Timestamp(batch + 1) };
        index.set_mark(mark(1)).await.unwrap();
        index.set_mark(mark(2)).await.unwrap();
        drop(index);
        let index = FjallSkuIndex::open(&folder.path().join("sku-index"), 1 << 20).unwrap();
        assert_eq!(index.mark().await.unwrap(), Some(mark(2)));
        index.remove_mark().await.unwrap();
        assert_eq!(index.mark().await.unwrap(), None);
        let mut of_other_rules = mark(2).encode();
        of_other_rules[7] += 1;
        for wrong in [&b"no mark"[..], &of_other_rules] {
            index.disk.carts.insert(MARK, wrong).unwrap();
            assert_eq!(index.mark().await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn what_is_put_goes_to_disk_before_it_is_much() {
        let (index, folder) = opened();
        let sku = |cart: u32, line: u32| Sku::parse(&format!("{line:02}-of-{cart:057}")).unwrap();
        for first in (0..3_000).step_by(100) {
            let carts = (first..first + 100).map(|cart| {
                let id = CartId((u128::from(cart) << 96).to_be_bytes());
                (id, (0..64).map(|line| sku(cart, line)).collect())
            });
            index.put(carts.collect()).await.unwrap();
            for keyspace in [&index.disk.carts, &index.disk.skus] {
                let (active, sealed) =
                    (keyspace.tree.active_memtable().size(), keyspace.sealed_memtable_count());
                assert!(active < 2 * MEMTABLE_BYTES && sealed <= 1, "{active} bytes and {sealed} more");
            }
        }
        assert!(index.disk.skus.table_count() > 1, "more was put than that");
        drop(index);
        let index = FjallSkuIndex::open(&folder.path().join("sku-index"), 1 << 20).unwrap();
        assert_eq!(index.find(&sku(7, 63), None, 10).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn an_index_is_there_when_it_is_opened_again_and_made_anew_when_it_does_not_open() {
        let (index, folder) = opened();
        let dir = folder.path().join("sku-index");
        let (cart, sku) = (CartId([1; 16]), Sku::parse("A").unwrap());
        index.put(vec![(cart, BTreeSet::from([sku.clone()]))]).await.unwrap();
        drop(index);
        let index = FjallSkuIndex::open(&dir, 1 << 20).unwrap();
        assert_eq!(index.find(&sku, None, 10).await.unwrap(), [cart]);
        drop(index);
        for file in std::fs::read_dir(&dir).unwrap().map(|file| file.unwrap().path()) {
            if file.is_file() {
                std::fs::write(file, "not what was there").unwrap();
            }
        }
        let index = FjallSkuIndex::open(&dir, 1 << 20).unwrap();
        assert_eq!(index.find(&sku, None, 10).await.unwrap(), []);
        index.put(vec![(cart, BTreeSet::from([sku.clone()]))]).await.unwrap();
        assert_eq!(index.find(&sku, None, 10).await.unwrap(), [cart]);
    }
}
