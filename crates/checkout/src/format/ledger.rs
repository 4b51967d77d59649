//! Stored form of a ledger. Takers are stored once and referred to by number: a basket of dots has one order.

use super::{
    Result, read_cart, read_dot, read_flag, read_moment, read_owner, read_sku, read_tx, read_units,
    write_dot, write_flag, write_moment, write_owner, write_tx,
};
use crate::{
    id::{BodyHash, KeyHash, TxId},
    ledger::{Committed, Holds, KnownKey, Ledger, Pending, Taker},
    stock::StockKey,
};
use cart::format::{Reader, Writer, read_many};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn write(ledger: &Ledger, writer: &mut Writer) {
    write_flag(ledger.pending.is_some(), writer);
    ledger.pending.iter().for_each(|pending| write_pending(pending, writer));
    writer.count(ledger.aborting.len());
    for (tx, at) in &ledger.aborting {
        write_tx(*tx, writer);
        write_moment(*at, writer);
    }
    writer.count(ledger.committed.len());
    for (tx, order) in &ledger.committed {
        write_tx(*tx, writer);
        write_committed(order, writer);
    }
    write_consumed(&ledger.consumed, writer);
    writer.count(ledger.keys.len());
    for (key, known) in &ledger.keys {
        writer.raw(&key.0);
        write_tx(known.tx, writer);
        writer.raw(&known.body.0);
        write_moment(known.at, writer);
        write_flag(known.is_order, writer);
    }
    writer.count(ledger.absorbed.len());
    ledger.absorbed.iter().for_each(|guest| writer.raw(&guest.0));
    write_flag(ledger.moved_to.is_some(), writer);
    ledger.moved_to.iter().for_each(|account| writer.raw(&account.0));
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Ledger> {
    let pending = read_flag(reader)?.then(|| read_pending(reader)).transpose()?;
    let aborting = read_many(reader, "aborting", |reader| Ok((read_tx(reader)?, read_moment(reader)?)))?;
    let committed = read_many(reader, "committed", |reader| Ok((read_tx(reader)?, read_committed(reader)?)))?;
    let consumed = read_consumed(reader)?;
    let keys = read_many(reader, "keys", read_key)?;
    let absorbed = read_many(reader, "absorbed", read_cart)?;
    let moved_to = read_flag(reader)?.then(|| read_cart(reader)).transpose()?;
    Ok(Ledger {
        pending,
        aborting: aborting.into_iter().collect(),
        committed: committed.into_iter().collect(),
        consumed,
        keys: keys.into_iter().collect(),
        absorbed: absorbed.into_iter().collect(),
        moved_to,
    })
}

fn write_pending(pending: &Pending, writer: &mut Writer) {
    write_tx(pending.tx, writer);
    writer.count(pending.dots.len());
    pending.dots.iter().for_each(|dot| write_dot(*dot, writer));
    writer.count(pending.lines.len());
    for (sku, units) in &pending.lines {
        writer.text(sku);
        writer.number(*units);
    }
    write_moment(pending.claimed_at, writer);
    writer.difference(pending.claimed_at.0, pending.prepare_by.0);
    writer.difference(pending.claimed_at.0, pending.deadline.0);
    write_flag(pending.awaits_shopper, writer);
}

fn read_pending(reader: &mut Reader<'_>) -> Result<Pending> {
    let tx = read_tx(reader)?;
    let dots = read_many(reader, "dots", read_dot)?;
    let lines = read_many(reader, "lines", |reader| Ok((read_sku(reader)?, read_units(reader)?)))?;
    let claimed_at = read_moment(reader)?;
    let prepare_by = cart::Timestamp(reader.difference(claimed_at.0, "prepare by")?);
    let deadline = cart::Timestamp(reader.difference(claimed_at.0, "deadline")?);
    let awaits_shopper = read_flag(reader)?;
    let (dots, lines) = (dots.into_iter().collect(), lines.into_iter().collect());
    Ok(Pending { tx, dots, lines, claimed_at, prepare_by, deadline, awaits_shopper })
}

fn write_committed(order: &Committed, writer: &mut Writer) {
    writer.count(order.holds.len());
    for (key, units) in &order.holds {
        writer.text(&key.sku);
        write_owner(&key.owner, writer);
        writer.number(*units);
        write_flag(order.applied.contains(key), writer);
    }
    write_moment(order.at, writer);
    write_flag(order.is_closed, writer);
}

fn read_committed(reader: &mut Reader<'_>) -> Result<Committed> {
    let listed = read_many(reader, "holds", |reader| {
        let key = StockKey::new(read_sku(reader)?, read_owner(reader)?);
        Ok((key, read_units(reader)?, read_flag(reader)?))
    })?;
    let applied: BTreeSet<StockKey> =
        listed.iter().filter(|(_, _, is_applied)| *is_applied).map(|(key, _, _)| key.clone()).collect();
    let holds: Holds = listed.into_iter().map(|(key, units, _)| (key, units)).collect();
    Ok(Committed { holds, applied, at: read_moment(reader)?, is_closed: read_flag(reader)? })
}

fn write_consumed(consumed: &BTreeMap<cart::Dot, Taker>, writer: &mut Writer) {
    let takers: Vec<Taker> = consumed.values().copied().collect::<BTreeSet<_>>().into_iter().collect();
    writer.count(takers.len());
    for taker in &takers {
        match taker {
            Taker::Order(tx) => {
                writer.byte(0);
                write_tx(*tx, writer);
            }
            Taker::Undo(cart) => {
                writer.byte(1);
                writer.raw(&cart.0);
            }
        }
    }
    writer.count(consumed.len());
    for (dot, taker) in consumed {
        write_dot(*dot, writer);
        writer.count(takers.binary_search(taker).unwrap_or_default()); // collected from the same map just before
    }
}

fn read_consumed(reader: &mut Reader<'_>) -> Result<BTreeMap<cart::Dot, Taker>> {
    let takers = read_many(reader, "takers", |reader| match reader.byte("kind of taker")? {
        0 => Ok(Taker::Order(read_tx(reader)?)),
        1 => Ok(Taker::Undo(read_cart(reader)?)),
        _ => Err(reader.malformed("kind of taker")),
    })?;
    let consumed = read_many(reader, "consumed", |reader| {
        let dot = read_dot(reader)?;
        let number = usize::try_from(reader.number("taker")?).ok();
        let taker = number.and_then(|number| takers.get(number)).copied();
        taker.map(|taker| (dot, taker)).ok_or_else(|| reader.malformed("taker"))
    })?;
    Ok(consumed.into_iter().collect())
}

fn read_key(reader: &mut Reader<'_>) -> Result<(KeyHash, KnownKey)> {
    let key = KeyHash(reader.array("key")?);
    let tx: TxId = read_tx(reader)?;
    let body = BodyHash(reader.array("body")?);
    Ok((key, KnownKey { tx, body, at: read_moment(reader)?, is_order: read_flag(reader)? }))
}
