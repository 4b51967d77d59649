//! Checkout through the whole service, with a fault at each of its steps in turn: it fails before or after it was
//! applied, it comes twice, or the process stops there; or nothing answers from there on.
//!
//! A step is a request to a store or to the payment hook. K1, K2, K4, K5 and K6 are looked at before each of them; K3
//! once time has passed and the sweeper was there. Then everything is asked again under the same keys: what was
//! acknowledged is answered again, and every unit that was wished for is in one order or still in a cart.

mod bank;
mod books;
mod plot;

use bank::Mood;
use books::Books;
use plot::{Played, Plot, Stage, bought};
use service::{Environment as _, Service};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use storage::layer::fault::Fault;
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
    fn fault(self, step: usize) -> Fault {
        match self {
            Self::At(at, fault) if at == step => fault,
            Self::AwayFrom(at) if at <= step => Fault::Before,
            _ => Fault::None,
        }
    }
}

/// Looks at all records before every step, and lets the blow fall; counts the steps.
fn arm(stage: &Stage, blow: Blow) -> (Arc<AtomicUsize>, Arc<Notify>) {
    let (steps, stopped) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (counted, stops) = (steps.clone(), stopped.clone());
    let (stores, carts, bank) = (stage.world.stores.clone(), stage.carts.clone(), stage.bank.clone());
    stage.world.faults.set(move |_| {
        Books::read(&stores, &carts, &SKUS).always_hold(bank.as_deref());
        let fault = blow.fault(counted.fetch_add(1, Ordering::Relaxed) + 1);
        if matches!(fault, Fault::StopBefore | Fault::StopAfter) {
            stops.notify_one();
        }
        fault
    });
    (steps, stopped)
}

/// Plays with a blow; returns the number of steps and what people were told.
async fn play(stage: &Stage, blow: Blow) -> (usize, Played, Arc<Service>) {
    let (steps, stopped) = arm(stage, blow);
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
    arm(stage, Blow::None);
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
async fn survives(plot: Plot, blow: Blow) -> usize {
    let stage = Stage::set(plot).await;
    let (steps, first, service) = play(&stage, blow).await;
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

/// A plot with every blow at every step.
async fn survives_all(plot: Plot) -> usize {
    let steps = survives(plot, Blow::None).await;
    let faults = [Fault::Before, Fault::After, Fault::Twice, Fault::StopBefore, Fault::StopAfter];
    let at = |step| faults.into_iter().map(move |fault| Blow::At(step, fault));
    for blow in (1..=steps).flat_map(|step| at(step).chain([Blow::AwayFrom(step)])) {
        println!("{plot:?}, {blow:?}");
        survives(plot, blow).await;
    }
    steps
}

#[tokio::test(start_paused = true)]
async fn a_plain_checkout_survives_a_fault_at_every_step() {
    assert!(survives_all(Plot::Plain).await > 8);
}

#[tokio::test(start_paused = true)]
async fn two_skus_split_over_buckets_are_sold_completely_or_not_at_all() {
    assert!(survives_all(Plot::Split).await > 12);
}

#[tokio::test(start_paused = true)]
async fn a_checkout_that_finds_too_little_leaves_nothing_held() {
    survives_all(Plot::OutOfStock).await;
}

#[tokio::test(start_paused = true)]
async fn a_customers_limit_is_counted_once() {
    survives_all(Plot::Limited).await;
}

#[tokio::test(start_paused = true)]
async fn no_money_is_kept_without_an_order_whatever_the_payment_hook_does() {
    for mood in [Mood::Yes, Mood::No, Mood::Asks, Mood::Mute, Mood::Hangs] {
        survives_all(Plot::Pays(mood)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_checkout_that_waits_for_its_shopper_is_confirmed_or_called_off_once() {
    survives_all(Plot::Confirmed).await;
    survives_all(Plot::Cancelled).await;
}

#[tokio::test(start_paused = true)]
async fn lines_of_a_merged_guest_are_bought_once() {
    survives_all(Plot::Merged).await;
}

#[tokio::test(start_paused = true)]
async fn an_undo_takes_what_no_order_has_and_the_rest_can_still_be_bought() {
    survives_all(Plot::UndoneWhileBought).await;
    survives_all(Plot::Undone).await;
    let stage = Stage::set(Plot::Undone).await;
    let (_, played, service) = play(&stage, Blow::None).await;
    for shopper in stage.shoppers(&played) {
        let total = shopper.read().await.view().subtotal.amount;
        bought(&service, &shopper, "all", total).await;
    }
    assert_eq!(rest(&stage, &service).await.bought(), stage.wished);
}

#[tokio::test(start_paused = true)]
async fn two_customers_never_get_more_than_there_is() {
    survives_all(Plot::Raced).await;
}
