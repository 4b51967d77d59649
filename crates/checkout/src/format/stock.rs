//! Stored form of a stock record. Whose it is stands in its key, not here.

use super::{
    Result, read_cart, read_flag, read_moment, read_owner, read_tx, read_units, write_flag, write_moment,
    write_owner, write_tx,
};
use crate::{
    id::KeyHash,
    stock::{Changed, Hold, Outcome, Owner, Stock},
};
use cart::{
    Timestamp,
    format::{Reader, Writer, read_many},
};
use std::collections::BTreeMap;

pub(super) fn write(stock: &Stock, writer: &mut Writer) {
    [stock.restocked, stock.short, stock.sold].into_iter().for_each(|units| writer.number(units));
    write_flag(stock.is_frozen, writer);
    write_granted(&stock.granted_out, writer);
    write_granted(&stock.granted_in, writer);
    write_moment(stock.fence, writer);
    writer.count(stock.holds.len());
    for (tx, hold) in &stock.holds {
        write_tx(*tx, writer);
        writer.number(hold.quantity);
        writer.raw(&hold.cart.0);
        write_moment(hold.until, writer);
        writer.difference(hold.until.0, hold.prepare_by.0);
    }
    writer.count(stock.done.len());
    // Near one another: after the first, few bytes each.
    let mut before = stock.fence.0;
    for (tx, prepare_by) in &stock.done {
        write_tx(*tx, writer);
        writer.difference(before, prepare_by.0);
        before = prepare_by.0;
    }
    writer.count(stock.changes.len());
    for (key, change) in &stock.changes {
        writer.raw(&key.0);
        write_moment(change.at, writer);
        let Outcome { added, taken, short } = change.outcome;
        [added, taken, short].into_iter().for_each(|units| writer.number(units));
        writer.text(&change.reason);
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Stock> {
    let (restocked, short, sold) = (read_units(reader)?, read_units(reader)?, read_units(reader)?);
    let is_frozen = read_flag(reader)?;
    let (granted_out, granted_in) = (read_granted(reader)?, read_granted(reader)?);
    let fence = read_moment(reader)?;
    let holds = read_many(reader, "holds", |reader| Ok((read_tx(reader)?, read_hold(reader)?)))?;
    let mut before = fence.0;
    let done = read_many(reader, "done", |reader| {
        let tx = read_tx(reader)?;
        before = reader.difference(before, "prepare by")?;
        Ok((tx, Timestamp(before)))
    })?;
    let changes =
        read_many(reader, "changes", |reader| Ok((KeyHash(reader.array("key")?), read_change(reader)?)))?;
    Ok(Stock {
        restocked,
        short,
        sold,
        granted_out,
        granted_in,
        holds: holds.into_iter().collect(),
        done: done.into_iter().collect(),
        fence,
        is_frozen,
        changes: changes.into_iter().collect(),
    })
}

fn write_granted(granted: &BTreeMap<Owner, u64>, writer: &mut Writer) {
    writer.count(granted.len());
    for (owner, units) in granted {
        write_owner(owner, writer);
        writer.number(*units);
    }
}

fn read_granted(reader: &mut Reader<'_>) -> Result<BTreeMap<Owner, u64>> {
    let granted = read_many(reader, "granted", |reader| Ok((read_owner(reader)?, read_units(reader)?)))?;
    Ok(granted.into_iter().collect())
}

fn read_hold(reader: &mut Reader<'_>) -> Result<Hold> {
    let quantity = read_units(reader)?;
    let cart = read_cart(reader)?;
    let until = read_moment(reader)?;
    Ok(Hold { quantity, cart, until, prepare_by: Timestamp(reader.difference(until.0, "prepare by")?) })
}

fn read_change(reader: &mut Reader<'_>) -> Result<Changed> {
    let at = read_moment(reader)?;
    let outcome =
        Outcome { added: read_units(reader)?, taken: read_units(reader)?, short: read_units(reader)? };
    Ok(Changed { at, outcome, reason: reader.text("reason")? })
}
