//! Changes of lines against what the caller was shown: up is "that many more", down "that many fewer of what I
//! saw", and what came between stays.

use crate::world::{
    TODAY, World, add, in_cart, line, line_change, on_both_paths, remove, save_for_later, seen, seen_whole,
    set, shown,
};
use cart::{
    CartId,
    line::{LineId, List},
    seen::Seen,
};
use service::{CartAnswer, LineChange, LineOperation, ServiceError, carts::Change};

/// A cart that shows A 3, and the token of it; then somebody adds 1 more.
async fn three_seen_and_one_added(world: &World) -> (crate::world::Shopper, Option<Seen>) {
    let shopper = world.guest();
    let shown = shopper.add("A", 3).await;
    shopper.add("A", 1).await;
    (shopper, seen_whole(&shown))
}

#[tokio::test(start_paused = true)]
async fn a_change_with_a_stale_view_leaves_what_came_between() {
    for (change, outcome) in [
        (set as fn(&str, u32, Option<Seen>) -> Change, "A 6"),
        (|sku, _, seen| set(sku, 1, seen), "A 2"),
        (|sku, _, seen| set(sku, 0, seen), "A 1"),
        (|sku, _, seen| remove(sku, seen), "A 1"),
        (|sku, _, seen| save_for_later(sku, seen), "A 1 | saved A 3"),
        (|_, _, seen| Change::Clear { list: List::Cart, seen }, "A 1"),
    ] {
        on_both_paths(async |world| {
            let (shopper, token) = three_seen_and_one_added(&world).await;
            assert_eq!(shown(&shopper.change(change("A", 5, token)).await.unwrap()), outcome);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_without_a_view_means_what_is_seen_now() {
    on_both_paths(async |world| {
        let (shopper, _) = three_seen_and_one_added(&world).await;
        assert_eq!(shown(&shopper.change(set("A", 5, None)).await.unwrap()), "A 5");
        assert_eq!(shown(&shopper.change(save_for_later("A", None)).await.unwrap()), " | saved A 5");
        let back = LineChange {
            line: LineId { list: List::Saved, ..in_cart("A") },
            seen: None,
            operation: LineOperation::Move(List::Cart),
        };
        assert_eq!(shown(&shopper.change(Change::Line(back)).await.unwrap()), "A 5");
        assert_eq!(shown(&shopper.change(remove("A", None)).await.unwrap()), "");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_wish_told_in_two_tabs_counts_once() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let shown_to_both = shopper.add("A", 3).await;
        shopper.change(set("A", 5, seen(&shown_to_both, "A"))).await.unwrap();
        let answer = shopper.change(set("A", 7, seen(&shown_to_both, "A"))).await.unwrap();
        assert_eq!(shown(&answer), "A 7");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_gone_can_be_raised_from_the_view_that_showed_it() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let token = seen(&shopper.add("A", 3).await, "A");
        shopper.change(remove("A", token.clone())).await.unwrap();
        assert_eq!(shown(&shopper.change(set("A", 5, token)).await.unwrap()), "A 2");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_not_there_is_unknown() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        shopper.add("A", 1).await;
        let saved = LineId { list: List::Saved, ..in_cart("A") };
        for (line, operation) in [
            (in_cart("B"), LineOperation::Remove),
            (in_cart("B"), LineOperation::Move(List::Saved)),
            (in_cart("B"), LineOperation::Annotate([("gift".into(), "yes".into())].into())),
            (saved, LineOperation::Remove),
        ] {
            let change = Change::Line(LineChange { line, seen: None, operation });
            let refused = shopper.change(change).await.unwrap_err();
            assert!(matches!(refused, ServiceError::UnknownLine), "{line:?}: {refused}");
        }
        assert_eq!(shopper.shows().await, "A 1");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_view_of_a_foreign_cart_or_another_line_or_an_old_one_is_refused() {
    on_both_paths(async |world| {
        let shopper = world.account("ann");
        let answer = shopper.add("A", 1).await;
        shopper.add("B", 1).await;
        let own = seen(&answer, "A").unwrap();
        let foreign = Seen { cart: CartId([5; 16]), ..own.clone() };
        let of_another_line = seen(&answer, "B").unwrap();
        for (sku, bad) in [("A", foreign), ("A", of_another_line), ("B", own.clone())] {
            let refused = shopper.change(remove(sku, Some(bad.clone()))).await.unwrap_err();
            assert!(matches!(refused, ServiceError::BadSeen), "{bad:?}: {refused}");
        }
        world.environment.pass_days(31);
        let refused = shopper.change(remove("A", Some(own.clone()))).await.unwrap_err();
        assert!(matches!(refused, ServiceError::BadSeen), "31 days: {refused}");
        let clear = Change::Clear { list: List::Cart, seen: Some(own.clone()) };
        let refused = shopper.change(clear).await.unwrap_err();
        assert!(matches!(refused, ServiceError::BadSeen), "31 days: {refused}");
        assert_eq!(shopper.shows().await, "A 1, B 1");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_view_of_thirty_days_ago_still_counts() {
    on_both_paths(async |world| {
        let shopper = world.account("ann");
        let token = seen(&shopper.add("A", 1).await, "A");
        assert_eq!(token.as_ref().map(|seen| seen.day), Some(TODAY));
        world.environment.pass_days(30);
        shopper.add("A", 2).await;
        assert_eq!(shown(&shopper.change(remove("A", token)).await.unwrap()), "A 2");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_view_of_a_merged_guests_cart_counts_in_the_account() {
    on_both_paths(async |world| {
        let (guest, account) = (world.guest(), world.account("ann"));
        let token = seen(&guest.add("A", 3).await, "A");
        account.add("A", 1).await;
        crate::claims::claim(&account, &guest).await.unwrap();
        assert_eq!(shown(&account.change(remove("A", token)).await.unwrap()), "A 1");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_cart_as_shown_is_cleared_list_by_list() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        shopper.add("A", 1).await;
        shopper.add("B", 2).await;
        let answer = shopper.change(save_for_later("B", None)).await.unwrap();
        let view = Seen::of_cart(answer.cart, &answer.state, answer.now.day());
        shopper.add("C", 3).await;
        let clear = |list| Change::Clear { list, seen: Some(view.clone()) };
        assert_eq!(shown(&shopper.change(clear(List::Cart)).await.unwrap()), "C 3 | saved B 2");
        assert_eq!(shown(&shopper.change(clear(List::Saved)).await.unwrap()), "C 3");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn notes_on_a_line_and_fields_of_the_cart_are_replaced_by_whoever_saw_them() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        shopper.add("A", 1).await;
        let note = |text: &str| {
            let texts = [("note".into(), text.into())].into();
            line_change("A", LineOperation::Annotate(texts), None)
        };
        shopper.change(note("first")).await.unwrap();
        let answer = shopper.change(note("second")).await.unwrap();
        assert_eq!(answer.view().lines[0].attributes.get("note").map(|text| text.as_str()), Some("second"));
        let field = |value: Option<&str>| Change::Fields([("note".into(), value.map(Into::into))].into());
        shopper.change(field(Some("leave at the door"))).await.unwrap();
        assert_eq!(field_of(&shopper.read().await).as_deref(), Some("leave at the door"));
        shopper.change(field(None)).await.unwrap();
        assert_eq!(field_of(&shopper.read().await), None);
    })
    .await;
}

fn field_of(answer: &CartAnswer) -> Option<String> {
    answer.state.fields.get("note")?.value.as_ref().map(ToString::to_string)
}

#[tokio::test(start_paused = true)]
async fn notes_given_with_an_add_come_with_the_line() {
    on_both_paths(async |world| {
        let shopper = world.guest();
        let Change::Add(mut request) = add("A", 1) else { unreachable!("an add") };
        request.attributes = Some([("gift".into(), "yes".into())].into());
        let answer = shopper.change(Change::Add(request)).await.unwrap();
        let view = answer.view();
        assert_eq!(view.lines[0].attributes.get("gift").map(|text| text.as_str()), Some("yes"));
        assert_eq!(*view.lines[0].line, line("A"));
    })
    .await;
}
