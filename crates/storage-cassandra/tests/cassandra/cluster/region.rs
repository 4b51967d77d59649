//! What a region does all day: adds, its own row, records, loads; and what of it was acknowledged.

use super::AWAY;
use crate::node;
use bytes::Bytes;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};
use storage::{
    Bucket, CartRows, Consistency, DeltaKey, Inserted, LinearTable, Owner, RecordReplaced, Replaced, RowKey,
    StoreError, Stores, Version,
    cart::{CartId, Dot, WriterId},
    error::Result,
};
use storage_cassandra::CassandraOptions;

/// An engine opened in a data centre, and who writes there.
#[derive(Clone)]
pub(super) struct Region {
    pub(super) stores: Stores,
    pub(super) owner: Owner,
}

pub(super) fn cart(number: u8) -> CartId {
    CartId([number; 16])
}

impl Region {
    pub(super) async fn open(options: &CassandraOptions) -> Self {
        let name = if options.local_datacenter == AWAY { "us" } else { "eu" };
        let stores = storage_cassandra::open(options).await.expect("the store opens");
        let region = Self { stores, owner: Owner::new(name, 1) };
        region.stores.carts.register(&region.owner).await.expect("an owner is registered");
        region
    }

    pub(super) fn row(&self, cart: CartId) -> RowKey {
        RowKey { cart, owner: self.owner.clone() }
    }

    pub(super) async fn append(&self, cart: CartId, seq: u32) -> Result<()> {
        let operation = Dot::new(WriterId(1), seq);
        let owner = self.owner.clone();
        let key = DeltaKey { cart, owner, bucket: Bucket(29_000_000), operation, value_hash: 0 };
        self.stores.carts.append(&key, Bytes::from(seq.to_string())).await
    }

    /// One try to make the own row say `seq`, as somebody does who reads it first.
    pub(super) async fn replace(&self, cart: CartId, seq: u32) -> Result<Replaced> {
        let rows = self.load(cart).await?;
        let expected: Option<Version> =
            rows.snapshots.iter().find(|row| row.owner == self.owner).map(|row| row.version);
        let bytes = Bytes::from(seq.to_string());
        self.stores.carts.replace(&self.row(cart), expected, Bucket(0), bytes).await
    }

    pub(super) async fn load(&self, cart: CartId) -> Result<CartRows> {
        self.stores.carts.load(cart, Consistency::Strong).await
    }

    /// One try to add a word to a record of words; false where somebody else was faster.
    pub(super) async fn sign(&self, record: &[u8], word: &str) -> Result<bool> {
        let (linear, table) = (&self.stores.linear, LinearTable::Stock);
        let Some(current) = linear.read(table, record).await? else {
            let inserted =
                linear.insert_if_absent(table, record, Bytes::from(format!("{word} ")), None).await?;
            return Ok(matches!(inserted, Inserted::Inserted(_)));
        };
        if words(&current.bytes).iter().any(|known| known == word) {
            return Ok(true); // an earlier try whose outcome nobody knew
        }
        let next = Bytes::from([&current.bytes[..], word.as_bytes(), b" "].concat());
        let replaced = linear.replace(table, record, current.version, next, None).await?;
        Ok(matches!(replaced, RecordReplaced::Applied(_)))
    }

    /// Adds a word however often it takes.
    pub(super) async fn signed(&self, record: &[u8], word: &str) {
        let what = format!("`{word}` is written");
        node::until(&what, || async { self.tried(self.sign(record, word)).await.filter(|done| *done) }).await;
    }

    pub(super) async fn words_of(&self, record: &[u8]) -> Vec<String> {
        let read = || async { self.tried(self.stores.linear.read(LinearTable::Stock, record)).await };
        let record = node::until("a record is read", read).await;
        words(&record.expect("the record is there").bytes)
    }

    /// What came of one try; an error must be one of the two that a caller goes on after.
    async fn tried<T>(&self, attempt: impl Future<Output = Result<T>>) -> Option<T> {
        match attempt.await {
            Ok(done) => Some(done),
            Err(StoreError::Unavailable(_) | StoreError::Indeterminate(_)) => None,
            Err(other) => panic!("{}: {other:?}", self.owner.as_str()),
        }
    }

    /// Adds, writes its row, signs a record and reads, again and again until `ends`; every step until it is acknowledged.
    pub(super) async fn work(self, number: u8, ends: Arc<AtomicBool>, acknowledged: Arc<AtomicU32>) -> Done {
        let (cart, record) = (cart(number), [number]);
        let mut last = 0;
        while !ends.load(Ordering::Relaxed) {
            last += 1;
            node::until("an add is taken", || self.tried(self.append(cart, last))).await;
            node::until("the own row is written", || async {
                let replaced = self.tried(self.replace(cart, last)).await?;
                matches!(replaced, Replaced::Applied(_)).then_some(())
            })
            .await;
            self.signed(&record, &last.to_string()).await;
            let done = Done { region: self.clone(), number, last };
            let rows = node::until("the cart is read", || self.tried(self.load(cart))).await;
            done.check_rows(&rows);
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        Done { region: self, number, last }
    }
}

/// What was acknowledged to a [`Region::work`].
pub(super) struct Done {
    pub(super) region: Region,
    number: u8,
    last: u32,
}

impl Done {
    /// True when `rows` has all of it, and nothing twice.
    pub(super) fn is_in(&self, rows: &CartRows) -> bool {
        let own = |row: &&storage::DeltaRow| row.key.owner == self.region.owner;
        let seqs: Vec<u32> = rows.deltas.iter().filter(own).map(|row| row.key.operation.seq).collect();
        let distinct: BTreeSet<u32> = seqs.iter().copied().collect();
        let row = rows.snapshots.iter().find(|row| row.owner == self.region.owner);
        seqs.len() == distinct.len()
            && distinct == (1..=self.last).collect()
            && row.is_some_and(|row| row.bytes == self.last.to_string())
    }

    fn check_rows(&self, rows: &CartRows) {
        assert!(self.is_in(rows), "cart {}: {} were acknowledged, {rows:?}", self.number, self.last);
    }

    /// Looks for all of it where it was written.
    pub(super) async fn check(&self) {
        self.check_rows(&self.region.load(cart(self.number)).await.expect("a cart is read"));
        let expected: Vec<String> = (1..=self.last).map(|word| word.to_string()).collect();
        assert_eq!(self.region.words_of(&[self.number]).await, expected);
    }

    /// Waits until another region sees all of it.
    pub(super) async fn arrives_at(&self, other: &Region) {
        node::until("what was acknowledged arrives", || async {
            let rows = other.load(cart(self.number)).await.ok()?;
            self.is_in(&rows).then_some(())
        })
        .await;
    }
}

fn words(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).split_whitespace().map(str::to_owned).collect()
}
