//! Folds deltas into the own row, where the engine does not do that itself: reads stay short, however often a cart changes.
//!
//! A fold names the bucket through which deltas are in the row, and reads begin behind it. The bucket stays so far behind
//! now that no insert into it can still be under way. Adds never wait for a fold, nor a fold for adds: both are joins.
//!
//! Deltas are removed when they are [`KEPT_DAYS`] old and the fold before this one had them, with the first fold of a day,
//! and only where all owners are of one region: elsewhere nothing says yet that every region has the fold. Those of a cart
//! that is never changed again stay until the cart ends. Deliberately absent: folding for other regions, and retiring rows
//! of old incarnations.

use crate::{Service, error::ServiceError, load::Loaded, write_path::bucket_at};
use cart::{
    Cart, CartId, format,
    planted::{self, Bug},
};
use std::sync::Weak;
use storage::{Bucket, Consistency, Replaced, RowKey, Version, WritePath};

/// Carts of one page.
const PAGE: usize = 100;
/// Milliseconds between two looks at all that waits.
const IDLE_MS: u64 = 15_000;
/// Milliseconds after a failure.
const FAILED_MS: u64 = 5_000;
/// Milliseconds from an insert until it is folded, at least: longer than clocks differ and an insert takes.
const BEHIND_MS: u64 = 120_000;
/// Milliseconds that a few deltas wait.
const FEW_WAIT_MS: u64 = 10 * 60_000;
/// So many are folded at once: a read takes them in one page.
const MANY: usize = 50;
/// Days that folded deltas are kept.
pub const KEPT_DAYS: u32 = 10;
const BUCKETS_OF_DAY: u64 = 24 * 60;
const SECOND_MS: u64 = 1_000;

/// Carts whose deltas were folded.
pub const FOLDED: &str = "evercart_folded_carts_total";
/// Deltas that were folded.
pub const FOLDED_DELTAS: &str = "evercart_folded_deltas_total";

/// Folds for as long as the service is there; ends at once where the engine needs no folds.
pub async fn run(service: Weak<Service>) {
    let mut pause = IDLE_MS;
    loop {
        let Some(sleep) = service.upgrade().map(|service| service.environment.sleep(pause)) else { return };
        sleep.await;
        let Some(service) = service.upgrade() else { return };
        if !service.needs_folds() {
            return;
        }
        pause = match service.fold_all().await {
            Ok(_) => IDLE_MS,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "folding waits for the store");
                FAILED_MS
            }
        };
    }
}

impl Service {
    /// True where deltas stay deltas until somebody folds them.
    pub fn needs_folds(&self) -> bool {
        let capabilities = self.stores.carts.capabilities();
        capabilities.write_path == WritePath::Append && !capabilities.folds_itself
    }

    /// Folds what has waited long enough, once, at a bounded rate; answers how many carts were folded.
    pub async fn fold_all(&self) -> Result<usize, ServiceError> {
        let (mut after, mut folded) = (None, 0);
        loop {
            let page = self.stores.carts.find_unfolded(&self.owner, after, PAGE).await?;
            for cart in &page {
                folded += usize::from(self.fold(*cart).await?);
            }
            after = page.last().copied();
            if page.len() < PAGE {
                return Ok(folded);
            }
            let per_second = u64::from(self.settings.fold_per_second.max(1));
            self.environment.sleep(PAGE as u64 * SECOND_MS / per_second).await;
        }
    }

    /// Folds the deltas of a cart that have waited long enough; false where there is nothing worth a write.
    async fn fold(&self, cart: CartId) -> Result<bool, ServiceError> {
        let carts = &self.stores.carts;
        let rows = carts.load(cart, Consistency::Strong).await?;
        let now = self.environment.now();
        let through = bucket_at(now.minus_ms(BEHIND_MS));
        let ripe: Vec<Bucket> = rows
            .deltas
            .iter()
            .filter(|delta| delta.key.owner == self.owner && delta.key.bucket <= through)
            .map(|delta| delta.key.bucket)
            .collect();
        let Some(oldest) = ripe.iter().min() else { return Ok(false) };
        if ripe.len() < MANY && *oldest > bucket_at(now.minus_ms(FEW_WAIT_MS)) {
            return Ok(false);
        }
        let loaded = self.decode_rows(cart, &rows)?;
        let before = loaded.own.as_ref().map_or(Bucket(0), |own| own.folded_through);
        let key = RowKey { cart, owner: self.owner.clone() };
        if self.fold_into_row(&key, &loaded, through).await?.is_none() {
            return Ok(false);
        }
        metrics::counter!(FOLDED).increment(1);
        metrics::counter!(FOLDED_DELTAS).increment(ripe.len() as u64);
        self.remove_folded(&key, before, through).await?;
        Ok(true)
    }

    /// Writes all that was loaded into the own row, which has the deltas through this bucket from then on; answers its
    /// version, and `None` where another node was faster.
    pub(super) async fn fold_into_row(
        &self,
        key: &RowKey,
        loaded: &Loaded,
        through: Bucket,
    ) -> Result<Option<Version>, ServiceError> {
        let row = loaded.as_rows().rewritten(&Cart::default(), self.environment.now().day());
        let own = loaded.own.as_ref();
        let (expected, before) = own.map_or((None, Bucket(0)), |own| (Some(own.version), own.folded_through));
        let bytes = format::encode(&row).into();
        Ok(match self.stores.carts.replace(key, expected, through.max(before), bytes).await? {
            Replaced::Applied(version) => Some(version),
            Replaced::Conflict(_) => None,
        })
    }

    /// Removes the deltas that an earlier fold, through `before`, took in and that are so old that nobody can miss them.
    async fn remove_folded(&self, key: &RowKey, before: Bucket, through: Bucket) -> Result<(), ServiceError> {
        if planted::is_on(Bug::P8DeltasDeletedEarly) {
            return Ok(self.stores.carts.remove_deltas(key, through).await?);
        }
        let old = bucket_at(self.environment.now().minus_days(KEPT_DAYS)).min(before);
        let is_first_today = before.0 / BUCKETS_OF_DAY < through.0 / BUCKETS_OF_DAY;
        if before == Bucket(0) || !is_first_today || !self.is_only_region().await? {
            return Ok(());
        }
        Ok(self.stores.carts.remove_deltas(key, old).await?)
    }

    async fn is_only_region(&self) -> Result<bool, ServiceError> {
        let own = self.owner.region();
        Ok(self.stores.carts.owners().await?.iter().all(|owner| owner.region() == own))
    }
}
