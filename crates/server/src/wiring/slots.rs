//! Slots of PostgreSQL's shards: what is to go where, and its going. No other engine has any.

use super::WiringError;
use crate::config::{Config, engine::EngineKind};
use std::ops::ControlFlow;
use storage_postgres::{OpenError, PostgresOptions};

pub use storage_postgres::{Moved, Ranges, plan::Move};

/// What an operator wants.
#[derive(Clone, Debug)]
pub enum Wish {
    /// As many slots at every shard, by the fewest moves.
    Evenly,
    /// These slots from one shard to another.
    Named {
        /// Where they are.
        from: usize,
        /// Where they go.
        to: usize,
        /// Which.
        slots: Ranges,
    },
}

/// What is to go where.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The addresses of the shards, without credentials, in the order of the list.
    pub shards: Vec<String>,
    /// What is left to move.
    pub moves: Vec<Move>,
}

/// Looks at every shard, and changes nothing.
pub async fn plan(config: &Config, wish: &Wish) -> Result<Plan, WiringError> {
    let reports = storage_postgres::check(&options(config)?).await.map_err(failed)?;
    let moves = match wish {
        Wish::Evenly => storage_postgres::plan::evenly(&reports),
        Wish::Named { from, to, slots } => {
            storage_postgres::plan::named(&reports, (*from, *to), &slots.0).map_err(failed)?
        }
    };
    Ok(Plan { shards: reports.into_iter().map(|report| report.server).collect(), moves })
}

/// Moves slots, until all have moved or `go_on` has heard enough.
pub async fn carry_out(
    config: &Config,
    one: &Move,
    go_on: &mut (dyn FnMut(Moved) -> ControlFlow<()> + Send),
) -> Result<Moved, WiringError> {
    storage_postgres::move_slots(&options(config)?, one, go_on).await.map_err(failed)
}

/// Deletes what moves left at a shard: how many rows.
pub async fn forget(config: &Config, shard: usize) -> Result<u64, WiringError> {
    storage_postgres::forget_slots(&options(config)?, shard).await.map_err(failed)
}

fn options(config: &Config) -> Result<PostgresOptions, WiringError> {
    match config.engine {
        EngineKind::Postgres => Ok(config.postgres.options()?),
        other => Err(WiringError::NoSlots { engine: other.as_str() }),
    }
}

fn failed(error: OpenError) -> WiringError {
    WiringError::Slots(error.into())
}
