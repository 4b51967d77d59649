//! What can happen in a world, and what must never be.

use crate::{
    explore::{Model, fingerprint},
    setup::{ANN, Faults, GUEST, Other, Setup, dot, owner},
    world::{Actor, AnyMachine, Running, World},
};
use cart::{CartId, Timestamp};
use checkout::{
    Input, Reply, Request, TxId,
    cancel::Cancel,
    coordinator::Coordinator,
    effect::{Payment, Ticket},
    grant::Grant,
    resolver::{Reach, Resolver},
    settings::{Clock, DONE_MS},
    stock::{Rights, StockKey},
    sweeper::Sweeper,
    undo::ClaimUndo,
};
use std::sync::Arc;

/// Whose machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Shopper(usize),
    Other(usize),
    Keeper,
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A shopper asks to check out what the cart shows now, or showed at first.
    Begin {
        shopper: usize,
        is_stale: bool,
    },
    /// A grant, a cancellation or an undo begins.
    Other(usize),
    Sweep(CartId),
    Resolve(StockKey, Reach),
    /// The open question is answered.
    Run(Who),
    /// The payment hook answers this.
    Pay(Who, Payment),
    /// The shopper acts on a payment.
    Acts(TxId, Payment),
    /// The request is lost.
    Lose(Who),
    /// The reply is lost.
    LoseReply(Who),
    /// The request comes later, and its sender is told nothing.
    Delay(Who),
    /// The request comes again later.
    Repeat(Who),
    /// A late request comes.
    Arrive(usize),
    Crash(Who),
    /// The reply is looked at with a clock that is more than a minute fast.
    Jump(Who),
    Pass,
    Prune(StockKey),
}

const MINUTE: u64 = 70_000;

impl Model for Setup {
    type State = World;
    type Action = Action;

    fn initial(&self) -> World {
        World::new(self)
    }

    fn actions(&self, world: &World) -> Vec<Action> {
        let mut actions = Vec::new();
        for (index, actor) in world.shoppers.iter().enumerate() {
            match actor {
                Actor::Idle => self.beginnings(world, index, &mut actions),
                Actor::Running(running) => self.steps(world, Who::Shopper(index), running, &mut actions),
                Actor::Ended => {}
            }
        }
        for (index, actor) in world.others.iter().enumerate() {
            match actor {
                Actor::Idle if self.can_begin(world, self.others[index]) => {
                    actions.push(Action::Other(index));
                }
                Actor::Idle => {}
                Actor::Running(running) => self.steps(world, Who::Other(index), running, &mut actions),
                Actor::Ended => {}
            }
        }
        match &world.keeper {
            Actor::Running(running) => self.steps(world, Who::Keeper, running, &mut actions),
            _ => self.keeping(world, &mut actions),
        }
        actions.extend((0..world.late.len()).map(Action::Arrive));
        let waiting =
            world.payments.iter().filter(|(_, money)| money.answer == Some(Payment::RequiresAction));
        for (tx, _) in waiting {
            actions.push(Action::Acts(*tx, Payment::Authorised));
            actions.push(Action::Acts(*tx, Payment::Declined));
        }
        if world.left.passes > 0 && world.shoppers.iter().any(|actor| !matches!(actor, Actor::Idle)) {
            actions.push(Action::Pass);
        }
        if world.left.prunes > 0 {
            let done = world.stocks.iter().filter(|(_, stock)| !stock.done.is_empty());
            actions.extend(done.map(|(key, _)| Action::Prune(key.clone())));
        }
        actions
    }

