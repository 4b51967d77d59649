//! The engine inside: a journal in front, an ordered base behind it, one machine.
//!
//! ```text
//! write   → the change waits beside the key's state in the table, its record in the journal → durable → answered
//! read    → the last durable state in the table, else in the base; joined with what waits and is durable
//! fold    → rotate the journal, dirty states in key order into the base in one piece, watermark, recycle
//! open    → the base, and the journal above the watermark back into the table
//! ```
//! What always holds: readers see only what is durable; the base holds nothing that the journal could still lose; the
//! journal forgets nothing that the base does not hold; a row that cannot be read is an error of that record alone, and
//! is never written over.
//!
//! After an error of the disk writes are refused and reads go on: [`Embedded::failure`] says so, and the process should
//! be restarted. Deliberately absent: replication, engine TTLs, more than one process on a directory.

mod backup;
mod base;
mod carts;
mod catalog;
mod change;
mod engine;
mod entry;
mod fold;
mod folder;
mod key;
mod linear;
pub mod meter;
mod options;
mod order;
mod parts;
mod quarantine;
mod readers;
mod recover;
mod row;
mod sku_index;
mod table;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use journal::{Journal, JournalError};
use parking_lot::Mutex;
use storage::error::{BoxError, Result};
use storage::{Owner, StoreError, Stores};

pub use backup::{BackupError, BackupFile, BackupProgress, SegmentFile, StoreBackup, restore};
pub use options::{BaseKind, EmbeddedOptions};
pub use sku_index::{FjallSkuIndex, IndexMark};

use base::{Base, CartsApart, FjallBase};
use engine::Engine;
use folder::Folder;
use readers::ReaderThreads;

/// More owners than a shop ever has regions and restores.
const OWNERS_MAX: usize = 100_000;

/// Where the writes of a store have come to: as long as it is the same, so is all that the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Which store.
    pub(crate) lineage: u64,
    /// Its last durable batch.
    pub(crate) batch: u64,
}

/// An open engine: all three stores over one journal. Dropping it ends its threads; nothing needs to be folded first.
pub struct Embedded {
    // The threads end first, so that the engine, and with it the directory's lock, is gone when this is.
    folder: Folder,
    _readers: ReaderThreads,
    engine: Arc<Engine>,
    owners: Mutex<BTreeSet<Owner>>,
}

impl Embedded {
    /// Opens the engine in `dir`, which is created where it is missing. Blocks: it reads the journal.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], with what is in the way as its source: another process, a full or failing disk,
    /// damage, files of a newer version.
    pub fn open(dir: &Path, options: EmbeddedOptions) -> Result<Arc<Self>> {
        let open_base = |dir: &Path| open_base(dir, &options);
        Self::open_inner(dir, options, open_base, |_| Ok(())).map_err(StoreError::Unavailable)
    }

    fn open_inner(
        dir: &Path,
        options: EmbeddedOptions,
        open_base: impl FnOnce(&Path) -> std::result::Result<Box<dyn Base>, BoxError>,
        take_in: impl FnOnce(&Engine) -> std::result::Result<(), BoxError>,
    ) -> std::result::Result<Arc<Self>, BoxError> {
        // The journal first: it locks the directory.
        let (journal, recovered) = Journal::open(&dir.join("journal"), options.journal)?;
        let parts = parts::Parts::look(dir);
        let base = open_base(dir)?;
        parts.check(&journal, &*base)?;
        let (from, end) = key::owners_range();
        let mut owners: BTreeSet<Owner> =
            base.keys(&from, &end, OWNERS_MAX)?.iter().filter_map(|key| key::owner_of(key)).collect();
        let engine = Arc::new(Engine::new(journal, base, options));
        engine.replay(recovered)?;
        take_in(&engine)?;
        owners.extend(engine.table.dirty_others().iter().filter_map(|key| key::owner_of(key)));
        let folder = Folder::start(&engine)?;
        let readers = engine.readers.start()?;
        Ok(Arc::new(Self { folder, _readers: readers, engine, owners: Mutex::new(owners) }))
    }

    /// The three stores.
    pub fn stores(self: &Arc<Self>) -> Stores {
        Stores { carts: Arc::clone(self) as _, linear: Arc::clone(self) as _, catalog: Arc::clone(self) as _ }
    }

    /// Why no more writes are taken; `None` while all is well. For readiness, and for a supervisor.
    pub fn failure(&self) -> Option<String> {
        self.engine.failure()
    }

    /// True while writes are refused because the disk has no room for them. It ends by itself when there is some.
    pub fn is_out_of_space(&self) -> bool {
        self.engine.journal.is_out_of_space()
    }

    /// Folds everything that is durable now, and waits for it. Blocks: not for event-loop threads.
    pub fn fold(&self) -> Result<()> {
        self.folder.fold_now().map_err(|cause| StoreError::Unavailable(cause.into()))
    }

    /// Where its writes have come to.
    pub fn position(&self) -> Position {
        let journal = &self.engine.journal;
        Position { lineage: journal.id(), batch: journal.durable_through() }
    }

    /// The same once all that was written is durable, and where an end of the process leaves it.
    pub async fn settled(&self) -> Result<Position> {
        self.engine.durable(self.engine.journal.mark_end()).await?;
        Ok(self.position())
    }

    /// Memory held by what is not folded yet, in bytes.
    pub fn dirty_bytes(&self) -> usize {
        self.engine.table.dirty_bytes()
    }

    /// Bytes in the journal that the base does not have yet.
    pub fn journal_bytes(&self) -> u64 {
        self.engine.journal.used_bytes()
    }
}

fn open_base(dir: &Path, options: &EmbeddedOptions) -> std::result::Result<Box<dyn Base>, BoxError> {
    let base = dir.join("base");
    // Its errors do not say where.
    let fjall = FjallBase::open(&base, options.base_cache_bytes)
        .map_err(|cause| format!("the base in `{}` does not open: {cause}", base.display()))?;
    Ok(match options.base {
        BaseKind::RowLog => Box::new(CartsApart::open(&dir.join("rows"), fjall)?),
        BaseKind::Fjall => Box::new(fjall),
    })
}

/// True where a store does not open because another process has it open.
pub fn is_in_use(error: &StoreError) -> bool {
    let StoreError::Unavailable(cause) = error else { return false };
    matches!(cause.downcast_ref::<JournalError>(), Some(JournalError::AlreadyOpen { .. }))
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.engine.journal.mark_end();
    }
}

#[cfg(test)]
mod tests;
