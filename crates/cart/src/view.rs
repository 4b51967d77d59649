//! The view: what a shopper is shown of a state.
//!
//! C2: the same rows, at the same instant and with the same catalogue, give the same view, byte for byte, in
//! every region. So lines stand in an order that follows from the state alone: earliest put in first, then by key.

use crate::{
    dot::Dot,
    entry::{Shown, quantity},
    item::{Item, Snapshot},
    line::{Line, LineId, LineKey, List, Sku, Texts},
    money::{Currency, Money},
    seen::{SeenDot, SeenLine},
    state::Cart,
    time::Timestamp,
};
use std::{collections::BTreeSet, sync::Arc};

/// The field that names the cart's one currency.
pub const CURRENCY_FIELD: &str = "currency";

/// What is shown of a cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// What is going to be bought.
    pub lines: Vec<ViewLine>,
    /// Saved for later.
    pub saved: Vec<ViewLine>,
    /// The currency of the cart: its field, else that of the earliest priced line, else the shop's.
    pub currency: Currency,
    /// The sum of the totals of `lines`.
    pub subtotal: Money,
    /// Units in `lines`.
    pub quantity: u64,
    /// When the cart last changed.
    pub updated_at: Timestamp,
}

/// What is shown of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewLine {
    /// Its public id.
    pub id: LineId,
    /// SKU, options and seller.
    pub line: Arc<Line>,
    /// The shopper's notes on it.
    pub attributes: Arc<Texts>,
    /// Units.
    pub quantity: u64,
    /// The item as newly as it is known.
    pub item: Arc<Item>,
    /// The price when it was put in.
    pub price_then: Option<Money>,
    /// What the line costs now. `None` leaves it out of the subtotal, and a notice says why.
    pub total: Option<Money>,
    /// When it was first put in.
    pub added_at: Timestamp,
    /// Its dots, to name in operations.
    pub seen: SeenLine,
    /// What the shopper should know.
    pub notices: Vec<Notice>,
}

/// A notice to the shopper about a line: never an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The price is not what it was when the line was put in.
    PriceChanged {
        /// The price then.
        was: Money,
        /// The price now.
        now: Money,
    },
    /// The shop does not sell it now.
    Withdrawn,
    /// No price is known yet.
    Unpriced,
    /// Its price is in another currency than the cart.
    CurrencyMismatch {
        /// The currency of its price.
        currency: Currency,
    },
    /// Only so many, or not fewer than so many, can be bought at once.
    QuantityClamped {
        /// What would be sold.
        sellable: u64,
    },
    /// None can be bought now.
    OutOfStock,
    /// Few can be bought now, or fewer than are wanted.
    LowStock {
        /// How many.
        available: u64,
    },
    /// A checkout under way is about to buy it, or some of it.
    InCheckout,
}

/// What a view needs beside the state.
pub struct Surroundings<'a> {
    /// The newest item that the catalogue knows of a SKU, stamped with its revision.
    pub newest: &'a dyn Fn(&Sku) -> Option<Snapshot>,
    /// Units of a SKU that can be bought now; `None` where stock is not tracked.
    pub stock: &'a dyn Fn(&Sku) -> Option<u64>,
    /// So few are worth a notice.
    pub low_stock_max: u64,
    /// Dots that a checkout under way has claimed.
    pub claimed: &'a BTreeSet<Dot>,
    /// The shop's currency, for a cart that does not say.
    pub currency: Currency,
}

static NONE_CLAIMED: BTreeSet<Dot> = BTreeSet::new();

impl<'a> Surroundings<'a> {
    /// A shop that tracks no stock, and no checkout under way.
    pub fn of_catalog(newest: &'a dyn Fn(&Sku) -> Option<Snapshot>, currency: Currency) -> Self {
        Self { newest, stock: &|_| None, low_stock_max: 0, claimed: &NONE_CLAIMED, currency }
    }

    /// What is worth saying of the stock of a SKU of which so many are wanted; `None` where there is plenty.
    pub(crate) fn scarce(&self, sku: &Sku, wanted: u64) -> Option<u64> {
        (self.stock)(sku).filter(|available| *available <= self.low_stock_max || *available < wanted)
    }
}

