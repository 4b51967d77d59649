//! Deltas and several owners: blind inserts, folding, and the join of all rows.

use super::sample::{add, cart_id, delta_key, joined, load, owner, stored};
use crate::{
    Bucket, CartRows, Consistency, Glance, Grown, Owner, RowKey, RowsAtHand, Stores, Ticket, error::Result,
};
use cart::{Cart, Join};

type Case = Result<()>;

/// Acknowledged means visible.
pub async fn an_appended_delta_is_loaded_at_once(stores: &Stores) -> Case {
    let delta = add(1, 1, "A");
    stores.carts.append(&delta_key(cart_id(1), 1, 1, 5), stored(&delta)).await?;
    assert_eq!(load(&*stores.carts, cart_id(1)).await?, delta);
    assert_eq!(stores.carts.scan(None, 10).await?, [cart_id(1)]);
    Ok(())
}

/// Taken in one behind the other; the last is durable with those before it.
pub async fn deltas_taken_in_are_loaded_once_the_last_is_durable(stores: &Stores) -> Case {
    let mut last = Ticket::DURABLE;
    for seq in 1..=20 {
        let ticket =
            stores.carts.take_in(&delta_key(cart_id(1), 1, seq, 5), stored(&add(1, seq, "A"))).await?;
        assert!(ticket >= last, "tickets rise");
        last = ticket;
    }
    stores.carts.durable(last).await?;
    let loaded = load(&*stores.carts, cart_id(1)).await?;
    assert_eq!(loaded.entries.len(), 20);
    Ok(())
}

/// What an engine shows without decoding counts what it has taken in, and never takes a closed cart for an open one.
pub async fn a_glance_covers_all_that_was_taken_in(stores: &Stores) -> Case {
    let carts = &*stores.carts;
    if carts.glance(cart_id(1)).await?.is_none() {
        return Ok(());
    }
    assert_eq!(carts.glance(cart_id(1)).await?, Some(Glance::default()), "there is nothing");
    let (first, second) = (stored(&add(1, 1, "A")), stored(&add(1, 2, "B")));
    carts.append(&delta_key(cart_id(1), 1, 1, 5), first.clone()).await?;
    let on_its_way = carts.take_in(&delta_key(cart_id(1), 1, 2, 5), second.clone()).await?;
    let both = Glance { may_be_closed: false, bytes: (first.len() + second.len()) as u64 };
    assert_eq!(carts.glance(cart_id(1)).await?, Some(both));
    let erased = stored(&Cart::erased());
    let last = carts.take_in(&delta_key(cart_id(1), 1, 3, 5), erased).await?;
    assert!(carts.glance(cart_id(1)).await?.is_some_and(|glance| glance.may_be_closed), "on its way");
    carts.durable(on_its_way).await?;
    carts.durable(last).await?;
    load(carts, cart_id(1)).await?;
    assert!(carts.glance(cart_id(1)).await?.is_some_and(|glance| glance.may_be_closed), "and joined");
    let taken_in = Cart { merged_into: Some(cart_id(3)), ..add(1, 1, "A") };
    carts.append(&delta_key(cart_id(2), 1, 1, 5), stored(&taken_in)).await?;
    assert!(carts.glance(cart_id(2)).await?.is_some_and(|glance| glance.may_be_closed), "taken in");
    Ok(())
}

/// What an engine has at hand joins to what it would load. Not row by row: it may fold between the two.
pub async fn what_is_at_hand_is_what_a_load_shows(stores: &Stores) -> Case {
    let carts = &*stores.carts;
    for seq in 1..=3 {
        carts.append(&delta_key(cart_id(1), 1, seq, 5), stored(&add(1, seq, "A"))).await?;
        let loaded = carts.load(cart_id(1), Consistency::Eventual).await?;
        if let Some(at_hand) = carts.load_at_hand(cart_id(1))? {
            assert_eq!(joined(&at_hand.rows)?, joined(&loaded)?);
        }
    }
    let nothing = carts.load_at_hand(cart_id(2))?;
    assert!(nothing.is_none_or(|at_hand| at_hand.rows == CartRows::default()), "there is nothing");
    Ok(())
}

