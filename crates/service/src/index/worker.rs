//! The worker behind the index: noted carts first, the scan with what is left; never more in a second than the settings
//! allow, and never more than a tenth of the time.

use super::{CartIndex, skus_of};
use crate::{Service, error::ServiceError};
use cart::{CartId, Timestamp};
use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
};
use storage::Ticket;

/// Carts read in one step.
const STEP: usize = 256;
/// Of these, kept for a scan that is under way, however many carts are noted.
const SCAN_SHARE: usize = 64;
/// Of the time, one part is work and so many are rest: where requests take the processors, a step takes longer, and so
/// does the rest after it.
const REST: u64 = 9;
/// Milliseconds after a failure.
const PAUSE_MS: u64 = 1_000;

/// Where the scan of all carts stands.
struct Scan {
    /// The last cart of the pages so far; `None` before the first.
    after: Option<CartId>,
    under_way: bool,
    /// When the next one begins.
    due: Timestamp,
}

/// What a step did.
struct Done {
    /// Carts that were read.
    read: usize,
    /// Whether there is more to do at once.
    more: bool,
}

/// Keeps the index for as long as the service lives, which it does not keep alive.
pub async fn run(service: Weak<Service>) {
    let mut scan = None;
    loop {
        let Some(service) = service.upgrade() else { return };
        let Some(index) = service.index.get() else { return };
        let scan = scan.get_or_insert_with(|| Scan::first(index));
        let (bell, environment) = (Arc::clone(&index.bell), Arc::clone(&service.environment));
        let rate = index.settings.carts_per_second.max(1);
        let began = environment.now();
        let done = service.index_step(scan).await;
        let now = environment.now();
        let (took, until_scan) = (now.0.saturating_sub(began.0), scan.due.0.saturating_sub(now.0));
        drop(service);
        match done {
            Ok(Done { read, more: true }) => {
                let paced = (read as u64).saturating_mul(1_000) / rate + 1;
                environment.sleep(paced.max(took.saturating_mul(REST))).await;
            }
            Ok(Done { .. }) => {
                tokio::select! {
                    () = bell.notified() => {}
                    () = environment.sleep(until_scan.max(1)) => {}
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the index of SKUs waits");
                drop(error);
                environment.sleep(PAUSE_MS).await;
            }
        }
    }
}

impl Scan {
    /// At once, unless what an earlier process scanned still counts.
    fn first(index: &CartIndex) -> Self {
        let scanned_at = *index.scanned_at.lock();
        let due = scanned_at.map_or(Timestamp(0), |at| index.next_scan(at));
        Self { after: None, under_way: false, due }
    }
}

impl CartIndex {
    fn next_scan(&self, last: Timestamp) -> Timestamp {
        Timestamp(last.0.saturating_add(self.settings.scan_every_ms))
    }
}

impl Service {
    /// Looks at some of the carts that were noted, and at some of a scan.
    async fn index_step(&self, scan: &mut Scan) -> Result<Done, ServiceError> {
        let Some(index) = self.index.get() else { return Ok(Done { read: 0, more: false }) };
        let now = self.environment.now();
        let overflowed = std::mem::take(&mut index.noted.lock().overflowed);
        if overflowed {
            *index.scanned_at.lock() = None;
        }
        if overflowed || (!scan.under_way && now >= scan.due) {
            index.skus.scan_begins();
            *scan = Scan { after: None, under_way: true, due: scan.due };
        }
        let noted = self.noted(if scan.under_way { STEP - SCAN_SHARE } else { STEP });
        self.put_noted(index, &noted).await?;
        let mut read = noted.len();
        if scan.under_way {
            let wanted = STEP - read;
            let page = self.stores.carts.scan(scan.after, wanted).await?;
            let page_carts: BTreeSet<CartId> = page.iter().copied().collect();
            self.put_into_index(&page_carts).await?;
            read += page.len();
            scan.after = page.last().copied().or(scan.after);
            if page.len() < wanted {
                scan.under_way = false;
                scan.due = index.next_scan(now);
                *index.scanned_at.lock() = Some(now);
            }
        }
        let more = scan.under_way || !index.noted.lock().carts.is_empty();
        Ok(Done { read, more })
    }

    /// Scans all carts without a rest. For a stop of what has nothing else to do, when no worker does it any more.
    pub async fn scan_into_index(&self) -> Result<(), ServiceError> {
        let mut scan = Scan { after: None, under_way: false, due: Timestamp(0) };
        while self.index_step(&mut scan).await?.more {}
        Ok(())
    }

    /// Puts all carts into the index that were noted. For a stop, when no worker does it any more.
    pub async fn catch_up_index(&self) -> Result<(), ServiceError> {
        let Some(index) = self.index.get() else { return Ok(()) };
        loop {
            let noted = self.noted(STEP);
            if noted.is_empty() {
                return Ok(());
            }
            self.put_noted(index, &noted).await?;
        }
    }

    /// Where the index holds all carts as they are, and nobody is writing any: when they were last scanned.
    pub fn index_at_rest(&self) -> Option<Timestamp> {
        let index = self.index.get()?;
        // In this order: a write notes its cart before it gives the lane back.
        let is_quiet = self.lanes.are_idle() && index.noted.lock().waiting() == 0;
        let scanned_at = *index.scanned_at.lock();
        scanned_at.filter(|_| is_quiet && index.is_complete())
    }

    /// Takes carts out of those that were noted. A cart that changes from here on is noted again.
    fn noted(&self, most: usize) -> BTreeSet<CartId> {
        let Some(index) = self.index.get() else { return BTreeSet::new() };
        index.noted.lock().take(most)
    }

    /// Puts carts into the index that were taken, once what changed them can be read.
    async fn put_noted(&self, index: &CartIndex, noted: &BTreeSet<CartId>) -> Result<(), ServiceError> {
        let behind = index.noted.lock().behind;
        if behind != Ticket::DURABLE {
            // What fails may have become durable or not: a look shows which.
            drop(self.stores.carts.durable(behind).await);
        }
        self.put_into_index(noted).await?;
        index.noted.lock().are_in();
        Ok(())
    }

    async fn put_into_index(&self, carts: &BTreeSet<CartId>) -> Result<(), ServiceError> {
        let Some(index) = self.index.get().filter(|_| !carts.is_empty()) else { return Ok(()) };
        let ids: Vec<CartId> = carts.iter().copied().collect();
        let read = self.read_all(&ids).await?;
        // One that cannot be read stays where it was.
        let put = read.into_iter().filter_map(|(cart, state)| {
            let state = state?;
            Some((cart, skus_of(&state)))
        });
        Ok(index.skus.put(put.collect()).await?)
    }
}
