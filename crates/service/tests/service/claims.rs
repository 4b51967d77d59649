//! Claims: what a guest collected goes to the account at login, once, whatever happens around it.

use crate::world::{PATHS, Shopper, World, add, on_both_paths, remove, shown};
use cart::operation::{LineOutcome, MergeRule, Policy};
use service::{CartNotice, Claimed, Kind, ServiceError};
use storage::layer::fault::Fault;

/// Claims the guest's cart under `sum`.
pub(crate) async fn claim(account: &Shopper, guest: &Shopper) -> Result<Claimed, ServiceError> {
    account.claim(guest, Policy::Sum).await
}

/// A guest with A 3 and B 2, an account with B 5 and C 1.
pub(crate) async fn two_sides(world: &World) -> (Shopper, Shopper) {
    let (guest, account) = (world.guest(), world.account("ann"));
    guest.add("A", 3).await;
    guest.add("B", 2).await;
    account.add("B", 5).await;
    account.add("C", 1).await;
    (guest, account)
}

#[tokio::test(start_paused = true)]
async fn each_policy_settles_the_lines_that_both_have_and_keeps_the_others() {
    for (policy, outcome) in [
        (Policy::Sum, "A 3, B 7, C 1"),
        (Policy::Max, "A 3, B 5, C 1"),
        (Policy::KeepAccount, "A 3, B 5, C 1"),
        (Policy::KeepGuest, "A 3, B 2, C 1"),
    ] {
        on_both_paths(async |world| {
            let (guest, account) = two_sides(&world).await;
            let claimed = account.claim(&guest, policy).await.unwrap();
            assert_eq!(shown(&claimed.answer), outcome, "{policy:?}");
            assert_eq!(account.shows().await, outcome, "{policy:?}");
            assert_eq!(claimed.answer.kind, Some(Kind::Account));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_receipt_names_each_line_of_the_guest_with_its_rule() {
    on_both_paths(async |world| {
        let (guest, account) = two_sides(&world).await;
        let receipt = account.claim(&guest, Policy::Max).await.unwrap().receipt;
        let brief = |line: &LineOutcome| (line.guest, line.account, line.result, line.rule);
        let mut lines: Vec<_> = receipt.lines.iter().map(brief).collect();
        lines.sort_by_key(|line| line.0);
        assert_eq!(lines, [(2, 5, 5, MergeRule::Both(Policy::Max)), (3, 0, 3, MergeRule::OnlyGuest)]);
        assert!(!receipt.already_merged && receipt.undo_until.is_some());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_shows_what_the_claim_then_does_and_does_nothing() {
    for policy in [Policy::Sum, Policy::Max, Policy::KeepAccount, Policy::KeepGuest] {
        on_both_paths(async |world| {
            let (guest, account) = two_sides(&world).await;
            let before = account.read().await.state;
            let asked = account.claim_request(guest.token(), policy);
            let preview = account.service.preview_claim(&asked).await.unwrap().receipt;
            assert_eq!(account.read().await.state, before);
            assert_eq!(guest.shows().await, "A 3, B 2");
            let done = account.claim(&guest, policy).await.unwrap().receipt;
            assert_eq!((preview.id, preview.policy, preview.lines), (done.id, done.policy, done.lines));
            // And afterwards the receipt that another claim would give.
            let preview = account.service.preview_claim(&asked).await.unwrap().receipt;
            let again = account.claim(&guest, policy).await.unwrap().receipt;
            assert_eq!(preview, again);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_claim_changes_nothing_and_gives_the_first_ones_receipt() {
    on_both_paths(async |world| {
        let (guest, account) = two_sides(&world).await;
        let first = account.claim(&guest, Policy::Max).await.unwrap();
        account.change(remove("A", None)).await.unwrap();
        // Another policy, a day later: the decision stands, and what was removed after it stays removed.
        world.environment.pass_days(1);
        let again = account.claim(&guest, Policy::KeepGuest).await.unwrap();
        assert_eq!(shown(&again.answer), "B 5, C 1");
        assert!(again.receipt.already_merged && again.answer.replayed);
        let expected = service::MergeReceipt { already_merged: true, ..first.receipt };
        assert_eq!(again.receipt, expected);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn eight_logins_at_once_bring_sixty_five_items_once() {
    for path in PATHS {
        let world = World::with(path, |settings| {
            settings.unknown_sku = service::settings::UnknownSku::AcceptUnpriced;
        })
        .await;
        let (guest, account) = (world.guest(), world.account("ann"));
        for item in 0..65 {
            guest.add(&format!("item {item}"), 1 + item % 3).await;
        }
        account.add("item 0", 1).await;
        let logins = (0..8).map(|_| account.claim(&guest, Policy::Sum));
        let receipts = futures::future::join_all(logins).await;
        assert_eq!(
            receipts.iter().filter(|claimed| !claimed.as_ref().unwrap().receipt.already_merged).count(),
            1
        );
        let view = account.read().await.view();
        assert_eq!(view.lines.len(), 65);
        let units: u64 = view.lines.iter().map(|line| line.quantity).sum();
        assert_eq!(units, 1 + (0..65u64).map(|item| 1 + item % 3).sum::<u64>());
    }
}

#[tokio::test(start_paused = true)]
async fn a_guest_who_added_nothing_brings_nothing() {
    on_both_paths(async |world| {
        let account = world.account("ann");
        account.add("A", 1).await;
        let claimed = claim(&account, &world.guest()).await.unwrap();
        assert_eq!((shown(&claimed.answer).as_str(), claimed.receipt.lines), ("A 1", vec![]));
        assert_eq!(world.stores.carts.scan(None, 10).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_guest_whose_token_has_ended_brings_nothing() {
    on_both_paths(async |world| {
        let (guest, account) = two_sides(&world).await;
        world.environment.pass_days(30);
        let claimed = account.claim(&guest, Policy::Sum).await.unwrap();
        assert_eq!(shown(&claimed.answer), "B 5, C 1");
        assert!(claimed.answer.notices.contains(&CartNotice::SessionExpired));
        assert_eq!((claimed.receipt.lines, claimed.receipt.already_merged), (vec![], false));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_login_is_not_held_up_by_the_store_of_decisions_and_is_finished_behind_it() {
    for (policy, at_login, behind) in
        [(Policy::Sum, "A 3, B 7, C 1", "A 3, B 7, C 1"), (Policy::Max, "A 3, B 7, C 1", "A 3, B 5, C 1")]
    {
        on_both_paths(async |world| {
            let (guest, account) = two_sides(&world).await;
            world.faults.always(&["linear_insert", "linear_read"], Fault::Before);
            let claimed = account.claim(&guest, policy).await.unwrap();
            assert_eq!(shown(&claimed.answer), at_login);
            assert_eq!(claimed.receipt.undo_until, None);
            world.faults.heal();
            world.environment.settle().await;
            assert_eq!(account.shows().await, behind);
            let again = account.claim(&guest, Policy::Sum).await.unwrap();
            assert_eq!((again.receipt.policy, again.receipt.already_merged), (policy, true));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_finished_behind_a_login_is_finished_although_writes_fail() {
    for fault in [Fault::Before, Fault::After] {
        on_both_paths(async |world| {
            let (guest, account) = two_sides(&world).await;
            world.faults.always(&["linear_insert"], Fault::Before);
            account.claim(&guest, Policy::KeepAccount).await.unwrap();
            // Now the store of decisions is back, and the next write of a row meets a fault. That the merge is
            // known already must not pass for its policy being applied.
            let mut due = true;
            world.faults.set(move |name| {
                let meets = matches!(name, "replace" | "append") && std::mem::take(&mut due);
                if meets { fault } else { Fault::None }
            });
            world.environment.settle().await;
            assert_eq!(account.shows().await, "A 3, B 5, C 1", "{fault:?}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_guests_add_that_is_under_way_at_login_is_not_lost() {
    for lanes_max in [1_000, 0] {
        for path in PATHS {
            let world = World::with(path, |settings| settings.lanes_max = lanes_max).await;
            let (guest, account) = two_sides(&world).await;
            let before_the_store = world.gate.hold_next("write");
            let late = {
                let guest = guest.clone();
                tokio::spawn(async move { guest.change(add("D", 4)).await })
            };
            before_the_store.arrived().await;
            let login = {
                let (guest, account) = (guest.clone(), account.clone());
                tokio::spawn(async move { account.claim(&guest, Policy::Sum).await })
            };
            // The login gets as far as it can before the add reaches the store.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            before_the_store.open();
            late.await.unwrap().unwrap();
            login.await.unwrap().unwrap();
            assert_eq!(account.shows().await, "A 3, B 7, C 1, D 4", "{path:?}, {lanes_max} lanes");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn carts_in_two_currencies_are_both_kept_and_the_mismatch_is_named() {
    on_both_paths(async |world| {
        let (guest, account) = two_sides(&world).await;
        let mut item = crate::world::new_item("A", 999);
        item.item.price = cart::money::Money::price(999, cart::money::Currency::parse("EUR").unwrap());
        world.service.put_items(vec![item]).await.unwrap();
        let claimed = account.claim(&guest, Policy::Sum).await.unwrap();
        let view = claimed.answer.view();
        assert_eq!(shown(&claimed.answer), "A 3, B 7, C 1");
        let euros = view.lines.iter().filter(|line| {
            line.notices.iter().any(|notice| matches!(notice, cart::view::Notice::CurrencyMismatch { .. }))
        });
        assert!(euros.count() >= 1);
    })
    .await;
}
