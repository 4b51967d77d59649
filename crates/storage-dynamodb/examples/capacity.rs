//! Prints what operations cost in capacity units, as the server counts them: the tables of `docs/operations/dynamodb.md`.
//!
//! `cargo run -p storage-dynamodb --example capacity -- [endpoint]`. Without an endpoint a DynamoDB Local is started. The
//! tables it makes are left behind: use a server that goes away.
#![allow(clippy::print_stdout, reason = "a command-line report")]

use std::error::Error;
use std::sync::Arc;

use storage::cart::item::Item;
use storage::cart::line::{Line, List, Sku, Texts};
use storage::cart::money::{Currency, Money};
use storage::cart::operation::{Add, Stamp};
use storage::cart::quantity::Quantity;
use storage::cart::{Cart, Dot, Join, Timestamp, WriterId};
use storage::conformance::sample::{NOW, cart_id, delta_key, owner, stored};
use storage::{Bucket, CatalogRow, Consistency, LinearTable, Replaced, RowKey, Stores, Version};
use storage_dynamodb::{Access, DynamoDb, DynamoDbOptions};

/// Bytes of a row beside what the `cart` crate stores: names and values of its other attributes.
const ROW_BYTES: usize = 17 + 14 + 3 + 3 + 3 + 9 + 1;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let server = match std::env::args().nth(1) {
        Some(url) => (url, None),
        None => engines::dynamodb::DynamoDb::start().map(|server| (server.url(), Some(server)))?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(report(&server.0))
}

async fn report(url: &str) -> Outcome<()> {
    let mut options = DynamoDbOptions::in_region("eu-west-1");
    options.endpoint_url = Some(url.to_owned());
    options.table_prefix = format!("capacity-{}-", std::process::id());
    options.access = Access::Key {
        access_key_id: "local".to_owned(),
        secret_access_key: "local".into(),
        session_token: None,
    };
    options.deletion_protection = false;
    DynamoDb::init(options.clone()).await?;
    let database = DynamoDb::open(options).await?;
    let ledger = Ledger { database: &database, stores: database.stores() };
    println!(
        "| lines | bytes of the row | an add more | eventual read | strong read |\n|---|---|---|---|---|"
    );
    for (number, lines) in (1..).zip([1, 2, 3, 5, 8, 10, 20, 50, 100, 300]) {
        ledger.cart(number, lines).await?;
    }
    println!("\n| operation | units |\n|---|---|");
    ledger.rows().await?;
    ledger.records().await?;
    ledger.items().await
}

struct Ledger<'a> {
    database: &'a DynamoDb,
    stores: Stores,
}

