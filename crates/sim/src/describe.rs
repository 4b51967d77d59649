//! Requests and replies in a few words, for the trace.

use crate::{
    request::{Asked, SKUS, What, line},
    world::{Failure, Reply},
};
use cart::{
    Cart, CartId, Dot,
    line::{LineKey, List},
    seen::Seen,
};
use service::{CartAddress, CartAnswer, Identity, LineChange, LineOperation, Principal, carts::Change};

/// What is asked.
pub(crate) fn asked(asked: &Asked) -> String {
    let who = match &asked.address {
        CartAddress::Own { principal: Principal::Guest(token), .. } => format!("guest {}", brief(token.cart)),
        CartAddress::Own { principal: Principal::Account { subject }, .. } => subject.clone(),
        CartAddress::Own { principal: Principal::Nobody, .. } => "nobody".into(),
        CartAddress::Id(cart) => brief(*cart),
    };
    let what = match &asked.what {
        What::Change(name, one) => format!("{} as {}", change(one), identity(name)),
        What::ChangeAll(name, changes, is_atomic) => {
            let all: Vec<String> = changes.iter().map(change).collect();
            let atomic = if *is_atomic { ", all or nothing" } else { "" };
            format!("[{}]{atomic} as {}", all.join("; "), identity(name))
        }
        What::Read => "reads".into(),
        What::Claim(request) => format!("claims {} under {:?}", brief(request.guest.cart), request.policy),
        What::Undo { guest, .. } => format!("undoes the claim of {}", brief(*guest)),
        What::Expire(cart) => format!("expires {}", brief(*cart)),
        What::Erase(cart) => format!("erases {}", brief(*cart)),
    };
    format!("{who}: {what}")
}

fn identity(identity: &Identity) -> String {
    match identity {
        Identity::Client(dot) => self::dot(*dot),
        Identity::Key { key, first_addressed: None, .. } => format!("key {key}"),
        Identity::Key { key, first_addressed: Some(cart), .. } => format!("key {key} of {}", brief(*cart)),
        Identity::Unnamed => "unnamed".into(),
    }
}

fn change(change: &Change) -> String {
    match change {
        Change::Add(add) => format!("add {} {}", add.line.sku(), add.quantity.get()),
        Change::Line(LineChange { line: id, seen, operation }) => {
            let what = match operation {
                LineOperation::Set(to) => format!("set to {}", to.get()),
                LineOperation::Remove => "remove".into(),
                LineOperation::Move(to) => format!("move to {to:?}"),
                LineOperation::Annotate(_) => "annotate".into(),
            };
            format!("{what} {} in {:?}{}", sku(id.key), id.list, having_seen(seen.as_ref()))
        }
        Change::Clear { list, seen } => format!("clear {list:?}{}", having_seen(seen.as_ref())),
        Change::Fields(fields) => format!("fields {fields:?}"),
        Change::Replace { lines, seen } => {
            let lines = lines.values().map(|line| format!("{} {}", line.line.sku(), line.quantity.get()));
            let lines: Vec<String> = lines.collect();
            format!("replace by [{}]{}", lines.join(", "), having_seen(Some(seen)))
        }
    }
}

fn having_seen(seen: Option<&Seen>) -> String {
    let Some(seen) = seen else { return String::new() };
    let dots = seen.lines.iter().flat_map(|line| &line.dots);
    let dots: Vec<String> = dots.map(|seen| format!("{} of {}", seen.n, dot(seen.dot))).collect();
    format!(", having seen {}", if dots.is_empty() { "nothing".into() } else { dots.join(" and ") })
}

fn sku(key: LineKey) -> &'static str {
    SKUS.into_iter().find(|sku| line(sku).key() == key).unwrap_or("?")
}

/// What came back.
pub(crate) fn reply(reply: &Result<Reply, Failure>) -> String {
    match reply {
        Ok(Reply::Cart(answer, outcomes)) => {
            let refused = outcomes.iter().filter(|outcome| outcome.is_err()).count();
            let refused = if refused == 0 { String::new() } else { format!(", {refused} refused") };
            format!("{}{refused}", self::answer(answer))
        }
        Ok(Reply::Claimed { answer, policy, is_decided, .. }) => {
            let decided = if *is_decided { "decided" } else { "to be decided" };
            format!("{}, {policy:?} {decided}", self::answer(answer))
        }
        Ok(Reply::Unseen(_)) => "done, unseen".into(),
        Ok(Reply::Done) => "done".into(),
        Err(Failure::Refused(error)) => format!("refused: {error}"),
        Err(Failure::Gone) => "no answer".into(),
    }
}

fn answer(answer: &CartAnswer) -> String {
    let replayed = if answer.replayed { " replayed" } else { "" };
    let lagging = if answer.lagging { " lagging" } else { "" };
    let notices: String = answer.notices.iter().map(|notice| format!(" {notice:?}")).collect();
    format!("{} {}{replayed}{lagging}{notices}", brief(answer.cart), state(&answer.state))
}

/// A state in a few words.
pub(crate) fn state(state: &Cart) -> String {
    if state.erased {
        return "erased".into();
    }
    let entries = state.shown().map(|(dot, shown)| {
        let list = if shown.list == List::Saved { " saved" } else { "" };
        format!("{} {} of {}{list}", shown.line.sku(), shown.n, self::dot(dot))
    });
    let merged = state.merged_into.map_or(String::new(), |account| format!(" -> {}", brief(account)));
    format!("{{{}}}{merged}", entries.collect::<Vec<_>>().join(", "))
}

/// The first digits of a cart's id.
pub(crate) fn brief(cart: CartId) -> String {
    format!("c{:02x}{:02x}", cart.0[0], cart.0[1])
}

fn dot(dot: Dot) -> String {
    format!("{:04x}.{}", (dot.writer.0 ^ (dot.writer.0 >> 24)) & 0xffff, dot.seq)
}
