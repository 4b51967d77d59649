//! Workload, history and checker together, on a small system of two regions made of the cart crate alone: the checker
//! reports nothing of what works, and finds planted bugs from outside.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use cart::{
    Cart, CartId, Day, Dot, Join, Timestamp, WriterId,
    item::Item,
    line::{Line, List, Sku, Texts},
    operation::{Add, Clear, Move, Operation, Remove, Set, Stamp},
    planted::{self, Bug, plant},
    quantity::{Quantity, Target},
    seen::Seen,
};
use std::sync::Arc;
use testkit::{
    checker::{Finding, Promise, check, tally},
    history::{Asked, Change, History, Outcome, Read, Span},
    random::Random,
    schedule::budget,
    workload::{Act, Mix, Step, Workload},
};

const SESSIONS: usize = 3;

/// Two regions, and what clients saw of them.
struct System {
    regions: [Vec<Cart>; 2],
    history: History,
    /// The last read of each session of each cart, with what the product gave out as seen.
    last: Vec<Option<(usize, Seen)>>,
    random: Random,
    now: u64,
    writers: u64,
}

fn line(number: usize) -> Arc<Line> {
    Arc::new(Line::new(Sku::parse(&format!("line-{number}")).unwrap(), Texts::new(), None).unwrap())
}

impl System {
    fn new(carts: usize, seed: u64) -> Self {
        let regions = [vec![Cart::default(); carts], vec![Cart::default(); carts]];
        let last = vec![None; carts * SESSIONS];
        let (history, random) = (History::default(), Random::new(seed));
        Self { regions, history, last, random, now: 0, writers: 0 }
    }

    fn id(cart: usize) -> CartId {
        CartId([u8::try_from(cart).unwrap(); 16])
    }

    fn span(&mut self) -> Span {
        self.now += 2;
        Span { began: self.now - 1, ended: self.now }
    }

    /// A session stays with its region, so it is shown what it was told.
    fn step(&mut self, step: Step) {
        let region = step.session % 2;
        if self.random.percent(20) {
            let other = self.regions[1 - region][step.cart].clone();
            self.regions[region][step.cart].join(&other);
        }
        match self.operation(step, region) {
            None => self.read(step.cart, step.session, false),
            Some((asked, operation, seen)) => self.change(step, region, asked, &operation, seen),
        }
    }

    fn read(&mut self, cart: usize, session: usize, settled: bool) {
        let span = self.span();
        let state = &self.regions[session % 2][cart];
        let shown = testkit::shown::Shown::of(state);
        let mut units = std::collections::BTreeMap::new();
        for ((key, _), n) in shown.units {
            let names = state.shown().find(|(_, shown)| shown.line.key() == key);
            let name = names.map(|(_, shown)| shown.line.sku().to_string()).unwrap();
            *units.entry(name.into()).or_default() += n;
        }
        let seen = Seen::of_cart(Self::id(cart), state, Day(0));
        self.last[cart * SESSIONS + session] = Some((self.history.reads.len(), seen));
        let (cart, session) = (format!("cart-{cart}").into(), format!("cart-{cart}-{session}").into());
        self.history.reads.push(Read { cart, session, lagging: false, span, units, settled });
    }

