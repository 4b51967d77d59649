//! Undo of a claim: within a day, once, and nothing is lost by it.

use crate::{
    claims::{claim, two_sides},
    world::{PRICE, World, add, on_both_paths, remove, shown},
};
use cart::{money::Money, operation::Policy};
use service::{
    Presented, ServiceError,
    checkout::{CheckoutError, CheckoutRequest, Refusal},
};
use storage::layer::fault::Fault;

#[tokio::test(start_paused = true)]
async fn an_undo_gives_each_side_back_what_it_had() {
    for policy in [Policy::Sum, Policy::Max, Policy::KeepAccount, Policy::KeepGuest] {
        on_both_paths(async |world| {
            let (guest, account) = two_sides(&world).await;
            let receipt = account.claim(&guest, policy).await.unwrap().receipt;
            let undone = account.service.undo_claim(&account.address, &receipt.id).await.unwrap();
            assert_eq!(shown(&undone), "B 5, C 1", "{policy:?}");
            let again_a_guest = guest.holding(undone.session.unwrap());
            assert_eq!(again_a_guest.shows().await, "A 3, B 2", "{policy:?}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_happened_between_stays_as_it_is() {
    on_both_paths(async |world| {
        let (guest, account) = two_sides(&world).await;
        let receipt = claim(&account, &guest).await.unwrap().receipt;
        account.change(remove("A", None)).await.unwrap();
        account.add("B", 10).await;
        let undone = account.service.undo_claim(&account.address, &receipt.id).await.unwrap();
        assert_eq!(shown(&undone), "B 15, C 1");
        assert_eq!(guest.holding(undone.session.unwrap()).shows().await, "B 2");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn undoing_twice_is_undoing_once() {
    on_both_paths(async |world| {
        let (guest, account) = two_sides(&world).await;
        let receipt = claim(&account, &guest).await.unwrap().receipt;
        let first = account.service.undo_claim(&account.address, &receipt.id).await.unwrap();
        let guest = guest.holding(first.session.unwrap());
        guest.change(remove("A", None)).await.unwrap();
        let second = account.service.undo_claim(&account.address, &receipt.id).await.unwrap();
        assert!(second.replayed);
        assert_eq!(second.session.map(|token| token.cart), first.session.map(|token| token.cart));
        assert_eq!((shown(&second).as_str(), guest.shows().await.as_str()), ("B 5, C 1", "B 2"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_undo_ends_after_a_day_and_knows_only_merges_of_this_account() {
    on_both_paths(async |world| {
        let (guest, account) = two_sides(&world).await;
        let id = claim(&account, &guest).await.unwrap().receipt.id;
        let stranger = world.account("bob");
        for (who, id) in [(&stranger, id.as_str()), (&account, "m_nonsense"), (&account, "")] {
            let refused = who.service.undo_claim(&who.address, id).await.unwrap_err();
            assert!(matches!(refused, ServiceError::UnknownMerge), "{id}: {refused}");
        }
        world.environment.pass_days(2);
        let late = account.service.undo_claim(&account.address, &id).await.unwrap_err();
        assert!(matches!(late, ServiceError::UndoEnded), "{late}");
        assert_eq!(account.shows().await, "A 3, B 7, C 1");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_fails_at_any_write_can_be_repeated() {
    for failing in 1..=2 {
        on_both_paths(async |world| {
            let (guest, account) = two_sides(&world).await;
            let id = account.claim(&guest, Policy::KeepGuest).await.unwrap().receipt.id;
            let mut written = 0;
            world.faults.set(move |name| {
                written += u32::from(matches!(name, "replace" | "append"));
                if written >= failing && matches!(name, "replace" | "append") {
                    Fault::Before
                } else {
                    Fault::None
                }
            });
            account.service.undo_claim(&account.address, &id).await.unwrap_err();
            world.faults.heal();
            let undone = account.service.undo_claim(&account.address, &id).await.unwrap();
            assert_eq!(shown(&undone), "B 5, C 1");
            assert_eq!(guest.holding(undone.session.unwrap()).shows().await, "A 3, B 2");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_undo_returned_can_be_claimed_again() {
    on_both_paths(async |world| {
        let (guest, account) = two_sides(&world).await;
        let id = claim(&account, &guest).await.unwrap().receipt.id;
        let undone = account.service.undo_claim(&account.address, &id).await.unwrap();
        let guest = guest.holding(undone.session.unwrap());
        guest.add("A", 1).await;
        assert_eq!(shown(&claim(&account, &guest).await.unwrap().answer), "A 4, B 7, C 1");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_undo_and_a_claim_of_what_it_returns_do_not_wait_for_each_other() {
    on_both_paths(async |world: World| {
        let (guest, account) = two_sides(&world).await;
        let id = claim(&account, &guest).await.unwrap().receipt.id;
        // The first undo stops at this node with the account's lane taken; another node finishes it, and its
        // answer lets the shopper log in again at this node.
        let writing = world.gate.hold_next("load");
        let slow = {
            let (account, id) = (account.clone(), id.clone());
            tokio::spawn(async move { account.service.undo_claim(&account.address, &id).await })
        };
        writing.arrived().await;
        writing.open();
        let in_the_lane = world.gate.hold_next("load");
        in_the_lane.arrived().await;
        let other = world.another_node();
        let undone = other.undo_claim(&account.address, &id).await.unwrap();
        let guest = guest.holding(undone.session.unwrap());
        let login = {
            let account = account.clone();
            tokio::spawn(async move { claim(&account, &guest).await })
        };
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        in_the_lane.open();
        slow.await.unwrap().unwrap();
        login.await.unwrap().unwrap();
        assert_eq!(account.shows().await, "A 3, B 7, C 1");
        account.change(add("A", 1)).await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_stopped_before_the_carts_is_finished_by_a_checkout_that_meets_it() {
    on_both_paths(async |world| {
        let (guest, account) = two_sides(&world).await;
        let id = claim(&account, &guest).await.unwrap().receipt.id;
        world.faults.always(&["replace", "append"], Fault::Before);
        account.service.undo_claim(&account.address, &id).await.unwrap_err();
        world.faults.heal();
        let total = Money { amount: 11 * PRICE, currency: account.service.settings().currency };
        let request = CheckoutRequest {
            address: account.address.clone(),
            key: None,
            accept_total: Some(total),
            presented: Presented::default(),
        };
        let Err(CheckoutError::Refused(refused)) = account.service.check_out(&request).await else {
            panic!()
        };
        assert_eq!(refused.0, Refusal::LinesChanged);
        assert_eq!(account.shows().await, "B 5, C 1");
        let undone = account.service.undo_claim(&account.address, &id).await.unwrap();
        assert_eq!(guest.holding(undone.session.unwrap()).shows().await, "A 3, B 2");
    })
    .await;
}
