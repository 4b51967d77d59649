//! One coordinator and a store that answers at once: which writes a checkout costs, and that late or repeated replies
//! change nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use cart::{
    CartId, Dot, Timestamp, WriterId,
    item::Item,
    line::{Line, Sku, Texts},
    money::{Currency, Money},
};
use checkout::{
    Answer, Clock, Effect, Input, Ledger, Machine, Order, Reply, Request, Settings, Stock, TxId,
    coordinator::{Attempt, Coordinator},
    effect::{Found, Payment, Placement, Ticket},
    id::RecordVersion,
    order::{OrderLine, Totals},
    stock::{Owner, StockKey},
};
use std::{collections::BTreeMap, sync::Arc};

const CART: CartId = CartId([0x21; 16]);
const TX: TxId = TxId([7; 16]);

fn clock() -> Clock {
    Clock::at(Timestamp(1_790_000_000_000))
}

fn sku(name: &str) -> Sku {
    Sku::parse(name).unwrap()
}

fn gbp(amount: i64) -> Money {
    Money { amount, currency: Currency::parse("GBP").unwrap() }
}

fn attempt(wanted: &[(&str, u64)]) -> Attempt {
    let line = |(name, quantity): &(&str, u64)| OrderLine {
        line: Arc::new(Line::new(sku(name), Texts::new(), None).unwrap()),
        quantity: *quantity,
        unit_price: gbp(100),
        item: Arc::new(Item::unknown(clock().now)),
        attributes: Texts::new(),
    };
    let lines: Vec<OrderLine> = wanted.iter().map(line).collect();
    let order = Order {
        tx: TX,
        cart: CART,
        customer: None,
        dots: [Dot::new(WriterId(1), 1)].into(),
        totals: Totals::of(&lines, gbp(0).currency, 0, 0).unwrap(),
        lines,
        fields: Texts::new(),
        created_at: clock().now,
    };
    let placement = Placement { owners: vec![Owner::home("local", 1)], limit: None };
    Attempt {
        placements: wanted.iter().map(|(name, _)| (sku(name), placement.clone())).collect(),
        order: Arc::new(order),
        origins: BTreeMap::new(),
        merged: [].into(),
        key: None,
        accept_total: None,
    }
}

/// A store, a hook and a cart that do what is asked, and write down what that was.
#[derive(Default)]
struct Shop {
    ledger: Option<Arc<Ledger>>,
    stocks: BTreeMap<StockKey, Arc<Stock>>,
    payment: Option<Payment>,
    log: Vec<&'static str>,
    answers: Vec<Answer>,
}

impl Shop {
    fn of(stock: &[(&str, u64)]) -> Self {
        let key = |name| StockKey::new(sku(name), Owner::home("local", 1));
        let stocks = stock.iter().map(|(name, units)| (key(name), Arc::new(Stock::of(*units))));
        Self { stocks: stocks.collect(), ..Self::default() }
    }

    fn reply(&mut self, request: Request) -> Reply {
        let version = Some(RecordVersion(1));
        let (said, reply) = match request {
            Request::ReadLedger(_) => {
                let found = self.ledger.clone().map(|value| Found { version, value });
                ("read ledger", Reply::Ledger(found.unwrap_or_else(Found::absent)))
            }
            Request::WriteLedger { ledger, .. } => {
                self.ledger = Some(ledger);
                ("write ledger", Reply::Written(RecordVersion(1)))
            }
            Request::ReadStock(key) => {
                let found = self.stocks.get(&key).cloned().map(|value| Found { version, value });
                ("read stock", Reply::Stock(found.unwrap_or_else(Found::absent)))
            }
            Request::WriteStock { key, stock, .. } => {
                self.stocks.insert(key, stock);
                ("write stock", Reply::Written(RecordVersion(1)))
            }
            Request::PutOrder(_) => ("put order", Reply::Done),
            Request::Authorise { .. } => {
                ("authorise", Reply::Payment(self.payment.unwrap_or(Payment::Authorised)))
            }
            Request::Void(_) => ("void", Reply::Done),
            Request::KillDots { .. } => ("kill dots", Reply::Done),
            Request::PublishOrder(_) => ("publish", Reply::Done),
            other => panic!("{other:?}"),
        };
        self.log.push(said);
        reply
    }

    /// Drives a machine to its end; each reply comes twice, and one to an older question in between.
    fn run(&mut self, machine: &mut Coordinator) {
        let mut effects = machine.step(clock(), Input::Start);
        assert!(machine.step(clock(), Input::Start).is_empty());
        while !effects.is_empty() {
            let mut question = None;
            for effect in effects {
                match effect {
                    Effect::Answer(answer) => {
                        self.log.push("answer");
                        self.answers.push(answer);
                    }
                    Effect::Ask(ticket, request) => question = Some((ticket, request)),
                }
            }
            let Some((ticket, request)) = question else { break };
            let reply = self.reply(request);
            assert!(machine.step(clock(), Input::Reply(Ticket(ticket.0 - 1), reply.clone())).is_empty());
            effects = machine.step(clock(), Input::Reply(ticket, reply.clone()));
            let before = machine.clone();
            assert!(machine.step(clock(), Input::Reply(ticket, reply)).is_empty());
            assert_eq!(*machine, before, "repeating an input changes nothing");
        }
        assert!(machine.has_ended());
    }

