//! From configuration to a running service: which engine, under which layers. One file for each phase of a shop's
//! growth.

pub mod engine;
pub mod incarnation;
pub mod phase_0;
pub mod phase_1;
pub mod phase_2;
pub mod phase_3;
pub mod phase_4;
pub mod sku_index;
pub mod slots;

use crate::{
    backup,
    config::{Config, ConfigError, engine::EngineKind},
    hooks::{self, HookSetupError},
    keys::{KeyError, Keys},
};
use cart::Timestamp;
use futures::future::BoxFuture;
use service::{
    Environment, Service, ServiceError, index,
    worker::{expire, fold, refresh, sweep},
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use storage::{Owner, StoreError, layer::asker::as_worker};
use tokio::task::JoinHandle;

/// The real world.
#[derive(Debug, Clone, Copy)]
pub struct World;

impl Environment for World {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn random(&self) -> u64 {
        rand::random()
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(millis)))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}

/// Everything that serves, wired together.
pub struct Wired {
    /// The use cases.
    pub service: Arc<Service>,
    /// The secrets of the shop.
    pub keys: Keys,
    /// Which incarnation of its region it is.
    pub incarnation: u32,
    /// The engine below.
    pub engine: engine::Engine,
    index: sku_index::Index,
    /// What goes on beside requests: the index of SKUs is kept, carts that were left alone are ended, and checkouts that
    /// were left half-way are driven to their end.
    workers: Vec<JoinHandle<()>>,
}

/// Why a server cannot start. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// The configuration does not fit.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The shop's own programs cannot be asked.
    #[error(transparent)]
    Hooks(#[from] HookSetupError),
    /// A restore did not end.
    #[error("a restore into `{data}` did not end: empty that folder, and restore again")]
    Unfinished {
        /// The data directory.
        data: String,
    },
    /// An engine that is a server of its own cannot be used.
    #[error("the engine `{engine}` cannot be used")]
    Engine {
        /// Which.
        engine: &'static str,
        /// Why, and what to do.
        source: storage::error::BoxError,
    },
    /// Slots were asked of an engine that has none.
    #[error(
        "the engine is `{engine}`, and only `postgres` has shards with slots: name the configuration of a shop on \
         PostgreSQL with --config"
    )]
    NoSlots {
        /// Which.
        engine: &'static str,
    },
    /// Slots of shards could not be moved or forgotten.
    #[error(transparent)]
    Slots(storage::error::BoxError),
    /// The store does not open.
    #[error("the store in `{data}` does not open")]
    Store {
        /// The data directory.
        data: String,
        /// Why.
        source: StoreError,
    },
}

impl WiringError {
    /// An error of the store that the configuration names.
    fn of_store(config: &Config, source: StoreError) -> Self {
        match config.engine {
            EngineKind::Embedded => Self::Store { data: config.data.display().to_string(), source },
            other => Self::Engine { engine: other.as_str(), source: source.into() },
        }
    }
}

/// Opens keys and store, and puts the service over them.
pub async fn wire(config: &Config) -> Result<Wired, WiringError> {
    let mut settings = config.settings()?;
    settings.checkout.payments = hooks::payments(&config.checkout)?;
    settings.checkout.pricing = hooks::pricing(&config.checkout)?;
    if config.data.join(backup::restore::UNFINISHED).exists() {
        return Err(WiringError::Unfinished { data: config.data.display().to_string() });
    }
    let keys = Keys::open_or_create(&config.data)?;
    let failed = |source: StoreError| WiringError::of_store(config, source);
    // The clients of some engines are large.
    let engine = Box::pin(engine::open(config)).await?;
    let stores = storage::layer::metrics::measured(engine.stores());
    // A restore takes a new one; a plain start goes on with what there is.
    let incarnation = incarnation::read(&*stores.linear).await.map_err(failed)?;
    settings.checkout.incarnation = incarnation;
    let owner = Owner::new(&config.region, incarnation);
    stores.carts.register(&owner).await.map_err(failed)?;
    let service = Service::new(stores, owner, settings, keys.shop.clone(), Arc::new(World));
    let index = sku_index::open(config, &engine).await;
    service.keep_index(index.skus.clone(), config.index.settings(), index.scanned_at().await);
    if !service.check_counted().await.map_err(failed)? {
        tracing::warn!("checkout is off: this store was restored, and its stock must be counted first");
    }
    let workers = start_workers(&service);
    Ok(Wired { service, keys, incarnation, engine, index, workers })
}

fn start_workers(service: &Arc<Service>) -> Vec<JoinHandle<()>> {
    let service = || Arc::downgrade(service);
    vec![
        tokio::spawn(as_worker(index::run(service()))),
        tokio::spawn(as_worker(expire::run(service()))),
        tokio::spawn(as_worker(refresh::run(service()))),
        tokio::spawn(as_worker(fold::run(service()))),
        tokio::spawn(as_worker(sweep::run(service()))),
    ]
}

impl Wired {
    /// Stops what goes on beside requests, wherever it is, and leaves the index of SKUs as the next start wants it.
    pub async fn stop(mut self) {
        self.stop_workers().await;
        self.index.rest(&self.service).await;
    }

    /// The same once all carts stand in the index of SKUs, however long that takes.
    ///
    /// # Errors
    /// Where carts cannot be read, or the index cannot be written.
    pub async fn stop_indexed(mut self) -> Result<(), ServiceError> {
        self.stop_workers().await;
        self.service.scan_into_index().await?;
        self.stop().await;
        Ok(())
    }

    async fn stop_workers(&mut self) {
        for worker in std::mem::take(&mut self.workers) {
            worker.abort();
            drop(worker.await); // that it was stopped
        }
    }
}
