//! Subjects: names of carts are remembered behind changes, and an erasure leaves nothing to come back.

use crate::{
    claims::{claim, two_sides},
    world::{Shopper, World, add, on_both_paths, shown},
};
use cart::operation::Policy;
use service::{CartAddress, CartNotice, Principal, ServiceError};
use storage::{LinearTable, WritePath, layer::fault::Fault};

/// The same shopper at another of their carts.
fn at(shopper: &Shopper, name: &str) -> Shopper {
    let CartAddress::Own { principal, .. } = &shopper.address else { panic!("not their own") };
    let address = CartAddress::Own { principal: principal.clone(), name: name.into() };
    Shopper { address, ..shopper.clone() }
}

/// Names and quantities of the carts that a node lists for Ann.
async fn listed(at: &Shopper) -> String {
    let principal = Principal::Account { subject: "ann".into() };
    let list = at.service.list_carts(&principal, None, 100).await.unwrap();
    let cart = |cart: &service::CartSummary| format!("{} {}", cart.name, cart.quantity);
    list.carts.iter().map(cart).collect::<Vec<_>>().join(", ")
}

#[tokio::test(start_paused = true)]
async fn a_name_is_listed_here_at_once_and_elsewhere_soon() {
    on_both_paths(async |world| {
        let ann = world.account("ann");
        let there = ann.at(&world.another_node());
        world.faults.always(&["linear_insert"], Fault::Before);
        at(&ann, "office").add("A", 2).await;
        assert_eq!(
            (listed(&ann).await, listed(&there).await),
            ("active 0, office 2".into(), "active 0".into())
        );
        world.faults.heal();
        world.environment.settle().await;
        assert_eq!(listed(&there).await, "active 0, office 2");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_name_that_arrives_while_the_record_is_read_is_listed() {
    let world = World::with(WritePath::Append, |_| ()).await;
    let ann = world.account("ann");
    at(&ann, "office").add("A", 2).await;
    let read = world.gate.hold_next("read");
    let arrival = async {
        read.arrived().await;
        world.environment.settle().await;
        read.open();
    };
    let (seen, ()) = tokio::join!(listed(&ann), arrival);
    assert_eq!(seen, "active 0, office 2");
    assert_eq!(listed(&ann).await, "active 0, office 2");
}

#[tokio::test(start_paused = true)]
async fn a_name_whose_record_is_written_without_an_answer_is_written_once() {
    on_both_paths(async |world| {
        let ann = world.account("ann");
        world.faults.once("linear_insert", Fault::After);
        at(&ann, "office").add("A", 2).await;
        world.environment.settle().await;
        assert_eq!(listed(&ann).await, "active 0, office 2");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_record_of_a_subject_does_not_name_it() {
    on_both_paths(async |world| {
        let ann = world.account("ann");
        at(&ann, "office").add("A", 2).await;
        world.environment.settle().await;
        assert_eq!(world.stores.linear.read(LinearTable::Subject, b"ann").await.unwrap(), None);
        let id = cart::id::SubjectId::of(&cart::id::ShopKey([9; 32]), "ann");
        let record = world.stores.linear.read(LinearTable::Subject, &id.0).await.unwrap().unwrap();
        assert!(!record.bytes.windows(3).any(|bytes| bytes == b"ann"));
        world.account("bob").add("A", 1).await;
        let bob = cart::id::SubjectId::of(&cart::id::ShopKey([9; 32]), "bob");
        assert_eq!(
            world.stores.linear.read(LinearTable::Subject, &bob.0).await.unwrap(),
            None,
            "only active"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_without_its_store_shows_what_is_known() {
    on_both_paths(async |world| {
        let ann = world.account("ann");
        ann.add("A", 1).await;
        world.faults.always(&["linear_read"], Fault::Before);
        let principal = Principal::Account { subject: "ann".into() };
        let list = ann.service.list_carts(&principal, None, 100).await.unwrap();
        assert_eq!((list.carts.len(), list.lagging), (1, true));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn names_whose_carts_have_ended_make_room_for_others() {
    let world = World::with(storage::WritePath::Replace, |settings| settings.named_carts_max = 2).await;
    let ann = world.account("ann");
    for name in ["one", "two"] {
        at(&ann, name).add("A", 1).await;
    }
    world.environment.settle().await;
    let three = at(&ann, "three");
    assert!(matches!(three.change(add("A", 1)).await, Err(ServiceError::TooManyCarts { max: 2 })));
    at(&ann, "one").change(crate::world::remove("A", None)).await.unwrap();
    world.environment.pass_days(70);
    assert!(world.service.expire_page(None).await.unwrap().is_none());
    // Refused once more, and looked at again behind that.
    assert!(matches!(three.change(add("A", 1)).await, Err(ServiceError::TooManyCarts { .. })));
    world.environment.settle().await;
    three.add("A", 1).await;
    world.environment.settle().await;
    assert_eq!(listed(&ann).await, "active 0, three 1, two 1");
}

#[tokio::test(start_paused = true)]
async fn an_erased_subject_leaves_nothing_and_shops_again() {
    on_both_paths(async |world| {
        let (guest, ann) = two_sides(&world).await;
        let receipt = ann.claim(&guest, Policy::Max).await.unwrap().receipt;
        at(&ann, "office").add("A", 2).await;
        world.environment.settle().await;
        let erased = world.service.erase_subject("ann").await.unwrap();
        let names: Vec<_> = erased.carts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((names, erased.guests.len(), erased.merges), (vec!["active", "office"], 1, 1));
        assert_eq!(listed(&ann).await, "active 0");
        let (undone, again) =
            (ann.service.undo_claim(&ann.address, &receipt.id).await, claim(&ann, &guest).await);
        assert!(matches!(undone, Err(ServiceError::UnknownMerge)), "{undone:?}");
        let again = again.unwrap().answer;
        assert_eq!((shown(&again), again.notices), (String::new(), vec![CartNotice::SessionExpired]));
        assert_eq!(guest.shows().await, "");
        let second = world.service.erase_subject("ann").await.unwrap();
        assert_eq!((second.carts.len(), second.guests.len(), second.merges), (0, 0, 0), "nothing is left");
        ann.add("B", 1).await;
        at(&ann, "office").add("C", 1).await;
        world.environment.settle().await;
        assert_eq!(listed(&ann.at(&world.another_node())).await, "active 1, office 1");
        let export = world.service.export_subject("ann").await.unwrap();
        assert_eq!((export.erasures, export.carts.len()), (1, 2));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_name_from_the_millisecond_of_an_erasure_does_not_come_back_behind_it() {
    on_both_paths(async |world| {
        let ann = world.account("ann");
        ann.add("A", 1).await;
        at(&ann, "office").add("B", 2).await;
        world.service.erase_subject("ann").await.unwrap();
        world.environment.settle().await;
        world.service.erase_subject("ann").await.unwrap();
        assert_eq!(world.service.export_subject("ann").await.unwrap().erasures, 1, "nothing was left");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_erasure_that_breaks_off_anywhere_is_finished_by_doing_it_again() {
    on_both_paths(async |world| {
        for nth in 0..40 {
            let subject = format!("ann-{nth}");
            let (guest, ann) = (world.guest(), world.account(&subject));
            guest.add("A", 1).await;
            ann.add("B", 1).await;
            claim(&ann, &guest).await.unwrap();
            at(&ann, "office").add("C", 1).await;
            world.environment.settle().await;
            let mut passed = 0;
            // From the nth request on nothing is answered.
            world.faults.set(move |_| {
                passed += 1;
                if passed > nth { Fault::After } else { Fault::None }
            });
            let first = world.service.erase_subject(&subject).await;
            world.faults.heal();
            world.service.erase_subject(&subject).await.unwrap();
            let export = world.service.export_subject(&subject).await.unwrap();
            assert_eq!(export.carts.len(), 0, "after {nth} requests: {first:?}");
            assert_eq!(guest.shows().await, "", "after {nth} requests: {first:?}");
            if first.is_ok() {
                return;
            }
        }
        panic!("an erasure takes fewer requests");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_name_said_late_by_another_node_does_not_survive_the_erasure() {
    on_both_paths(async |world| {
        let ann = world.account("ann");
        let there = ann.at(&world.another_node());
        ann.add("A", 1).await;
        world.faults.always(&["linear_insert"], Fault::Before);
        at(&there, "secret").add("B", 1).await;
        world.faults.heal();
        world.service.erase_subject("ann").await.unwrap();
        world.environment.settle().await;
        assert_eq!(at(&ann, "secret").shows().await, "");
        assert_eq!(listed(&there).await, "active 0");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn whoever_writes_while_another_node_erases_writes_to_the_next_generation() {
    on_both_paths(async |world| {
        for _ in 0..20 {
            let ann = world.account("ann");
            let there = ann.at(&world.another_node());
            ann.add("A", 5).await;
            let eraser = world.service.clone();
            let erasing = tokio::spawn(async move { eraser.erase_subject("ann").await.unwrap() });
            let added = there.add("B", 1).await;
            erasing.await.unwrap();
            let shows = ann.shows().await;
            assert!(["", "B 1"].contains(&shows.as_str()), "{shows}, having been shown {}", shown(&added));
            world.service.erase_subject("ann").await.unwrap();
        }
    })
    .await;
}
