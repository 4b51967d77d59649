//! A made-up shop: its catalogue, and what lies in each of its guests' carts.
//!
//! What always holds: everything follows from a number, so that a cart can be filled, and put back to what it was,
//! without asking the server. The shape of baskets is that of real ones, of which nothing but these figures is here.

use cart::{
    Cart, CartId, Dot, Join, Timestamp, WriterId,
    item::Item,
    line::{Line, List, Sku, Texts},
    money::{Currency, Money},
    operation::{Add, Stamp},
    quantity::Quantity,
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use service::catalog::NewItem;
use std::sync::Arc;

/// Items of the catalogue.
pub(crate) const ITEMS: u32 = 4_000;

/// Of baskets of 3 to 5 lines in a grocer's month (9,835 baskets), how many have 3, 4 and 5.
const LINES: [(usize, u32); 3] = [(3, 1_039), (4, 819), (5, 701)];
/// Of a thousand lines of a gift shop's invoices, how many are of so many units; the rest is rarer.
const UNITS: [(u32, u32); 7] = [(1, 272), (2, 152), (12, 117), (6, 79), (4, 72), (3, 68), (10, 43)];

const COLOURS: [&str; 8] = ["red", "blue", "white", "green", "ivory", "black", "pink", "silver"];
const KINDS: [&str; 8] = [
    "hanging heart lantern",
    "glass star holder",
    "woolly hot water bottle",
    "coat hanger",
    "nesting boxes, set of 7",
    "paper parasol",
    "union flag mug",
    "baking case, pack of 72",
];

/// An item as it lies in a cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Which item.
    pub(crate) item: u32,
    /// How many units.
    pub(crate) units: u32,
}

/// The SKU of an item.
pub(crate) fn sku(item: u32) -> String {
    format!("{}{}", 10_000 + item, char::from(b'A' + u8::try_from(item % 26).unwrap_or_default()))
}

/// What is put into the catalogue.
pub(crate) fn catalogue(currency: Currency, at: Timestamp) -> Vec<NewItem> {
    (0..ITEMS).filter_map(|item| new_item(item, currency, at)).collect()
}

fn new_item(item: u32, currency: Currency, at: Timestamp) -> Option<NewItem> {
    let attributes = Texts::default();
    Some(NewItem {
        sku: Sku::parse(&sku(item))?,
        revision: Some(1),
        item: described(item, currency, at),
        attributes,
    })
}

fn described(item: u32, currency: Currency, at: Timestamp) -> Item {
    let (colour, kind) = (COLOURS[item as usize % COLOURS.len()], KINDS[item as usize / 8 % KINDS.len()]);
    let sku = sku(item);
    Item {
        title: format!("{colour} {kind}, no. {item}").into(),
        image: Some(format!("https://shop.example/images/{sku}.jpg").into()),
        url: Some(format!("https://shop.example/items/{sku}").into()),
        price: Money::price(i64::from(95 + item % 40 * 25), currency),
        ..Item::unknown(at)
    }
}

/// The id of a guest's cart, by number.
pub(crate) fn cart_id(number: u64) -> CartId {
    CartId::guest(seeded(number, 1).random())
}

/// What lies in a cart before anybody shops: distinct items.
pub(crate) fn basket(number: u64) -> Vec<Wish> {
    let mut random = seeded(number, 2);
    let lines = weighted(&LINES, &mut random);
    let mut wishes: Vec<Wish> = Vec::with_capacity(lines);
    while wishes.len() < lines {
        let wish = Wish { item: random.random_range(0..ITEMS), units: weighted(&UNITS, &mut random) };
        if wishes.iter().all(|other| other.item != wish.item) {
            wishes.push(wish);
        }
    }
    wishes
}

/// Lines of a full cart, which is as many as the server allows by default.
pub(crate) const FULL_LINES: u32 = 300;

/// What lies in a full cart: distinct items, and others in each.
pub(crate) fn full(number: u64) -> Vec<Wish> {
    // 13 has no divisor in common with the number of items.
    let first = u32::try_from(number % u64::from(ITEMS)).unwrap_or_default();
    (0..FULL_LINES).map(|line| Wish { item: (first + line * 13) % ITEMS, units: 1 }).collect()
}

/// The state of a cart that holds these, as one visit of a shopper makes it.
pub(crate) fn state(number: u64, wishes: &[Wish], items: &Items, at: Timestamp) -> Cart {
    let (origin, writer) = (cart_id(number), WriterId(seeded(number, 3).random()));
    let mut cart = Cart::default();
    for (wish, seq) in wishes.iter().zip(1..) {
        let stamp = Stamp { dot: Dot::new(writer, seq), origin, at };
        let Some(add) = items.add(*wish) else { continue };
        cart.join(&add.delta(&stamp));
    }
    cart
}

/// The items of the catalogue as adds take them.
pub(crate) struct Items(Vec<(Arc<Line>, Arc<Item>)>);

impl Items {
    pub(crate) fn new(currency: Currency, at: Timestamp) -> Self {
        let line = |item| Line::new(Sku::parse(&sku(item))?, Texts::default(), None).ok();
        Self(
            (0..ITEMS)
                .filter_map(|item| Some((Arc::new(line(item)?), Arc::new(described(item, currency, at)))))
                .collect(),
        )
    }

    /// The line of an item.
    pub(crate) fn line(&self, item: u32) -> Option<Line> {
        self.0.get(item as usize).map(|(line, _)| Line::clone(line))
    }

    fn add(&self, wish: Wish) -> Option<Add> {
        let (line, item) = self.0.get(wish.item as usize)?.clone();
        Some(Add { line, list: List::Cart, quantity: Quantity::new(wish.units)?, attributes: None, item })
    }
}

fn seeded(number: u64, purpose: u64) -> SmallRng {
    SmallRng::seed_from_u64(number ^ (purpose << 56))
}

fn weighted<T: Copy>(choices: &[(T, u32)], random: &mut SmallRng) -> T {
    let all: u32 = choices.iter().map(|(_, weight)| weight).sum();
    let mut at = random.random_range(0..all);
    for (value, weight) in choices {
        if at < *weight {
            return *value;
        }
        at -= weight;
    }
    choices[0].0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cart_is_the_same_whenever_it_is_made_and_unlike_others() {
        let gbp = Currency::parse("GBP").unwrap();
        let items = Items::new(gbp, Timestamp(1));
        let cart = |number| state(number, &basket(number), &items, Timestamp(1));
        assert_eq!(cart(7), cart(7));
        assert_ne!(cart(7), cart(8));
        assert_ne!(cart_id(7), cart_id(8));
        assert_eq!(cart(7).entries.len(), basket(7).len());
    }

    #[test]
    fn a_full_cart_has_distinct_items() {
        let items: std::collections::BTreeSet<_> = full(3_999).iter().map(|wish| wish.item).collect();
        assert_eq!(items.len(), FULL_LINES as usize);
    }

    #[test]
    fn baskets_have_3_to_5_distinct_lines_of_the_catalogue() {
        let mut seen = std::collections::BTreeMap::<usize, u32>::new();
        for number in 0..3_000 {
            let wishes = basket(number);
            let distinct: std::collections::BTreeSet<_> = wishes.iter().map(|wish| wish.item).collect();
            assert_eq!(distinct.len(), wishes.len());
            *seen.entry(wishes.len()).or_default() += 1;
        }
        assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [3, 4, 5]);
        assert!(seen[&3] > seen[&4] && seen[&4] > seen[&5], "{seen:?}");
        assert_eq!(catalogue(Currency::parse("GBP").unwrap(), Timestamp(1)).len(), ITEMS as usize);
    }
}
