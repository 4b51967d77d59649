//! The world of a run: engine, nodes, history and trace, and the way from somebody who asks to a node and back.

use crate::{
    climate::Climate,
    engine::Engine,
    executor::{ExecutionId, Executor, Scope, WORLD},
    history::History,
    node::{Node, shop_currency},
    operator,
    report::{Trace, Violation},
    request::{Asked, SKUS, What, line},
};
use cart::{Timestamp, item::Item, line::Texts, money::Money, operation::Policy};
use futures::channel::oneshot;
use parking_lot::Mutex;
use service::{
    Acknowledged, CartAnswer, Changed, Conditions, Presented, ServiceError,
    carts::{ChangeOutcome, Request},
    catalog::NewItem,
};
use std::sync::Arc;
use storage::WritePath;
use testkit::random::Random;

/// The moment at which every run begins.
const START: Timestamp = Timestamp(20_700 * 24 * 60 * 60 * 1000);

/// Milliseconds in which a service finishes what it does behind an answer.
const BEHIND_MS: u64 = 30 * 60 * 1000;

/// The world.
pub(crate) struct World {
    pub(crate) climate: Climate,
    pub(crate) executor: Executor,
    pub(crate) engine: Arc<Engine>,
    pub(crate) history: Arc<History>,
    pub(crate) regions: usize,
    nodes: Mutex<Vec<Node>>,
    next_scope: Mutex<Scope>,
    random: Mutex<Random>,
    trace: Mutex<Trace>,
    violation: Mutex<Option<Violation>>,
    errands: Mutex<usize>,
}

/// What a node answered.
#[derive(Debug)]
pub(crate) enum Reply {
    Cart(Box<CartAnswer>, Vec<ChangeOutcome>),
    /// It is done, and nobody looked at the cart.
    Unseen(Box<Acknowledged>),
    Claimed {
        answer: Box<CartAnswer>,
        id: String,
        policy: Policy,
        is_decided: bool,
    },
    Done,
}

/// Why there was no reply.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The node said why.
    Refused(ServiceError),
    /// The node died, or the caller gave up.
    Gone,
}

/// One attempt at one node.
pub(crate) struct Attempt {
    pub(crate) execution: ExecutionId,
    pub(crate) reply: Result<Reply, Failure>,
}

impl World {
    pub(crate) fn new(climate: Climate, seed: u64, lines_max: usize) -> Arc<Self> {
        let mut random = Random::new(seed);
        let executor = Executor::new(START.0, Random::new(random.bits()));
        let history = Arc::new(History::default());
        let regions = random.between(climate.regions.0, climate.regions.1) as usize;
        let either = if random.percent(50) { WritePath::Replace } else { WritePath::Append };
        let write_path = climate.write_path.unwrap_or(either);
        let engine_random = Random::new(random.bits());
        let engine =
            Engine::new(executor.clone(), climate, history.clone(), (write_path, regions), engine_random);
        let world = Arc::new(Self {
            climate,
            executor,
            engine,
            history,
            regions,
            nodes: Mutex::default(),
            next_scope: Mutex::new(WORLD + 1),
            random: Mutex::new(random),
            trace: Mutex::new(Trace::new(lines_max)),
            violation: Mutex::default(),
            errands: Mutex::default(),
        });
        for region in 0..regions {
            let nodes = world.random.lock().between(1, climate.nodes_max);
            for _ in 0..nodes {
                let node = world.start_node(region);
                world.nodes.lock().push(node);
            }
        }
        world.note(|| format!("{} with {regions} regions, written by {write_path:?}", climate.name));
        world
    }

    /// A source of chance of its own.
    pub(crate) fn fork(&self) -> Random {
        Random::new(self.random.lock().bits())
    }

    fn start_node(&self, region: usize) -> Node {
        let scope = {
            let mut next = self.next_scope.lock();
            *next += 1;
            *next
        };
        Node::start(&self.engine, &self.executor, (region, scope), self.fork())
    }

    /// Puts what is sold into the catalogue.
    pub(crate) async fn stock(&self) {
        let item = |sku: &&str| NewItem {
            sku: line(sku).sku().clone(),
            revision: Some(1),
            item: Item {
                title: (*sku).into(),
                price: Money::price(250, shop_currency()),
                ..Item::unknown(START)
            },
            attributes: Texts::default(),
        };
        let items: Vec<NewItem> = SKUS.iter().map(item).collect();
        let node = self.some_node(&mut self.fork(), None);
        // The catalogue is one store, so any node that reaches it will do.
        while node.service.put_items(items.clone()).await.is_err() {}
    }

    /// A node, of a region if one is named.
    pub(crate) fn some_node(&self, random: &mut Random, region: Option<usize>) -> Node {
        let nodes = self.nodes.lock();
        let eligible: Vec<&Node> =
            nodes.iter().filter(|node| region.is_none_or(|region| node.region == region)).collect();
        let node = random.pick(&eligible).copied();
        node.cloned().unwrap_or_else(|| unreachable!("every region has a node"))
    }