    fn operation(&mut self, step: Step, region: usize) -> Option<(Asked, Operation, Option<usize>)> {
        let (read, presented) = self.last[step.cart * SESSIONS + step.session].clone().unzip();
        let state = &self.regions[region][step.cart];
        let id = Self::id(step.cart);
        let item = Arc::new(Item::unknown(Timestamp(0)));
        let name = |number: usize| line(number).sku().to_string().into();
        let seen =
            |number: usize| Seen::line_or_now(presented.clone(), id, state, line(number).key(), Day(0));
        let (asked, operation) = match step.act {
            Act::Read => return None,
            Act::Add { line: number, units } => {
                let (line, quantity) = (line(number), Quantity::new(units).unwrap());
                let add = Add { line, list: List::Cart, quantity, attributes: None, item };
                (Asked::Add { line: name(number), units: units.into() }, Operation::Add(add))
            }
            Act::Set { line: number, to } => {
                let (list, to_target) = (List::Cart, Target::new(to).unwrap());
                let set = Set { line: line(number), list, to: to_target, item, seen: seen(number) };
                (Asked::Set { line: name(number), to: to.into() }, Operation::Set(set))
            }
            Act::Remove { line: number } => {
                let remove = Remove { line: line(number).key(), list: List::Cart, seen: seen(number) };
                (Asked::Remove { line: name(number) }, Operation::Remove(remove))
            }
            Act::Clear => {
                let seen = Seen::cart_or_now(presented.clone(), id, state, Day(0));
                (Asked::Clear, Operation::Clear(Clear { list: List::Cart, seen }))
            }
            Act::Move { line: number } => {
                let to = if self.random.percent(50) { List::Saved } else { List::Cart };
                let moved = Move { line: line(number).key(), to, seen: seen(number) };
                (Asked::Move { line: name(number) }, Operation::Move(moved))
            }
        };
        Some((asked, operation, read))
    }

    fn change(
        &mut self,
        step: Step,
        region: usize,
        asked: Asked,
        operation: &Operation,
        seen: Option<usize>,
    ) {
        let mut span = self.span();
        // Some requests get no answer; some of those were executed.
        let answered = self.random.percent(85);
        if answered || self.random.percent(50) {
            self.execute(step.cart, region, operation, false);
        }
        if answered && step.again {
            let elsewhere = self.random.index(2);
            self.execute(step.cart, elsewhere, operation, true);
            span.ended = self.span().ended;
        }
        let outcome = if answered { Outcome::Acknowledged } else { Outcome::Unknown };
        let session = format!("cart-{}-{}", step.cart, step.session).into();
        let cart = format!("cart-{}", step.cart).into();
        self.history.changes.push(Change { cart, session, asked, seen, span, outcome });
    }

    fn execute(&mut self, cart: usize, region: usize, operation: &Operation, again: bool) {
        if !again || planted::is_on(Bug::P1RetryGetsNewDot) {
            self.writers += 1;
        }
        let dot = Dot::new(WriterId(self.writers), 1);
        let delta = operation.delta(&Stamp { dot, origin: Self::id(cart), at: Timestamp(self.now) });
        self.regions[region][cart].join(&delta);
    }

    /// Everything arrives, and all sessions look.
    fn settle(&mut self) {
        for cart in 0..self.regions[0].len() {
            let both = self.regions[0][cart].joined(&self.regions[1][cart]);
            self.regions.iter_mut().for_each(|region| region[cart] = both.clone());
            (0..SESSIONS).for_each(|session| self.read(cart, session, true));
        }
    }
}

fn findings(mix: Mix, seed: u64) -> Vec<Finding> {
    let mut system = System::new(mix.carts, seed);
    Workload::new(mix, seed).take(250).for_each(|step| system.step(step));
    system.settle();
    check(&system.history)
}

const MIX: Mix = Mix {
    carts: 4,
    sessions: SESSIONS,
    shared_lines: 3,
    own_line_percent: 50,
    read_percent: 40,
    again_percent: 10,
};

#[test]
fn nothing_is_reported_of_a_system_that_works() {
    for seed in 0..budget(60) {
        let findings = findings(MIX, seed);
        assert!(findings.is_empty(), "seed {seed}: {:?}", findings[0]);
    }
}

/// Finds `bug` from outside within a few histories.
fn finds(bug: Bug, promise: Promise) {
    let _planted = plant(bug);
    let found = (0..20).find(|seed| tally(&findings(MIX, *seed)).contains_key(&promise));
    assert!(found.is_some(), "{bug:?} breaks {promise:?}");
}

#[test]
fn a_retry_that_gets_a_new_dot_is_found_from_outside() {
    finds(Bug::P1RetryGetsNewDot, Promise::NothingInvented);
}

#[test]
fn a_removal_of_what_the_server_sees_is_found_from_outside() {
    finds(Bug::P2RemoveKillsWhatServerSees, Promise::NoLostAdd);
}
