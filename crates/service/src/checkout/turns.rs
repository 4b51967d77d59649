//! Turns at stock records: those of this node who change one record queue for it.
//!
//! Many want a hot SKU at once. Without a queue all of them read one version, one write wins, and the rest have encoded,
//! written and read in vain. What always holds: nothing here decides. Every write still names the version that it
//! replaces, and every read asks the store, so that whoever is not in the queue, another node above all, costs a
//! repetition and no more. One holds one turn at most, so nobody waits in a circle.

use super::books::{Books, Written};
use checkout::{Request, Stock, effect::Found, id::RecordVersion, stock::StockKey};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};
use storage::error::Result;
use tokio::sync::OwnedMutexGuard;

/// Queues that are kept before those that nobody is in are dropped.
const QUEUES: usize = 1_024;

type Queue = tokio::sync::Mutex<Option<Found<Stock>>>;

/// The queues of a node.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<StockKey, Weak<Queue>>>);

/// The right of one to change a record before others of this node.
pub(crate) struct Turn {
    key: StockKey,
    /// The record as the one before left it, if that is known.
    last: OwnedMutexGuard<Option<Found<Stock>>>,
}

impl Turns {
    /// Waits for the turn that a request needs, and ends one that it does not.
    pub(crate) async fn take(&self, turn: &mut Option<Turn>, request: &Request) {
        let key = match request {
            Request::ReadStock(key) | Request::WriteStock { key, .. } => Some(key),
            _ => None,
        };
        if turn.as_ref().map(|turn| &turn.key) == key {
            return;
        }
        *turn = None;
        if let Some(key) = key {
            let last = self.queue(key).lock_owned().await;
            *turn = Some(Turn { key: key.clone(), last });
        }
    }

    fn queue(&self, key: &StockKey) -> Arc<Queue> {
        let mut queues = self.0.lock();
        if let Some(queue) = queues.get(key).and_then(Weak::upgrade) {
            return queue;
        }
        if queues.len() >= QUEUES {
            queues.retain(|_, queue| queue.strong_count() > 0);
        }
        let queue = Arc::new(Queue::default());
        queues.insert(key.clone(), Arc::downgrade(&queue));
        queue
    }
}

impl Turn {
    /// The record as it is now.
    pub(crate) async fn read(&mut self, books: Books<'_>) -> Result<Found<Stock>> {
        let known = self.last.take();
        let found = books.read_again(&self.key, known).await?;
        *self.last = Some(found.clone());
        Ok(found)
    }

    /// Writes the record over the version that is given; answers, too, by how much more is available in it now, where
    /// that is known.
    pub(crate) async fn write(
        &mut self,
        books: Books<'_>,
        expected: Option<RecordVersion>,
        stock: &Arc<Stock>,
    ) -> Result<(Written<Stock>, Option<i64>)> {
        // Somebody of this node was here since: the write would be refused.
        if self.last.as_ref().is_some_and(|last| last.version > expected) {
            return Ok((Written::Newer(self.read(books).await?), Some(0)));
        }
        let known = self.last.take();
        let before = known.filter(|last| last.version == expected).map(|last| last.value.available());
        let written = books.write(&self.key, expected, &**stock).await?;
        let more = before.map(|before| stock.available().cast_signed() - before.cast_signed());
        // What a customer may still buy is not stock.
        let more = if self.key.owner.is_rights() { more } else { Some(0) };
        *self.last = Some(match &written {
            Written::Applied(version) => Found { version: Some(*version), value: stock.clone() },
            Written::Newer(found) => found.clone(),
        });
        let more = if matches!(written, Written::Applied(_)) { more } else { None };
        Ok((written, more))
    }
}