    fn act(&self, world: &mut World, action: &Action) {
        match action {
            Action::Begin { shopper, is_stale } => self.begin(world, *shopper, *is_stale),
            Action::Other(index) => {
                let machine = self.other(self.others[*index]);
                world.others[*index] = self.start(world, machine, None);
            }
            Action::Sweep(cart) => {
                let sweeper = Sweeper::new(*cart, None, self.settings);
                world.keeper = self.start(world, AnyMachine::Sweeper(sweeper), None);
            }
            Action::Resolve(key, reach) => {
                let resolver = Resolver::new(key.clone(), *reach, None, self.settings);
                world.keeper = self.start(world, AnyMachine::Resolver(resolver), None);
            }
            Action::Run(who) => self.run(world, *who, world.clock()),
            Action::Jump(who) => {
                world.left.jumps -= 1;
                let now = Timestamp(world.now + MINUTE);
                self.run(world, *who, Clock::at(now));
            }
            Action::Pay(who, payment) => {
                if let Some(Request::Authorise { tx, .. }) = request(world, *who) {
                    world.payments.entry(tx).or_default().answer = Some(*payment);
                }
                self.run(world, *who, world.clock());
            }
            Action::Acts(tx, payment) => world.payments.entry(*tx).or_default().answer = Some(*payment),
            Action::Lose(who) => {
                world.left.losses -= 1;
                self.reply(world, *who, Reply::Unknown, world.clock());
            }
            Action::LoseReply(who) => {
                world.left.losses -= 1;
                self.execute(world, *who);
                self.reply(world, *who, Reply::Unknown, world.clock());
            }
            Action::Delay(who) => {
                world.left.late -= 1;
                let copy = request(world, *who);
                world.late.extend(copy);
                self.reply(world, *who, Reply::Unknown, world.clock());
            }
            Action::Repeat(who) => {
                world.left.late -= 1;
                let copy = request(world, *who);
                world.late.extend(copy);
                self.run(world, *who, world.clock());
            }
            Action::Arrive(index) => {
                let request = world.late.remove(*index);
                world.execute(self, &request, None);
            }
            Action::Crash(who) => {
                world.left.crashes -= 1;
                *slot(world, *who) = Actor::Ended;
            }
            Action::Pass => {
                world.left.passes -= 1;
                world.now += MINUTE;
            }
            Action::Prune(key) => {
                world.left.prunes -= 1;
                let mut stock = (*world.stocks[key]).clone();
                stock.prune(Clock::at(Timestamp(world.now + 2 * DONE_MS)));
                world.stocks.insert(key.clone(), Arc::new(stock));
            }
        }
    }

    fn violation(&self, world: &World) -> Option<String> {
        if let Some(broken) = world.truth.broken {
            return Some(broken.into());
        }
        let oversold = self.oversold(world);
        oversold.or_else(|| self.is_quiet(world).then(|| self.unsettled(world)).flatten())
    }

    fn tell(&self, world: &World, action: &Action) -> String {
        let who = match action {
            Action::Run(who) | Action::Pay(who, _) | Action::Lose(who) | Action::LoseReply(who) => Some(*who),
            Action::Delay(who) | Action::Repeat(who) | Action::Jump(who) => Some(*who),
            _ => None,
        };
        let request = who.and_then(|who| request(&mut world.clone(), who));
        request.map_or(format!("{action:?}"), |request| format!("{action:?}: {request:?}"))
    }

    fn weight(&self, action: &Action) -> u64 {
        match action {
            Action::Crash(_) => 4,
            Action::Pass => 6,
            Action::Lose(_) | Action::LoseReply(_) | Action::Jump(_) => 8,
            Action::Delay(_) | Action::Repeat(_) => 12,
            Action::Sweep(_) | Action::Resolve(..) | Action::Prune(_) => 40,
            _ => 100,
        }
    }
}

impl Setup {
    fn beginnings(&self, world: &World, index: usize, actions: &mut Vec<Action>) {
        let shopper = &self.shoppers[index];
        if let Some(other) = shopper.confirms {
            if world.truth.claimed.contains(&crate::setup::tx(other)) {
                actions.push(Action::Begin { shopper: index, is_stale: false });
            }
            return;
        }
        actions.push(Action::Begin { shopper: index, is_stale: false });
        let all = self.views.get(&shopper.cart).map_or(0, Vec::len);
        if self.is_stale && world.shown(self, shopper.cart).len() < all {
            actions.push(Action::Begin { shopper: index, is_stale: true });
        }
    }

    fn begin(&self, world: &mut World, index: usize, is_stale: bool) {
        let shopper = &self.shoppers[index];
        let machine = match shopper.confirms {
            Some(other) => Coordinator::confirm(shopper.cart, crate::setup::tx(other), self.settings),
            None => {
                let all = self.views.get(&shopper.cart).into_iter().flatten().copied().collect();
                let shown = if is_stale { all } else { world.shown(self, shopper.cart) };
                Coordinator::buy(self.attempt(index, shopper, &shown), self.settings)
            }
        };
        world.shoppers[index] = self.start(world, AnyMachine::Coordinator(machine), Some(index));
    }

    /// Nobody cancels what nobody was told of.
    fn can_begin(&self, world: &World, other: Other) -> bool {
        match other {
            Other::Cancel(shopper) => world.truth.claimed.contains(&crate::setup::tx(shopper)),
            Other::Grant { .. } | Other::Undo => true,
        }
    }

