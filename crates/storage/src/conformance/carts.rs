//! Snapshot rows: conditional writes of one's own row.

use super::sample::{add, cart_id, load, owner, stored};
use crate::{Bucket, Consistency, Owner, Replaced, RowKey, Stores, Version, error::Result};
use cart::{Cart, Join};

type Case = Result<()>;

fn row(number: u8) -> RowKey {
    RowKey { cart: cart_id(number), owner: owner() }
}

/// A cart that nobody wrote is not an error.
pub async fn an_unknown_cart_has_no_rows(stores: &Stores) -> Case {
    let rows = stores.carts.load(cart_id(1), Consistency::Strong).await?;
    assert_eq!((rows.snapshots.len(), rows.deltas.len()), (0, 0));
    Ok(())
}

/// What was written is read, with its version.
pub async fn a_written_row_is_loaded(stores: &Stores) -> Case {
    let state = add(1, 1, "A");
    let applied = stores.carts.replace(&row(1), None, Bucket(0), stored(&state)).await?;
    let rows = stores.carts.load(cart_id(1), Consistency::Strong).await?;
    assert_eq!(applied, Replaced::Applied(rows.snapshots[0].version));
    assert_eq!(load(&*stores.carts, cart_id(1)).await?, state);
    assert!(load(&*stores.carts, cart_id(2)).await?.is_untouched());
    Ok(())
}

/// The loser of a race is given what it lost to.
pub async fn a_stale_version_conflicts_and_shows_the_row(stores: &Stores) -> Case {
    let (first, second) = (add(1, 1, "A"), add(1, 2, "B"));
    let Replaced::Applied(v1) = stores.carts.replace(&row(1), None, Bucket(0), stored(&first)).await? else {
        panic!("the first write of a row conflicts");
    };
    let applied = stores.carts.replace(&row(1), Some(v1), Bucket(0), stored(&second)).await?;
    assert!(matches!(applied, Replaced::Applied(v2) if v2 > v1), "{applied:?}");
    for stale in [None, Some(v1)] {
        let conflict = stores.carts.replace(&row(1), stale, Bucket(0), stored(&first)).await?;
        let Replaced::Conflict(Some(current)) = conflict else { panic!("{conflict:?}") };
        assert_eq!(Replaced::Applied(current.version), applied);
        assert_eq!(current.bytes, stored(&second));
    }
    assert_eq!(load(&*stores.carts, cart_id(1)).await?, second);
    Ok(())
}

/// An update does not create.
pub async fn a_version_of_an_absent_row_conflicts_with_none(stores: &Stores) -> Case {
    let bytes = stored(&add(1, 1, "A"));
    let conflict = stores.carts.replace(&row(1), Some(Version(1)), Bucket(0), bytes).await?;
    assert_eq!(conflict, Replaced::Conflict(None));
    Ok(())
}

/// A version is replaced once.
pub async fn of_concurrent_writers_of_a_version_one_wins(stores: &Stores) -> Case {
    let writers = (1..=16).map(|writer| {
        let carts = stores.carts.clone();
        tokio::spawn(async move {
            let bytes = stored(&add(writer, 1, "A"));
            (writer, carts.replace(&row(1), None, Bucket(0), bytes).await)
        })
    });
    let mut winners = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        let (writer, outcome) = writer.await.expect("a writer does not panic"); // the case fails with it
        if matches!(outcome?, Replaced::Applied(_)) {
            winners.push(writer);
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?} won");
    assert_eq!(load(&*stores.carts, cart_id(1)).await?, add(winners[0], 1, "A"));
    Ok(())
}

/// A removal needs the version, and is complete.
pub async fn a_removed_row_is_gone(stores: &Stores) -> Case {
    let bytes = stored(&add(1, 1, "A"));
    let Replaced::Applied(version) = stores.carts.replace(&row(1), None, Bucket(0), bytes).await? else {
        panic!("the first write of a row conflicts");
    };
    let stale = stores.carts.remove(&row(1), version.next()).await?;
    assert!(matches!(stale, Replaced::Conflict(Some(_))), "{stale:?}");
    assert!(matches!(stores.carts.remove(&row(1), version).await?, Replaced::Applied(_)));
    assert!(load(&*stores.carts, cart_id(1)).await?.is_untouched());
    assert_eq!(stores.carts.scan(None, 10).await?, []);
    Ok(())
}

/// 64 KiB of entries fit.
pub async fn a_row_at_the_size_limit_is_kept(stores: &Stores) -> Case {
    let mut state = Cart::default();
    for seq in 1..=2_000 {
        state.join(&add(1, seq, &format!("sku-{seq:032}")));
    }
    assert!(stored(&state).len() > 64 * 1024, "the sample is too small");
    stores.carts.replace(&row(1), None, Bucket(0), stored(&state)).await?;
    assert_eq!(load(&*stores.carts, cart_id(1)).await?, state);
    Ok(())
}

/// Nothing is left out and nothing comes twice.
pub async fn scan_pages_through_all_carts_in_order(stores: &Stores) -> Case {
    let numbers = [200, 3, 77, 0, 255, 128, 4];
    for number in numbers {
        stores.carts.replace(&row(number), None, Bucket(0), stored(&add(1, 1, "A"))).await?;
    }
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = stores.carts.scan(after, 2).await?;
        assert!(page.len() <= 2);
        after = page.last().copied().or(after);
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    let mut expected: Vec<_> = numbers.into_iter().map(cart_id).collect();
    expected.sort_unstable();
    assert_eq!(all, expected);
    Ok(())
}

/// Registering twice is registering once.
pub async fn owners_are_remembered(stores: &Stores) -> Case {
    let (a, b) = (Owner::new("eu", 1), Owner::new("eu", 2));
    for owner in [&a, &b, &a] {
        stores.carts.register(owner).await?;
    }
    let mut owners = stores.carts.owners().await?;
    owners.sort();
    assert_eq!(owners, [a, b]);
    Ok(())
}
