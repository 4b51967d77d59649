//! The shop's items.

use crate::{CatalogRow, PutOutcome, Stores, error::Result};
use bytes::Bytes;
use cart::line::Sku;

type Case = Result<()>;

fn sku(text: &str) -> Sku {
    Sku::parse(text).expect("a sample sku is valid") // written in this file
}

fn item(text: &str, revision: u64) -> CatalogRow {
    CatalogRow { sku: sku(text), revision, bytes: Bytes::from(format!("{text} {revision}")) }
}

/// One answer for each question.
pub async fn items_come_back_in_the_order_asked(stores: &Stores) -> Case {
    let outcomes = stores.catalog.put_items(vec![item("A", 1), item("B", 1)]).await?;
    assert_eq!(outcomes, [PutOutcome::Stored; 2]);
    let items = stores.catalog.get_items(&[sku("B"), sku("none"), sku("A"), sku("B")]).await?;
    assert_eq!(items, [Some(item("B", 1)), None, Some(item("A", 1)), Some(item("B", 1))]);
    assert_eq!(stores.catalog.get_items(&[]).await?, []);
    Ok(())
}

/// A feed that arrives late does not bring old prices back.
pub async fn an_older_revision_does_not_win(stores: &Stores) -> Case {
    stores.catalog.put_items(vec![item("A", 5)]).await?;
    assert_eq!(stores.catalog.put_items(vec![item("A", 4)]).await?, [PutOutcome::Older]);
    assert_eq!(stores.catalog.put_items(vec![item("A", 6)]).await?, [PutOutcome::Stored]);
    assert_eq!(stores.catalog.get_items(&[sku("A")]).await?, [Some(item("A", 6))]);
    Ok(())
}

/// A repeated feed is not an error.
pub async fn an_equal_revision_may_be_stored_again(stores: &Stores) -> Case {
    for _ in 0..2 {
        assert_eq!(stores.catalog.put_items(vec![item("A", 5)]).await?, [PutOutcome::Stored]);
    }
    Ok(())
}

/// Whoever follows the catalogue misses nothing.
pub async fn changes_are_paged_by_revision(stores: &Stores) -> Case {
    let items = vec![item("A", 3), item("B", 1), item("C", 3), item("D", 2), item("E", 9)];
    stores.catalog.put_items(items).await?;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = stores.catalog.changed_since(Some(1), after, 2).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.revision, last.sku.clone()));
        seen.extend(page.into_iter().map(|row| row.sku));
    }
    assert_eq!(seen, ["D", "A", "C", "E"].map(sku));
    Ok(())
}

/// Whoever wants all items gets those of revision 0 too.
pub async fn all_items_are_paged_from_the_first_revision(stores: &Stores) -> Case {
    stores.catalog.put_items(vec![item("A", 1), item("B", 0), item("C", u64::MAX), item("D", 0)]).await?;
    let first = stores.catalog.changed_since(None, None, 1).await?;
    let rest = stores.catalog.changed_since(None, Some((0, sku("B"))), 10).await?;
    let skus: Vec<Sku> = first.into_iter().chain(rest).map(|row| row.sku).collect();
    assert_eq!(skus, ["B", "D", "A", "C"].map(sku));
    assert_eq!(stores.catalog.changed_since(Some(u64::MAX), None, 10).await?, []);
    Ok(())
}

/// A whole catalogue goes in at once.
pub async fn thousands_of_items_are_kept(stores: &Stores) -> Case {
    let items: Vec<_> = (0..5_000).map(|n| item(&format!("sku-{n:05}"), n + 1)).collect();
    let outcomes = stores.catalog.put_items(items.clone()).await?;
    assert!(outcomes.iter().all(|outcome| *outcome == PutOutcome::Stored));
    let skus: Vec<_> = items.iter().map(|item| item.sku.clone()).collect();
    let stored = stores.catalog.get_items(&skus).await?;
    assert!(stored.into_iter().zip(items).all(|(stored, item)| stored == Some(item)));
    Ok(())
}
