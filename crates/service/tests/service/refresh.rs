//! Refreshing: what the shop changes of an item is written into the carts that hold it, behind everything else.

use crate::world::{PRICE, World, new_item};
use cart::{Cart, CartId, entry::Entry, line::Sku};
use service::{
    Settings,
    index::{IndexSettings, run},
};
use std::sync::Arc;
use storage::{Consistency, LinearTable, WritePath, memory::MemorySkuIndex};

/// Carts of accounts that hold A, and one that holds B, in a shop whose index knows them.
async fn shop(holders: usize) -> (World, Vec<CartId>) {
    let world = World::with(WritePath::Append, |_: &mut Settings| ()).await;
    world.service.keep_index(Arc::new(MemorySkuIndex::new(1_000)), IndexSettings::default(), None);
    let mut carts = Vec::new();
    for number in 0..holders {
        carts.push(world.account(&format!("holder {number}")).add("A", 2).await.cart);
    }
    world.account("other").add("B", 1).await;
    tokio::spawn(run(Arc::downgrade(&world.service)));
    let sku = Sku::parse("A").unwrap();
    loop {
        let found = world.service.find_holders(&sku, None, holders).await.unwrap();
        if found.complete && found.waiting == 0 {
            return (world, carts);
        }
        tokio::time::advance(std::time::Duration::from_millis(10)).await;
    }
}

/// The one entry of a cart as it is stored.
async fn stored(world: &World, cart: CartId) -> Entry {
    let rows = world.service.stores().carts.load(cart, Consistency::Strong).await.unwrap();
    let states = rows.snapshots.iter().map(|row| &row.bytes).chain(rows.deltas.iter().map(|row| &row.bytes));
    let mut whole = Cart::default();
    states.for_each(|bytes| cart::Join::join(&mut whole, &cart::format::decode(bytes).unwrap()));
    Entry::clone(whole.entries.values().next().unwrap())
}

/// Refreshes until nothing is left; how many carts were looked at.
async fn refresh_all(world: &World) -> usize {
    tokio::time::advance(std::time::Duration::from_secs(5)).await;
    let mut all = 0;
    loop {
        all += world.service.refresh_some().await.unwrap();
        let later = cart::Timestamp(u64::MAX);
        if world.service.stores().linear.due(LinearTable::Refresh, later, None, 1).await.unwrap().is_empty() {
            return all;
        }
    }
}

fn amount(entry: &Entry) -> Option<i64> {
    Some(entry.latest.as_ref()?.item.price?.amount)
}

#[tokio::test(start_paused = true)]
async fn every_cart_that_holds_a_changed_item_has_it_written_down_and_shows_it_before() {
    let (world, carts) = shop(150).await;
    world.service.put_items(vec![new_item("A", PRICE + 50)]).await.unwrap();
    let shown = world.account("holder 7").read().await;
    assert_eq!(shown.view().subtotal.amount, 2 * (PRICE + 50), "reads do not wait");
    assert_eq!(amount(&stored(&world, carts[7]).await), None);
    assert_eq!(refresh_all(&world).await, 150);
    for cart in &carts {
        let entry = stored(&world, *cart).await;
        assert_eq!(
            (amount(&entry), entry.added.unwrap().item.price.unwrap().amount),
            (Some(PRICE + 50), PRICE)
        );
    }
    assert_eq!(world.account("holder 7").read().await.etag(), shown.etag(), "nothing else has changed");
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_new_or_is_in_no_cart_is_not_walked() {
    let (world, carts) = shop(3).await;
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    let again = vec![new_item("A", PRICE), new_item("NOBODY", PRICE + 1)];
    world.service.put_items(again).await.unwrap();
    assert_eq!(refresh_all(&world).await, 0);
    assert_eq!(amount(&stored(&world, carts[0]).await), None);
}

#[tokio::test(start_paused = true)]
async fn a_walk_goes_on_where_it_was_written_down() {
    let (world, carts) = shop(100).await;
    world.service.put_items(vec![new_item("A", PRICE + 50)]).await.unwrap();
    tokio::time::advance(std::time::Duration::from_secs(5)).await;
    assert_eq!(world.service.refresh_some().await.unwrap(), 64);
    // Another process, which knows nothing but what is stored, and an index of its own.
    let node = world.another_node();
    node.keep_index(Arc::new(MemorySkuIndex::new(1_000)), IndexSettings::default(), None);
    tokio::spawn(run(Arc::downgrade(&node)));
    loop {
        let found = node.find_holders(&Sku::parse("A").unwrap(), None, 1).await.unwrap();
        if found.complete && found.waiting == 0 {
            break;
        }
        tokio::time::advance(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(node.refresh_some().await.unwrap(), 36);
    for cart in carts {
        assert_eq!(amount(&stored(&world, cart).await), Some(PRICE + 50));
    }
}