    fn buy(&mut self, attempt: Attempt, settings: Settings) -> Vec<&'static str> {
        let mut coordinator = Coordinator::buy(attempt, settings);
        let found = self.ledger.clone().map(|value| Found { version: Some(RecordVersion(1)), value });
        coordinator.know_ledger(CART, found.unwrap_or_else(Found::absent));
        for (key, stock) in &self.stocks {
            let found = Found { version: Some(RecordVersion(1)), value: stock.clone() };
            coordinator.know_stock(key.clone(), found);
        }
        self.run(&mut coordinator);
        std::mem::take(&mut self.log)
    }
}

#[test]
fn one_sku_costs_six_writes_and_no_read() {
    let mut shop = Shop::of(&[("book", 3)]);
    let log = shop.buy(attempt(&[("book", 2)]), Settings::default());
    let claim = ["put order", "write ledger", "write stock", "write ledger", "answer"];
    let finish = ["write stock", "kill dots", "publish", "write ledger"];
    assert_eq!(log, [&claim[..], &finish[..]].concat());
    assert_eq!(shop.answers, [Answer::Committed { tx: TX, is_replayed: false }]);
    let stock = shop.stocks.values().next().unwrap();
    assert_eq!((stock.sold, stock.held(), stock.available()), (2, 0, 1));
}

#[test]
fn all_skus_that_are_short_are_named_and_nothing_stays_held() {
    let mut shop = Shop::of(&[("a", 5), ("b", 1), ("c", 0)]);
    shop.buy(attempt(&[("a", 2), ("b", 2), ("c", 1)]), Settings::default());
    let [Answer::OutOfStock { shortages, .. }] = &shop.answers[..] else { panic!("{:?}", shop.answers) };
    let short: Vec<_> = shortages.iter().map(|short| (&*short.sku, short.wanted, short.available)).collect();
    assert_eq!(short, [("b", 2, 1), ("c", 1, 0)]);
    assert!(shop.stocks.values().all(|stock| stock.held() == 0 && stock.sold == 0));
    assert!(shop.ledger.unwrap().aborting.is_empty());
}

#[test]
fn what_is_not_tracked_sells_freely() {
    let mut shop = Shop::default();
    let mut attempt = attempt(&[("book", 900)]);
    attempt.placements.insert(sku("book"), Placement::default());
    shop.buy(attempt, Settings::default());
    assert_eq!(shop.answers, [Answer::Committed { tx: TX, is_replayed: false }]);
}

#[test]
fn a_declined_payment_releases_and_voids_after_the_answer() {
    let settings = Settings { has_payment: true, ..Settings::default() };
    let mut shop = Shop { payment: Some(Payment::Declined), ..Shop::of(&[("book", 3)]) };
    let log = shop.buy(attempt(&[("book", 2)]), settings);
    let begin = ["put order", "write ledger", "write stock", "authorise"];
    let undo = ["write ledger", "write stock", "answer", "void", "write ledger"];
    assert_eq!(log, [&begin[..], &undo[..]].concat());
    assert_eq!(shop.answers, [Answer::Declined { tx: TX }]);
}

#[test]
fn a_shopper_who_must_act_comes_back_to_the_same_attempt() {
    let settings = Settings { has_payment: true, ..Settings::default() };
    let mut shop = Shop { payment: Some(Payment::RequiresAction), ..Shop::of(&[("book", 3)]) };
    shop.buy(attempt(&[("book", 2)]), settings);
    assert_eq!(shop.answers, [Answer::RequiresAction { tx: TX }]);
    let deadline = shop.ledger.as_ref().unwrap().pending.as_ref().unwrap().deadline;
    assert_eq!(deadline, Timestamp(clock().now.0 + 15 * 60_000));
}

#[test]
fn a_total_that_was_not_accepted_claims_nothing() {
    let mut shop = Shop::of(&[("book", 3)]);
    let attempt = Attempt { accept_total: Some(gbp(150)), ..attempt(&[("book", 2)]) };
    let log = shop.buy(attempt, Settings::default());
    assert_eq!((log, shop.answers), (vec!["answer"], vec![Answer::PriceChanged { total: gbp(200) }]));
}

#[test]
fn a_node_whose_clock_is_off_claims_nothing() {
    let mut coordinator = Coordinator::buy(attempt(&[("book", 1)]), Settings::default());
    coordinator.know_ledger(CART, Found::absent());
    let clock = Clock { is_true: false, ..clock() };
    let effects = coordinator.step(clock, Input::Start);
    assert_eq!(effects, [Effect::Answer(Answer::Unavailable { tx: None })]);
}

#[test]
fn a_store_that_is_away_is_said_to_be_unavailable() {
    let mut coordinator = Coordinator::buy(attempt(&[("book", 1)]), Settings::default());
    let mut effects = coordinator.step(clock(), Input::Start);
    let mut asked = 0;
    while let [Effect::Ask(ticket, _)] = effects[..] {
        asked += 1;
        effects = coordinator.step(clock(), Input::Reply(ticket, Reply::Unavailable));
    }
    assert_eq!((asked, &effects[..]), (3, &[Effect::Answer(Answer::Unavailable { tx: None })][..]));
}
