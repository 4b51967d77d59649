//! What machines ask of the world, and what comes back.
//!
//! A machine asks one thing at a time. Each question has a ticket; an answer to another ticket than the open one is
//! late or repeated, and is ignored. A write whose outcome is [`Reply::Unknown`] is settled by reading again, so a
//! driver may give that answer whenever it is not sure.

use crate::{
    answer::Answer,
    id::{RecordVersion, TxId},
    ledger::Ledger,
    order::Order,
    stock::{Owner, Stock, StockKey},
};
use cart::{CartId, Dot, line::Sku, money::Money};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Numbers the questions of one machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u32);

/// What must now happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Ask this and give the reply to the machine, with the ticket.
    Ask(Ticket, Request),
    /// Tell whoever started the machine. The machine may go on afterwards.
    Answer(Answer),
}

/// What is given to a machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// Begin.
    Start,
    /// The reply to a question.
    Reply(Ticket, Reply),
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Found<R> {
    /// Which write this is; `None` while there is no record.
    pub version: Option<RecordVersion>,
    /// What it says; the default while there is no record.
    pub value: Arc<R>,
}

/// A question to the world. Reads are linearizable. Writes are conditional: on the version that is given, or on
/// there being no record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// The ledger of a cart: [`Reply::Ledger`].
    ReadLedger(CartId),
    /// The ledger of a cart from some replica: what no machine asks unless a bug is planted.
    #[cfg(feature = "planted-bugs")]
    ReadStaleLedger(CartId),
    /// [`Reply::Written`], or the newer record. Store it with [`Ledger::due`].
    WriteLedger {
        /// Of which cart.
        cart: CartId,
        /// The version that it replaces.
        expected: Option<RecordVersion>,
        /// What to write.
        ledger: Arc<Ledger>,
    },
    /// Stock of a SKU at an owner: [`Reply::Stock`].
    ReadStock(StockKey),
    /// [`Reply::Written`], or the newer record. Store it with [`Stock::due`].
    WriteStock {
        /// Which record.
        key: StockKey,
        /// The version that it replaces.
        expected: Option<RecordVersion>,
        /// What to write.
        stock: Arc<Stock>,
    },
    /// Insert if absent: [`Reply::Done`], or [`Reply::Order`] with the one that is there.
    PutOrder(Arc<Order>),
    /// [`Reply::Order`].
    ReadOrder(TxId),
    /// Where SKUs may be held for a cart: [`Reply::Owners`].
    FindOwners {
        /// For which cart.
        cart: CartId,
        /// For which attempt.
        tx: TxId,
        /// Of what.
        skus: Vec<Sku>,
    },
    /// Ask for the money, under the key `tx`: [`Reply::Payment`]. Asked again it answers the same.
    Authorise {
        /// The key.
        tx: TxId,
        /// How much.
        total: Money,
    },
    /// Give the money back, and refuse every later authorisation of this key: [`Reply::Done`].
    Void(TxId),
    /// Kill these dots in the cart's own row: [`Reply::Done`].
    KillDots {
        /// In which cart.
        cart: CartId,
        /// Which.
        dots: BTreeSet<Dot>,
        /// Why.
        why: KillReason,
    },
    /// Publish the event of an order, once for each `tx`: [`Reply::Done`].
    PublishOrder(TxId),
}

/// Why a checkout takes dots out of a cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KillReason {
    /// This order bought them.
    Bought(TxId),
    /// They were bought or returned before, or are another account's.
    TakenElsewhere,
}

/// A reply of the world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// A ledger as it is now: to a read, and to a write that came too late.
    Ledger(Found<Ledger>),
    /// A stock record as it is now: to a read, and to a write that came too late.
    Stock(Found<Stock>),
    /// The write is the record now, in this version.
    Written(RecordVersion),
    /// An order, if there is one.
    Order(Option<Arc<Order>>),
    /// Where SKUs may be held. A SKU that is not named is not tracked.
    Owners(BTreeMap<Sku, Placement>),
    /// What the payment hook says.
    Payment(Payment),
    /// It is done.
    Done,
    /// It may have happened, or may still.
    Unknown,
    /// It did not happen.
    Unavailable,
}

/// Where a SKU may be held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Placement {
    /// Owners in order of preference; a quantity may be split over them. None: the SKU is not tracked.
    pub owners: Vec<Owner>,
    /// How much the customer may buy in all.
    pub limit: Option<Limit>,
}

/// The bound of one customer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    /// The customer, as an owner of what may still be bought.
    pub owner: Owner,
    /// Units in all.
    pub bound: u64,
}

/// What the payment hook says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payment {
    /// The money is set aside.
    Authorised,
    /// It is not.
    Declined,
    /// The shopper must do something first.
    RequiresAction,
}

impl<R: Default> Found<R> {
    /// There is no record.
    pub fn absent() -> Self {
        Self { version: None, value: Arc::new(R::default()) }
    }
}
