//! The engine against the in-memory reference: random writes, folds under way, restarts.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use proptest::prelude::*;
use storage::cart::Timestamp;
use storage::cart::line::Sku;
use storage::conformance::sample::{self, cart_id, owner};
use storage::{
    Bucket, CartRows, CartStore, CatalogRow, Consistency, Edition, LinearTable, Replaced, RowKey, RowsAtHand,
    Stores, Version, WritePath, memory,
};

use super::sample::open;
use crate::Embedded;

const CARTS: u8 = 5;
const TABLE: LinearTable = LinearTable::Ledger;

#[derive(Debug, Clone)]
enum Step {
    /// A delta: adds a unit, or kills the dot of an earlier add.
    Append {
        cart: u8,
        kills: Option<u32>,
    },
    /// The full join, or a removal; with the current version, or a stale one.
    Rewrite {
        cart: u8,
        is_stale: bool,
        removes: bool,
    },
    /// A record is inserted, replaced or removed, by what is there.
    Record {
        key: u8,
        due: Option<u64>,
        removes: bool,
    },
    Item {
        sku: u8,
        revision: u64,
    },
    /// A reader, who loads nothing that waits.
    Look {
        cart: u8,
    },
    /// A fold begins; later steps happen while it runs.
    Fold,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let cart = 0..CARTS;
    prop_oneof![
        8 => (cart.clone(), prop::option::of(1..60u32)).prop_map(|(cart, kills)| Step::Append { cart, kills }),
        4 => cart.clone().prop_map(|cart| Step::Look { cart }),
        3 => (cart, prop::bool::weighted(0.2), prop::bool::weighted(0.3))
            .prop_map(|(cart, is_stale, removes)| Step::Rewrite { cart, is_stale, removes }),
        5 => (0..4u8, prop::option::of(0..9u64), prop::bool::weighted(0.2))
            .prop_map(|(key, due, removes)| Step::Record { key, due, removes }),
        2 => (0..4u8, 1..9u64).prop_map(|(sku, revision)| Step::Item { sku, revision }),
        3 => Just(Step::Fold),
        1 => Just(Step::Reopen),
    ]
}

struct Run<'a> {
    dir: &'a Path,
    engine: Option<Arc<Embedded>>,
    reference: Stores,
    folds: Vec<tokio::task::JoinHandle<storage::error::Result<()>>>,
    seq: u32,
    versions: HashMap<u8, u64>,
    /// Rows of each edition of a cart since the engine was opened.
    editions: Mutex<HashMap<(u8, [u64; 3]), CartRows>>,
}

impl<'a> Run<'a> {
    fn new(dir: &'a Path) -> Self {
        let reference = memory::open(WritePath::Append);
        Self {
            dir,
            engine: Some(open(dir)),
            reference,
            folds: Vec::new(),
            seq: 0,
            versions: HashMap::new(),
            editions: Mutex::default(),
        }
    }

    fn engine(&self) -> &Arc<Embedded> {
        self.engine.as_ref().unwrap()
    }

    async fn execute(&mut self, step: Step) {
        match step {
            Step::Append { cart, kills } => self.append(cart, kills).await,
            Step::Rewrite { cart, is_stale, removes } => self.rewrite(cart, is_stale, removes).await,
            Step::Record { key, due, removes } => self.record(key, due, removes).await,
            Step::Item { sku, revision } => self.item(sku, revision).await,
            Step::Look { cart } => drop(self.at_hand(cart)),
            Step::Fold => {
                let engine = Arc::clone(self.engine());
                self.folds.push(tokio::task::spawn_blocking(move || engine.fold()));
            }
            Step::Reopen => self.reopen().await,
        }
    }

    async fn append(&mut self, cart: u8, kills: Option<u32>) {
        self.seq += 1;
        let mut delta = sample::add(1, self.seq, &format!("sku {}", self.seq % 7));
        if let Some(seq) = kills {
            delta.kill(storage::cart::Dot::new(storage::cart::WriterId(1), seq), sample::NOW.day());
        }
        let key = sample::delta_key(cart_id(cart), 1, self.seq, 5);
        for stores in [&self.engine().stores(), &self.reference] {
            stores.carts.append(&key, sample::stored(&delta)).await.unwrap();
        }
        *self.versions.entry(cart).or_default() += 1;
    }

    /// The reference keeps deltas beside the row; so it is rewritten there with all its deltas removed.
    async fn rewrite(&mut self, cart: u8, is_stale: bool, removes: bool) {
        let key = RowKey { cart: cart_id(cart), owner: owner() };
        let state = sample::load(&*self.reference.carts, cart_id(cart)).await.unwrap();
        let carts = self.engine().stores().carts;
        let current = self.versions.get(&cart).copied();
        let expected = if is_stale { Some(current.unwrap_or(0) + 1) } else { current }.map(Version);
        let outcome = match (removes, expected) {
            (true, Some(version)) => carts.remove(&key, version).await.unwrap(),
            (true, None) => return,
            (false, _) => carts.replace(&key, expected, Bucket(0), sample::stored(&state)).await.unwrap(),
        };
        if is_stale {
            let Replaced::Conflict(row) = outcome else { panic!("a stale version was taken") };
            assert_eq!(row.map(|row| row.version.0), current);
            return;
        }
        assert!(matches!(outcome, Replaced::Applied(_)), "{outcome:?}");
        if removes {
            self.reference.carts.remove_deltas(&key, Bucket(9)).await.unwrap();
            self.versions.remove(&cart);
        } else {
            *self.versions.entry(cart).or_default() += 1;
        }
    }

