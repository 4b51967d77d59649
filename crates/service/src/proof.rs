//! The proof of a checkout over any stores: one shop after the other, with a fault at each of its steps in turn. It fails
//! before or after it was applied, it comes twice, or the process stops there; or nothing answers from there on.
//!
//! A step is a request to a store or to the payment hook. K1, K2, K4, K5 and K6 are looked at before steps; K3 once time
//! has passed and the sweeper was there. Then everything is asked again under the same keys: what was acknowledged is
//! answered again, and every unit that was wished for is in one order or still in a cart.
//!
//! Time is tokio's paused clock and chance is a counter, so a play over the same stores is the same play. Stores must answer
//! at once: those in memory do, and those of a server do whose callers wait for it. Deliberately absent: several requests
//! that are inside an engine at the same time, which its own conformance is about.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a proof: what does not hold panics, and what is played is said"
)]

mod bank;
mod books;
mod environment;
pub mod gate;
mod plot;
mod shopper;
pub mod world;

pub use bank::Mood;
pub use plot::Plot;

use crate::{Environment as _, Service};
use books::Books;
use plot::{Played, Stage, bought};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use storage::{Stores, layer::fault::Fault};
use tokio::sync::Notify;

const SKUS: [&str; 4] = ["A", "B", "C", "D"];
/// Longer than any claim stands.
const DEADLINE_MS: u64 = 16 * 60 * 1_000;
/// Whoever is not answered by then is not.
const PATIENCE_MS: u64 = 30_000;

/// What happens at one step.
#[derive(Clone, Copy, Debug)]
enum Blow {
    None,
    At(usize, Fault),
    /// From this step on nothing is applied.
    AwayFrom(usize),
}

impl Blow {
    /// True at the step where it falls, and at the one behind that.
    fn is_near(self, step: usize) -> bool {
        match self {
            Self::None => false,
            Self::At(at, _) | Self::AwayFrom(at) => at == step || at + 1 == step,
        }
    }

    fn fault(self, step: usize) -> Fault {
        match self {
            Self::At(at, fault) if at == step => fault,
            Self::AwayFrom(at) if at <= step => Fault::Before,
            _ => Fault::None,
        }
    }
}

/// How much is played.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// One in so many blows falls, counted through steps and kinds of blows; 1 is every one. Six kinds come in turn, so
    /// that a number without 2 and 3 in it deals all of them.
    pub one_in: usize,
    /// Records are looked at before every step, and not only where the blow falls and at rest.
    pub looks_always: bool,
}

impl Extent {
    /// Everything.
    pub const ALL: Self = Self { one_in: 1, looks_always: true };
}

/// Looks at all records before a step, and lets the blow fall; counts the steps.
fn arm(stage: &Stage, blow: Blow, looks_always: bool) -> (Arc<AtomicUsize>, Arc<Notify>) {
    let (steps, stopped) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (counted, stops) = (steps.clone(), stopped.clone());
    let (stores, carts, bank) = (stage.world.stores.clone(), stage.carts.clone(), stage.bank.clone());
    stage.world.faults.set(move |_| {
        let step = counted.fetch_add(1, Ordering::Relaxed) + 1;
        let fault = blow.fault(step);
        if looks_always || blow.is_near(step) {
            Books::read(&stores, &carts, &SKUS).always_hold(bank.as_deref());
        }
        if matches!(fault, Fault::StopBefore | Fault::StopAfter) {
            stops.notify_one();
        }
        fault
    });
    (steps, stopped)
}

/// Plays with a blow; returns the number of steps and what people were told.
async fn play(stage: &Stage, blow: Blow, looks_always: bool) -> (usize, Played, Arc<Service>) {
    let (steps, stopped) = arm(stage, blow, looks_always);
    let (service, environment) = (&stage.world.service, &stage.world.environment);
    let mut played = None;
    // What goes on behind an answer is part of it.
    let whole = async {
        played = Some(stage.play(service).await);
        environment.settle().await;
    };
    let is_killed = tokio::select! {
        biased;
        () = whole => false,
        () = stopped.notified() => true,
        () = environment.sleep(PATIENCE_MS) => true,
    };
    let steps = steps.load(Ordering::Relaxed);
    if is_killed {
        environment.abort();
    }
    arm(stage, Blow::None, looks_always);
    // A process that was killed is not the one that goes on.
    let survivor = if is_killed { stage.world.another_node() } else { service.clone() };
    (steps, played.unwrap_or_default(), survivor)
}

