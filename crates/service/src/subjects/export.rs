//! All that is stored of a subject: its carts, the merges that brought guests' carts into them, and its orders, which are
//! kept when it is erased.

use super::Current;
use crate::{
    Service,
    answer::{CartAnswer, Kind},
    claims::MergeReceipt,
    error::ServiceError,
    load::Loaded,
    read_path::Outcome,
};
use cart::{Cart, CartId, Day, Timestamp, id::SubjectId};
use checkout::Order;
use smol_str::SmolStr;
use std::sync::Arc;
use storage::{Consistency, LinearTable};

/// What is stored of a subject.
#[derive(Clone, Debug)]
pub struct ExportedSubject {
    /// Its carts in the current generation.
    pub carts: Vec<ExportedCart>,
    /// What it bought, newest first: also before it was erased.
    pub orders: Vec<Arc<Order>>,
    /// How often it was erased before.
    pub erasures: u32,
    /// When last; zero if never.
    pub erased_at: Timestamp,
}

/// A cart with the merges into it.
#[derive(Clone, Debug)]
pub struct ExportedCart {
    /// The name under which its owner finds it.
    pub name: SmolStr,
    /// The cart as its owner sees it.
    pub cart: CartAnswer,
    /// The guests' carts that were merged into it.
    pub merges: Vec<ExportedMerge>,
}

/// A merge of a guest's cart.
#[derive(Clone, Debug)]
pub struct ExportedMerge {
    /// The last day on which it was said.
    pub day: Day,
    /// What was decided; `None` when no record of it is left.
    pub receipt: Option<MergeReceipt>,
    /// What the guest's own rows still hold.
    pub guest: Option<CartAnswer>,
}

impl Service {
    /// Everything that is stored of a subject.
    pub async fn export_subject(&self, subject: &str) -> Result<ExportedSubject, ServiceError> {
        let id = SubjectId::of(&self.shop_key, subject);
        let waiting = self.waiting_names(id);
        let remembered = self.subject(id).await?;
        let mut carts = Vec::new();
        for name in self.names_of(id, waiting, &remembered) {
            let Current { cart, loaded } = self.current(subject, &name, Consistency::Strong).await?;
            if loaded.state.is_untouched() {
                continue;
            }
            let merges = self.merges_of(cart, &loaded.state).await?;
            let cart = self.exported(cart, Kind::Account, loaded).await;
            carts.push(ExportedCart { name, cart, merges });
        }
        let guests = carts.iter().flat_map(|exported| exported.cart.state.merged.keys().copied());
        let bought_as = carts.iter().map(|exported| exported.cart.cart).chain(guests).collect::<Vec<_>>();
        let orders = self.orders_of_subject(id, bought_as.into_iter()).await?;
        let (erasures, erased_at) = (remembered.erasures, remembered.erased_at);
        Ok(ExportedSubject { carts, orders, erasures, erased_at })
    }

    async fn merges_of(&self, account: CartId, state: &Cart) -> Result<Vec<ExportedMerge>, ServiceError> {
        let mut merges = Vec::new();
        for (guest, day) in &state.merged {
            let key = crate::claims::record_key(account, *guest);
            let record = self.stores.linear.read(LinearTable::Merge, &key).await?;
            let record =
                record.map(|record| crate::claims::decode_record(&record.bytes, *guest)).transpose()?;
            let receipt = record.map(|record| MergeReceipt::of(*guest, record));
            let loaded = self.load(*guest, Consistency::Strong).await?;
            let guest = match loaded.state.erased || loaded.state.is_untouched() {
                true => None,
                false => Some(self.exported(*guest, Kind::Guest, loaded).await),
            };
            merges.push(ExportedMerge { day: *day, receipt, guest });
        }
        Ok(merges)
    }

    async fn exported(&self, cart: CartId, kind: Kind, loaded: Loaded) -> CartAnswer {
        let outcome = Outcome { cart, loaded, dot: None, lagging: false, replayed: false, receipt: None };
        CartAnswer { kind: Some(kind), ..self.answer(outcome).await }
    }
}