    fn other(&self, other: Other) -> AnyMachine {
        match other {
            Other::Grant { from, to, quantity } => {
                let rights = Rights { from: owner(from), to: owner(to), quantity };
                AnyMachine::Grant(Grant::new(&crate::setup::sku(0), rights, self.settings))
            }
            Other::Cancel(shopper) => {
                let cart = self.shoppers[shopper].cart;
                AnyMachine::Cancel(Cancel::new(cart, crate::setup::tx(shopper), self.settings))
            }
            Other::Undo => {
                let brought = self.views[&GUEST].iter().map(|index| dot(*index)).collect();
                AnyMachine::Undo(ClaimUndo::new(ANN, GUEST, brought, self.settings))
            }
        }
    }

    pub(crate) fn start(&self, world: &mut World, machine: AnyMachine, shopper: Option<usize>) -> Actor {
        let request = Request::PublishOrder(TxId([0; 16])); // replaced by the machine's first question
        let running = Box::new(Running { machine, ticket: Ticket(0), request, shopper });
        let clock = world.clock();
        world.feed(self, running, clock, Input::Start)
    }

    fn steps(&self, world: &World, who: Who, running: &Running, actions: &mut Vec<Action>) {
        let authorises = match &running.request {
            Request::Authorise { tx, .. } => world.payments.get(tx).copied().unwrap_or_default(),
            _ => crate::world::Money { answer: None, is_void: true },
        };
        if authorises.answer.is_none() && !authorises.is_void {
            let all = [Payment::Authorised, Payment::Declined, Payment::RequiresAction];
            actions.extend(all.map(|payment| Action::Pay(who, payment)));
        } else {
            actions.push(Action::Run(who));
        }
        if world.left.jumps > 0 {
            actions.push(Action::Jump(who));
        }
        if world.left.losses > 0 {
            actions.push(Action::Lose(who));
            actions.push(Action::LoseReply(who));
        }
        if world.left.late > 0 && is_late_of_note(&running.request) {
            actions.push(Action::Delay(who));
            actions.push(Action::Repeat(who));
        }
        if world.left.crashes > 0 && who != Who::Keeper {
            actions.push(Action::Crash(who));
        }
    }

    fn keeping(&self, world: &World, actions: &mut Vec<Action>) {
        let now = Timestamp(world.now);
        for (cart, ledger) in &world.ledgers {
            if ledger.due(&self.settings).is_some_and(|due| due < now) {
                actions.push(Action::Sweep(*cart));
            }
        }
        for (key, stock) in &world.stocks {
            if stock.due().is_some_and(|due| due < now) {
                actions.push(Action::Resolve(key.clone(), Reach::Due));
            } else if !self.is_eager && !stock.holds.is_empty() {
                actions.push(Action::Resolve(key.clone(), Reach::All));
            }
        }
    }

    fn execute(&self, world: &mut World, who: Who) -> Reply {
        let shopper = match slot(world, who) {
            Actor::Running(running) => running.shopper,
            _ => None,
        };
        request(world, who).map_or(Reply::Unknown, |request| world.execute(self, &request, shopper))
    }

    fn run(&self, world: &mut World, who: Who, clock: Clock) {
        let reply = self.execute(world, who);
        self.reply(world, who, reply, clock);
    }

    fn reply(&self, world: &mut World, who: Who, reply: Reply, clock: Clock) {
        let actor = std::mem::replace(slot(world, who), Actor::Ended);
        let Actor::Running(running) = actor else { return };
        let input = Input::Reply(running.ticket, reply);
        let after = world.feed(self, running, clock, input);
        let after = if who == Who::Keeper && matches!(after, Actor::Ended) { Actor::Idle } else { after };
        *slot(world, who) = after;
    }

    fn oversold(&self, world: &World) -> Option<String> {
        for sku in [0, 1].map(crate::setup::sku) {
            let rights = || world.stocks.iter().filter(|(key, _)| key.sku == sku && key.owner.is_rights());
            let spent: u64 = rights().map(|(_, stock)| stock.sold + stock.held()).sum();
            if spent > rights().map(|(_, stock)| stock.restocked).sum() {
                return Some(format!("K1: {spent} of `{sku}` sold and held"));
            }
        }
        let mut limits = world.stocks.iter().filter(|(key, _)| !key.owner.is_rights());
        let is_over = limits.any(|(_, stock)| Some(stock.sold + stock.held()) > self.limit);
        is_over.then(|| "K1: a customer's limit was passed".into())
    }

    /// True when everybody is through: what is left is for the sweeper.
    fn is_quiet(&self, world: &World) -> bool {
        let all = || world.shoppers.iter().chain(&world.others);
        let is_over = |actor: &Actor| !matches!(actor, Actor::Running(_));
        all().all(is_over)
            && world.shoppers.iter().any(|actor| matches!(actor, Actor::Ended))
            && !matches!(world.keeper, Actor::Running(_))
    }

