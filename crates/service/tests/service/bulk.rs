//! Many changes as one write: each stands alone, unless the caller wants all or nothing.

use crate::world::{PATHS, Shopper, World, add, client, key, on_both_paths, remove, seen, set, shown};
use service::{
    CartAnswer, Identity, ServiceError,
    carts::{Change, ChangeOutcome, Request},
};
use storage::layer::fault::Fault;

async fn change_all(
    shopper: &Shopper,
    identity: &Identity,
    changes: Vec<Change>,
    atomic: bool,
) -> (CartAnswer, Vec<ChangeOutcome>) {
    let request = Request { address: &shopper.address, identity, conditions: &shopper.conditions };
    let changes = changes.into_iter().map(Ok).collect();
    shopper.service.change_all(&request, changes, atomic).await.unwrap()
}

fn applied(outcomes: &[ChangeOutcome]) -> Vec<bool> {
    outcomes.iter().map(Result::is_ok).collect()
}

#[tokio::test(start_paused = true)]
async fn each_change_stands_alone_and_sees_those_before_it() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let changes = vec![add("A", 1), remove("B", None), add("Z", 1), add("B", 2), set("B", 5, None)];
        let (answer, outcomes) = change_all(&shopper, &Identity::Unnamed, changes, false).await;
        assert_eq!(applied(&outcomes), [true, false, false, true, true]);
        assert!(matches!(outcomes[1].as_ref().unwrap_err().as_ref(), ServiceError::UnknownLine));
        assert!(matches!(outcomes[2].as_ref().unwrap_err().as_ref(), ServiceError::UnknownSku(_)));
        assert_eq!(shown(&answer), "A 1, B 5");
        assert_eq!(shopper.shows().await, "A 1, B 5");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn all_or_nothing_is_nothing_when_one_is_refused() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let before = shopper.add("A", 1).await;
        let refused = vec![add("A", 1), remove("B", None), add("C", 1)];
        let (answer, outcomes) = change_all(&shopper, &key("k", "p"), refused, true).await;
        assert_eq!(applied(&outcomes), [true, false, true]);
        assert_eq!(answer.state, before.state);
        let fine = vec![add("A", 1), add("C", 1)];
        let (answer, outcomes) = change_all(&shopper, &key("k", "q"), fine, true).await;
        assert_eq!((applied(&outcomes), shown(&answer)), (vec![true, true], "A 2, C 1".into()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_request_of_which_nothing_was_applied_leaves_no_trace() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let nothing = vec![remove("A", None), add("Z", 1)];
        let (_, outcomes) = change_all(&shopper, &key("k", "p"), nothing, false).await;
        assert_eq!(applied(&outcomes), [false, false]);
        assert_eq!(world.stores.carts.scan(None, 1).await.unwrap(), []);
        // Its key is free, and the lane's number too.
        let (answer, _) = change_all(&shopper, &key("k", "q"), vec![add("A", 1)], false).await;
        assert!(!answer.replayed);
        change_all(&shopper, &Identity::Unnamed, vec![remove("Z", None)], false).await;
        let answer = shopper.add("A", 1).await;
        let gaps =
            answer.state.context.writers().filter(|(_, known)| known.seqs.iter().any(|(first, _)| first > 1));
        assert_eq!(gaps.count(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_repeat_is_a_replay_as_a_whole() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        for identity in [key("k", "p"), client(1, 1)] {
            let changes = || vec![add("A", 1), remove("Z", None), add("B", 1)];
            let (first, outcomes) = change_all(&shopper, &identity, changes(), false).await;
            assert_eq!((first.replayed, outcomes.len()), (false, 3));
            let (again, outcomes) = change_all(&shopper, &identity, changes(), false).await;
            assert_eq!((again.replayed, outcomes.len()), (true, 0));
            assert_eq!(again.state.digest(), first.state.digest());
        }
        assert_eq!(shopper.shows().await, "A 2, B 2");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_bulk_request_whose_answers_are_lost_is_done_once() {
    for fault in [Fault::Before, Fault::After] {
        on_both_paths(async |world| {
            let shopper = world.guest();
            let token = seen(&shopper.add("A", 3).await, "A");
            let writes: &[&str] =
                if world.path == storage::WritePath::Replace { &["replace"] } else { &["append"] };
            world.faults.once(writes[0], fault);
            let changes = vec![add("A", 1), set("A", 1, token.clone()), add("B", 1)];
            let (answer, outcomes) = change_all(&shopper, &Identity::Unnamed, changes, false).await;
            assert_eq!(applied(&outcomes), [true; 3]);
            assert_eq!(shown(&answer), "A 2, B 1");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_refuses_one_change_and_a_removal_before_it_makes_room() {
    for path in PATHS {
        let world = World::with(path, |settings| settings.limits.lines_max = 2).await;
        let shopper = world.guest();
        let changes = vec![add("A", 1), add("B", 1), add("C", 1), remove("A", None), add("D", 1)];
        let (answer, outcomes) = change_all(&shopper, &Identity::Unnamed, changes, false).await;
        assert_eq!(applied(&outcomes), [true, true, false, true, true]);
        assert_eq!(shown(&answer), "B 1, D 1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_the_edge_could_not_read_is_refused_among_the_others() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let changes = vec![Ok(add("A", 1)), Err(ServiceError::BadSeen), Ok(add("B", 1))];
        let identity = Identity::Unnamed;
        let request =
            Request { address: &shopper.address, identity: &identity, conditions: &shopper.conditions };
        let (answer, outcomes) = shopper.service.change_all(&request, changes, false).await.unwrap();
        assert_eq!((applied(&outcomes), shown(&answer)), (vec![true, false, true], "A 1, B 1".into()));
    })
    .await;
}
