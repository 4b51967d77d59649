//! What is shown of a cart, by the product and by the model, and how the two differ.

use crate::meaning::{Meaning, Minted, units};
use cart::{
    Cart, CartId, Dot,
    line::{LineKey, List, Texts},
    money::Currency,
    view::{Surroundings, View},
};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// Everything of a cart that anybody can notice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The cart was erased; nothing else is shown then.
    pub erased: bool,
    /// Units by line and list.
    pub units: BTreeMap<(LineKey, List), u64>,
    /// The dots behind them.
    pub dots: BTreeMap<Dot, ShownDot>,
    /// Fields; `None` was removed.
    pub fields: BTreeMap<SmolStr, Option<SmolStr>>,
}

/// What is shown of a dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownDot {
    /// Its line and list.
    pub place: (LineKey, List),
    /// Its units.
    pub n: u32,
    /// The cart first addressed.
    pub origin: Option<CartId>,
    /// Its notes.
    pub note: Option<Texts>,
    /// The revision of its item.
    pub revision: Option<u64>,
}

/// Which promise a difference between product and model breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broken {
    /// C3: an operation that was executed left no trace, and nobody took it away.
    LostAdd,
    /// C4: a dot that was killed is shown.
    Resurrection,
    /// A dot is shown that no operation minted.
    Invention,
    /// Units, lists, notes or fields are not what the operations mean.
    Meaning,
    /// One cart's erasure is not another's, and an erased cart shows nothing.
    Erasure,
    /// An acknowledged operation is not shown to who asks where it was acknowledged.
    ReadYourWrites,
    /// C8: the context holds what nobody can speak of any more, or an entry that never becomes whole.
    Size,
}

impl Shown {
    /// What the product shows.
    pub fn of(cart: &Cart) -> Self {
        if cart.erased {
            return Self { erased: true, ..Self::default() };
        }
        let nothing_newer = |_: &cart::line::Sku| None;
        let currency = Currency::parse("USD").unwrap_or_else(|| unreachable!("three capitals"));
        let view = View::of(cart, &Surroundings::of_catalog(&nothing_newer, currency));
        let units = view.all_lines().map(|line| ((line.id.key, line.id.list), line.quantity)).collect();
        let dots = cart.shown().map(|(dot, shown)| {
            let dot_shown = ShownDot {
                place: (shown.line.key(), shown.list),
                n: shown.n,
                origin: shown.entry.origin,
                note: shown.entry.attributes.as_ref().map(|texts| (*texts.value).clone()),
                revision: shown.entry.latest.as_ref().map(|snapshot| snapshot.stamp),
            };
            (dot, dot_shown)
        });
        let fields = cart.fields.iter().map(|(name, field)| (name.clone(), field.value.clone()));
        Self { erased: false, units, dots: dots.collect(), fields: fields.collect() }
    }

    /// What the operations that are known mean together. `here` says of each whether it was executed on the cart
    /// that is shown; what was executed on a guest's cart comes without its say in fields.
    pub fn meant<'a>(known: impl IntoIterator<Item = (&'a Meaning, bool)>) -> Self {
        let mut known: Vec<_> = known.into_iter().collect();
        if known.iter().any(|(meaning, here)| meaning.erased && *here) {
            return Self { erased: true, ..Self::default() };
        }
        known.retain(|(meaning, _)| !meaning.erased);
        let all = || known.iter().map(|(meaning, _)| *meaning);
        let killed: BTreeSet<Dot> = all().flat_map(|meaning| meaning.killed.iter().copied()).collect();
        let live: Vec<&Minted> = all()
            .flat_map(|meaning| &meaning.minted)
            .filter(|minted| !killed.contains(&minted.dot))
            .collect();
        let mut shown = Self::default();
        let mut entries: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for minted in live {
            let dot = dot_meant(minted, &all);
            entries.entry(dot.place).or_default().push((dot.n, minted.wish.as_ref()));
            shown.dots.insert(minted.dot, dot);
        }
        shown.units = entries.into_iter().map(|(place, entries)| (place, units(entries))).collect();
        shown.fields = fields_meant(&known);
        shown
    }

    /// The promise that the product breaks by showing this in place of `meant`, and where.
    pub fn broken(&self, meant: &Self, killed: &BTreeSet<Dot>) -> Option<(Broken, String)> {
        if self.erased != meant.erased {
            return Some((Broken::Erasure, format!("erased: {}, meant: {}", self.erased, meant.erased)));
        }
        if let Some((dot, lost)) = meant.dots.iter().find(|(dot, _)| !self.dots.contains_key(dot)) {
            return Some((Broken::LostAdd, format!("{dot:?} {lost:?}")));
        }
        if let Some((dot, back)) = self.dots.iter().find(|(dot, _)| !meant.dots.contains_key(dot)) {
            let broken = if killed.contains(dot) { Broken::Resurrection } else { Broken::Invention };
            return Some((broken, format!("{dot:?} {back:?}")));
        }
        (self != meant).then(|| (Broken::Meaning, format!("shown {self:?}\n    meant {meant:?}")))
    }
}

fn dot_meant<'a, I: Iterator<Item = &'a Meaning>>(minted: &Minted, all: &impl Fn() -> I) -> ShownDot {
    let first = (0, minted.dot.writer);
    let lowered = all().filter_map(|meaning| meaning.lowered.get(&minted.dot)).min();
    let placed = all().filter_map(|meaning| meaning.placed.get(&minted.dot).copied()).max();
    let noted = all().filter_map(|meaning| meaning.noted.get(&minted.dot).cloned()).max();
    let list = placed.max(Some((first.0, first.1, minted.list))).map_or(minted.list, |(_, _, list)| list);
    let given = minted.note.as_ref().map(|note| (first.0, first.1, note.clone()));
    ShownDot {
        place: (minted.line, list),
        n: lowered.map_or(minted.n, |n| minted.n.min(*n)),
        origin: Some(minted.origin),
        note: noted.max(given).map(|(_, _, note)| note),
        revision: all().filter_map(|meaning| meaning.refreshed.get(&minted.dot).copied()).max(),
    }
}

fn fields_meant(known: &[(&Meaning, bool)]) -> BTreeMap<SmolStr, Option<SmolStr>> {
    let mut written = BTreeMap::new();
    for (meaning, here) in known {
        for (name, (lamport, writer, value)) in &meaning.fields {
            let claim = (if *here { *lamport } else { 0 }, *writer, value.clone());
            let greatest = written.entry(name.clone()).or_insert_with(|| claim.clone());
            *greatest = claim.max(greatest.clone());
        }
    }
    written.into_iter().map(|(name, (_, _, value))| (name, value)).collect()
}
