//! Checks when faults have stopped and everything has arrived: every region shows the same, and it is what all
//! executions mean together.

use super::meanings::Meanings;
use crate::{
    describe::{brief, state},
    report::Violation,
    world::World,
};
use cart::{CartId, Dot};
use service::{CartAnswer, Presented, ServiceError};
use std::{collections::BTreeSet, sync::Arc};
use testkit::shown::Shown;

/// Compares all carts in all regions with each other and with the model.
pub(crate) async fn settled(world: &Arc<World>) -> Option<Violation> {
    let meanings = Meanings::of(&world.history, world.engine.shared()).await;
    let mut random = world.fork();
    for cart in meanings.carts() {
        let mut answers = Vec::new();
        for region in 0..world.regions {
            let node = world.some_node(&mut random, Some(region));
            match node.service.read(cart, &Presented::default()).await {
                Ok(answer) => answers.push(Some(answer)),
                Err(ServiceError::Erased) => answers.push(None),
                Err(error) => return Some(Violation::of("calm carts can be read", error.to_string())),
            }
        }
        world.note(|| format!("{} is {}", brief(cart), words(answers.first())));
        if let Some(violation) = same_everywhere(cart, &answers).or_else(|| {
            let answer = answers.first()?;
            as_meant(&meanings, cart, answer.as_ref())
        }) {
            return Some(violation);
        }
    }
    None
}

fn words(answer: Option<&Option<CartAnswer>>) -> String {
    answer.and_then(Option::as_ref).map_or("erased".into(), |answer| state(&answer.state))
}

/// C2: equal rows give equal answers.
fn same_everywhere(cart: CartId, answers: &[Option<CartAnswer>]) -> Option<Violation> {
    let shown = |answer: &Option<CartAnswer>| {
        answer.as_ref().map(|answer| {
            let view = answer.view();
            let etag = answer.etag();
            (format!("{view:?}"), etag)
        })
    };
    let first = shown(answers.first()?);
    let other = answers.iter().find(|answer| shown(answer) != first)?;
    let what = format!("{}: {} and {}", brief(cart), words(answers.first()), words(Some(other)));
    Some(Violation::of("C2 regions that heard everything show the same", what))
}

/// C3 to C7: what is shown is what the operations mean.
fn as_meant(meanings: &Meanings, cart: CartId, answer: Option<&CartAnswer>) -> Option<Violation> {
    let guests = meanings.merged.get(&cart).into_iter().flatten();
    let is_erased =
        |cart: &CartId| meanings.by_cart.get(cart).into_iter().flatten().any(|meaning| meaning.erased);
    if guests.into_iter().any(is_erased) && !is_erased(&cart) {
        // What a guest brought before it was erased depends on who heard of which first.
        return None;
    }
    let known = meanings.known(cart);
    let meant = Shown::meant(known.iter().map(|(meaning, here)| (meaning, *here)));
    let shown = match answer {
        Some(answer) => Shown::of(&answer.state),
        None => Shown { erased: true, ..Shown::default() },
    };
    let killed: BTreeSet<Dot> =
        known.iter().flat_map(|(meaning, _)| meaning.killed.iter().copied()).collect();
    let (broken, what) = shown.broken(&meant, &killed)?;
    let what = format!("{}: {what}", brief(cart));
    Some(Violation::of(format!("{broken:?} (what is shown is what the operations mean)"), what))
}
