//! The index of SKUs: behind writes, rebuilt by a scan, and never believed without a look at the cart.

use crate::{
    journal::Journal,
    world::{World, add, in_cart, remove, set},
};
use async_trait::async_trait;
use cart::{CartId, Timestamp, line::Sku};
use service::{
    Service, Settings,
    index::{Holders, IndexSettings, run},
};
use std::{collections::BTreeSet, sync::Arc};
use storage::{SkuIndex, StoreError, WritePath, layer::fault::Fault, memory::MemorySkuIndex};
use tokio::sync::watch;

struct Kept {
    world: World,
    skus: Arc<MemorySkuIndex>,
    worker: tokio::task::JoinHandle<()>,
}

impl Kept {
    async fn new(settings: IndexSettings) -> Self {
        Self::over(World::with(WritePath::Append, |_: &mut Settings| ()).await, settings)
    }

    fn over(world: World, settings: IndexSettings) -> Self {
        Self::again(world, settings, Arc::new(MemorySkuIndex::new(1_000)), None)
    }

    /// With an index that an earlier process had.
    fn again(
        world: World,
        settings: IndexSettings,
        skus: Arc<MemorySkuIndex>,
        scanned_at: Option<Timestamp>,
    ) -> Self {
        world.service.keep_index(skus.clone(), settings, scanned_at);
        let worker = tokio::spawn(run(Arc::downgrade(&world.service)));
        Self { world, skus, worker }
    }

    /// Who holds a SKU, once the index has caught up.
    async fn holders(&self, name: &str) -> Holders {
        loop {
            let holders = found(&self.world.service, name).await;
            if holders.complete && holders.waiting == 0 {
                return holders;
            }
            tokio::time::advance(std::time::Duration::from_millis(10)).await;
        }
    }

    async fn carts(&self, name: &str) -> Vec<(CartId, u64, u64)> {
        let holders = self.holders(name).await.carts;
        holders.iter().map(|holder| (holder.cart, holder.quantity, holder.saved)).collect()
    }
}

/// An index whose every answer is overtaken: it comes once something was put that it does not know of.
struct Overtaken {
    skus: MemorySkuIndex,
    puts: watch::Sender<u32>,
}

#[async_trait]
impl SkuIndex for Overtaken {
    async fn put(&self, carts: Vec<(CartId, BTreeSet<Sku>)>) -> Result<(), StoreError> {
        self.skus.put(carts).await?;
        self.puts.send_modify(|puts| *puts += 1);
        Ok(())
    }

    async fn find(&self, sku: &Sku, after: Option<CartId>, limit: usize) -> Result<Vec<CartId>, StoreError> {
        let mut puts = self.puts.subscribe();
        let found = self.skus.find(sku, after, limit).await?;
        puts.changed().await.unwrap();
        Ok(found)
    }

    fn scan_begins(&self) {
        self.skus.scan_begins();
    }

    fn is_whole(&self) -> bool {
        self.skus.is_whole()
    }
}

