//! Records that both data centres write: at either serial level nobody's change is lost.

use super::{AWAY, HOME, region::Region, region::cart, taken};
use crate::node;
use engines::Faults;
use futures::future::join_all;
use storage::{LinearTable, StoreError};
use storage_cassandra::{CassandraOptions, SerialLevel};

/// Words that each writer adds to the one record.
const WORDS: usize = 6;
const WRITERS: usize = 3;

/// Several writers in each region add words to one record at once.
async fn write_at_once(regions: [Region; 2]) {
    let writers = (0..WRITERS * 2).map(|writer| {
        let region = regions[writer % 2].clone();
        async move {
            for word in 0..WORDS {
                region.signed(b"contended", &format!("{}-{writer}-{word}", region.owner.as_str())).await;
            }
        }
    });
    join_all(writers).await;
    for region in &regions {
        let mut words = region.words_of(b"contended").await;
        assert_eq!(words.len(), WRITERS * 2 * WORDS, "{words:?}");
        words.sort();
        words.dedup();
        assert_eq!(words.len(), WRITERS * 2 * WORDS, "none is there twice");
        assert!(words.iter().any(|word| word.starts_with("us.1-")), "{words:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_record_that_is_decided_at_home_no_change_through_either_data_centre_is_lost() {
    let Some(mut taken) = taken().await else { return };
    let (at_home, away) = (taken.both(HOME).await, taken.both(AWAY).await);
    write_at_once([Region::open(&at_home).await, Region::open(&away).await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_record_that_is_decided_everywhere_no_change_through_either_data_centre_is_lost() {
    let Some(mut taken) = taken().await else { return };
    let everywhere = |options| CassandraOptions { serial: SerialLevel::Everywhere, ..options };
    let (at_home, away) =
        (everywhere(taken.options(HOME, "everywhere")), everywhere(taken.options(AWAY, "everywhere")));
    taken.made(&at_home).await;
    let regions = [Region::open(&at_home).await, Region::open(&away).await];
    write_at_once(regions.clone()).await;

    // Three of four copies are more than half: without the other data centre it goes on, but not without one more.
    taken.to(AWAY, 0..1, |node| node.pause()).await;
    regions[0].signed(b"contended", "alone").await;
    taken.to(HOME, 2..3, |node| node.pause()).await;
    let read = regions[0].stores.linear.read(LinearTable::Stock, b"contended").await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    node::until("adds go on", || async { regions[0].append(cart(51), 1).await.ok() }).await;
    taken.mend().await;
    let words = regions[0].words_of(b"contended").await;
    assert_eq!(words.last().map(String::as_str), Some("alone"), "{words:?}");
}
