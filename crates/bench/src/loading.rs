//! A data directory with so many carts in it, made once and kept for later runs.
//!
//! Carts come in through the service's own import, each durable before it counts. A directory that was interrupted, or
//! that was made by another recipe, or is so old that carts may end in it, is made anew. Runs work on a copy.

use crate::shop;
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use server::{config::Config, wiring};
use service::{Environment as _, Service};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

/// Changes whenever what is loaded does.
const RECIPE: &str = "1";
const STAMP: &str = ".loaded";
/// Imports under way at once: as many as fill the committer's batches.
const IMPORTS: usize = 512;
const AGE_MAX: Duration = Duration::from_secs(5 * 24 * 60 * 60);

/// A loaded data directory.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Where it is.
    pub(crate) folder: PathBuf,
    /// Carts imported in a second, where that was done now.
    pub(crate) carts_per_second: Option<f64>,
}

/// The folder below `target` with these many carts, made if it is not there.
pub(crate) async fn loaded(target: &Path, carts: u64) -> Result<Loaded> {
    let folder = target.join(format!("data-{carts}"));
    if is_whole(&folder) {
        return Ok(Loaded { folder, carts_per_second: None });
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("`{}` cannot be removed", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("`{}` cannot be made", folder.display()))?;
    let config = Config { data: folder.clone(), ..Config::default() };
    let wired = wiring::wire(&config).await?;
    let start = Instant::now();
    fill(&wired.service, carts).await?;
    #[expect(clippy::cast_precision_loss, reason = "a count of carts is far below 2^52")]
    let carts_per_second = carts as f64 / start.elapsed().as_secs_f64();
    wired.stop().await;
    fs::write(folder.join(STAMP), RECIPE)?;
    Ok(Loaded { folder, carts_per_second: Some(carts_per_second) })
}

fn is_whole(folder: &Path) -> bool {
    let stamp = folder.join(STAMP);
    let age = |path| SystemTime::now().duration_since(fs::metadata(path).ok()?.modified().ok()?).ok();
    fs::read_to_string(&stamp).is_ok_and(|recipe| recipe == RECIPE)
        && age(&stamp).is_some_and(|age| age < AGE_MAX)
}

async fn fill(service: &Arc<Service>, carts: u64) -> Result<()> {
    let (now, currency) = (wiring::World.now(), service.settings().currency);
    service.catalog().put(shop::catalogue(currency, now)).await?;
    let items = Arc::new(shop::Items::new(currency, now));
    let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} carts, {per_sec}, {eta} left")?;
    let progress = ProgressBar::new(carts).with_style(style).with_message("loading");
    let next = Arc::new(AtomicU64::new(0));
    let importers: Vec<_> = (0..IMPORTS)
        .map(|_| {
            let (service, items, next, progress) =
                (Arc::clone(service), Arc::clone(&items), Arc::clone(&next), progress.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= carts {
                        return Ok::<(), service::ServiceError>(());
                    }
                    let state = shop::state(number, &shop::basket(number), &items, now);
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