    /// What is wrong after the sweeper has been everywhere.
    fn unsettled(&self, world: &World) -> Option<String> {
        let mut world = world.clone();
        world.left = Faults::default();
        if !self.looked_at.borrow_mut().insert(fingerprint(&world)) {
            return None; // how much more could have gone wrong makes no difference now
        }
        self.settle(&mut world);
        while let Some(request) = world.late.pop() {
            world.execute(self, &request, None);
            self.settle(&mut world);
        }
        let broken = world.truth.broken.map(String::from);
        broken.or_else(|| self.left_over(&world)).or_else(|| self.stuck_cart(&world))
    }

    fn settle(&self, world: &mut World) {
        for _ in 0..4 {
            world.now += 16 * 60_000;
            while !matches!(world.keeper, Actor::Idle) {
                self.run(world, Who::Keeper, world.clock());
            }
            let mut actions = Vec::new();
            self.keeping(world, &mut actions);
            for action in actions {
                self.act(world, &action);
                while matches!(world.keeper, Actor::Running(_)) {
                    self.run(world, Who::Keeper, world.clock());
                }
                world.keeper = Actor::Idle;
            }
        }
    }

    fn left_over(&self, world: &World) -> Option<String> {
        for (key, stock) in &world.stocks {
            if let Some(tx) = stock.holds.keys().next() {
                return Some(format!("K3: {tx} still holds {key:?}"));
            }
            let listed: u64 = world.truth.listed.values().filter_map(|holds| holds.get(key)).sum();
            if stock.sold != listed {
                return Some(format!("K2: sold {} where orders list {listed}", stock.sold));
            }
        }
        for ledger in world.ledgers.values() {
            let is_open = ledger.committed.values().any(|order| !order.is_closed);
            if ledger.pending.is_some() || !ledger.aborting.is_empty() || is_open {
                return Some(format!("K3: a ledger is stuck: {ledger:?}"));
            }
        }
        for (tx, money) in &world.payments {
            let is_order = world.truth.listed.contains_key(tx);
            if money.answer == Some(Payment::Authorised) && !is_order && !money.is_void {
                return Some(format!("K6: {tx} is authorised, and neither an order nor void"));
            }
        }
        let is_published = world.truth.listed.keys().all(|tx| world.published.contains(tx));
        (!is_published).then(|| "K4: an order was not published".into())
    }

    /// A cart whose shoppers are refused for ever.
    fn stuck_cart(&self, world: &World) -> Option<String> {
        for (index, shopper) in self.shoppers.iter().enumerate() {
            let mut world = world.clone();
            for stock in world.stocks.values_mut() {
                Arc::make_mut(stock).restocked += 100;
            }
            // Once to be told what is gone, once more to buy or to find nothing.
            for attempt in 0..2 {
                let fresh = crate::setup::Shopper { key: None, ..*shopper };
                let shown = world.shown(self, shopper.cart);
                let number = 10 + attempt * 10 + index;
                let buy = Coordinator::buy(self.attempt(number, &fresh, &shown), self.settings);
                world.shoppers[index] = self.start(&mut world, AnyMachine::Coordinator(buy), Some(index));
                while let Actor::Running(_) = &world.shoppers[index] {
                    let clock = world.clock();
                    self.run(&mut world, Who::Shopper(index), clock);
                }
            }
            let is_moved = world.ledgers.get(&shopper.cart).is_some_and(|ledger| ledger.moved_to.is_some());
            let left = world.shown(self, shopper.cart);
            if !is_moved && self.limit.is_none() && !left.is_empty() {
                let dots: Vec<_> = left.into_iter().map(dot).collect();
                return Some(format!("a cart can never be checked out: {} shows {dots:?}", shopper.cart));
            }
        }
        None
    }
}

/// Requests whose late copy could do something.
fn is_late_of_note(request: &Request) -> bool {
    matches!(
        request,
        Request::WriteLedger { .. }
            | Request::WriteStock { .. }
            | Request::Authorise { .. }
            | Request::Void(_)
    )
}

fn slot(world: &mut World, who: Who) -> &mut Actor {
    match who {
        Who::Shopper(index) => &mut world.shoppers[index],
        Who::Other(index) => &mut world.others[index],
        Who::Keeper => &mut world.keeper,
    }
}

fn request(world: &mut World, who: Who) -> Option<Request> {
    match slot(world, who) {
        Actor::Running(running) => Some(running.request.clone()),
        _ => None,
    }
}
