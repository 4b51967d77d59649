//! The index of SKUs: a suite of its own, because no engine must have one.
//!
//! ```text
//! storage::sku_index_suite!(my_engine::open_index_for_test());
//! ```
//! The expression gives the index, which holds nothing yet, and whatever must stay alive while it is used.

use crate::{SkuIndex, error::Result};
use cart::{CartId, line::Sku};
use std::collections::BTreeSet;

type Case = Result<()>;

fn sku(name: &str) -> Sku {
    Sku::parse(name).expect("a sample sku is valid") // written in this file
}

fn skus(names: &[&str]) -> BTreeSet<Sku> {
    names.iter().map(|name| sku(name)).collect()
}

fn cart(number: u8) -> CartId {
    CartId([number; 16])
}

/// Under each of its SKUs, and under no other.
pub async fn a_cart_is_found_under_its_skus(index: &dyn SkuIndex) -> Case {
    index.put(vec![(cart(1), skus(&["A", "B"])), (cart(2), skus(&["B"]))]).await?;
    assert_eq!(index.find(&sku("A"), None, 10).await?, [cart(1)]);
    assert_eq!(index.find(&sku("B"), None, 10).await?, [cart(1), cart(2)]);
    assert_eq!(index.find(&sku("C"), None, 10).await?, []);
    assert!(index.is_whole());
    Ok(())
}

/// What a cart holds no more, it is not found under any more.
pub async fn a_cart_that_is_put_again_leaves_what_it_holds_no_more(index: &dyn SkuIndex) -> Case {
    index.put(vec![(cart(1), skus(&["A", "B"]))]).await?;
    index.put(vec![(cart(1), skus(&["B", "C"])), (cart(2), skus(&[]))]).await?;
    for (name, expected) in [("A", vec![]), ("B", vec![cart(1)]), ("C", vec![cart(1)])] {
        assert_eq!(index.find(&sku(name), None, 10).await?, expected, "{name}");
    }
    index.put(vec![(cart(1), skus(&[]))]).await?;
    index.put(vec![(cart(1), skus(&[]))]).await?;
    for name in ["A", "B", "C"] {
        assert_eq!(index.find(&sku(name), None, 10).await?, [], "{name}");
    }
    Ok(())
}

/// A cart that comes twice in one put is as the second says.
pub async fn the_last_of_several_puts_counts(index: &dyn SkuIndex) -> Case {
    index.put(vec![(cart(1), skus(&["A"])), (cart(1), skus(&["B"]))]).await?;
    assert_eq!(index.find(&sku("A"), None, 10).await?, []);
    assert_eq!(index.find(&sku("B"), None, 10).await?, [cart(1)]);
    Ok(())
}

/// In the order of ids, none twice and none left out, at the ends of their range too.
pub async fn carts_are_paged_in_order(index: &dyn SkuIndex) -> Case {
    let numbers = [0, 1, 7, 8, 0x7f, 0x80, 0xfe, 0xff];
    let carts = numbers.iter().rev().map(|number| (cart(*number), skus(&["A"]))).collect();
    index.put(carts).await?;
    for limit in [1, 3, 8, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = index.find(&sku("A"), after, limit).await?;
            let Some(last) = page.last() else { break };
            assert!(page.len() <= limit);
            after = Some(*last);
            found.extend(page);
        }
        assert_eq!(found, numbers.map(cart), "{limit} at a time");
    }
    Ok(())
}

/// A SKU that begins like another is another.
pub async fn skus_are_apart(index: &dyn SkuIndex) -> Case {
    let longest = "x".repeat(128);
    let names = ["A", "AA", "A B", "a", "Ä", longest.as_str()];
    for (number, name) in (1..).zip(names) {
        index.put(vec![(cart(number), skus(&[name]))]).await?;
    }
    for (number, name) in (1..).zip(names) {
        assert_eq!(index.find(&sku(name), None, 10).await?, [cart(number)], "{name}");
    }
    Ok(())
}

/// Expands to one test for each case.
#[macro_export]
macro_rules! sku_index_suite {
    ($open:expr) => {
        $crate::sku_index_suite! { @cases $open;
            a_cart_is_found_under_its_skus,
            a_cart_that_is_put_again_leaves_what_it_holds_no_more,
            the_last_of_several_puts_counts,
            carts_are_paged_in_order,
            skus_are_apart,
        }
    };
    (@cases $open:expr; $($case:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $case() {
            let (index, _keep_alive) = $open;
            $crate::conformance::sku_index::$case(&index).await.expect("the index answers");
        })*
    };
}
