//! A shop to be hurt: a data directory, a small store, a few items, and a crowd of shoppers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::json;

use super::Ground;
use super::api::{Client, Request};
use super::crowd::Crowd;
use super::tab::SKUS;
use crate::process::{Evercart, Running};

const MIB: u64 = 1 << 20;

/// Small enough that folds, compactions and recycled journal files come several times a second.
pub const SMALL_STORE: [(&str, u64); 6] = [
    ("STORE__JOURNAL_SEGMENT_BYTES", MIB),
    ("STORE__JOURNAL_BYTES_MAX", 8 * MIB),
    ("STORE__DIRTY_BYTES_MAX", 4 * MIB),
    ("STORE__CLEAN_BYTES_MAX", 64 << 10),
    ("STORE__BASE_CACHE_BYTES", MIB),
    ("STORE__FOLD_AT_PERCENT", 20),
];

/// Nobody is sent away for asking often, and a busy machine is not a catalogue that is away.
const AROUND: [(&str, u64); 7] = [
    ("RATE__PRINCIPAL_PER_MINUTE", 0),
    ("RATE__ADDRESS_PER_MINUTE", 0),
    ("RATE__SESSIONS_PER_MINUTE", 0),
    ("CATALOG__WAIT_MS", 1000),
    ("STORE__DISK_FREE_BYTES_MIN", 0),
    ("INDEX__CARTS_PER_SECOND", 200),
    ("HTTP__DRAIN_SECONDS", 20),
];

/// A shop.
#[derive(Debug, Clone)]
pub struct Shop {
    /// How its server is started.
    pub evercart: Evercart,
    seed: u64,
}

impl Shop {
    /// A shop with its data in `data` under the ground's folder.
    pub fn new(ground: &Ground) -> Self {
        Self::at(ground, ground.folder.join("data"))
    }

    /// A shop with its data there.
    pub fn at(ground: &Ground, data: PathBuf) -> Self {
        let numbers = SMALL_STORE.iter().chain(&AROUND);
        let mut environment: Vec<(String, String)> =
            numbers.map(|(name, value)| (format!("EVERCART_{name}"), value.to_string())).collect();
        environment.push(("EVERCART_AUTH__LOCAL_ISSUER".to_owned(), "true".to_owned()));
        let logs = ground.folder.join("logs");
        let evercart = Evercart { binary: ground.binary.clone(), data, config: None, logs, environment };
        Self { evercart, seed: ground.seed }
    }

    /// The same shop with a variable more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.evercart.environment.retain(|(known, _)| known != name);
        self.evercart.environment.push((name.to_owned(), value.to_string()));
        self
    }

    /// Starts its server.
    pub async fn serve(&self) -> Result<(Running, Client)> {
        let running = self.evercart.serve().await?;
        let client = Client::new(&running.url)?;
        Ok((running, client))
    }

    /// Starts it for the first time, fills the catalogue and lets shoppers in: some guests, a few who are logged in.
    pub async fn open(&self, guests: usize) -> Result<(Running, Client, Arc<Crowd>)> {
        let (running, client) = self.serve().await?;
        self.fill_catalogue(&client).await?;
        let mut accounts = Vec::new();
        for number in 0..guests.div_ceil(16) {
            accounts.push(self.evercart.token(&["shopper", &format!("shopper-{number}")]).await?);
        }
        let crowd = Crowd::open(&client, guests, accounts, self.seed).await?;
        Ok((running, client, crowd))
    }

    /// Puts the items in that shoppers want.
    pub async fn fill_catalogue(&self, client: &Client) -> Result<()> {
        let service = self.evercart.token(&["service", "--scope", "catalog"]).await?;
        let item = |(number, sku): (usize, &&str)| {
            let price = json!({"amount": 100 * (number + 1), "currency": "GBP"});
            json!({"sku": sku, "title": format!("Thing {sku}"), "revision": 1, "price": price}).to_string()
        };
        let lines: Vec<String> = SKUS.iter().enumerate().map(item).collect();
        let request = Request::new(Method::PUT, "/v1/catalog/items", &service).lines(lines.join("\n"));
        let reply = client.send(&request).await?;
        ensure!(reply.is_done(), "the catalogue is refused with {}", reply.status);
        Ok(())
    }
}

/// All files under a folder, by their path from there, in order.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in
            fs::read_dir(&inside).with_context(|| format!("`{}` cannot be read", inside.display()))?
        {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(folder)?.to_owned());
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Copies a folder as it is, modes included. `to` is made anew.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to).context("an older copy cannot be removed")?;
    }
    fs::create_dir_all(to)?;
    for file in files(from)? {
        let place = to.join(&file);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(from.join(&file), &place)
            .with_context(|| format!("`{}` cannot be copied", file.display()))?;
    }
    Ok(())
}
