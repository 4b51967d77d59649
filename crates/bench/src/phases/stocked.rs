//! A shop filled over HTTP: its catalogue, and the basket of every guest.

use crate::{
    process::Side,
    shop::{self, ITEMS, Wish},
    workload::{self, Guests, Request},
};
use anyhow::{Context, Result, ensure};
use gameday::{
    durability::api,
    load::{self, Pace, Source},
    process,
};
use serde_json::json;
use std::{path::Path, process::Command, sync::Arc, time::Duration};

/// Longer than it takes over the slowest engine.
const FILL_MAX: Duration = Duration::from_secs(180);
const CONNECTIONS: usize = 64;

/// Fills the shop that `side` serves.
pub(super) fn fill(evercart: &Path, data: &Path, side: &Side, guests: &Arc<Guests>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(put_catalogue(&token(evercart, data)?, side))?;
    let filling = Filling { guests: Arc::clone(guests), cart: 0, wishes: Vec::new() };
    let seen = load::run(side.plan(CONNECTIONS, FILL_MAX, Pace::Closed), filling)?;
    let wanted: u64 = (0..guests.carts()).map(|cart| shop::basket(cart).len() as u64).sum();
    let done = seen.done();
    ensure!(done == wanted, "{done} of {wanted} lines are in carts, {} refused", seen.refused());
    Ok(())
}

/// A token for the catalogue.
fn token(evercart: &Path, data: &Path) -> Result<String> {
    let mut command = Command::new(evercart);
    process::without_settings(&mut command);
    let output = command.args(["token", "service", "--scope", "catalog", "--data"]).arg(data).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

async fn put_catalogue(token: &str, side: &Side) -> Result<()> {
    let client = api::Client::new(&format!("http://{}", side.address))?;
    let items: Vec<String> = (0..ITEMS).map(item).collect();
    for page in items.chunks(500) {
        let put = api::Request::new("PUT".parse()?, "/v1/catalog/items", token).lines(page.join("\n"));
        let reply = client.send(&put).await.context("the catalogue is not answered")?;
        ensure!(reply.is_done(), "the catalogue is refused with {}", reply.status);
    }
    Ok(())
}

fn item(item: u32) -> String {
    let sku = shop::sku(item);
    let price = json!({"amount": 95 + item % 40 * 25, "currency": "GBP"});
    let image = format!("https://shop.example/images/{sku}.jpg");
    json!({"sku": sku, "title": format!("item no. {item}"), "image": image, "revision": 1, "price": price})
        .to_string()
}

/// Every wish of every basket, once.
struct Filling {
    guests: Arc<Guests>,
    cart: u64,
    wishes: Vec<Wish>,
}

impl Source for Filling {
    fn next(&mut self, request: &mut Vec<u8>) -> Option<usize> {
        while self.wishes.is_empty() {
            if self.cart == self.guests.carts() {
                return None;
            }
            self.wishes = shop::basket(self.cart);
            self.cart += 1;
        }
        let Wish { item, units } = self.wishes.pop()?;
        let body = json!({"sku": shop::sku(item), "quantity": units}).to_string();
        Request { token: self.guests.seal(self.cart - 1).as_bytes(), body: &body }.add(request);
        Some(workload::ADD)
    }
}
