//! Stored form of single records: the one decision on a merge, and an item of the catalogue.

use super::{
    FormatError, Reader, Writer, open, seal,
    tables::{read_item, read_many, read_texts, write_item, write_texts},
    v1,
};
use crate::{
    dot::Dot,
    entry::Entry,
    id::CartId,
    item::Item,
    line::{LineId, LineKey, List, Texts},
    operation::{LineOutcome, MergeRecord, MergeRule, Policy},
    state::Cart,
    time::Timestamp,
};
use std::{collections::BTreeMap, sync::Arc};

/// Encodes a merge record.
pub fn encode_merge_record(record: &MergeRecord) -> Vec<u8> {
    seal(|writer| {
        writer.raw(&record.account.0);
        writer.raw(&record.guest.0);
        writer.byte(number(record.policy));
        writer.number(record.at.0);
        writer.count(record.lines.len());
        record.lines.iter().for_each(|line| write_outcome(line, writer));
        v1::write(&record.delta, writer);
        write_entries(&record.brought, record.at, writer);
        write_entries(&record.taken, record.at, writer);
    })
}

/// Decodes what [`encode_merge_record`] wrote.
pub fn decode_merge_record(bytes: &[u8]) -> Result<MergeRecord, FormatError> {
    open(bytes, |reader| {
        let account = CartId(reader.array("account")?);
        let guest = CartId(reader.array("guest")?);
        let policy = policy(reader)?;
        let at = Timestamp(reader.number("moment")?);
        let lines = read_many(reader, "lines of a merge", read_outcome)?;
        let delta = v1::read(reader)?;
        let brought = v1::read(reader)?.entries;
        let taken = v1::read(reader)?.entries;
        Ok(MergeRecord { account, guest, policy, at, lines, delta, brought, taken })
    })
}

/// Encodes an item of the catalogue with its attributes.
pub fn encode_item(item: &Item, attributes: &Texts) -> Vec<u8> {
    seal(|writer| {
        write_item(item, writer);
        write_texts(attributes, writer);
    })
}

/// Decodes what [`encode_item`] wrote.
pub fn decode_item(bytes: &[u8]) -> Result<(Item, Texts), FormatError> {
    open(bytes, |reader| Ok((read_item(reader)?, read_texts(reader)?)))
}

fn write_entries(entries: &BTreeMap<Dot, Arc<Entry>>, at: Timestamp, writer: &mut Writer) {
    let mut cart = Cart { touched: at, ..Cart::default() };
    entries.iter().for_each(|(dot, entry)| cart.put(*dot, entry.clone(), at.day()));
    v1::write(&cart, writer);
}

fn write_outcome(outcome: &LineOutcome, writer: &mut Writer) {
    writer.raw(&outcome.line.key.0);
    writer.byte(u8::from(outcome.line.list == List::Saved));
    writer.number(outcome.guest);
    writer.number(outcome.account);
    writer.number(outcome.result);
    match outcome.rule {
        MergeRule::OnlyGuest => writer.byte(0),
        MergeRule::Both(policy) => writer.byte(1 + number(policy)),
    }
}

fn read_outcome(reader: &mut Reader<'_>) -> Result<LineOutcome, FormatError> {
    let key = LineKey(reader.array("line")?);
    let list = if reader.byte("list")? == 0 { List::Cart } else { List::Saved };
    let (guest, account) = (reader.number("guest's units")?, reader.number("account's units")?);
    let result = reader.number("units")?;
    let rule = match reader.byte("rule")? {
        0 => MergeRule::OnlyGuest,
        both => MergeRule::Both(policy_of(both - 1, reader)?),
    };
    Ok(LineOutcome { line: LineId { key, list }, guest, account, result, rule })
}

fn number(policy: Policy) -> u8 {
    match policy {
        Policy::Sum => 0,
        Policy::Max => 1,
        Policy::KeepAccount => 2,
        Policy::KeepGuest => 3,
    }
}

fn policy(reader: &mut Reader<'_>) -> Result<Policy, FormatError> {
    let number = reader.byte("policy")?;
    policy_of(number, reader)
}

fn policy_of(number: u8, reader: &Reader<'_>) -> Result<Policy, FormatError> {
    match number {
        0 => Ok(Policy::Sum),
        1 => Ok(Policy::Max),
        2 => Ok(Policy::KeepAccount),
        3 => Ok(Policy::KeepGuest),
        _ => Err(reader.malformed("policy")),
    }
}
