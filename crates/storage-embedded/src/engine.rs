//! One machine for all kinds of records: write through the journal, read what is durable, ask the base for the rest.
//!
//! A write puts its change beside the key's state in the table and its record into the journal under one lock, so the
//! journal's order is the table's order. It is answered when its batch is durable.
//!
//! Lock order: upkeep, a shard, then the order index or the journal's queue; quarantine under no other but upkeep. Under a lock nothing is awaited, and the base is
//! not asked.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use journal::{Journal, JournalError};
use parking_lot::Mutex;
use smol_str::SmolStr;
use storage::cart::format::{self, FormatError};
use storage::error::{BoxError, Result};
use storage::{Edition, Glance, StoreError};

use crate::base::{AtHand, Base, BaseResult};
use crate::change::{self, Change, DeltaName, Value};
use crate::entry::{Apart, Entry, NamedDelta};
use crate::key::{self, Key};
use crate::options::EmbeddedOptions;
use crate::order::OrderIndex;
use crate::readers::Readers;
use crate::row::{self, Row};
use crate::table::Table;

pub(crate) struct Engine {
    pub(crate) journal: Journal,
    pub(crate) table: Table,
    pub(crate) base: Box<dyn Base>,
    pub(crate) order: OrderIndex,
    pub(crate) options: EmbeddedOptions,
    pub(crate) readers: Readers,
    /// Held by whoever changes the base, and by whoever needs it to stand still for a moment.
    pub(crate) upkeep: Mutex<()>,
    /// Keys whose changes are in quarantine, or may be, and through which batch.
    pub(crate) quarantine: Mutex<BTreeMap<Key, u64>>,
    failure: OnceLock<String>,
}

/// What is to be written under a condition.
#[derive(Debug, Clone)]
pub(crate) struct NewValue {
    pub(crate) order: Option<u64>,
    pub(crate) owner: SmolStr,
    pub(crate) bytes: Bytes,
}

/// What a conditional write made of its key.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is durable; this is the version, of a removal the removed one.
    Applied(u64),
    /// Something else is there.
    Conflict(Option<Row>),
}

/// As [`Outcome`], before it is durable.
#[derive(Debug)]
pub(crate) enum Queued {
    /// Durable, and so to be answered, with this batch.
    Applied { batch: u64, version: u64 },
    /// Something else is there, and durable.
    Conflict(Option<Row>),
}

/// What became of a conditional write under the lock.
enum Attempt {
    /// The base must be asked first.
    Unknown,
    Queued {
        batch: u64,
    },
    /// What is there is durable with this batch.
    Lost {
        shown_by: u64,
    },
}

impl Engine {
    pub(crate) fn new(journal: Journal, base: Box<dyn Base>, options: EmbeddedOptions) -> Self {
        Self {
            journal,
            table: Table::new(options.clean_bytes_max),
            base,
            order: OrderIndex::default(),
            options,
            readers: Readers::default(),
            upkeep: Mutex::new(()),
            quarantine: Mutex::default(),
            failure: OnceLock::new(),
        }
    }