/// Time passes, and the sweeper comes by: then nothing is under way any more.
async fn rest(stage: &Stage, service: &Arc<Service>) -> Books {
    stage.world.environment.sleep(DEADLINE_MS).await;
    for _ in 0..2 {
        service.sweep().await.unwrap();
    }
    let books = Books::read(&stage.world.stores, &stage.carts, &SKUS);
    books.always_hold(stage.bank.as_deref());
    books.are_at_rest(stage.bank.as_deref());
    books
}

/// One plot with one blow, to its end. Returns the number of steps.
async fn survives(plot: Plot, blow: Blow, stores: Stores, looks_always: bool) -> usize {
    let stage = Stage::set(plot, stores).await;
    let (steps, first, service) = play(&stage, blow, looks_always).await;
    let books = rest(&stage, &service).await;
    for tx in &first.orders {
        assert!(books.happened().any(|order| order.tx == *tx), "K4: {tx} was acknowledged");
    }
    let mut again = Played::default();
    tokio::select! {
        played = stage.play(&service) => again = played,
        () = stage.world.environment.sleep(PATIENCE_MS) => {}
    }
    let books = rest(&stage, &service).await;
    for tx in &first.orders {
        assert!(again.orders.contains(tx), "{tx} is answered again, not {:?}", again.orders);
    }
    agree(&stage, &service, &again, &books).await;
    steps
}

/// What people see and have bought is what they wished for; and their orders are listed.
async fn agree(stage: &Stage, service: &Arc<Service>, played: &Played, books: &Books) {
    let mut found = books.bought();
    let mut listed = 0;
    for shopper in stage.shoppers(played) {
        let shopper = shopper.at(service);
        for line in &shopper.read().await.view().lines {
            *found.entry(line.line.sku().clone()).or_default() += line.quantity;
        }
        listed += service.orders(&shopper.address, None, 10).await.unwrap().orders.len();
    }
    assert_eq!(listed, books.happened().count(), "every order is listed once");
    assert_eq!(found, stage.wished, "what was wished for is bought or still there, once");
}

/// What one plot came to.
#[derive(Clone, Copy, Debug)]
pub struct Survived {
    /// Steps of a play that nothing disturbs.
    pub steps: usize,
    /// How often it was played with a blow.
    pub blows: usize,
}

/// A plot with the blows of an extent, each over stores that hold nothing yet.
pub async fn survives_all(plot: Plot, extent: Extent, mut open: impl FnMut() -> Stores) -> Survived {
    let Extent { one_in, looks_always } = extent;
    let steps = survives(plot, Blow::None, open(), looks_always).await;
    let faults = [Fault::Before, Fault::After, Fault::Twice, Fault::StopBefore, Fault::StopAfter];
    let at = |step| faults.into_iter().map(move |fault| Blow::At(step, fault)).chain([Blow::AwayFrom(step)]);
    let mut blows = 0;
    for blow in (1..=steps).flat_map(at).step_by(one_in) {
        println!("{plot:?}, {blow:?}");
        survives(plot, blow, open(), looks_always).await;
        blows += 1;
    }
    Survived { steps, blows }
}

/// After an undo, both carts can be bought empty.
pub async fn what_an_undo_left_can_be_bought(stores: Stores) {
    let stage = Stage::set(Plot::Undone, stores).await;
    let (_, played, service) = play(&stage, Blow::None, true).await;
    for shopper in stage.shoppers(&played) {
        let total = shopper.read().await.view().subtotal.amount;
        bought(&service, &shopper, "all", total).await;
    }
    assert_eq!(rest(&stage, &service).await.bought(), stage.wished);
}
