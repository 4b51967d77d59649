//! Whose cart is meant, and that nothing about it breaks the shop.

use crate::{
    claims::claim,
    world::{World, on_both_paths, shown},
};
use cart::{
    Cart, CartId,
    operation::{Erase, Operation, Stamp},
    rewrite::Rows,
};
use service::{CartAddress, CartNotice, Kind, Principal};
use storage::{Bucket, Consistency, Owner, Replaced, RowKey};

/// Erases a cart as an operator would, through the store.
async fn erase(world: &World, cart: CartId) {
    let rows = world.stores.carts.load(cart, Consistency::Strong).await.unwrap();
    let owner = Owner::new("local", 1);
    let version = rows.snapshots.iter().find(|row| row.owner == owner).map(|row| row.version);
    let stamp = Stamp {
        dot: cart::Dot::new(cart::WriterId(1), 1),
        origin: cart,
        at: cart::Timestamp::default().plus_days(crate::world::TODAY.0),
    };
    let delta = Operation::Erase(Erase).delta(&stamp);
    let erased = Rows::<Cart> { own: None, all: &[] }.rewritten(&delta, crate::world::TODAY);
    let bytes = cart::format::encode(&erased).into();
    let key = RowKey { cart, owner };
    let written = world.stores.carts.replace(&key, version, Bucket(0), bytes).await.unwrap();
    assert!(matches!(written, Replaced::Applied(_)));
}

#[tokio::test(start_paused = true)]
async fn two_first_adds_of_an_account_meet_in_one_cart() {
    on_both_paths(async |world| {
        let (here, there) = (world.account("ann"), world.account("ann").at(&world.another_node()));
        here.add("A", 1).await;
        there.add("B", 1).await;
        assert_eq!(here.shows().await, "A 1, B 1");
        assert_eq!(world.account("bob").shows().await, "");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_accounts_carts_differ_by_name() {
    on_both_paths(async |world| {
        let active = world.account("ann");
        let mut wishes = active.clone();
        wishes.address = CartAddress::Own {
            principal: Principal::Account { subject: "ann".into() },
            name: "wishlist".into(),
        };
        active.add("A", 1).await;
        wishes.add("B", 1).await;
        assert_eq!((active.shows().await, wishes.shows().await), ("A 1".into(), "B 1".into()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_ended_guest_token_gives_a_fresh_cart_and_says_so() {
    on_both_paths(async |world| {
        let guest = world.guest();
        guest.add("A", 1).await;
        world.environment.pass_days(30);
        let read = guest.read().await;
        assert_eq!(
            (shown(&read).as_str(), read.notices.as_slice()),
            ("", [CartNotice::SessionExpired].as_slice())
        );
        let added = guest.add("B", 1).await;
        assert_eq!(
            (shown(&added).as_str(), added.notices.as_slice()),
            ("B 1", [CartNotice::SessionExpired].as_slice())
        );
        let fresh = guest.holding(added.session.unwrap());
        assert_eq!(fresh.shows().await, "B 1");
        assert_ne!(fresh.token().cart, guest.token().cart);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_guest_token_is_renewed_after_a_day_of_use_and_not_before() {
    on_both_paths(async |world| {
        let guest = world.guest();
        let first = guest.add("A", 1).await;
        assert_eq!((first.session, first.kind), (None, Some(Kind::Guest)));
        assert_eq!(first.expires_at, Some(guest.token().expires_at));
        world.environment.pass_days(1);
        let renewed = guest.read().await.session.unwrap();
        assert_eq!(renewed.cart, guest.token().cart);
        assert!(renewed.expires_at >= guest.token().expires_at.plus_days(1));
        // The renewed one outlives the first.
        world.environment.pass_days(29);
        assert_eq!(guest.holding(renewed).shows().await, "A 1");
        assert_eq!(guest.shows().await, "");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_merged_guests_token_gives_a_fresh_cart_and_leaves_the_account_alone() {
    on_both_paths(async |world| {
        let (guest, account) = (world.guest(), world.account("ann"));
        guest.add("A", 1).await;
        claim(&account, &guest).await.unwrap();
        let read = guest.read().await;
        assert_eq!(
            (shown(&read).as_str(), read.notices.as_slice()),
            ("", [CartNotice::CartMerged].as_slice())
        );
        let added = guest.add("B", 1).await;
        assert_eq!(
            (shown(&added).as_str(), added.notices.as_slice()),
            ("B 1", [CartNotice::CartMerged].as_slice())
        );
        assert_ne!(added.session.map(|token| token.cart), Some(guest.token().cart));
        assert_eq!(account.shows().await, "A 1");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn whoever_has_nothing_yet_gets_a_session_with_the_first_change() {
    on_both_paths(async |world| {
        let mut nobody = world.guest();
        nobody.address = CartAddress::Own { principal: Principal::Nobody, name: "active".into() };
        let added = nobody.add("A", 1).await;
        let token = added.session.unwrap();
        assert_eq!((added.cart, added.expires_at), (token.cart, Some(token.expires_at)));
        assert_eq!(nobody.holding(token).shows().await, "A 1");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_subject_who_was_erased_shops_again_in_the_next_generation() {
    on_both_paths(async |world| {
        let account = world.account("ann");
        account.add("A", 1).await;
        for generation in 1..4 {
            let cart = account.cart().await;
            erase(&world, cart).await;
            assert_eq!(account.shows().await, "", "generation {generation}");
            assert_eq!(shown(&account.add("B", generation).await), format!("B {generation}"));
            assert_ne!(account.cart().await, cart);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_erased_guest_starts_afresh() {
    on_both_paths(async |world| {
        let guest = world.guest();
        guest.add("A", 1).await;
        erase(&world, guest.token().cart).await;
        let read = guest.read().await;
        assert_eq!(
            (shown(&read).as_str(), read.notices.as_slice()),
            ("", [CartNotice::SessionExpired].as_slice())
        );
        assert_eq!(shown(&guest.add("B", 1).await), "B 1");
    })
    .await;
}