impl Ledger<'_> {
    async fn units<T>(&self, work: impl Future<Output = Result<T, storage::StoreError>>) -> Outcome<f64> {
        let total = || -> f64 { self.database.consumed_capacity().iter().map(|(_, units)| units).sum() };
        let before = total();
        work.await?;
        Ok(total() - before)
    }

    async fn line<T>(
        &self,
        name: &str,
        work: impl Future<Output = Result<T, storage::StoreError>>,
    ) -> Outcome<()> {
        println!("| {name} | {} |", self.units(work).await?);
        Ok(())
    }

    async fn cart(&self, number: u8, lines: u32) -> Outcome<()> {
        let key = RowKey { cart: cart_id(number), owner: owner() };
        let carts = &self.stores.carts;
        let mut state = Cart::default();
        (1..lines).for_each(|seq| state.join(&add(seq)));
        let first = carts.replace(&key, None, Bucket(0), stored(&state)).await?;
        let Replaced::Applied(version) = first else { return Err("the cart is there already".into()) };
        state.join(&add(lines));
        let bytes = stored(&state);
        let write = self.units(carts.replace(&key, Some(version), Bucket(0), bytes.clone())).await?;
        let eventual = self.units(carts.load(key.cart, Consistency::Eventual)).await?;
        let strong = self.units(carts.load(key.cart, Consistency::Strong)).await?;
        println!("| {lines} | {} | {write} | {eventual} | {strong} |", ROW_BYTES + bytes.len());
        Ok(())
    }

    async fn rows(&self) -> Outcome<()> {
        let carts = &self.stores.carts;
        let key = RowKey { cart: cart_id(200), owner: owner() };
        let bytes = stored(&add(1));
        self.line("first write of a cart", carts.replace(&key, None, Bucket(0), bytes.clone())).await?;
        self.line("removal of a row", carts.remove(&key, Version(1))).await?;
        let delta = delta_key(key.cart, 1, 1, 5);
        self.line("insert of a delta", carts.append(&delta, bytes)).await?;
        self.line("removal of a folded delta", carts.remove_deltas(&key, Bucket(5))).await?;
        self.line("page of a scan (10 carts)", carts.scan(None, 1_000)).await?;
        self.line("look for unfolded deltas, none there", carts.find_unfolded(&key.owner, None, 1_000))
            .await?;
        self.line("owners", carts.owners()).await
    }

    async fn records(&self) -> Outcome<()> {
        let (linear, table) = (&self.stores.linear, LinearTable::Ledger);
        let (bytes, due) = (stored(&add(1)), Some(Timestamp(5)));
        let insert = linear.insert_if_absent(LinearTable::Order, b"o", bytes.clone(), None);
        self.line("insert of a record", insert).await?;
        let replace = linear.replace(LinearTable::Order, b"o", Version(1), bytes.clone(), None);
        self.line("change of a record that is not due", replace).await?;
        self.line("read of a record", linear.read(LinearTable::Order, b"o")).await?;
        let insert = linear.insert_if_absent(table, b"k", bytes.clone(), due);
        self.line("insert of a record that is due", insert).await?;
        let replace = linear.replace(table, b"k", Version(1), bytes.clone(), due);
        self.line("change of a record, due as before", replace).await?;
        let replace = linear.replace(table, b"k", Version(2), bytes.clone(), Some(Timestamp(6)));
        self.line("change of a record, due at another moment", replace).await?;
        self.line("sweep of a table, one due", linear.due(table, Timestamp(9), None, 100)).await?;
        let replace = linear.replace(table, b"k", Version(3), bytes, None);
        self.line("change of a record, no more due", replace).await?;
        self.line("sweep of a table, none due", linear.due(table, Timestamp(9), None, 100)).await
    }

    async fn items(&self) -> Outcome<()> {
        let catalog = &self.stores.catalog;
        let item = |revision| -> Outcome<CatalogRow> {
            let sku = Sku::parse("SKU-100001").ok_or("not a SKU")?;
            Ok(CatalogRow { sku, revision, bytes: vec![7; 300].into() })
        };
        let first = item(1)?;
        let skus = [first.sku.clone()];
        self.line("put of a new item", catalog.put_items(vec![first.clone()])).await?;
        self.line("put of the same revision", catalog.put_items(vec![first])).await?;
        self.line("put of a changed item", catalog.put_items(vec![item(2)?])).await?;
        self.line("read of an item", catalog.get_items(&skus)).await?;
        self.line("list of items, one there", catalog.changed_since(None, None, 100)).await
    }
}

/// An add of an item as a shop describes it.
fn add(seq: u32) -> Cart {
    let sku = format!("SKU-1{seq:05}");
    let item = Item {
        title: format!("Blue mug, no. {seq}").into(),
        image: Some(format!("https://shop.example/images/{sku}.jpg").into()),
        url: Some(format!("https://shop.example/items/{sku}").into()),
        price: Currency::parse("EUR").and_then(|currency| Money::price(1_295, currency)),
        ..Item::unknown(NOW)
    };
    let line = Sku::parse(&sku).and_then(|sku| Line::new(sku, Texts::default(), None).ok());
    let (Some(line), Some(quantity)) = (line, Quantity::new(1)) else { return Cart::default() };
    let add =
        Add { line: Arc::new(line), list: List::Cart, quantity, attributes: None, item: Arc::new(item) };
    add.delta(&Stamp { dot: Dot::new(WriterId(0x5150_0000_0000_0001), seq), origin: cart_id(1), at: NOW })
}