    async fn record(&self, key: u8, due: Option<u64>, removes: bool) {
        let mut outcomes = Vec::new();
        for stores in [&self.engine().stores(), &self.reference] {
            let due = due.map(Timestamp);
            let bytes = Bytes::from(vec![key; usize::from(key) + 1]);
            let current = stores.linear.read(TABLE, &[key]).await.unwrap();
            outcomes.push(match current {
                None => format!("{:?}", stores.linear.insert_if_absent(TABLE, &[key], bytes, due).await),
                Some(record) if removes => {
                    format!("{:?}", stores.linear.remove(TABLE, &[key], record.version).await)
                }
                Some(record) => {
                    format!("{:?}", stores.linear.replace(TABLE, &[key], record.version, bytes, due).await)
                }
            });
        }
        assert_eq!(outcomes[0], outcomes[1]);
    }

    async fn item(&self, sku: u8, revision: u64) {
        let bytes = Bytes::from(revision.to_string());
        let row = CatalogRow { sku: Sku::parse(&format!("sku {sku}")).unwrap(), revision, bytes };
        let ours = self.engine().stores().catalog.put_items(vec![row.clone()]).await.unwrap();
        assert_eq!(ours, self.reference.catalog.put_items(vec![row]).await.unwrap());
    }

    async fn reopen(&mut self) {
        for fold in self.folds.drain(..) {
            fold.await.unwrap().unwrap();
        }
        // The directory is locked until the old engine is gone.
        self.engine = None;
        self.engine = Some(open(self.dir));
        self.editions.get_mut().clear();
        self.compare().await;
    }

    /// Rows at hand, which are those that were shown before under the same edition, or such with what came since.
    fn at_hand(&self, cart: u8) -> Option<CartRows> {
        let RowsAtHand { rows, edition } = self.engine().load_at_hand(cart_id(cart)).unwrap()?;
        let mut editions = self.editions.lock();
        for ((_, before), shown) in editions.iter().filter(|((of, _), _)| *of == cart) {
            let Some(grown) = self.engine().grown_since(cart_id(cart), Edition(*before)) else { continue };
            assert_eq!(Some(grown.edition), edition);
            let deltas = [shown.deltas.clone(), grown.deltas].concat();
            assert_eq!(CartRows { deltas, ..shown.clone() }, rows, "since {before:?}");
        }
        if let Some(Edition(edition)) = edition {
            assert_eq!(editions.entry((cart, edition)).or_insert_with(|| rows.clone()), &rows);
        }
        Some(rows)
    }

    async fn compare(&self) {
        let (ours, reference) = (self.engine().stores(), &self.reference);
        for cart in 0..CARTS {
            // First, because a strong load joins what waits.
            let apart = ours.carts.load(cart_id(cart), Consistency::Eventual).await.unwrap();
            let joined = self.at_hand(cart).map(|at_hand| sample::joined(&at_hand).unwrap());
            assert_eq!(joined, sample::joined(&apart).ok());
            let rows = ours.carts.load(cart_id(cart), Consistency::Strong).await.unwrap();
            assert_eq!(sample::joined(&apart).unwrap(), sample::joined(&rows).unwrap(), "cart {cart}");
            let joined = self.at_hand(cart).map(|at_hand| sample::joined(&at_hand).unwrap());
            assert_eq!(joined, sample::joined(&rows).ok());
            let version = rows.snapshots.first().map(|row| row.version.0);
            assert_eq!(version, self.versions.get(&cart).copied(), "version of cart {cart}");
            let expected = sample::load(&*reference.carts, cart_id(cart)).await.unwrap();
            assert_eq!(sample::joined(&rows).unwrap(), expected, "cart {cart}");
        }
        let mut known: Vec<_> = self.versions.keys().map(|cart| cart_id(*cart)).collect();
        known.sort_unstable();
        assert_eq!(ours.carts.scan(None, 100).await.unwrap(), known);
        for key in 0..4 {
            let expected = reference.linear.read(TABLE, &[key]).await.unwrap();
            assert_eq!(ours.linear.read(TABLE, &[key]).await.unwrap(), expected, "record {key}");
        }
        for limit in [2, 100] {
            let due = |stores: &Stores| {
                let linear = Arc::clone(&stores.linear);
                async move { linear.due(TABLE, Timestamp(7), None, limit).await.unwrap() }
            };
            assert_eq!(due(&ours).await, due(reference).await);
            let changed = |stores: &Stores| {
                let catalog = Arc::clone(&stores.catalog);
                async move { catalog.changed_since(Some(2), None, limit).await.unwrap() }
            };
            assert_eq!(changed(&ours).await, changed(reference).await);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_holds_what_the_reference_holds(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let mut run = Run::new(dir.path());
            for step in steps {
                run.execute(step).await;
            }
            run.compare().await;
            run.reopen().await;
        });
    }
}
