//! Stored form of the one decision on a merge.

use super::{FormatError, Reader, Writer, open, seal, v1};
use crate::{
    dot::Dot,
    entry::Entry,
    id::CartId,
    operation::{MergeRecord, Policy},
    state::Cart,
    time::Timestamp,
};
use std::collections::BTreeMap;

/// Encodes a merge record.
pub fn encode_merge_record(record: &MergeRecord) -> Vec<u8> {
    seal(|writer| {
        writer.raw(&record.account.0);
        writer.raw(&record.guest.0);
        writer.byte(number(record.policy));
        writer.number(record.at.0);
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
        let delta = v1::read(reader)?;
        let brought = v1::read(reader)?.entries;
        let taken = v1::read(reader)?.entries;
        Ok(MergeRecord { account, guest, policy, at, delta, brought, taken })
    })
}

fn write_entries(entries: &BTreeMap<Dot, Entry>, at: Timestamp, writer: &mut Writer) {
    let mut cart = Cart { touched: at, ..Cart::default() };
    entries.iter().for_each(|(dot, entry)| cart.put(*dot, entry.clone(), at.day()));
    v1::write(&cart, writer);
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
    match reader.byte("policy")? {
        0 => Ok(Policy::Sum),
        1 => Ok(Policy::Max),
        2 => Ok(Policy::KeepAccount),
        3 => Ok(Policy::KeepGuest),
        _ => Err(reader.malformed("policy")),
    }
}