async fn found(service: &Service, name: &str) -> Holders {
    service.find_holders(&Sku::parse(name).unwrap(), None, 10).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_cart_is_found_while_it_holds_a_sku_and_no_longer() {
    let kept = Kept::new(IndexSettings::default()).await;
    let (ann, bob) = (kept.world.account("ann"), kept.world.guest());
    let (of_ann, of_bob) = (ann.add("A", 2).await.cart, bob.add("B", 1).await.cart);
    assert_eq!(kept.carts("A").await, [(of_ann, 2, 0)]);
    bob.add("A", 5).await;
    let mut both = vec![(of_ann, 2, 0), (of_bob, 5, 0)];
    both.sort();
    assert_eq!(kept.carts("A").await, both);
    ann.change(crate::world::save_for_later("A", None)).await.unwrap();
    bob.change(remove("A", None)).await.unwrap();
    assert_eq!(kept.carts("A").await, [(of_ann, 0, 2)]);
    assert_eq!(kept.carts("B").await, [(of_bob, 1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn carts_from_before_the_index_are_found_once_all_are_scanned() {
    let world = World::with(WritePath::Replace, |_| ()).await;
    let mut carts = Vec::new();
    for _ in 0..700 {
        carts.push(world.guest().add("A", 1).await.cart);
    }
    carts.sort();
    let kept = Kept::over(world, IndexSettings { carts_per_second: 100, ..IndexSettings::default() });
    assert!(!found(&kept.world.service, "A").await.complete, "nothing was scanned yet");
    let started = tokio::time::Instant::now();
    kept.holders("A").await;
    assert!(started.elapsed().as_secs() >= 5, "faster than 100 carts a second: {:?}", started.elapsed());
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let sku = Sku::parse("A").unwrap();
        let page = kept.world.service.find_holders(&sku, after, 300).await.unwrap();
        all.extend(page.carts.iter().map(|holder| holder.cart));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(all, carts);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_lags_shows_nothing_that_is_not_so() {
    let kept = Kept::new(IndexSettings::default()).await;
    let ann = kept.world.account("ann");
    let cart = ann.add("A", 2).await.cart;
    kept.holders("A").await;
    kept.worker.abort();
    ann.change(set("A", 7, None)).await.unwrap();
    assert_eq!(found(&kept.world.service, "A").await.carts[0].quantity, 7);
    ann.change(remove("A", None)).await.unwrap();
    let lagging = found(&kept.world.service, "A").await;
    assert_eq!((lagging.carts.len(), lagging.waiting), (0, 1));
    assert_eq!(kept.skus.find(&Sku::parse("A").unwrap(), None, 10).await.unwrap(), [cart]);
    tokio::spawn(run(Arc::downgrade(&kept.world.service)));
    kept.holders("A").await;
    assert_eq!(kept.skus.find(&Sku::parse("A").unwrap(), None, 10).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_index_overtook_does_not_pass_for_all_there_is() {
    let world = World::with(WritePath::Append, |_| ()).await;
    let skus = Overtaken { skus: MemorySkuIndex::new(1_000), puts: watch::Sender::default() };
    world.service.keep_index(Arc::new(skus), IndexSettings::default(), None);
    world.guest().add("A", 1).await;
    let sku = Sku::parse("A").unwrap();
    let worker = async {
        tokio::task::yield_now().await; // the look comes first
        tokio::spawn(run(Arc::downgrade(&world.service)));
    };
    let (overtaken, ()) = tokio::join!(world.service.find_holders(&sku, None, 10), worker);
    let Holders { carts, complete, waiting, .. } = overtaken.unwrap();
    assert_eq!((carts, complete, waiting), (Vec::new(), false, 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_merged_guest_had_is_found_in_the_account() {
    let kept = Kept::new(IndexSettings::default()).await;
    let (ann, guest) = (kept.world.account("ann"), kept.world.guest());
    guest.add("A", 2).await;
    kept.holders("A").await;
    let request = service::claims::ClaimRequest {
        subject: "ann".into(),
        name: service::sessions::ACTIVE.into(),
        guest: guest.token(),
        policy: cart::operation::Policy::Sum,
    };
    kept.world.service.claim(&request).await.unwrap();
    assert_eq!(kept.carts("A").await, [(ann.cart().await, 2, 0)]);
}

#[tokio::test(start_paused = true)]
async fn more_changes_than_are_noted_are_found_by_a_scan() {
    let kept = Kept::new(IndexSettings { noted_max: 3, ..IndexSettings::default() }).await;
    kept.holders("A").await;
    kept.worker.abort();
    for _ in 0..10 {
        kept.world.guest().add("A", 1).await;
    }
    let lost = found(&kept.world.service, "A").await;
    assert_eq!((lost.complete, lost.waiting), (false, 3));
    tokio::spawn(run(Arc::downgrade(&kept.world.service)));
    assert_eq!(kept.holders("A").await.carts.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_write_of_which_nobody_knows_is_looked_at_and_a_store_that_is_away_is_waited_for() {
    let kept = Kept::new(IndexSettings::default()).await;
    let ann = kept.world.account("ann");
    kept.holders("A").await;
    kept.world.faults.always(&["append"], Fault::After);
    ann.change(add("A", 1)).await.unwrap_err();
    kept.world.faults.always(&["load", "scan"], Fault::Before);
    for _ in 0..50 {
        tokio::time::advance(std::time::Duration::from_millis(100)).await;
    }
    kept.world.faults.heal();
    assert_eq!(kept.carts("A").await.len(), 1);
    assert_eq!(ann.read().await.view().lines[0].id, in_cart("A"));
}

#[tokio::test(start_paused = true)]
async fn an_index_of_a_stopped_process_counts_until_its_next_scan_is_due() {
    let kept = Kept::new(IndexSettings::default()).await;
    let cart = kept.world.account("ann").add("A", 1).await.cart;
    kept.holders("A").await;
    kept.worker.abort();
    kept.world.account("bob").add("A", 1).await;
    assert_eq!(kept.world.service.index_at_rest(), None, "a cart was noted");
    kept.world.service.catch_up_index().await.unwrap();
    let scanned_at = kept.world.service.index_at_rest();
    assert!(scanned_at.is_some());
    // Of this cart the next process cannot know: it shows whether that scans.
    let unknown = kept.world.another_node();
    kept.world.account("cat").at(&unknown).add("A", 1).await;
    let next = kept.world.another_node();
    next.keep_index(kept.skus.clone(), IndexSettings::default(), scanned_at);
    tokio::spawn(run(Arc::downgrade(&next)));
    tokio::time::advance(std::time::Duration::from_secs(3_600)).await;
    let found_by_next = found(&next, "A").await;
    assert!(found_by_next.complete && found_by_next.waiting == 0);
    assert_eq!(found_by_next.carts.len(), 2);
    assert!(found_by_next.carts.iter().any(|holder| holder.cart == cart));
    for _ in 0..24 {
        tokio::time::advance(std::time::Duration::from_secs(3_600)).await;
    }
    while found(&next, "A").await.carts.len() < 3 {
        tokio::time::advance(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_is_not_at_rest_while_somebody_writes_and_a_write_that_nobody_waits_for_is_noted() {
    let (world, journal) = Journal::world().await;
    let kept = Kept::over(world, IndexSettings::default());
    kept.holders("A").await;
    kept.worker.abort();
    let service = &kept.world.service;
    assert!(service.index_at_rest().is_some());
    let ann = kept.world.account("ann");
    let waits = tokio::spawn(async move { ann.change(add("A", 1)).await });
    assert_eq!(journal.queued().await, 1);
    assert_eq!(service.index_at_rest(), None, "a write is under way");
    waits.abort();
    waits.await.unwrap_err();
    assert_eq!(found(service, "A").await.waiting, 1);
    assert_eq!(service.index_at_rest(), None, "its cart is noted");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_nobody_waits_for_is_in_the_index_once_it_is_durable() {
    let (world, journal) = Journal::world().await;
    let kept = Kept::over(world, IndexSettings::default());
    kept.holders("A").await;
    let ann = kept.world.account("ann");
    let waits = tokio::spawn(async move { ann.change(add("A", 1)).await });
    assert_eq!(journal.queued().await, 1);
    waits.abort();
    waits.await.unwrap_err();
    assert_eq!(journal.queued().await, 1, "the worker has its turns meanwhile");
    assert_eq!(found(&kept.world.service, "A").await.waiting, 1);
    journal.sync().await;
    assert_eq!(kept.carts("A").await.len(), 1);
}
