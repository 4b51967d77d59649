//! Reading an index in order across its partitions.
//!
//! A partition of an index takes a thousand writes a second at most, so each index is spread over several; a reader asks
//! each for its next page and takes the least of what they gave. Indexes follow their table by a moment: what comes out is
//! a hint, and whoever needs the truth reads the item itself.

use std::collections::VecDeque;

use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use futures::future::try_join_all;
use storage::error::Result;

use crate::engine::Engine;
use crate::item::{self, Item};
use crate::meter::Operation;
use crate::outcome;

/// An index: of which table, called what, sorted by which attribute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Index<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) operation: Operation,
    pub(crate) table: &'a str,
    pub(crate) name: &'a str,
    pub(crate) order: &'a str,
}

/// What is asked for of every partition, both ends excluded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Range {
    pub(crate) above: Option<Vec<u8>>,
    pub(crate) below: Option<Vec<u8>>,
}

/// Goes through partitions side by side, in the order of the sort key.
pub(crate) struct Walk<'a> {
    index: Index<'a>,
    range: Range,
    page: i32,
    partitions: Vec<Partition>,
}

#[derive(Debug)]
struct Partition {
    name: String,
    read: VecDeque<Item>,
    after: Option<Item>,
    ended: bool,
}

impl<'a> Index<'a> {
    /// A walk that expects to give about `wanted` items.
    pub(crate) fn walk(self, partitions: Vec<String>, range: Range, wanted: usize) -> Walk<'a> {
        let share = wanted.div_ceil(partitions.len().max(1)).saturating_add(1);
        let page = i32::try_from(share.min(1_000)).unwrap_or(1_000);
        let partition = |name| Partition { name, read: VecDeque::new(), after: None, ended: false };
        Walk { index: self, range, page, partitions: partitions.into_iter().map(partition).collect() }
    }

    async fn fetch(&self, range: &Range, page: i32, partition: &mut Partition) -> Result<()> {
        let order = self.order;
        let mut query = self
            .engine
            .client
            .query()
            .table_name(self.table)
            .index_name(self.name)
            .limit(page)
            .set_exclusive_start_key(partition.after.take())
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .expression_attribute_values(":shard", item::text(&partition.name));
        // The service takes one condition on the sort key, and `between` has its ends in it: they are taken out below.
        let condition = match (&range.above, &range.below) {
            (None, None) => String::new(),
            (Some(_), None) => format!(" and {order} > :above"),
            (None, Some(_)) => format!(" and {order} < :below"),
            (Some(_), Some(_)) => format!(" and {order} between :above and :below"),
        };
        for (name, end) in [(":above", &range.above), (":below", &range.below)] {
            if let Some(end) = end {
                query = query.expression_attribute_values(name, item::binary(end.clone()));
            }
        }
        let answer = query
            .key_condition_expression(format!("q = :shard{condition}"))
            .send()
            .await
            .map_err(outcome::read)?;
        self.engine.meter.count(self.operation, answer.consumed_capacity());
        partition.ended = answer.last_evaluated_key.is_none();
        partition.after = answer.last_evaluated_key;
        let is_inside = |item: &Item| {
            let order = item::bytes_of(item, order);
            order.is_some() && order != range.above.as_deref() && order != range.below.as_deref()
        };
        partition.read.extend(answer.items.unwrap_or_default().into_iter().filter(is_inside));
        Ok(())
    }
}

impl Walk<'_> {
    /// The next item; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Item>> {
        self.fill().await?;
        let order = self.index.order;
        let head = |partition: &Partition| {
            partition.read.front().and_then(|item| item::bytes_of(item, order)).map(<[u8]>::to_vec)
        };
        let least = self.partitions.iter_mut().filter(|partition| !partition.read.is_empty());
        let least = least.min_by_key(|partition| head(partition));
        Ok(least.and_then(|partition| partition.read.pop_front()))
    }

    /// Asks each partition that has nothing left to give, all at once, until each has something or is at its end.
    async fn fill(&mut self) -> Result<()> {
        let (index, range, page) = (self.index, &self.range, self.page);
        let empty =
            self.partitions.iter_mut().filter(|partition| partition.read.is_empty() && !partition.ended);
        let fetches = empty.map(async |partition| {
            while partition.read.is_empty() && !partition.ended {
                index.fetch(range, page, partition).await?;
            }
            Result::Ok(())
        });
        try_join_all(fetches).await?;
        Ok(())
    }
}

/// One of so many shards, the same for a key for ever. FNV-1a: it only has to spread keys.
pub(crate) fn spread(key: &[u8], shards: u64) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    key.iter().fold(0xcbf2_9ce4_8422_2325, step) % shards.max(1)
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn a_key_stays_in_its_shard_and_keys_are_spread() {
        // Frozen: a shard that moves leaves its records behind in the old one until they are written again.
        assert_eq!([spread(b"", 16), spread(b"a", 16), spread(b"order-1", 16)], [5, 12, 13]);
        let used: std::collections::BTreeSet<u64> =
            (0..200_u32).map(|key| spread(&key.to_be_bytes(), 16)).collect();
        assert_eq!(used.len(), 16);
    }
}
