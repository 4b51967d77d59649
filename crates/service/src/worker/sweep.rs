//! The sweeper: drives what is due in ledgers and stock, so that nothing stays in doubt when a node stops half-way.
//!
//! Ledgers first: what they decide is what holds wait for.

use crate::{Service, error::ServiceError};
use cart::CartId;
use checkout::{
    effect::Found,
    format::{decode_stock, decode_stock_key},
    id::RecordVersion,
    resolver::{Reach, Resolver},
    sweeper::Sweeper,
};
use std::sync::{Arc, Weak};
use storage::LinearTable;

/// Records of one look.
const PAGE: usize = 256;

/// Ledgers and stock records that the sweeper had to look at.
pub const SWEPT: &str = "evercart_checkout_swept_total";

/// Sweeps for as long as the service is there.
pub async fn run(service: Weak<Service>) {
    loop {
        let Some(service) = service.upgrade() else { return };
        if let Err(error) = service.sweep().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the sweeper waits for the store");
        }
        let sleep = service.environment.sleep(service.settings.sweep_every_ms);
        drop(service);
        sleep.await;
    }
}

impl Service {
    /// Looks at everything that is due, once; answers how many records that were.
    pub async fn sweep(&self) -> Result<usize, ServiceError> {
        self.look_for_tracking().await?;
        let ledgers = self.sweep_table(LinearTable::Ledger).await?;
        Ok(ledgers + self.sweep_table(LinearTable::Stock).await?)
    }

    async fn sweep_table(&self, table: LinearTable) -> Result<usize, ServiceError> {
        let (now, mut after, mut swept) = (self.environment.now(), None, 0);
        loop {
            let due = self.stores.linear.due(table, now, after, PAGE).await?;
            let last = due.last().filter(|_| due.len() == PAGE);
            after = last
                .and_then(|last| Some(storage::DueCursor { due: last.record.due?, key: last.key.clone() }));
            for record in &due {
                self.sweep_record(table, record).await;
            }
            swept += due.len();
            if after.is_none() {
                metrics::counter!(SWEPT, "table" => table.as_str()).increment(swept as u64);
                return Ok(swept);
            }
        }
    }

    async fn sweep_record(&self, table: LinearTable, record: &storage::DueRecord) {
        let settings = self.checkout.settings;
        match table {
            LinearTable::Ledger => {
                if let Ok(cart) = <[u8; 16]>::try_from(&record.key[..]) {
                    self.drive_to_end(Sweeper::new(CartId(cart), None, settings)).await;
                }
            }
            _ => {
                if let Some(key) = decode_stock_key(&record.key) {
                    let stock = decode_stock(&record.record.bytes).ok().map(|stock| Found {
                        version: Some(RecordVersion(record.record.version.0)),
                        value: Arc::new(stock),
                    });
                    self.drive_to_end(Resolver::new(key, Reach::Due, stock, settings)).await;
                }
            }
        }
    }
}
