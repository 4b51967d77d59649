//! Checks of single replies, while faults go on.

mod meanings;
mod settled;

pub(crate) use settled::settled;

use crate::{
    describe::{brief, state},
    executor::ExecutionId,
    history::Execution,
    report::Violation,
    request::{Asked, What, dot_of},
    world::{Failure, Reply, World},
};
use service::{CartAnswer, ServiceError};

/// Checks a reply against what is known to have happened.
pub(crate) fn reply(world: &World, id: ExecutionId, asked: &Asked, reply: &Result<Reply, Failure>) {
    let Some(execution) = world.history.execution(id) else { return };
    let broken = match reply {
        Ok(Reply::Cart(answer, _)) => answered(world, &execution, asked, answer),
        Ok(Reply::Unseen(acknowledged)) => {
            let what =
                || format!("{} was acknowledged and is not stored", brief(acknowledged.freshness.cart));
            let is_lost = !execution.is_applied();
            is_lost.then(|| Violation::of("C3 an acknowledged operation is stored", what()))
        }
        Ok(Reply::Claimed { answer, .. }) => fresh_enough(asked, answer),
        Ok(Reply::Done) | Err(Failure::Gone) => None,
        Err(Failure::Refused(error)) => refused(&execution, asked, error),
    };
    if let Some(violation) = broken {
        world.violate(violation);
    }
}

fn answered(world: &World, execution: &Execution, asked: &Asked, answer: &CartAnswer) -> Option<Violation> {
    fresh_enough(asked, answer).or_else(|| {
        let identity = asked.identity()?;
        let dot = dot_of(identity, answer.cart);
        if answer.replayed {
            return first_of(world, asked, execution);
        }
        let is_empty = matches!(&asked.what, What::ChangeAll(..)) && execution.writes.is_empty();
        if is_empty || answer.state.erased {
            return None;
        }
        if !execution.is_applied() && !is_known_already(execution, answer) {
            let what = format!("{} was acknowledged and is not stored", brief(answer.cart));
            return Some(Violation::of("C3 an acknowledged operation is stored", what));
        }
        let dot = dot.filter(|dot| !answer.state.context.contains(*dot))?;
        let what = format!("{dot:?} is not in {}", state(&answer.state));
        Some(Violation::of("C3 an answer shows its own operation", what))
    })
}

/// True when another node had executed the same operation when this one came to write.
fn is_known_already(execution: &Execution, answer: &CartAnswer) -> bool {
    let dots = execution.new_dots(answer.cart);
    !dots.is_empty() && dots.iter().all(|dot| answer.state.context.contains(*dot))
}

/// Whoever was shown something is not shown less, unless the answer says so.
fn fresh_enough(asked: &Asked, answer: &CartAnswer) -> Option<Violation> {
    let seen = asked.freshness.as_ref().filter(|seen| seen.cart == answer.cart)?;
    if answer.lagging || answer.state.erased {
        return None;
    }
    let missing = seen.dots.iter().find(|dot| !answer.state.context.contains(**dot))?;
    let what = format!("{missing:?} is not in {}", state(&answer.state));
    Some(Violation::of("read your writes, or be told that the answer lags", what))
}

/// A replay was executed before.
fn first_of(world: &World, asked: &Asked, replay: &Execution) -> Option<Violation> {
    let same = |execution: &Execution| {
        let (Some(mine), Some(other)) = (asked.identity(), execution.asked.identity()) else { return false };
        is_same_identity(mine, other)
    };
    let earlier = world.history.executions();
    if earlier.iter().any(|execution| same(execution) && execution.is_applied()) {
        return None;
    }
    let what = format!("{:?} was answered as a replay and never executed", replay.asked.identity());
    Some(Violation::of("C5 a replay was executed before", what))
}

fn is_same_identity(mine: &service::Identity, other: &service::Identity) -> bool {
    use service::Identity::{Client, Key};
    match (mine, other) {
        (Client(mine), Client(other)) => mine == other,
        (Key { key: mine, .. }, Key { key: other, .. }) => mine == other,
        _ => false,
    }
}

/// What is refused leaves no trace.
fn refused(execution: &Execution, asked: &Asked, error: &ServiceError) -> Option<Violation> {
    let may_be_applied = match error {
        ServiceError::Store(error) => error.may_be_applied(),
        _ => false,
    };
    if may_be_applied || asked.identity().is_none() || !execution.is_applied() {
        return None;
    }
    let what = format!("{:?} was refused with `{error}` and is stored", asked.identity());
    Some(Violation::of("a refused operation leaves no trace", what))
}
