//! A seeded cluster of regions in one process: the real service over a simulated engine, with everything that breaks.
//!
//! [`run`] takes a seed to a [`Report`]. Shoppers with several devices and tabs add, set, remove, move, log in, undo
//! and send again what nobody answered, at nodes of two or three regions; rows travel late, out of order and twice;
//! links are cut, stores refuse or lose answers, nodes die. Each reply is checked as it comes. Then faults stop,
//! everything arrives, and all regions must show the same: what the operations mean together, by the executable model
//! of `testkit`.
//!
//! Always true: the same seed and options give the same trace, on every machine. One thread, simulated time, no
//! runtime, and nothing here reads a clock. A run blocks its thread, so call it outside of an async runtime.
//!
//! Deliberately absent, because the service does not have them yet: folding of deltas, the journal of a node whose
//! engine is away, restores from backup, checkout. `testkit` covers the first three on the level of rows.

mod check;
pub mod climate;
mod describe;
mod engine;
mod executor;
mod history;
mod node;
mod operator;
pub mod report;
mod request;
mod shopper;
mod weather;
mod world;

pub use climate::Climate;
pub use report::{Report, Violation};

use executor::{Stuck, WORLD};
use parking_lot::Mutex;
use shopper::Device;
use std::sync::Arc;
use world::World;

/// What may be decided about a run beside its seed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The kind of the world; `None` takes turns with the seeds.
    pub climate: Option<Climate>,
    /// Lines of the trace that the report keeps.
    pub trace_lines_max: usize,
}

impl Default for Options {
    /// Every climate in turn, and the last 200 lines of a trace.
    fn default() -> Self {
        Self { climate: None, trace_lines_max: 200 }
    }
}

/// Runs the world of a seed to its end, or to the first broken promise.
pub fn run(seed: u64, options: &Options) -> Report {
    let turn = usize::try_from(seed % Climate::ALL.len() as u64).unwrap_or(0); // below a usize
    let climate = options.climate.unwrap_or(Climate::ALL[turn]);
    let world = World::new(climate, seed, options.trace_lines_max);
    let is_over = Arc::new(Mutex::new(false));
    let (of, over) = (world.clone(), is_over.clone());
    world.executor.spawn(WORLD, None, async move {
        live(&of).await;
        *over.lock() = true;
    });
    let ended = world.executor.run_until(|| *is_over.lock() || world.violation().is_some());
    if let Err(stuck) = ended {
        let what = match stuck {
            Stuck::Deadlock => "requests wait for each other for ever",
            Stuck::Livelock => "requests go round in circles",
        };
        world.violate(Violation::of("every request is answered", what));
    }
    world.executor.kill_all();
    let executions = world.history.executions();
    let (trace_hash, trace) = world.trace();
    Report {
        seed,
        climate,
        requests: executions.len(),
        applied: executions.iter().filter(|execution| execution.is_applied()).count(),
        simulated_ms: world.passed_ms(),
        trace_hash,
        trace,
        violation: world.violation(),
    }
}

/// Shopping while things break; then calm, and the last checks.
async fn live(world: &Arc<World>) {
    world.stock().await;
    let weather = world.executor.spawn(WORLD, None, weather::blow(world.clone(), world.fork()));
    for shopper in 0..world.climate.shoppers {
        let subject = format!("shopper {shopper}");
        for _ in 0..world.climate.devices {
            let is_logged_in = !world.climate.logins;
            let device = Device::new(subject.clone(), is_logged_in);
            for _ in 0..world.climate.tabs {
                world.errand(shopper::browse(world.clone(), device.clone(), world.fork()));
            }
        }
        if world.climate.operators {
            world.errand(operator::work(world.clone(), subject, world.fork()));
        }
    }
    world.errands_done().await;
    world.executor.kill_task(weather);
    world.calm().await;
    if let Some(violation) = check::settled(world).await {
        world.violate(violation);
    }
}
