//! What a world begins with: carts, dots, stock, shoppers, and how much may go wrong.

use cart::{
    CartId, Dot, Timestamp, WriterId,
    item::Item,
    line::{Line, Sku, Texts},
    money::{Currency, Money},
};
use checkout::{
    Order, Settings, TxId,
    coordinator::Attempt,
    effect::{Limit, Placement},
    id::{BodyHash, KeyHash},
    order::{OrderLine, Totals},
    stock::{Owner, StockKey},
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A guest's cart, and the carts of two accounts.
pub(crate) const GUEST: CartId = CartId([0x10; 16]);
pub(crate) const ANN: CartId = CartId([0x21; 16]);
pub(crate) const BOB: CartId = CartId([0x31; 16]);
/// When everything begins.
pub(crate) const BEGIN: u64 = 1_790_000_000_000;

/// A world before anything happened.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) name: &'static str,
    pub(crate) dots: Vec<DotSetup>,
    /// Which dots each cart shows at first.
    pub(crate) views: BTreeMap<CartId, Vec<usize>>,
    pub(crate) merged: BTreeMap<CartId, Vec<CartId>>,
    pub(crate) shoppers: Vec<Shopper>,
    /// Units by SKU and owner.
    pub(crate) stock: Vec<(usize, usize, u64)>,
    /// What the customer may buy of the first SKU.
    pub(crate) limit: Option<u64>,
    pub(crate) settings: Settings,
    pub(crate) faults: Faults,
    /// Grants, cancellations, undos.
    pub(crate) others: Vec<Other>,
    /// True when reads happen at once, which finds the same with fewer states.
    pub(crate) is_eager: bool,
    /// True when a shopper may act on what a cart showed before.
    pub(crate) is_stale: bool,
    /// Quiet worlds that were settled before, by their hash.
    pub(crate) looked_at: RefCell<BTreeSet<u64>>,
}

/// One entry of a cart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DotSetup {
    pub(crate) sku: usize,
    pub(crate) quantity: u64,
    pub(crate) origin: CartId,
}

/// A request to check out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shopper {
    pub(crate) cart: CartId,
    pub(crate) key: Option<u8>,
    /// Owners in order of preference.
    pub(crate) prefers: [usize; 2],
    /// True when it comes back to what another shopper began.
    pub(crate) confirms: Option<usize>,
}

/// What else may happen, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Other {
    /// A grant of units from one owner of the first SKU to another.
    Grant { from: usize, to: usize, quantity: u64 },
    /// The shopper of this number's attempt is cancelled.
    Cancel(usize),
    /// The merge of the guest into Ann's cart is undone.
    Undo,
}

/// How often what may go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    /// A machine stops for ever.
    pub(crate) crashes: u8,
    /// A request or its reply is lost.
    pub(crate) losses: u8,
    /// A copy of a request arrives later.
    pub(crate) late: u8,
    /// One node's clock is wrong for one step.
    pub(crate) jumps: u8,
    /// Everybody is slow: a minute passes.
    pub(crate) passes: u8,
    /// Stock forgets attempts that are over.
    pub(crate) prunes: u8,
}

pub(crate) fn dot(index: usize) -> Dot {
    Dot::new(WriterId(100 + index as u64), 1)
}

pub(crate) fn tx(shopper: usize) -> TxId {
    TxId([u8::try_from(shopper).unwrap() + 1; 16])
}

pub(crate) fn sku(index: usize) -> Sku {
    Sku::parse(["book", "pen"][index]).unwrap()
}

pub(crate) fn owner(index: usize) -> Owner {
    Owner::home(["eu", "us"][index], 1)
}

/// All carts are one customer's, as far as limits go.
pub(crate) fn customer() -> Owner {
    Owner::Customer([5; 16])
}

pub(crate) fn stock_key(sku_index: usize, owner_index: usize) -> StockKey {
    StockKey::new(sku(sku_index), owner(owner_index))
}

impl Setup {
    /// What a shopper asks for when the cart shows these dots.
    pub(crate) fn attempt(&self, index: usize, shopper: &Shopper, shown: &BTreeSet<usize>) -> Attempt {
        let gbp = Currency::parse("GBP").unwrap();
        let lines: Vec<OrderLine> = shown.iter().map(|dot| self.line(self.dots[*dot])).collect();
        let totals = Totals::of(&lines, gbp, 0, 0).unwrap();
        let order = Order {
            tx: tx(index),
            cart: shopper.cart,
            customer: Some(shopper.cart.0),
            lines,
            dots: shown.iter().map(|index| dot(*index)).collect(),
            totals,
            fields: Texts::new(),
            created_at: Timestamp(BEGIN),
        };
        let origins = shown.iter().map(|index| (dot(*index), self.dots[*index].origin));
        let merged = self.merged.get(&shopper.cart).into_iter().flatten().copied().collect();
        Attempt {
            order: Arc::new(order),
            origins: origins.collect(),
            merged,
            key: shopper.key.map(|key| (KeyHash([key; 16]), BodyHash([0; 16]))),
            accept_total: None,
            placements: BTreeMap::new(),
        }
    }

    fn line(&self, dot: DotSetup) -> OrderLine {
        OrderLine {
            line: Arc::new(Line::new(sku(dot.sku), Texts::new(), None).unwrap()),
            quantity: dot.quantity,
            unit_price: Money::price(100, Currency::parse("GBP").unwrap()).unwrap(),
            item: Arc::new(Item::unknown(Timestamp(BEGIN))),
            attributes: Texts::new(),
        }
    }

    /// Where a shopper's SKUs may be held.
    pub(crate) fn placement(&self, shopper: &Shopper, wanted: &Sku) -> Placement {
        let limit = self.limit.filter(|_| *wanted == sku(0));
        Placement {
            owners: shopper.prefers.map(owner).to_vec(),
            limit: limit.map(|bound| Limit { owner: customer(), bound }),
        }
    }
}
