//! What evercart does for its callers, over any storage engine.
//!
//! The service joins the pure `cart` crate with a store: it queues operations on one cart behind each other
//! ([`lane`]), loads and joins rows ([`read_path`]), writes deltas ([`write_path`]), and answers with all that an
//! edge needs to show a cart. It knows no HTTP, no SQL, and no engine by name; clock, randomness and tasks come in
//! through [`environment::Environment`], so that a simulation drives the very same code.
//!
//! Always true: nothing on the way of an add waits for anything but the store, and for the catalogue copy only as
//! long as the settings allow; reads never write.

pub mod answer;
pub mod carts;
pub mod catalog;
pub mod checkout;
pub mod claims;
pub mod environment;
pub mod error;
pub mod identity;
pub mod index;
pub mod inventory;
pub mod known;
pub mod lane;
mod load;
#[cfg(feature = "proof")]
pub mod proof;
pub mod read_path;
pub mod sessions;
pub mod settings;
pub mod subjects;
pub mod transfer;
pub mod worker;
pub mod write_path;

use cart::id::ShopKey;
use std::sync::{Arc, Weak};
use storage::{Owner, Stores};

pub use answer::{CartAnswer, CartNotice, Kind};
pub use carts::{AddRequest, LineChange, LineOperation, Quote};
pub use claims::{Claimed, MergeReceipt};
pub use environment::Environment;
pub use error::ServiceError;
pub use identity::{Conditions, Identity, Presented};
pub use known::made::Read;
pub use sessions::{CartAddress, Principal};
pub use settings::Settings;
pub use storage::capabilities::Durability;
pub use subjects::{CartList, CartSummary};
pub use write_path::unseen::{Acknowledged, Changed};

/// The service of one node.
pub struct Service {
    stores: Stores,
    owner: Owner,
    settings: Settings,
    shop_key: ShopKey,
    environment: Arc<dyn Environment>,
    lanes: lane::Lanes,
    catalog: catalog::Catalog,
    known: known::KnownCarts,
    index: std::sync::OnceLock<index::CartIndex>,
    checkout: checkout::Checkouts,
    names: subjects::names::Names,
    /// For what goes on behind an answer.
    me: Weak<Self>,
}

impl Service {
    /// A service over stores, writing rows as `owner`, which must be registered already. The carts of accounts are
    /// named with `shop_key`, which never changes.
    pub fn new(
        stores: Stores,
        owner: Owner,
        settings: Settings,
        shop_key: ShopKey,
        environment: Arc<dyn Environment>,
    ) -> Arc<Self> {
        let lanes = lane::Lanes::new(settings.lanes_max);
        let catalog = catalog::Catalog::new(stores.catalog.clone(), environment.clone(), &settings);
        let known = known::KnownCarts::new(settings.decoded_bytes_max);
        let names = subjects::names::Names::new();
        let index = std::sync::OnceLock::new();
        let checkout = checkout::Checkouts::new(settings.checkout.clone(), environment.clone());
        Arc::new_cyclic(|me| Self {
            stores,
            owner,
            settings,
            shop_key,
            environment,
            lanes,
            catalog,
            known,
            index,
            checkout,
            names,
            me: me.clone(),
        })
    }

    /// What the shop decided.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The shop's items.
    pub fn catalog(&self) -> &catalog::Catalog {
        &self.catalog
    }

    /// The stores below, for readiness checks.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("owner", &self.owner).finish_non_exhaustive()
    }
}
