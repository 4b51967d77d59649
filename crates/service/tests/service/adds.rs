//! Adds and what makes their repetition harmless: idempotency keys, client counters, lanes.

use crate::world::{add, client, key, on_both_paths, remove, seen, set, shown};
use cart::{Dot, WriterId};
use service::{Identity, ServiceError};
use std::collections::BTreeSet;

#[tokio::test(start_paused = true)]
async fn adds_of_one_line_count_together_and_a_first_add_counts_in_full() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        assert_eq!(shown(&shopper.add("A", 3).await), "A 3");
        assert_eq!(shown(&shopper.add("A", 2).await), "A 5");
        assert_eq!(shopper.shows().await, "A 5");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn concurrent_adds_of_one_node_all_count() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let adds = (0..50).map(|_| shopper.add("A", 1));
        futures::future::join_all(adds).await;
        assert_eq!(shopper.shows().await, "A 50");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_repeat_under_a_key_changes_nothing_and_says_so() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let first = shopper.change_as(&key("k", "add A 2"), add("A", 2)).await.unwrap();
        let again = shopper.change_as(&key("k", "add A 2"), add("A", 2)).await.unwrap();
        assert_eq!((first.replayed, again.replayed), (false, true));
        assert_eq!((shown(&again), first.state.digest()), ("A 2".into(), again.state.digest()));
        // It stays done when what it added is gone by now.
        shopper.change(remove("A", None)).await.unwrap();
        let late = shopper.change_as(&key("k", "add A 2"), add("A", 2)).await.unwrap();
        assert_eq!((shown(&late), late.replayed), (String::new(), true));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_key_with_another_payload_is_refused_and_another_carts_key_is_not() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        shopper.change_as(&key("k", "add A 2"), add("A", 2)).await.unwrap();
        let reused = shopper.change_as(&key("k", "add A 3"), add("A", 3)).await.unwrap_err();
        assert!(matches!(reused, ServiceError::KeyReused), "{reused}");
        assert_eq!(shopper.shows().await, "A 2");
        let other = world.guest().change_as(&key("k", "add A 3"), add("A", 3)).await.unwrap();
        assert_eq!(shown(&other), "A 3");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_key_used_as_a_guest_is_known_after_login() {
    on_both_paths(async |world| {
        let guest = world.guest();
        guest.change_as(&key("k", "add A 2"), add("A", 2)).await.unwrap();
        let account = world.account("ann");
        crate::claims::claim(&account, &guest).await.unwrap();
        let named = Identity::Key {
            key: "k".into(),
            payload: b"add A 2".to_vec(),
            first_addressed: Some(guest.token().cart),
        };
        for identity in [key("k", "add A 2"), named] {
            let again = account.change_as(&identity, add("A", 2)).await.unwrap();
            assert_eq!((shown(&again).as_str(), again.replayed), ("A 2", true), "{identity:?}");
        }
        let reused = account.change_as(&key("k", "other"), add("A", 2)).await.unwrap_err();
        assert!(matches!(reused, ServiceError::KeyReused), "{reused}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_names_the_first_cart_meets_its_first_attempt_whichever_comes_first() {
    on_both_paths(async |world| {
        // The first attempt, to the guest's cart, arrives after the retry that was sent after login.
        let (guest, account) = (world.guest(), world.account("ann"));
        let cart = guest.token().cart;
        let retry = Identity::Key { key: "k".into(), payload: b"p".to_vec(), first_addressed: Some(cart) };
        assert!(!account.change_as(&retry, add("A", 2)).await.unwrap().replayed);
        guest.change_as(&key("k", "p"), add("A", 2)).await.unwrap();
        crate::claims::claim(&account, &guest).await.unwrap();
        assert_eq!(account.shows().await, "A 2");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_clients_own_number_is_executed_once() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        assert!(!shopper.change_as(&client(5, 1), add("A", 1)).await.unwrap().replayed);
        assert!(!shopper.change_as(&client(5, 2), add("A", 1)).await.unwrap().replayed);
        assert!(shopper.change_as(&client(5, 1), add("A", 1)).await.unwrap().replayed);
        // Numbers may come out of order, and another tab counts for itself.
        shopper.change_as(&client(5, 9), add("A", 1)).await.unwrap();
        shopper.change_as(&client(5, 3), add("A", 1)).await.unwrap();
        shopper.change_as(&client(6, 1), add("A", 1)).await.unwrap();
        assert_eq!(shopper.shows().await, "A 5");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_counts_for_longer_than_thirty_days_is_refused() {
    on_both_paths(async |world| {
        let shopper = world.account("ann");
        shopper.change_as(&client(5, 1), add("A", 1)).await.unwrap();
        world.environment.pass_days(30);
        shopper.change_as(&client(5, 2), add("A", 1)).await.unwrap();
        world.environment.pass_days(1);
        let late = shopper.change_as(&client(5, 3), add("A", 1)).await.unwrap_err();
        assert!(matches!(late, ServiceError::WriterTooOld), "{late}");
        // What is known to be executed is still answered.
        assert!(shopper.change_as(&client(5, 1), add("A", 1)).await.unwrap().replayed);
        assert_eq!(shopper.shows().await, "A 2");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_lanes_numbers_have_no_gaps_after_refusals() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        shopper.add("A", 1).await;
        shopper.change(remove("B", None)).await.unwrap_err();
        shopper.change(add("unknown", 1)).await.unwrap_err();
        shopper.change(set("B", 2, None)).await.unwrap_err();
        world.faults.always(&["replace", "append"], storage::layer::fault::Fault::Before);
        shopper.change(add("A", 1)).await.unwrap_err();
        world.faults.heal();
        let answer = shopper.add("A", 1).await;
        let (writer, known) = answer.state.context.writers().next().unwrap();
        assert_eq!(answer.state.context.writers().count(), 1);
        assert_eq!(known.seqs.iter().collect::<Vec<_>>(), [(1, 2)], "of {writer:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_operation_leaves_no_trace_and_its_key_stays_free() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let before = shopper.add("A", 1).await;
        let refused = shopper.change_as(&key("k", "p"), remove("B", None)).await.unwrap_err();
        assert!(matches!(refused, ServiceError::UnknownLine), "{refused}");
        let after = shopper.read().await;
        assert_eq!(before.state, after.state);
        // Had it burned its dot, the next use of the key were a replay, or another payload a reuse.
        assert!(!shopper.change_as(&key("k", "q"), add("A", 1)).await.unwrap().replayed);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_operation_burns_exactly_one_number_of_its_caller() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let answer = shopper.change_as(&client(5, 1), add("A", 3)).await.unwrap();
        let token = seen(&answer, "A");
        shopper.change_as(&client(5, 2), set("A", 5, token.clone())).await.unwrap();
        shopper.change_as(&client(5, 3), set("A", 1, token.clone())).await.unwrap();
        let answer = shopper.change_as(&client(5, 4), remove("A", token)).await.unwrap();
        let writers: BTreeSet<WriterId> = answer.state.context.writers().map(|(id, _)| *id).collect();
        let Identity::Client(Dot { writer, .. }) = client(5, 1) else { unreachable!("a client's") };
        assert_eq!(writers, BTreeSet::from([writer]));
        let known = answer.state.context.writer(writer).unwrap();
        assert_eq!(known.seqs.iter().collect::<Vec<_>>(), [(1, 4)]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_cart_costs_no_row() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        shopper.read().await;
        world.account("ann").read().await;
        shopper.change(remove("A", None)).await.unwrap_err();
        assert_eq!(world.stores.carts.scan(None, 10).await.unwrap(), []);
    })
    .await;
}
