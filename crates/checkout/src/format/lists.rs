//! Stored bytes of what stands beside the protocol: shelves, lists of orders, returns.

use super::{
    Result, kind, open, read_moment, read_owner, read_sku, read_tx, read_units, seal, write_moment,
    write_owner, write_tx,
};
use crate::{
    id::KeyHash,
    order_list::{Listed, OrderList},
    returns::Returns,
    shelf::Shelf,
};
use cart::{
    format::{Reader, Writer},
    line::Sku,
};
use std::collections::BTreeMap;

const SHELF: u8 = 4;
const ORDER_LIST: u8 = 5;
const RETURNS: u8 = 6;

/// Encodes a shelf.
pub fn encode_shelf(value: &Shelf) -> Vec<u8> {
    seal(|writer| {
        writer.byte(SHELF);
        writer.count(value.owners.len());
        value.owners.iter().for_each(|owner| write_owner(owner, writer));
        writer.number(value.limit.map_or(0, |limit| limit + 1));
    })
}

/// Decodes what [`encode_shelf`] wrote.
pub fn decode_shelf(bytes: &[u8]) -> Result<Shelf> {
    open(bytes, |reader| {
        kind(SHELF, reader)?;
        let owners = (0..reader.count("owners")?).map(|_| read_owner(reader)).collect::<Result<_>>()?;
        Ok(Shelf { owners, limit: read_units(reader)?.checked_sub(1) })
    })
}

/// Encodes a list of orders.
pub fn encode_order_list(value: &OrderList) -> Vec<u8> {
    seal(|writer| {
        writer.byte(ORDER_LIST);
        writer.number(u64::from(value.pages));
        writer.count(value.orders.len());
        for listed in &value.orders {
            write_tx(listed.tx, writer);
            write_moment(listed.at, writer);
        }
    })
}

/// Decodes what [`encode_order_list`] wrote.
pub fn decode_order_list(bytes: &[u8]) -> Result<OrderList> {
    open(bytes, |reader| {
        kind(ORDER_LIST, reader)?;
        let pages = reader.number_u32("pages")?;
        let listed = (0..reader.count("orders")?)
            .map(|_| Ok(Listed { tx: read_tx(reader)?, at: read_moment(reader)? }))
            .collect::<Result<_>>()?;
        Ok(OrderList { orders: listed, pages })
    })
}

/// Encodes what came back of an order.
pub fn encode_returns(value: &Returns) -> Vec<u8> {
    seal(|writer| {
        writer.byte(RETURNS);
        write_units(&value.returned, writer);
        writer.count(value.keys.len());
        for (key, units) in &value.keys {
            writer.raw(&key.0);
            write_units(units, writer);
        }
    })
}

/// Decodes what [`encode_returns`] wrote.
pub fn decode_returns(bytes: &[u8]) -> Result<Returns> {
    open(bytes, |reader| {
        kind(RETURNS, reader)?;
        let returned = read_by_sku(reader)?;
        let keys = (0..reader.count("keys")?)
            .map(|_| Ok((KeyHash(reader.array("key")?), read_by_sku(reader)?)))
            .collect::<Result<_>>()?;
        Ok(Returns { returned, keys })
    })
}

fn write_units(units: &BTreeMap<Sku, u64>, writer: &mut Writer) {
    writer.count(units.len());
    for (sku, quantity) in units {
        writer.text(sku);
        writer.number(*quantity);
    }
}

fn read_by_sku(reader: &mut Reader<'_>) -> Result<BTreeMap<Sku, u64>> {
    (0..reader.count("SKUs")?).map(|_| Ok((read_sku(reader)?, read_units(reader)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TxId;
    use cart::Timestamp;

    #[test]
    fn shelves_and_lists_read_back() {
        let mut shelf = Shelf::default();
        shelf.split("eu", 3, 8);
        for limit in [None, Some(0), Some(4)] {
            let shelf = Shelf { limit, ..shelf.clone() };
            assert_eq!(decode_shelf(&encode_shelf(&shelf)), Ok(shelf));
        }
        let listed = |n: u8| Listed { tx: TxId([n; 16]), at: Timestamp(u64::from(n)) };
        let list = OrderList { orders: vec![listed(1), listed(2)], pages: 7 };
        assert_eq!(decode_order_list(&encode_order_list(&list)), Ok(list));
        let units = BTreeMap::from([(Sku::parse("A").unwrap(), 3)]);
        let returns = Returns { returned: units.clone(), keys: BTreeMap::from([(KeyHash::of("k"), units)]) };
        assert_eq!(decode_returns(&encode_returns(&returns)), Ok(returns));
        assert!(decode_shelf(b"").is_err() && decode_order_list(&encode_shelf(&shelf)).is_err());
    }
}