/// Where an engine tells editions, each is of other rows: also of a row that was removed and written again. What it says to
/// have come since one is what came.
pub async fn an_edition_is_of_the_same_rows_for_ever(stores: &Stores) -> Case {
    let (carts, key) = (&*stores.carts, RowKey { cart: cart_id(1), owner: owner() });
    let mut seen: Vec<RowsAtHand> = Vec::new();
    for seq in 1..=8 {
        match seq {
            4 => {
                let loaded = carts.load(cart_id(1), Consistency::Strong).await?;
                let version = loaded.snapshots.first().map(|row| row.version);
                let all = joined(&loaded)?;
                carts.replace(&key, version, Bucket(5), stored(&all)).await?;
                carts.remove_deltas(&key, Bucket(5)).await?;
            }
            6 => {
                let loaded = carts.load(cart_id(1), Consistency::Strong).await?;
                if let Some(row) = loaded.snapshots.first() {
                    carts.remove(&key, row.version).await?;
                }
            }
            seq => carts.append(&delta_key(cart_id(1), 1, seq, 5), stored(&add(1, seq, "A"))).await?,
        }
        let Some(now) = carts.load_at_hand(cart_id(1))? else { continue };
        for before in &seen {
            let Some(edition) = before.edition else { continue };
            if let Some(Grown { deltas, edition }) = carts.grown_since(cart_id(1), edition) {
                assert_eq!(Some(edition), now.edition);
                let CartRows { snapshots, deltas: known } = before.rows.clone();
                let grown = CartRows { snapshots, deltas: [known, deltas].concat() };
                assert_eq!(grown, now.rows, "since {edition:?}");
            }
            assert!(before.edition != now.edition || before.rows == now.rows, "{edition:?}");
        }
        seen.push(now);
    }
    Ok(())
}

/// An insert whose answer was lost is sent again, in its bucket or a later one.
pub async fn an_append_repeated_changes_nothing(stores: &Stores) -> Case {
    let delta = add(1, 1, "A");
    for bucket in [5, 5, 6] {
        stores.carts.append(&delta_key(cart_id(1), 1, 1, bucket), stored(&delta)).await?;
    }
    assert_eq!(load(&*stores.carts, cart_id(1)).await?, delta);
    Ok(())
}

/// The order of arrival does not show.
pub async fn deltas_join_in_any_order(stores: &Stores) -> Case {
    let mut removal = Cart::default();
    removal.kill(cart::Dot::new(cart::WriterId(1), 1), super::sample::NOW.day());
    let deltas = [(1, add(1, 1, "A")), (2, removal), (3, add(1, 3, "B"))];
    for (cart, order) in [(1, [0, 1, 2]), (2, [1, 0, 2]), (3, [2, 1, 0])] {
        for at in order {
            let (seq, delta) = &deltas[at];
            stores.carts.append(&delta_key(cart_id(cart), 1, *seq, 5), stored(delta)).await?;
        }
    }
    let first = load(&*stores.carts, cart_id(1)).await?;
    assert_eq!(first.entries.len(), 1, "only B is left");
    assert_eq!(load(&*stores.carts, cart_id(2)).await?, first);
    assert_eq!(load(&*stores.carts, cart_id(3)).await?, first);
    Ok(())
}

