//! Shoppers who go on while something is broken, and what they saw of it.
//!
//! Each add is repeated under its name until it is acknowledged, and counts once. A read right after an acknowledgement
//! shows that add, where it is answered at all. Half of the shoppers name adds by a key, half by a counter.

use crate::shop::{Node, Shop};
use engines::wait_until;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

const SHOPPERS: u32 = 8;
/// For whatever is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What all of them see.
#[derive(Default)]
pub(crate) struct Shopping {
    is_over: AtomicBool,
    acknowledged: AtomicU32,
    seen: Mutex<Seen>,
}

/// What answers were like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// How often each status came; 0 is an answer that was lost.
    pub(crate) statuses: BTreeMap<u16, u32>,
    /// Refusals that did not say when to come back.
    pub(crate) without_retry_after: u32,
    /// The longest time to an answer.
    pub(crate) slowest: Duration,
}

/// One of them.
struct Shopper {
    number: u32,
    token: String,
}

/// Shops while `harm` goes on, and looks in the end that each acknowledged add is there, once. Shoppers ask `door`,
/// which is the node or what leads to it.
pub(crate) fn shop_through(
    shop: &Shop,
    node: &Node,
    door: &str,
    harm: impl FnOnce(&Shopping),
) -> (Shopping, u32) {
    let shopper = |number| Shopper { number, token: shop.shopper(&format!("shopper {number}")) };
    let shoppers: Vec<Shopper> = (0..SHOPPERS).map(shopper).collect();
    let shopping = Shopping::default();
    let added: Vec<u32> = std::thread::scope(|scope| {
        let shopping = &shopping;
        let at_it = shoppers.iter().map(|shopper| scope.spawn(move || shopper.shop_on(door, shopping)));
        let at_it: Vec<_> = at_it.collect();
        let harmed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| harm(shopping)));
        shopping.is_over.store(true, Ordering::Relaxed);
        let added = at_it.into_iter().map(|shopper| shopper.join().unwrap()).collect();
        harmed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        added
    });
    for (shopper, added) in shoppers.iter().zip(&added) {
        let shown = node.shows(&shopper.token);
        assert_eq!(shown, format!("MUG-BLUE {added}"), "each acknowledged add, once");
    }
    (shopping, added.iter().sum())
}

impl Shopping {
    /// Waits until every shopper could have added something more.
    pub(crate) fn go_on(&self) {
        let goal = self.acknowledged.load(Ordering::Relaxed) + 2 * SHOPPERS;
        let goes_on = wait_until(PATIENCE, || self.acknowledged.load(Ordering::Relaxed) >= goal);
        assert!(goes_on, "nothing is acknowledged any more: {:?}", self.seen());
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    fn note(&self, status: u16, has_retry_after: bool, took: Duration) {
        let mut seen = self.seen.lock().unwrap();
        *seen.statuses.entry(status).or_default() += 1;
        seen.without_retry_after += u32::from(status == 503 && !has_retry_after);
        seen.slowest = seen.slowest.max(took);
    }
}

/// The day since 1970, which a writer begins with.
fn today() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / (24 * 60 * 60)
}

impl Shopper {
    /// Shops until told to stop; answers how many adds there were.
    fn shop_on(&self, door: &str, shopping: &Shopping) -> u32 {
        let mut added = 0;
        while !shopping.is_over.load(Ordering::Relaxed) {
            added += 1;
            let acknowledged = wait_until(PATIENCE, || self.adds(door, added, shopping));
            assert!(acknowledged, "it is never acknowledged: {:?}", shopping.seen());
            shopping.acknowledged.fetch_add(1, Ordering::Relaxed);
            if let Some(shown) = crate::shop::cart_at(door, &self.token) {
                assert_eq!(shown, format!("MUG-BLUE {added}"), "right after the acknowledgement");
            }
        }
        added
    }

    /// Sends an add; true when it is acknowledged.
    fn adds(&self, door: &str, count: u32, shopping: &Shopping) -> bool {
        let writer = format!("{:04x}{:012x}", today(), self.number);
        let name = match self.number % 2 {
            0 => ("idempotency-key", count.to_string()),
            _ => ("evercart-op", format!("{writer}.{count}")),
        };
        let began = Instant::now();
        let answer = crate::shop::add_at(door, &self.token, ("MUG-BLUE", 1), (name.0, &name.1));
        let (status, has_retry_after) = answer.unwrap_or((0, true));
        shopping.note(status, has_retry_after, began.elapsed());
        assert!(matches!(status, 0 | 200 | 503), "an add is answered {status}");
        status == 200
    }
}
