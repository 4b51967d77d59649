//! The whole service in process: what a handler of HTTP calls, up to the view of the cart, and nothing of HTTP or JSON.

use super::Shop;
use crate::{
    shop::Items,
    workload::{self, Step},
};
use anyhow::{Context, Result};
use cart::{Timestamp, line::List, quantity::Quantity};
use server::{config::Config, wiring};
use service::{
    AddRequest, CartAddress, Conditions, Environment as _, Identity, Presented, Principal,
    carts::{Change, Request},
    sessions::ACTIVE,
};
use std::path::Path;

/// The service, wired as the server wires it.
pub(super) struct Whole {
    wired: wiring::Wired,
    items: Items,
    issued_at: Timestamp,
}

impl Whole {
    /// The service over a loaded data directory, with the defaults of the server.
    pub(super) async fn open(data: &Path) -> Result<Self> {
        let config = Config { data: data.to_owned(), ..Config::default() };
        let wired = wiring::wire(&config).await?;
        let issued_at = wiring::World.now();
        Ok(Self { items: Items::new(wired.service.settings().currency, issued_at), wired, issued_at })
    }

    fn address(&self, cart: u64) -> CartAddress {
        let token = workload::token(cart, self.issued_at);
        CartAddress::Own { principal: Principal::Guest(token), name: ACTIVE.to_owned() }
    }

    fn adding(&self, item: u32) -> Result<Change> {
        let line = self.items.line(item).context("no such item")?;
        let quantity = Quantity::new(1).context("no such quantity")?;
        Ok(Change::Add(AddRequest { line, quantity, attributes: None, quote: None }))
    }

    async fn change(&self, cart: u64, change: Change) -> Result<()> {
        let (address, conditions) = (self.address(cart), Conditions::default());
        let request = Request { address: &address, identity: &Identity::Unnamed, conditions: &conditions };
        let answer = self.wired.service.change(&request, change).await?;
        std::hint::black_box(answer.view());
        Ok(())
    }
}

impl Shop for Whole {
    async fn step(&self, step: Step) -> Result<()> {
        match step {
            Step::Read(cart) => {
                let answer = self.wired.service.read_own(&self.address(cart), &Presented::default()).await?;
                std::hint::black_box(answer.view());
            }
            Step::Add(cart, item) => self.change(cart, self.adding(item)?).await?,
            Step::Clear(cart) => self.change(cart, Change::Clear { list: List::Cart, seen: None }).await?,
        }
        Ok(())
    }
}
