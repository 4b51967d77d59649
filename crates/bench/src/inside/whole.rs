//! The whole service in process: what a handler of HTTP calls, up to the view of the cart, and nothing of HTTP or JSON. As
//! there, what was made of a cart for a reader is kept, and nobody wants to see a cart after an add.

use super::Shop;
use crate::{
    shop::Items,
    workload::{self, Step},
};
use anyhow::{Context, Result};
use cart::{Timestamp, line::List, quantity::Quantity, view::View};
use server::{config::Config, wiring};
use service::{
    AddRequest, CartAddress, Changed, Conditions, Environment as _, Identity, Presented, Principal, Read,
    carts::{Change, Request},
    sessions::ACTIVE,
};
use std::{path::Path, sync::Arc};

/// Bytes of a line of a view with what it points to, roughly.
const LINE_BYTES: usize = 500;

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
        if let Changed::Seen(answer) = self.wired.service.change_unseen(&request, change).await? {
            std::hint::black_box(answer.freshness);
        }
        Ok(())
    }

    async fn read(&self, cart: u64) -> Result<()> {
        let (service, address) = (&self.wired.service, self.address(cart));
        match service.read_own_or_made(&address, &Presented::default(), |_: &View| true).await? {
            Read::Made(view) => {
                std::hint::black_box(view);
            }
            Read::Answer(answer) => {
                let view = Arc::new(answer.view());
                let bytes = size_of::<View>() + view.all_lines().count() * LINE_BYTES;
                service.keep_made(&answer, view, bytes as u64);
            }
        }
        Ok(())
    }
}

impl Shop for Whole {
    async fn step(&self, step: Step) -> Result<()> {
        match step {
            Step::Read(cart) => self.read(cart).await?,
            Step::Add(cart, item) => self.change(cart, self.adding(item)?).await?,
            Step::Clear(cart) => self.change(cart, Change::Clear { list: List::Cart, seen: None }).await?,
        }
        Ok(())
    }
}
