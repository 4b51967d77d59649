//! The proof of a checkout, over the embedded store and over those of real servers: each step of it fails, comes twice, or
//! is where the process stops.
//!
//! The service is the real one, and so are engine and cache, wired from a configuration; faults stand above them. In memory
//! every blow falls at every step (`service/tests`), and so it does over the embedded store and PostgreSQL; over the others
//! one in so many, by its number, as every blow is a shop of its own.

use crate::{
    combination::{Combination, Engine, Tier},
    fresh,
    room::room,
    stores::opened,
};
use service::proof::{Extent, Plot, survives_all};
use std::time::Instant;
use tokio::runtime::Builder;

fn check(engine: Engine, tier: Tier, policy: &'static str, one_in: usize) {
    let combination = Combination { engine, tier, policy };
    if let Some(config) = combination.config(&fresh("proof")) {
        survives(&format!("{combination:?}"), &config, one_in);
    }
}

fn survives(name: &str, config: &str, one_in: usize) {
    // Where the engine's clients live, by the real clock.
    let engine = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let opened = engine.block_on(opened(config));
    let plays = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (extent, mut rooms) = (Extent { one_in, looks_always: false }, 0..);
    let (begun, mut blows) = (Instant::now(), 0);
    for plot in Plot::ALL {
        let open = || room(&opened.stores, engine.handle(), rooms.next().unwrap());
        blows += plays.block_on(Box::pin(survives_all(plot, extent, open))).blows;
    }
    println!("{name}: {blows} blows in {:.1} s", begun.elapsed().as_secs_f64());
}

#[test]
fn a_checkout_over_the_embedded_store_survives_a_fault_at_any_step() {
    let data = tempfile::tempdir().unwrap();
    survives("embedded", &format!("engine = \"embedded\"\ndata = {:?}\n", data.path()), 1);
}

#[test]
fn a_checkout_over_postgresql_survives_a_fault_at_any_step() {
    check(Engine::Postgres, Tier::None, "none", 1);
}

#[test]
fn a_checkout_over_postgresql_behind_a_cache_survives_a_fault_at_any_step() {
    check(Engine::Postgres, Tier::Both, "write-through", 11);
}

#[test]
fn a_checkout_over_dynamodb_survives_a_fault_at_any_step() {
    check(Engine::Dynamodb, Tier::None, "none", 25);
}

#[test]
fn a_checkout_over_cassandra_survives_a_fault_at_any_step() {
    check(Engine::Cassandra, Tier::None, "none", 35);
}