impl View {
    /// What is shown of `cart`.
    pub fn of(cart: &Cart, surroundings: &Surroundings<'_>) -> Self {
        let mut entries: Vec<Place<'_>> = cart
            .shown()
            .map(|(dot, shown)| (LineId { key: shown.line.key(), list: shown.list }, dot, shown))
            .collect();
        entries.sort_by_key(|(id, dot, _)| (*id, *dot));
        let in_both_lists = entries.chunk_by(|a, b| a.0.key == b.0.key);
        let mut lines: Vec<ViewLine> = in_both_lists
            .flat_map(|both| both.chunk_by(|a, b| a.0 == b.0).map(|line| line_of(line, both, surroundings)))
            .collect();
        lines.sort_by_key(|line| (line.added_at, line.id));
        let currency = currency_of(cart, &lines).unwrap_or(surroundings.currency);
        lines.iter_mut().for_each(|line| line.settle(currency, surroundings));
        let (lines, saved): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.id.list == List::Cart);
        let nothing = Money { amount: 0, currency };
        let totals = lines.iter().filter_map(|line| line.total);
        let subtotal = totals.fold(nothing, |sum, total| sum.plus(total).unwrap_or(sum));
        let quantity = lines.iter().map(|line| line.quantity).sum();
        Self { lines, saved, currency, subtotal, quantity, updated_at: cart.touched }
    }

    /// Lines of both lists.
    pub fn all_lines(&self) -> impl Iterator<Item = &ViewLine> {
        self.lines.iter().chain(&self.saved)
    }
}

fn currency_of(cart: &Cart, lines: &[ViewLine]) -> Option<Currency> {
    let field = cart.fields.get(CURRENCY_FIELD).and_then(|field| field.value.as_deref());
    let of_lines = || lines.iter().find_map(|line| line.item.price.map(|price| price.currency));
    field.and_then(Currency::parse).or_else(of_lines)
}

/// An entry where it is shown.
type Place<'a> = (LineId, Dot, Shown<'a>);

/// One line from its entries, which are not empty and of one line and list; `both` are those of the line in both lists.
fn line_of(entries: &[Place<'_>], both: &[Place<'_>], surroundings: &Surroundings<'_>) -> ViewLine {
    let (id, _, first) = &entries[0];
    let added = || entries.iter().filter_map(|(_, _, shown)| shown.entry.added.as_ref());
    let earliest = added().min();
    ViewLine {
        id: *id,
        line: first.line.clone(),
        attributes: attributes_of(entries),
        quantity: quantity(entries.iter().map(|(_, _, shown)| (shown.n, shown.entry.group))),
        item: item_of(entries, first.line.sku(), surroundings),
        price_then: earliest.and_then(|snapshot| snapshot.item.price),
        total: None,
        added_at: Timestamp(earliest.map_or(0, |snapshot| snapshot.stamp)),
        seen: seen_of(id.key, first.line, both),
        notices: Vec::new(),
    }
}