    /// Kills a node where it stands, and starts it again.
    pub(crate) fn restart_node(&self, random: &mut Random) {
        let index = random.index(self.nodes.lock().len());
        let old = self.nodes.lock()[index].clone();
        self.note(|| format!("a node of region {} dies and starts again", old.region));
        let new = self.start_node(old.region);
        self.nodes.lock()[index] = new;
        self.executor.kill_scope(old.scope);
    }

    /// Asks a node, and waits for its reply as long as `patience_ms`.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        node: &Node,
        asked: &Arc<Asked>,
        patience_ms: Option<u64>,
    ) -> Attempt {
        let execution = self.history.begin(asked.clone(), node.now());
        let (sender, receiver) = oneshot::channel();
        let (world, at, of) = (self.clone(), node.clone(), asked.clone());
        let task = self.executor.spawn(node.scope, Some(execution), async move {
            let reply = world.execute(&at, &of).await;
            sender.send(reply).ok();
        });
        let reply = match patience_ms {
            None => receiver.await.ok(),
            Some(millis) => {
                let over = self.executor.sleep(millis);
                match futures::future::select(receiver, over).await {
                    futures::future::Either::Left((reply, _)) => reply.ok(),
                    futures::future::Either::Right(_) => {
                        self.executor.kill_task(task);
                        None
                    }
                }
            }
        };
        let reply = reply.unwrap_or(Err(Failure::Gone));
        self.note(|| format!("#{execution} region {}: {}", node.region, crate::describe::reply(&reply)));
        Attempt { execution, reply }
    }

    async fn execute(&self, node: &Node, asked: &Asked) -> Result<Reply, Failure> {
        let service = &node.service;
        let presented = Presented { freshness: asked.freshness.clone(), receipt: None };
        let conditions = Conditions { if_match: None, presented };
        let cart = |answer: CartAnswer| Reply::Cart(Box::new(answer), Vec::new());
        let reply = match &asked.what {
            What::Change(identity, change) => {
                let request = Request { address: &asked.address, identity, conditions: &conditions };
                if asked.wants_to_see {
                    service.change(&request, change.clone()).await.map(cart)
                } else {
                    service.change_unseen(&request, change.clone()).await.map(|changed| match changed {
                        Changed::Seen(answer) => cart(*answer),
                        Changed::Unseen(acknowledged) => Reply::Unseen(acknowledged),
                    })
                }
            }
            What::ChangeAll(identity, changes, is_atomic) => {
                let request = Request { address: &asked.address, identity, conditions: &conditions };
                let changes = changes.iter().cloned().map(Ok).collect();
                let done = service.change_all(&request, changes, *is_atomic).await;
                done.map(|(answer, outcomes)| Reply::Cart(Box::new(answer), outcomes))
            }
            What::Read => service.read_own(&asked.address, &conditions.presented).await.map(cart),
            What::Claim(request) => service.claim(request).await.map(|claimed| Reply::Claimed {
                answer: Box::new(claimed.answer),
                is_decided: claimed.receipt.undo_until.is_some(),
                id: claimed.receipt.id,
                policy: claimed.receipt.policy,
            }),
            What::Undo { id, .. } => service.undo_claim(&asked.address, id).await.map(cart),
            What::Expire(cart) => operator::expire(node, *cart).await.map(|()| Reply::Done),
            What::Erase(cart) => operator::erase(node, *cart).await.map(|()| Reply::Done),
        };
        reply.map_err(Failure::Refused)
    }

    /// Starts something that has to end before the world does.
    pub(crate) fn errand(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        *self.errands.lock() += 1;
        let world = self.clone();
        self.executor.spawn(WORLD, None, async move {
            work.await;
            *world.errands.lock() -= 1;
        });
    }

    /// Waits until everything that was started has ended.
    pub(crate) async fn errands_done(&self) {
        while *self.errands.lock() > 0 {
            self.executor.sleep(1_000 + self.climate.weather_ms / 100).await;
        }
    }

    /// Stops all faults and waits until everything has arrived and what services do behind their answers is done.
    pub(crate) async fn calm(&self) {
        self.note(|| "faults stop".into());
        self.engine.calm();
        self.executor.sleep(BEHIND_MS).await;
        while self.engine.under_way() > 0 {
            self.executor.sleep(60_000).await;
        }
        self.note(|| "everything has arrived".into());
    }

    /// Writes a line of the trace.
    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        let passed = self.executor.now() - START.0;
        let line = format!("{:>10}.{:03} {}", passed / 1_000, passed % 1_000, line());
        self.trace.lock().note(line);
    }

    /// A promise was broken; the first to be noticed counts.
    pub(crate) fn violate(&self, violation: Violation) {
        self.note(|| format!("violated: {} {}", violation.promise, violation.what));
        self.violation.lock().get_or_insert(violation);
    }

    pub(crate) fn violation(&self) -> Option<Violation> {
        self.violation.lock().clone()
    }

    pub(crate) fn trace(&self) -> (u64, Vec<String>) {
        let trace = self.trace.lock();
        (trace.hash(), trace.lines())
    }

    /// Milliseconds since the world began.
    pub(crate) fn passed_ms(&self) -> u64 {
        self.executor.now() - START.0
    }
}
