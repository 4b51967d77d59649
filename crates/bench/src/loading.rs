//! A data directory with so many carts in it, made once and kept for later runs.
//!
//! Carts come in through the service's own import, each durable before it counts, and stand in the index of SKUs. A
//! directory that was interrupted, or that was made by another recipe, or is so old that carts may end in it, is made anew.
//! Runs work on a copy.

use crate::{
    row::rate,
    shop::{self, Wish},
};
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use server::{config::Config, wiring};
use service::{Environment as _, Service};
use std::{
    fs,
    ops::Range,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

/// Changes whenever what is loaded does.
const RECIPE: u32 = 3;
const STAMP: &str = ".loaded.json";
/// Imports under way at once: as many as fill the committer's batches.
const IMPORTS: usize = 512;
const AGE_MAX: Duration = Duration::from_secs(5 * 24 * 60 * 60);
/// Full carts, numbered behind all others.
pub(crate) const FULL_CARTS: u64 = 1_024;

/// A loaded data directory, as its stamp says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Loaded {
    recipe: u32,
    /// Carts imported in a second.
    pub(crate) carts_per_second: f64,
    /// Bytes on disk of the store without its journal, when all was folded and no cart was full.
    pub(crate) settled_bytes: u64,
    /// Bytes of the journal's files, which are used again and again.
    pub(crate) journal_bytes: u64,
    /// Where it is.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
}

/// The folder below `target` with these many carts, made if it is not there.
pub(crate) async fn loaded(target: &Path, carts: u64) -> Result<Loaded> {
    let folder = target.join(format!("data-{carts}"));
    if let Some(loaded) = find(&folder) {
        return Ok(loaded);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("`{}` cannot be removed", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("`{}` cannot be made", folder.display()))?;
    let config = Config { data: folder.clone(), ..Config::default() };
    let wired = wiring::wire(&config).await?;
    let (now, currency) = (wiring::World.now(), wired.service.settings().currency);
    wired.service.put_items(shop::catalogue(currency, now)).await?;
    let start = Instant::now();
    fill(&wired.service, 0..carts, shop::basket).await?;
    let carts_per_second = rate(carts, start.elapsed());
    let engine = wired.engine.embedded().cloned().context("the bench measures the embedded engine")?;
    tokio::task::spawn_blocking(move || engine.fold()).await??;
    let store = folder.join("store");
    let journal_bytes = bytes_on_disk(&store.join("journal"))?;
    let settled_bytes = bytes_on_disk(&store)?.saturating_sub(journal_bytes);
    fill(&wired.service, carts..carts + FULL_CARTS, shop::full).await?;
    // What a start would do for minutes, beside what is measured.
    wired.stop_indexed().await.context("the index of SKUs cannot be made")?;
    let loaded = Loaded { recipe: RECIPE, carts_per_second, settled_bytes, journal_bytes, folder };
    fs::write(loaded.folder.join(STAMP), serde_json::to_string(&loaded)?)?;
    Ok(loaded)
}

/// What stands in a folder, if it is whole, of this recipe and not so old that its carts may end.
fn find(folder: &Path) -> Option<Loaded> {
    let stamp = folder.join(STAMP);
    let age = SystemTime::now().duration_since(fs::metadata(&stamp).ok()?.modified().ok()?).ok()?;
    let loaded: Loaded = serde_json::from_str(&fs::read_to_string(&stamp).ok()?).ok()?;
    (loaded.recipe == RECIPE && age < AGE_MAX).then(|| Loaded { folder: folder.to_owned(), ..loaded })
}

/// Bytes that a folder takes, as the file system counts them.
pub(crate) fn bytes_on_disk(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let metadata = entry?.metadata()?;
        bytes += metadata.blocks() * 512;
    }
    for entry in fs::read_dir(folder)?.flatten().filter(|entry| entry.path().is_dir()) {
        bytes += bytes_on_disk(&entry.path())?;
    }
    Ok(bytes)
}

async fn fill(service: &Arc<Service>, carts: Range<u64>, wishes: fn(u64) -> Vec<Wish>) -> Result<()> {
    let now = wiring::World.now();
    let items = Arc::new(shop::Items::new(service.settings().currency, now));
    let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} carts, {per_sec}, {eta} left")?;
    let progress = ProgressBar::new(carts.end - carts.start).with_style(style).with_message("loading");
    let (next, end) = (Arc::new(AtomicU64::new(carts.start)), carts.end);
    let importers: Vec<_> = (0..IMPORTS)
        .map(|_| {
            let (service, items, next, progress) =
                (Arc::clone(service), Arc::clone(&items), Arc::clone(&next), progress.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end {
                        return Ok::<(), service::ServiceError>(());
                    }
                    let state = shop::state(number, &wishes(number), &items, now);
                    import(&service, number, state).await?;
                    progress.inc(1);
                }
            })
        })
        .collect();
    for importer in importers {
        importer.await?.context("a cart cannot be imported")?;
    }
    progress.finish_and_clear();
    Ok(())
}

/// Imports one cart, waiting where the store has no room yet.
async fn import(service: &Service, number: u64, state: cart::Cart) -> Result<(), service::ServiceError> {
    const PATIENCE: u32 = 600;
    for _ in 0..PATIENCE {
        match service.import(shop::cart_id(number), state.clone(), number).await {
            Err(service::ServiceError::Store(_)) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            other => return other.map(drop),
        }
    }
    service.import(shop::cart_id(number), state, number).await.map(drop)
}

/// A copy of a data directory for one run; what stood there is removed.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to).with_context(|| format!("`{}` cannot be removed", to.display()))?;
    }
    let status = Command::new("cp")
        .args(["--recursive", "--preserve=mode", "--reflink=auto"])
        .arg(from)
        .arg(to)
        .status()?;
    anyhow::ensure!(status.success(), "`{}` cannot be copied", from.display());
    Ok(())
}