    /// Ends all writing; reads go on.
    pub(crate) fn fail(&self, cause: &(dyn std::error::Error + 'static)) {
        let mut text = cause.to_string();
        let mut source = cause.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        if self.failure.set(text.clone()).is_ok() {
            tracing::error!(error = text, "the embedded engine takes no more writes");
        }
    }

    pub(crate) fn failure(&self) -> Option<String> {
        let failed = || self.journal.is_failed().then(|| "the journal has failed".to_owned());
        self.failure.get().cloned().or_else(failed)
    }

    fn check_writable(&self) -> Result<()> {
        if let Some(cause) = self.failure.get() {
            return Err(StoreError::Unavailable(cause.clone().into()));
        }
        if self.table.dirty_bytes() > self.options.dirty_bytes_max {
            return Err(StoreError::Overloaded);
        }
        Ok(())
    }

    /// Joins a delta to a cart, blindly; says with which batch that is durable.
    pub(crate) async fn queue_append(
        &self,
        key: &Key,
        owner: SmolStr,
        name: DeltaName,
        bytes: Bytes,
    ) -> Result<u64> {
        check_cart(key, &bytes)?;
        let change = Change::Delta { owner, bytes, name: Some(name) };
        let record = change::encode(key, &change);
        match self.queue_delta(key, &record, &change) {
            Err(StoreError::Full) if self.journal.room(record.len()).await => {
                self.queue_delta(key, &record, &change)
            }
            outcome => outcome,
        }
    }

    fn queue_delta(&self, key: &Key, record: &[u8], change: &Change) -> Result<u64> {
        self.check_writable()?;
        let mut shard = self.table.lock(key);
        if let Some(damage) = shard.with(key, |entry| entry.damage()).flatten() {
            return Err(corrupt(key, damage));
        }
        let batch = self.journal.enqueue(record).map_err(write_error)?.batch;
        let durable = self.journal.durable_through();
        shard.with_or_new(key, |entry| {
            entry.push(batch, change.clone());
            entry.relieve(durable);
        });
        Ok(batch)
    }

    /// Writes a key, or removes it where there is no value, if its version is `expected`.
    pub(crate) async fn write_if(
        self: &Arc<Self>,
        key: &Key,
        expected: Option<u64>,
        value: Option<NewValue>,
    ) -> Result<Outcome> {
        match self.queue_if(key, expected, value).await? {
            Queued::Applied { batch, version } => {
                self.durable(batch).await?;
                Ok(Outcome::Applied(version))
            }
            Queued::Conflict(row) => Ok(Outcome::Conflict(row)),
        }
    }

    /// Waits until a queued write is durable.
    pub(crate) async fn durable(&self, batch: u64) -> Result<()> {
        self.journal.durable(batch).await.map_err(write_error)
    }

    /// As [`Self::write_if`], for a caller that waits for many at once.
    pub(crate) async fn queue_if(
        self: &Arc<Self>,
        key: &Key,
        expected: Option<u64>,
        value: Option<NewValue>,
    ) -> Result<Queued> {
        let version = expected.map_or(1, |version| version + 1);
        let (change, answer) = match value {
            Some(NewValue { order, owner, bytes }) => {
                check_cart(key, &bytes)?;
                (Change::Put(Value { version, order, owner, bytes }), version)
            }
            None => (Change::Remove, expected.unwrap_or_default()),
        };
        let record = change::encode(key, &change);
        let mut pins = Vec::new();
        let mut waited = false;
        loop {
            match self.attempt(key, expected, &change, &record) {
                Ok(Attempt::Unknown) => pins = self.fetch(vec![key.clone()]).await?,
                Ok(Attempt::Queued { batch }) => {
                    drop(pins);
                    return Ok(Queued::Applied { batch, version: answer });
                }
                Ok(Attempt::Lost { shown_by }) => {
                    self.journal.durable(shown_by).await.map_err(read_error)?;
                    return Ok(Queued::Conflict(self.load(key).await?));
                }
                Err(StoreError::Full) if !waited => {
                    waited = true;
                    self.journal.room(record.len()).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn attempt(&self, key: &Key, expected: Option<u64>, change: &Change, record: &[u8]) -> Result<Attempt> {
        self.check_writable()?;
        let durable = self.journal.durable_through();
        let mut shard = self.table.lock(key);
        let seen = shard.with(key, |entry| {
            let known = entry.look(durable)?.is_some();
            Ok(known.then(|| (entry.version(), entry.order(), entry.last_batch())))
        });
        let Some((version, order, last_batch)) =
            seen.transpose().map_err(|damage| corrupt(key, damage))?.flatten()
        else {
            return Ok(Attempt::Unknown);
        };
        if version != expected {
            return Ok(Attempt::Lost { shown_by: last_batch.unwrap_or(0) });
        }
        let batch = self.journal.enqueue(record).map_err(write_error)?.batch;
        self.order.change(key, order, change);
        shard.with_or_new(key, |entry| entry.push(batch, change.clone()));
        Ok(Attempt::Queued { batch })
    }

    /// What is kept under a key and durable.
    pub(crate) async fn load(self: &Arc<Self>, key: &Key) -> Result<Option<Row>> {
        if let Some(row) = self.look(key)? {
            return Ok(row);
        }
        let _pins = self.fetch(vec![key.clone()]).await?;
        self.look(key)?.ok_or_else(fetched_in_vain)
    }

    /// As [`Self::load`], the deltas that wait apart from the row.
    pub(crate) async fn load_apart(self: &Arc<Self>, key: &Key) -> Result<Apart> {
        if let Some(apart) = self.look_apart(key)? {
            return Ok(apart);
        }
        let _pins = self.fetch(vec![key.clone()]).await?;
        self.look_apart(key)?.ok_or_else(fetched_in_vain)
    }

    /// The same where no disk is to be waited for.
    pub(crate) fn load_apart_at_hand(&self, key: &Key) -> Result<Option<(Apart, Option<Edition>)>> {
        let damaged = |damage| corrupt(key, damage);
        let look = |entry: &mut Entry| {
            let durable = self.journal.durable_through();
            let apart = entry.look_apart(durable)?;
            Ok(apart.map(|apart| (apart, entry.edition(durable))))
        };
        let mut shard = self.table.lock(key);
        if let Some(apart) = shard.with(key, look).transpose().map_err(damaged)?.flatten() {
            return Ok(Some(apart));
        }
        let evicted = shard.evicted();
        drop(shard);
        let AtHand::Value(found) = self.base.at_hand(key).map_err(StoreError::Unavailable)? else {
            return Ok(None);
        };
        let found = decode(key, found.as_deref());
        let mut shard = self.table.lock(key);
        if shard.evicted() != evicted {
            // It may have been written, folded and evicted meanwhile: what was found may be old.
            return Ok(None);
        }
        let apart = shard.with_or_new(key, |entry| {
            entry.install(found);
            let apart = look(entry);
            // Nobody has come back for it yet.
            entry.recently_used = false;
            apart
        });
        apart.map_err(damaged)
    }

    /// What that would give beyond what it gave as this edition, where the table knows.
    pub(crate) fn grown_since(&self, key: &Key, known: Edition) -> Option<(Vec<NamedDelta>, Edition)> {
        let durable = self.journal.durable_through();
        self.table.lock(key).with(key, |entry| entry.grown_since(known, durable)).flatten()
    }

    /// What shows of a cart without decoding it, with all changes that wait, durable or not.
    pub(crate) async fn glance(self: &Arc<Self>, key: &Key) -> Result<Glance> {
        let glance = || self.table.lock(key).with(key, |entry| entry.glance()).flatten();
        if let Some(glance) = glance() {
            return Ok(glance);
        }
        let _pins = self.fetch(vec![key.clone()]).await?;
        glance().ok_or_else(fetched_in_vain)
    }

    /// As [`Self::load`], for many keys with one visit to the base.
    pub(crate) async fn load_all(self: &Arc<Self>, keys: &[Key]) -> Result<Vec<Option<Row>>> {
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            rows.push(self.look(key)?);
        }
        let unknown = keys.iter().zip(&rows).filter(|(_, row)| row.is_none()).map(|(key, _)| key.clone());
        let _pins = self.fetch(unknown.collect()).await?;
        for (key, row) in keys.iter().zip(&mut rows).filter(|(_, row)| row.is_none()) {
            *row = Some(self.look(key)?.ok_or_else(fetched_in_vain)?);
        }
        Ok(rows.into_iter().flatten().collect())
    }

    /// What the table knows to be durable; `None` when the base must be asked.
    fn look(&self, key: &[u8]) -> Result<Option<Option<Row>>> {
        self.look_with(key, Entry::look)
    }

    fn look_apart(&self, key: &[u8]) -> Result<Option<Apart>> {
        self.look_with(key, Entry::look_apart)
    }

    fn look_with<T>(
        &self,
        key: &[u8],
        look: impl FnOnce(&mut Entry, u64) -> std::result::Result<Option<T>, FormatError>,
    ) -> Result<Option<T>> {
        let durable = self.journal.durable_through();
        let seen = self.table.lock(key).with(key, |entry| look(entry, durable));
        seen.transpose().map(Option::flatten).map_err(|damage| corrupt(key, damage))
    }

    /// Asks the base: here for what is at hand, else on a thread that may block. What it says stays in the table as
    /// long as the pins live.
    async fn fetch(self: &Arc<Self>, keys: Vec<Key>) -> Result<Vec<Pin>> {
        let pins: Vec<Pin> = keys.into_iter().map(|key| Pin::new(self, key)).collect();
        let mut on_disk = Vec::new();
        for pin in &pins {
            match self.base.at_hand(&pin.key).map_err(StoreError::Unavailable)? {
                AtHand::Value(found) => self.install(&pin.key, found.as_deref()),
                // The reading thread has pins of its own: this future may be dropped before it is done.
                AtHand::OnDisk => on_disk.push(pin.clone()),
            }
        }
        if !on_disk.is_empty() {
            self.on_base(move |engine| on_disk.iter().try_for_each(|pin| engine.fetch_blocking(&pin.key)))
                .await?;
        }
        Ok(pins)
    }

    /// Asks the base for a key whose entry stays in the table meanwhile.
    pub(crate) fn fetch_blocking(&self, key: &[u8]) -> BaseResult<()> {
        let is_known = self.table.lock(key).with(key, |entry| entry.is_known());
        if is_known.unwrap_or(false) {
            return Ok(());
        }
        self.install(key, self.base.get(key)?.as_deref());
        Ok(())
    }

    /// Tells an entry what the base holds under its key.
    fn install(&self, key: &[u8], found: Option<&[u8]>) {
        let found = decode(key, found);
        self.table.lock(key).with(key, |entry| entry.install(found));
    }

    /// Runs something that reads the base on a thread that may block.
    pub(crate) async fn on_base<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Self) -> BaseResult<T> + Send + 'static,
    ) -> Result<T> {
        let engine = Arc::clone(self);
        self.readers.run(move || read(&engine)).await?.map_err(StoreError::Unavailable)
    }

    /// Records of a group with their moments, from the index entry `from` to before `end`, in order.
    pub(crate) async fn ordered(
        self: &Arc<Self>,
        mut from: Key,
        end: Key,
        limit: usize,
    ) -> Result<Vec<(u64, Bytes, Row)>> {
        let mut found = Vec::new();
        while found.len() < limit && from < end {
            let wanted = limit - found.len();
            // The index first: an entry leaves it only once the base has it.
            let mut entries = self.order.range(&from, &end, wanted);
            let (start, until) = (from.clone(), end.clone());
            entries.extend(self.on_base(move |engine| engine.base.keys(&start, &until, wanted)).await?);
            entries.sort_unstable();
            entries.dedup();
            entries.truncate(wanted);
            let Some(last) = entries.last() else { break };
            from = key::behind(last);
            found.extend(self.still_at(&entries).await?);
            if entries.len() < wanted {
                break;
            }
        }
        Ok(found)
    }

    /// Those records that still stand where their index entries say.
    async fn still_at(self: &Arc<Self>, entries: &[Key]) -> Result<Vec<(u64, Bytes, Row)>> {
        let named: Vec<_> = entries.iter().filter_map(|entry| key::ordered(entry)).collect();
        let keys: Vec<Key> = named.iter().map(|(_, _, key)| key.clone()).collect();
        let rows = self.load_all(&keys).await?;
        let found = named.into_iter().zip(rows).filter_map(|((moment, user_key, _), row)| {
            let row = row.filter(|row| row.value.order == Some(moment))?;
            Some((moment, Bytes::copy_from_slice(user_key), row))
        });
        Ok(found.collect())
    }
}

/// Keeps an entry in the table.
struct Pin {
    engine: Arc<Engine>,
    key: Key,
}

impl Pin {
    fn new(engine: &Arc<Engine>, key: Key) -> Self {
        engine.table.lock(&key).with_or_new(&key, |entry| entry.loads += 1);
        Self { engine: Arc::clone(engine), key }
    }
}

impl Clone for Pin {
    fn clone(&self) -> Self {
        Self::new(&self.engine, self.key.clone())
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.engine.table.lock(&self.key).with(&self.key, |entry| entry.loads -= 1);
    }
}

/// What the base holds under a key.
fn decode(key: &[u8], found: Option<&[u8]>) -> std::result::Result<Option<Row>, FormatError> {
    let found = found.map(row::decode).transpose();
    found.inspect_err(|damage| {
        tracing::error!(record = key::describe(key), error = %damage, "a stored row cannot be read");
    })
}

/// What is in the journal can be joined: a write that could not be refused is refused here. Its version and its checksum
/// say so; to decode it as well took as long as to queue it.
fn check_cart(key: &[u8], bytes: &[u8]) -> Result<()> {
    if key::is_cart(key) {
        format::whole(bytes).map_err(|damage| corrupt(key, damage))?;
    }
    Ok(())
}

fn corrupt(key: &[u8], source: FormatError) -> StoreError {
    StoreError::Corrupt { record: key::describe(key), source }
}

fn fetched_in_vain() -> StoreError {
    StoreError::Unavailable("the entry left the table while it was read".into())
}

/// An error of a write, by what the caller does next.
fn write_error(error: JournalError) -> StoreError {
    match error {
        JournalError::Overloaded { .. } => StoreError::Overloaded,
        JournalError::Full | JournalError::NoSpace { .. } => StoreError::Full,
        JournalError::Indeterminate(_) => StoreError::Indeterminate(error.into()),
        JournalError::RecordTooLarge { .. }
        | JournalError::Failed(_)
        | JournalError::AlreadyOpen { .. }
        | JournalError::Corrupt { .. }
        | JournalError::NewerFormat { .. }
        | JournalError::Options { .. }
        | JournalError::Io { .. } => StoreError::Unavailable(error.into()),
    }
}

/// What is there will never be durable; the write itself was not applied.
fn read_error(error: JournalError) -> StoreError {
    let error: BoxError = error.into();
    StoreError::Unavailable(error)
}