/// The dots of the line in both lists: raises from views that differ in either are different wishes.
fn seen_of(key: LineKey, line: &Arc<Line>, both: &[Place<'_>]) -> SeenLine {
    let seen = both.iter().map(|(_, dot, shown)| SeenDot {
        dot: *dot,
        n: shown.n,
        group: shown.entry.group,
        list: shown.list,
    });
    let mut dots: Vec<SeenDot> = seen.collect();
    dots.sort_unstable();
    SeenLine { key, line: Some(line.clone()), dots }
}

/// The attributes written last; of those given with adds, those of the latest add.
fn attributes_of(entries: &[Place<'_>]) -> Arc<Texts> {
    let written = entries.iter().filter_map(|(_, dot, shown)| {
        let register = shown.entry.attributes.as_ref()?;
        let added = shown.entry.added.as_ref().map_or(0, |snapshot| snapshot.stamp);
        Some(((register.lamport, added, *dot), &register.value))
    });
    written.max_by_key(|(order, _)| *order).map(|(_, texts)| texts.clone()).unwrap_or_default()
}

/// The item as newly as it is known: by the catalogue or the last refresh, else as it was put in. A price that the
/// shop's service quoted for this cart stands, with what else the quote knew.
fn item_of(entries: &[Place<'_>], sku: &Sku, surroundings: &Surroundings<'_>) -> Arc<Item> {
    let added = || entries.iter().filter_map(|(_, _, shown)| shown.entry.added.as_ref());
    let refreshed = entries.iter().filter_map(|(_, _, shown)| shown.entry.latest.as_ref()).max();
    let newest = refreshed.cloned().max((surroundings.newest)(sku)).map(|snapshot| snapshot.item);
    let quoted = added().filter(|snapshot| snapshot.item.quoted).max().map(|snapshot| &snapshot.item);
    match (quoted, newest) {
        (Some(quote), Some(newest)) => Arc::new(under_quote(quote, &newest)),
        (Some(quote), None) => quote.clone(),
        (None, Some(newest)) => newest,
        (None, None) => added()
            .max()
            .map(|snapshot| snapshot.item.clone())
            .unwrap_or_else(|| Arc::new(Item::unknown(Timestamp::default()))),
    }
}

/// What is known now, at the price of a quote, under the title and pictures that the quote had.
fn under_quote(quote: &Item, newest: &Item) -> Item {
    let title = if quote.title.is_empty() { newest.title.clone() } else { quote.title.clone() };
    Item {
        title,
        image: quote.image.clone().or_else(|| newest.image.clone()),
        url: quote.url.clone().or_else(|| newest.url.clone()),
        price: quote.price,
        quoted: true,
        ..newest.clone()
    }
}

impl ViewLine {
    /// Prices the line in the cart's currency and says what the shopper should know.
    fn settle(&mut self, currency: Currency, surroundings: &Surroundings<'_>) {
        let least = self.item.quantity_min.map_or(1, u64::from);
        let most = self.item.quantity_max.map_or(u64::MAX, u64::from).max(least);
        let sellable = self.quantity.clamp(least, most);
        match (self.item.available, self.item.price) {
            (false, _) => self.notices.push(Notice::Withdrawn),
            (true, None) => self.notices.push(Notice::Unpriced),
            (true, Some(price)) if price.currency != currency => {
                self.notices.push(Notice::CurrencyMismatch { currency: price.currency });
            }
            (true, Some(price)) => self.total = Some(price.times(sellable)),
        }
        match surroundings.scarce(self.line.sku(), self.quantity).filter(|_| self.item.available) {
            Some(0) => {
                self.total = None;
                self.notices.push(Notice::OutOfStock);
            }
            Some(available) => self.notices.push(Notice::LowStock { available }),
            None => {}
        }
        if let (Some(was), Some(now)) = (self.price_then, self.item.price)
            && was != now
        {
            self.notices.push(Notice::PriceChanged { was, now });
        }
        if sellable != self.quantity {
            self.notices.push(Notice::QuantityClamped { sellable });
        }
        if self.seen.dots.iter().any(|seen| surroundings.claimed.contains(&seen.dot)) {
            self.notices.push(Notice::InCheckout);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Join,
        id::CartId,
        operation::{Add, Stamp},
        quantity::Quantity,
        state::Cart,
    };

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn pounds(amount: i64) -> Option<Money> {
        Money::price(amount, Currency::parse("GBP").unwrap())
    }

    fn shown(item: Item, newest: Option<Item>) -> ViewLine {
        let line = Arc::new(Line::new(Sku::parse("A").unwrap(), Texts::default(), None).unwrap());
        let quantity = Quantity::new(2).unwrap();
        let add = Add { line, list: List::Cart, quantity, attributes: None, item: Arc::new(item) };
        let stamp = Stamp { dot: Dot::new(crate::WriterId(1), 1), origin: CartId([1; 16]), at: NOW };
        let cart = Cart::default().joined(&add.delta(&stamp));
        let newest = newest.map(|item| Snapshot::new(1, Arc::new(item)));
        let newest = |_: &Sku| newest.clone();
        let surroundings = Surroundings::of_catalog(&newest, Currency::parse("GBP").unwrap());
        View::of(&cart, &surroundings).lines.remove(0)
    }

    /// The line of two units at 2.55 where so many can be bought, and a checkout has claimed these dots.
    fn stocked(available: Option<u64>, claimed: &BTreeSet<Dot>) -> ViewLine {
        let line = Arc::new(Line::new(Sku::parse("A").unwrap(), Texts::default(), None).unwrap());
        let item = Arc::new(Item { price: pounds(255), ..Item::unknown(NOW) });
        let add = Add { line, list: List::Cart, quantity: Quantity::new(2).unwrap(), attributes: None, item };
        let cart = Cart::default().joined(&add.delta(&Stamp { dot: DOT, origin: CartId([1; 16]), at: NOW }));
        let (newest, stock) = (|_: &Sku| None, |_: &Sku| available);
        let of_catalog = Surroundings::of_catalog(&newest, Currency::parse("GBP").unwrap());
        let surroundings = Surroundings { stock: &stock, low_stock_max: 3, claimed, ..of_catalog };
        View::of(&cart, &surroundings).lines.remove(0)
    }

    const DOT: Dot = Dot { writer: crate::WriterId(1), seq: 1 };

    #[test]
    fn what_is_out_of_stock_stays_and_leaves_the_subtotal() {
        let of = |available| {
            let line = stocked(available, &NONE_CLAIMED);
            (line.quantity, line.total.map(|total| total.amount), line.notices)
        };
        assert_eq!(of(None), (2, Some(510), vec![]));
        assert_eq!(of(Some(4)), (2, Some(510), vec![]));
        assert_eq!(of(Some(3)), (2, Some(510), vec![Notice::LowStock { available: 3 }]));
        assert_eq!(of(Some(1)), (2, Some(510), vec![Notice::LowStock { available: 1 }]));
        assert_eq!(of(Some(0)), (2, None, vec![Notice::OutOfStock]));
    }

    #[test]
    fn a_line_that_a_checkout_has_claimed_says_so() {
        assert_eq!(stocked(None, &BTreeSet::from([DOT])).notices, [Notice::InCheckout]);
        assert_eq!(stocked(None, &BTreeSet::from([Dot { seq: 2, ..DOT }])).notices, []);
    }

    #[test]
    fn a_quote_keeps_its_price_and_learns_what_it_did_not_know() {
        let quote = Item { price: pounds(100), quoted: true, ..Item::unknown(NOW) };
        let newest = Item { title: "Tea".into(), price: pounds(300), ..Item::unknown(NOW) };
        let line = shown(quote, Some(newest));
        assert_eq!((line.item.title.as_str(), line.total.map(|total| total.amount)), ("Tea", Some(200)));
        assert_eq!(line.notices, []);
    }

    #[test]
    fn a_quote_does_not_sell_what_is_withdrawn() {
        let quote = Item { price: pounds(100), quoted: true, ..Item::unknown(NOW) };
        let newest = Item { available: false, ..Item::unknown(NOW) };
        let line = shown(quote, Some(newest));
        assert_eq!((line.total, line.notices), (None, vec![Notice::Withdrawn]));
    }

    #[test]
    fn a_changed_price_is_charged_and_told() {
        let then = Item { price: pounds(255), ..Item::unknown(NOW) };
        let now = Item { price: pounds(275), ..Item::unknown(NOW) };
        let line = shown(then, Some(now));
        assert_eq!(line.total.map(|total| total.amount), Some(550));
        let (was, now) = (pounds(255).unwrap(), pounds(275).unwrap());
        assert_eq!(line.notices, [Notice::PriceChanged { was, now }]);
    }

    #[test]
    fn an_item_that_nobody_knows_is_unpriced() {
        let line = shown(Item::unknown(NOW), None);
        assert_eq!((line.total, line.notices), (None, vec![Notice::Unpriced]));
    }
}
