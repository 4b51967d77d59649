//! Whole carts out of one shop and into another: an import is a join.

use crate::world::{World, on_both_paths, remove, shown};
use cart::{Cart, CartId, format};
use service::transfer::Imported;

/// All carts of a shop, page by page.
async fn exported(world: &World) -> Vec<(CartId, Cart)> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = world.service.export(after, 2).await.unwrap();
        let Some(last) = page.last() else { return all };
        after = Some(last.cart);
        all.extend(page.into_iter().map(|it| (it.cart, format::decode(&it.state.unwrap()).unwrap())));
    }
}

async fn import(world: &World, carts: &[(CartId, Cart)]) -> Vec<Imported> {
    let mut outcomes = Vec::new();
    for (cart, state) in carts {
        outcomes.push(world.service.import(*cart, state.clone(), 7).await.unwrap());
    }
    outcomes
}

#[tokio::test(start_paused = true)]
async fn what_is_exported_is_there_where_it_is_imported_and_twice_is_once() {
    on_both_paths(async |from| {
        let to = World::new(from.path).await;
        for (name, units) in [("ann", 1), ("bob", 2), ("eve", 3)] {
            from.account(name).add("A", units).await;
        }
        to.account("bob").add("B", 1).await;
        let carts = exported(&from).await;
        assert_eq!(import(&to, &carts).await, [Imported::Joined; 3]);
        assert_eq!(import(&to, &carts).await, [Imported::Unchanged; 3]);
        let shows = [
            to.account("ann").shows().await,
            to.account("bob").shows().await,
            to.account("eve").shows().await,
        ];
        assert_eq!(shows, ["A 1", "A 2, B 1", "A 3"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_older_export_brings_nothing_back() {
    on_both_paths(async |world| {
        let ann = world.account("ann");
        ann.add("A", 1).await;
        ann.add("B", 2).await;
        let older = exported(&world).await;
        ann.change(remove("A", None)).await.unwrap();
        ann.add("B", 1).await;
        assert_eq!(import(&world, &older).await, [Imported::Unchanged]);
        assert_eq!(ann.shows().await, "B 3");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_removed_before_the_export_is_removed_where_it_is_imported() {
    on_both_paths(async |from| {
        let to = World::new(from.path).await;
        from.account("ann").add("A", 1).await;
        import(&to, &exported(&from).await).await;
        from.account("ann").change(remove("A", None)).await.unwrap();
        import(&to, &exported(&from).await).await;
        assert_eq!(to.account("ann").shows().await, "");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_erased_cart_stays_erased_and_erases_where_it_is_imported() {
    on_both_paths(async |world| {
        let ann = world.account("ann");
        let cart = ann.add("A", 1).await.cart;
        let live = exported(&world).await;
        assert_eq!(import(&world, &[(cart, Cart::erased())]).await, [Imported::Joined]);
        assert_eq!(import(&world, &live).await, [Imported::Unchanged]);
        assert!(exported(&world).await.iter().all(|(_, state)| state.erased));
        // The account shops on, in the next generation of its cart.
        assert_eq!(shown(&ann.add("B", 1).await), "B 1");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn adds_during_an_import_of_the_same_cart_survive() {
    on_both_paths(async |from| {
        let to = World::new(from.path).await;
        from.account("ann").add("A", 5).await;
        let carts = exported(&from).await;
        let there = to.account("ann").at(&to.another_node());
        let loaded = to.gate.hold_next("write");
        let importing = {
            let (service, carts) = (to.service.clone(), carts.clone());
            tokio::spawn(async move { service.import(carts[0].0, carts[0].1.clone(), 7).await })
        };
        loaded.arrived().await;
        there.add("A", 1).await;
        there.add("B", 1).await;
        loaded.open();
        assert_eq!(importing.await.unwrap().unwrap(), Imported::Joined);
        assert_eq!(to.account("ann").shows().await, "A 6, B 1");
    })
    .await;
}
