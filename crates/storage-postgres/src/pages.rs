//! What no single shard can answer: pages over all of them, and owners, which all of them know.

use std::collections::{BTreeSet, HashSet};
use std::time::Instant;

use futures::future::{join_all, try_join_all};
use storage::cart::CartId;
use storage::error::Result;
use storage::{Owner, StoreError};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::engine::Engine;
use crate::failure::Failure;
use crate::node::Params;
use crate::slot::{SLOTS, Slot};

impl Engine {
    /// Carts of all shards in order, each shard asked for its first so many. Complete: where a slot was on its way between
    /// the shards while they were asked, they are asked again.
    pub(crate) async fn carts_in_order(
        &self,
        sql: &'static str,
        params: Params<'_>,
        limit: usize,
    ) -> Result<Vec<CartId>> {
        let deadline = Instant::now() + self.slot_wait();
        loop {
            let asked = Instant::now();
            let pages = try_join_all(self.shards.iter().map(|shard| shard.primary.query(sql, params)));
            let pages = pages.await.map_err(Failure::of_read)?;
            let (mut carts, mut slots) = (BTreeSet::new(), HashSet::new());
            for row in pages.iter().flatten() {
                match row.get::<_, Option<Uuid>>(0) {
                    Some(cart) => _ = carts.insert(CartId(cart.into_bytes())),
                    None => slots.extend(row.get::<_, Vec<i16>>(1)),
                }
            }
            if slots.len() == usize::from(SLOTS) {
                return Ok(carts.into_iter().take(limit).collect());
            }
            if Instant::now() >= deadline {
                let missing = slots_missing(&slots);
                return Err(StoreError::Unavailable(missing.into()));
            }
            self.look_since(asked).await;
        }
    }

    /// Rows of those shards that answer: what is left out comes with a later page over all, when its shard is back.
    ///
    /// # Errors
    /// None answers.
    pub(crate) async fn rows_of_any(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>> {
        let (mut all, mut last, mut answered) = (Vec::new(), None, false);
        for rows in join_all(self.shards.iter().map(|shard| shard.primary.query(sql, params))).await {
            match rows {
                Ok(rows) => {
                    answered = true;
                    all.extend(rows);
                }
                Err(failure) => last = Some(failure.of_read()),
            }
        }
        match last {
            Some(failure) if !answered => Err(failure),
            Some(failure) => {
                tracing::warn!(%failure, "what is due at one shard waits until it answers");
                Ok(all)
            }
            None => Ok(all),
        }
    }

    /// Every shard knows every owner, so the first that answers says all.
    pub(crate) async fn owners(&self) -> Result<Vec<Owner>> {
        let mut last = None;
        for shard in &self.shards {
            match shard.primary.query("SELECT owner FROM owners ORDER BY owner", &[]).await {
                Ok(rows) => return Ok(rows.iter().map(|row| Owner::from_stored(row.get(0))).collect()),
                Err(failure) => last = Some(failure.of_read()),
            }
        }
        Err(last.unwrap_or_else(|| StoreError::Unavailable("there is no shard".into())))
    }

    /// Registered is what all shards know.
    pub(crate) async fn register(&self, owner: &Owner) -> Result<()> {
        let name = owner.as_str();
        let insert = "INSERT INTO owners (owner) VALUES ($1) ON CONFLICT DO NOTHING";
        let params: Params<'_> = &[&name];
        try_join_all(self.shards.iter().map(|shard| shard.primary.query(insert, params)))
            .await
            .map_err(Failure::of_write)?;
        Ok(())
    }
}

fn slots_missing(here: &HashSet<i16>) -> String {
    let missing: BTreeSet<Slot> = Slot::all().filter(|slot| !here.contains(&slot.stored())).collect();
    let missing = crate::slot::Ranges(missing).to_string();
    format!("slots {missing} are on no shard that is listed, or on their way: bring the move to an end")
}