/// Nobody's add is lost to another's.
pub async fn concurrent_appends_are_all_kept(stores: &Stores) -> Case {
    let writers = (1..=32).map(|writer| {
        let carts = stores.carts.clone();
        tokio::spawn(async move {
            for seq in 1..=8 {
                let key = delta_key(cart_id(1), writer, seq, 5);
                carts.append(&key, stored(&add(writer, seq, "A"))).await?;
            }
            Result::Ok(())
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer does not panic")?; // the case fails with it
    }
    assert_eq!(load(&*stores.carts, cart_id(1)).await?.entries.len(), 32 * 8);
    Ok(())
}

/// A delta stands beside the row until it is folded.
pub async fn an_append_joins_the_row_that_is_there(stores: &Stores) -> Case {
    let (row, delta) = (add(1, 1, "A"), add(2, 1, "B"));
    let key = RowKey { cart: cart_id(1), owner: owner() };
    stores.carts.replace(&key, None, Bucket(0), stored(&row)).await?;
    stores.carts.append(&delta_key(cart_id(1), 2, 1, 5), stored(&delta)).await?;
    assert_eq!(load(&*stores.carts, cart_id(1)).await?, row.joined(&delta));
    Ok(())
}

/// Each owner has a row of its own.
pub async fn two_owners_do_not_overwrite_each_other(stores: &Stores) -> Case {
    if folds_itself(stores) {
        return Ok(());
    }
    let (a, b) = (add(1, 1, "A"), add(2, 1, "B"));
    for (region, state) in [("a", &a), ("b", &b)] {
        let key = RowKey { cart: cart_id(1), owner: Owner::new(region, 1) };
        stores.carts.replace(&key, None, Bucket(0), stored(state)).await?;
    }
    assert_eq!(load(&*stores.carts, cart_id(1)).await?, a.joined(&b));
    Ok(())
}

/// A fold covers its buckets and no later one, and deletion covers what was folded.
pub async fn folded_deltas_leave_and_later_ones_stay(stores: &Stores) -> Case {
    if folds_itself(stores) {
        return Ok(());
    }
    let (early, late) = (add(1, 1, "A"), add(1, 2, "B"));
    stores.carts.append(&delta_key(cart_id(1), 1, 1, 5), stored(&early)).await?;
    stores.carts.append(&delta_key(cart_id(1), 1, 2, 6), stored(&late)).await?;
    let key = RowKey { cart: cart_id(1), owner: owner() };
    stores.carts.replace(&key, None, Bucket(5), stored(&early)).await?;
    let rows = stores.carts.load(cart_id(1), crate::Consistency::Strong).await?;
    assert_eq!(rows.snapshots[0].folded_through, Bucket(5));
    assert_eq!(rows.deltas.len(), 1, "the folded delta is not read again");
    stores.carts.remove_deltas(&key, Bucket(5)).await?;
    assert_eq!(load(&*stores.carts, cart_id(1)).await?, early.joined(&late));
    Ok(())
}

/// Whoever folds finds what waits.
pub async fn unfolded_carts_are_found(stores: &Stores) -> Case {
    if folds_itself(stores) {
        return Ok(());
    }
    for number in [1, 2, 3] {
        let key = delta_key(cart_id(number), 1, 1, 5);
        stores.carts.append(&key, stored(&add(1, 1, "A"))).await?;
    }
    let key = RowKey { cart: cart_id(2), owner: owner() };
    stores.carts.replace(&key, None, Bucket(5), stored(&add(1, 1, "A"))).await?;
    let first = stores.carts.find_unfolded(&owner(), None, 1).await?;
    assert_eq!(first, [cart_id(1)]);
    let rest = stores.carts.find_unfolded(&owner(), Some(cart_id(1)), 10).await?;
    assert_eq!(rest, [cart_id(3)]);
    Ok(())
}

/// True for an engine that shows one joined row, where this case has nothing to look at.
#[expect(clippy::print_stderr, reason = "a case that does not apply says so loudly")]
fn folds_itself(stores: &Stores) -> bool {
    let capabilities = stores.carts.capabilities();
    if capabilities.folds_itself {
        eprintln!("not applicable: `{}` folds deltas itself", capabilities.engine);
    }
    capabilities.folds_itself
}
