//! The notation of the cases: replicas of one cart, and what is done at each.
//!
//! ```text
//! case      = statements, separated by `|`; none is an empty cart
//! statement = replica `:` operation    executed with what that replica shows now as `seen`
//!           | `all:` operation         executed once and known everywhere
//!           | replica `looks` name     remembers what it shows
//!           | replica `with` name `:` operation    executed with a remembered view as `seen`
//!           | replica `<-` replica     hears what the other knows
//!           | `join`                   everybody hears everything
//! operation = `add` [line] n | `set` [line] n | `remove` [line] | `clear` | `clear saved` | `save` [line]
//!           | `unsave` [line] | `note` text | `field` name text | `expire` | `checkout` | `replace` [line n]…
//!           | `refresh` revision | `erase` | `again`    the replica's last operation once more
//! ```
//! Lines are called by name; without one, `book` is meant. The result is `cart / saved`, each either the units of
//! `book` or, as soon as there are others, `book 2, pen 1`.

use crate::{
    Cart, CartId, Day, Dot, Join, Timestamp, WriterId,
    entry::quantity,
    item::{Item, Snapshot},
    line::{Line, List, Sku, Texts},
    operation::{
        Add, AnnotateCart, AnnotateLine, Clear, Consume, Erase, Expire, Move, Operation, Refresh, Remove,
        Replace, Set, Stamp, Wanted,
    },
    quantity::{Quantity, Target},
    seen::Seen,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub(super) const CART: CartId = CartId([7; 16]);
pub(super) const DAY: Day = Day(20_000);

/// Runs a case and compares what is shown once everybody has heard everything.
pub(super) fn check(case: &str, shown: &str) {
    assert_eq!(units(&World::after(case).known()), shown, "after {case}");
}

/// The line of a name, the same in every case.
pub(super) fn line(name: &str) -> Arc<Line> {
    Arc::new(Line::new(Sku::parse(name).unwrap(), Texts::default(), None).unwrap())
}

pub(super) fn item() -> Arc<Item> {
    Arc::new(Item::unknown(Timestamp::default()))
}

/// Both lists of a cart, as the notation writes them.
pub(super) fn units(cart: &Cart) -> String {
    [List::Cart, List::Saved].map(|list| list_of(cart, list)).join(" / ")
}

fn list_of(cart: &Cart, list: List) -> String {
    let lines: BTreeSet<_> = cart.shown().map(|(_, shown)| shown.line.clone()).collect();
    let mut units: BTreeMap<String, u64> = BTreeMap::new();
    for line in lines {
        let shown = cart.shown_of(line.key()).filter(|(_, shown)| shown.list == list);
        let units_of_line = quantity(shown.map(|(_, shown)| (shown.n, shown.entry.group)));
        if units_of_line > 0 {
            units.insert(line.sku().to_string(), units_of_line);
        }
    }
    match (units.len(), units.get("book")) {
        (0, _) => "0".into(),
        (1, Some(n)) => n.to_string(),
        _ => units.iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(", "),
    }
}

/// Replicas of one cart.
pub(super) struct World {
    cart: CartId,
    pub(super) replicas: BTreeMap<String, Cart>,
    views: BTreeMap<String, Seen>,
    last: BTreeMap<String, (Operation, Stamp)>,
    executed: u32,
    /// Units of `book` that checkouts have claimed.
    pub(super) ordered: u64,
}

impl World {
    /// The world after a case. It has the replicas `a` and `b`, and more if the case names them.
    pub(super) fn after(case: &str) -> Self {
        Self::of(CART, case)
    }

    /// The same for a cart of this id.
    pub(super) fn of(cart: CartId, case: &str) -> Self {
        let replicas = ["a", "b"].map(|name| (name.to_owned(), Cart::default())).into();
        let (views, last) = (BTreeMap::new(), BTreeMap::new());
        let mut world = Self { cart, replicas, views, last, executed: 0, ordered: 0 };
        case.split('|').map(str::trim).filter(|it| !it.is_empty()).for_each(|statement| world.run(statement));
        world
    }

    /// What all replicas know together.
    pub(super) fn known(&self) -> Cart {
        self.replicas.values().fold(Cart::default(), |known, cart| known.joined(cart))
    }

    /// What one replica shows.
    pub(super) fn at(&self, replica: &str) -> String {
        units(&self.replicas[replica])
    }

    fn run(&mut self, statement: &str) {
        if statement == "join" {
            let known = self.known();
            self.replicas.values_mut().for_each(|cart| *cart = known.clone());
        } else if let Some((to, from)) = statement.split_once(" <- ") {
            let from = self.replicas[from].clone();
            self.replicas.entry(to.into()).or_default().join(&from);
        } else if let Some((who, name)) = statement.split_once(" looks ") {
            let seen = Seen::of_cart(self.cart, &self.replicas[who], DAY);
            self.views.insert(name.into(), seen);
        } else {
            let (who, operation) = statement.split_once(": ").unwrap_or_else(|| panic!("{statement}"));
            let (who, view) = who.split_once(" with ").map_or((who, None), |(who, view)| (who, Some(view)));
            self.execute(who, view, operation);
        }
    }

    fn execute(&mut self, who: &str, view: Option<&str>, operation: &str) {
        let replica = if who == "all" { "a" } else { who };
        let (operation, stamp) = if operation == "again" {
            self.last[who].clone()
        } else {
            self.executed += 1;
            let now = self.replicas.get(replica).map(|cart| Seen::of_cart(self.cart, cart, DAY));
            let seen = view.map(|view| self.views[view].clone()).or(now);
            let seen = seen.unwrap_or_else(|| Seen::of_cart(self.cart, &Cart::default(), DAY));
            (self.parse(operation, seen), self.stamp(replica))
        };
        let delta = operation.delta(&stamp);
        self.last.insert(who.into(), (operation, stamp));
        if who == "all" {
            self.replicas.values_mut().for_each(|cart| cart.join(&delta));
        } else {
            self.replicas.entry(who.into()).or_default().join(&delta);
        }
    }

    fn stamp(&self, replica: &str) -> Stamp {
        let letters: u64 = replica.bytes().map(u64::from).sum();
        let writer = WriterId(u64::from(self.cart.0[0]) << 32 | letters);
        let at = Timestamp(u64::from(self.executed)).plus_days(DAY.0);
        Stamp { dot: Dot::new(writer, self.executed), origin: self.cart, at }
    }

    fn parse(&mut self, operation: &str, seen: Seen) -> Operation {
        let words: Vec<&str> = operation.split(' ').collect();
        let (verb, rest) = (words[0], &words[1..]);
        let named = rest.first().filter(|word| word.parse::<u32>().is_err());
        let name = named.copied().unwrap_or("book");
        let number = rest.last().and_then(|word| word.parse::<u32>().ok()).unwrap_or(0);
        let key = line(name).key();
        match verb {
            "add" => Operation::Add(Add {
                line: line(name),
                list: List::Cart,
                quantity: Quantity::new(number).unwrap(),
                attributes: None,
                item: item(),
            }),
            "set" => Operation::Set(Set {
                line: line(name),
                list: List::Cart,
                to: Target::new(number).unwrap(),
                item: item(),
                seen,
            }),
            "remove" => Operation::Remove(Remove { line: key, list: List::Cart, seen }),
            "clear" => {
                let list = if rest == ["saved"] { List::Saved } else { List::Cart };
                Operation::Clear(Clear { list, seen })
            }
            "save" => Operation::Move(Move { line: key, to: List::Saved, seen }),
            "unsave" => Operation::Move(Move { line: key, to: List::Cart, seen }),
            "note" => {
                let attributes = [("note".into(), rest.join(" ").into())].into();
                let (line, list) = (line("book").key(), List::Cart);
                Operation::AnnotateLine(AnnotateLine { line, list, attributes: Arc::new(attributes), seen })
            }
            "field" => {
                let value = rest[1..].join(" ");
                let value = (!value.is_empty()).then(|| value.into());
                let fields = [(rest[0].into(), value)].into();
                Operation::AnnotateCart(AnnotateCart { fields, lamport: seen.next_lamport() })
            }
            "expire" => Operation::Expire(Expire { seen }),
            "checkout" => {
                let lines = seen.lines.iter().map(|line| line.quantity(List::Cart));
                self.ordered = lines.sum();
                Operation::Consume(Consume { dots: seen.dots_in(List::Cart).collect() })
            }
            "replace" => {
                let wanted = |pair: &[&str]| {
                    let (line, to) = (line(pair[0]), Target::new(pair[1].parse().unwrap()).unwrap());
                    (line.key(), Wanted { line, to, attributes: None, item: item() })
                };
                Operation::Replace(Replace { lines: rest.chunks(2).map(wanted).collect(), seen })
            }
            "refresh" => {
                let dots = [List::Cart, List::Saved].into_iter().flat_map(|list| seen.dots_in(list));
                let latest = Item { title: format!("revision {number}").into(), ..(*item()).clone() };
                let latest = Snapshot::new(u64::from(number), Arc::new(latest));
                Operation::Refresh(Refresh { dots: dots.collect(), latest })
            }
            "erase" => Operation::Erase(Erase),
            _ => panic!("{operation}"),
        }
    }
}
