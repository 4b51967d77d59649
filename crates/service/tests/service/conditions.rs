//! What must hold before a request is executed: `If-Match`, and limits.

use crate::world::{PATHS, World, add, key, on_both_paths, remove, set, shown};
use cart::limits::LimitKind;
use service::{Conditions, Presented, ServiceError, answer::state_tag};

fn only_if(tags: &[&str]) -> Conditions {
    Conditions {
        if_match: Some(tags.iter().map(ToString::to_string).collect()),
        presented: Presented::default(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_on_condition_of_the_state_is_executed_in_it_and_refused_in_another() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let tag = state_tag(&shopper.add("A", 1).await.state);
        let on_tag = shopper.demanding(only_if(&["0", &tag]));
        assert_eq!(shown(&on_tag.add("A", 1).await), "A 2");
        let refused = on_tag.change(add("A", 1)).await.unwrap_err();
        let ServiceError::PreconditionFailed(current) = refused else { panic!("{refused}") };
        assert_eq!((shown(&current).as_str(), current.kind), ("A 2", Some(service::Kind::Guest)));
        assert_eq!(shown(&shopper.demanding(only_if(&["*"])).add("A", 1).await), "A 3");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_repeat_on_condition_of_a_state_that_it_changed_itself_is_a_replay() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let tag = state_tag(&shopper.add("A", 1).await.state);
        let on_tag = shopper.demanding(only_if(&[&tag]));
        on_tag.change_as(&key("k", "p"), add("A", 1)).await.unwrap();
        let again = on_tag.change_as(&key("k", "p"), add("A", 1)).await.unwrap();
        assert_eq!((shown(&again).as_str(), again.replayed), ("A 2", true));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_changes_nothing_to_be_seen_does_not_change_the_tag() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let before = shopper.add("A", 2).await;
        let after = shopper.change(set("A", 2, None)).await.unwrap();
        assert_eq!(state_tag(&before.state), state_tag(&after.state));
        assert_eq!(before.etag(), after.etag());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_refuses_the_operation_that_exceeds_it_and_nothing_else() {
    for path in PATHS {
        let world = World::with(path, |settings| {
            settings.limits.lines_max = 2;
            settings.limits.quantity_per_line_max = 10;
            settings.limits.dots_per_line_max = 3;
        })
        .await;
        let kind = |error: ServiceError| match error {
            ServiceError::Limit(limit) => limit.kind,
            other => panic!("{other}"),
        };
        let shopper = world.guest();
        shopper.add("A", 9).await;
        assert_eq!(kind(shopper.change(add("A", 2)).await.unwrap_err()), LimitKind::QuantityPerLine);
        assert_eq!(kind(shopper.change(set("A", 11, None)).await.unwrap_err()), LimitKind::QuantityPerLine);
        shopper.add("A", 1).await;
        shopper.change(set("A", 2, None)).await.unwrap();
        shopper.add("A", 1).await;
        shopper.add("A", 1).await;
        assert_eq!(kind(shopper.change(add("A", 1)).await.unwrap_err()), LimitKind::DotsPerLine);
        shopper.add("B", 1).await;
        assert_eq!(kind(shopper.change(add("C", 1)).await.unwrap_err()), LimitKind::Lines);
        shopper.change(remove("B", None)).await.unwrap();
        assert_eq!(shown(&shopper.add("C", 1).await), "A 4, C 1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cart_that_a_merge_brought_over_its_limits_still_takes_what_makes_it_smaller() {
    for path in PATHS {
        let world = World::with(path, |settings| settings.limits.lines_max = 2).await;
        let (guest, account) = (world.guest(), world.account("ann"));
        for sku in ["A", "B"] {
            guest.add(sku, 2).await;
        }
        for sku in ["C", "D"] {
            account.add(sku, 2).await;
        }
        crate::claims::claim(&account, &guest).await.unwrap();
        assert_eq!(account.shows().await, "A 2, B 2, C 2, D 2");
        account.change(add("E", 1)).await.unwrap_err();
        account.change(set("A", 1, None)).await.unwrap();
        account.change(remove("B", None)).await.unwrap();
        // More of a line that is there makes the cart no larger in lines.
        account.add("A", 1).await;
        assert_eq!(account.shows().await, "A 2, C 2, D 2");
    }
}

#[tokio::test(start_paused = true)]
async fn texts_that_are_too_large_are_refused_before_anything_is_read() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let field = service::carts::Change::Fields([("note".into(), Some("x".repeat(5_000).into()))].into());
        let refused = shopper.change(field).await.unwrap_err();
        let ServiceError::Limit(limit) = refused else { panic!("{refused}") };
        assert_eq!(limit.kind, LimitKind::TextBytes);
    })
    .await;
}
