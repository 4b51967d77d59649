//! Pages of a scan: a page is short at the end alone, wherever carts are, because callers take a short one for the last.

use storage::CartStore;
use storage::cart::CartId;

use super::sample::{add, fold, options};
use crate::{BaseKind, Embedded, EmbeddedOptions};

/// All ids, as somebody pages who stops at the first short page.
async fn scanned(engine: &Embedded, limit: usize) -> Vec<CartId> {
    let mut all: Vec<CartId> = Vec::new();
    loop {
        let page = engine.scan(all.last().copied(), limit).await.unwrap();
        all.extend(&page);
        if page.len() < limit {
            return all;
        }
    }
}

#[tokio::test]
async fn a_scan_of_folded_carts_goes_on_to_the_last_one() {
    for base in [BaseKind::RowLog, BaseKind::Fjall] {
        let dir = tempfile::tempdir().unwrap();
        let kept_nowhere_else = EmbeddedOptions { base, clean_bytes_max: 0, ..options() };
        let engine = Embedded::open(dir.path(), kept_nowhere_else).unwrap();
        for number in 1..=100 {
            add(&engine, number, 1, "A").await.unwrap();
        }
        fold(&engine).await;
        for limit in [1, 7, 33, 100, 1000] {
            assert_eq!(scanned(&engine, limit).await.len(), 100, "{base:?} by {limit}");
        }
    }
}
