//! Stored bytes of ledgers, stock and orders: the frame, alphabet and version of the `cart` crate, with a first byte
//! that says which kind of record it is.
//!
//! Reading never panics, whatever the bytes; what a newer release wrote is refused, never guessed. One value has one
//! encoding. The frozen bytes of each release stand in `test-data/`, and reading them is a test.

mod ledger;
mod lists;
mod order;
mod stock;
#[cfg(test)]
mod tests;

use crate::{
    id::TxId,
    ledger::Ledger,
    order::Order,
    stock::{Owner, Stock, StockKey},
};
use cart::{
    CartId, Dot, Timestamp, WriterId,
    format::{Reader, Writer, open, seal},
    line::Sku,
};

pub use cart::format::{FormatError, VERSION};
pub use lists::{
    decode_order_list, decode_returns, decode_shelf, encode_order_list, encode_returns, encode_shelf,
};

type Result<T> = std::result::Result<T, FormatError>;

const LEDGER: u8 = 1;
const STOCK: u8 = 2;
const ORDER: u8 = 3;

/// More units than this are not written by anybody; sums of them cannot overflow.
const UNITS_MAX: u64 = 1 << 40;

/// Encodes a ledger.
pub fn encode_ledger(value: &Ledger) -> Vec<u8> {
    seal(|writer| {
        writer.byte(LEDGER);
        ledger::write(value, writer);
    })
}

/// Decodes what [`encode_ledger`] wrote.
pub fn decode_ledger(bytes: &[u8]) -> Result<Ledger> {
    open(bytes, |reader| {
        kind(LEDGER, reader)?;
        ledger::read(reader)
    })
}

/// Encodes a stock record.
pub fn encode_stock(value: &Stock) -> Vec<u8> {
    seal(|writer| {
        writer.byte(STOCK);
        stock::write(value, writer);
    })
}

/// Decodes what [`encode_stock`] wrote.
pub fn decode_stock(bytes: &[u8]) -> Result<Stock> {
    open(bytes, |reader| {
        kind(STOCK, reader)?;
        stock::read(reader)
    })
}

/// Encodes an order.
pub fn encode_order(value: &Order) -> Vec<u8> {
    seal(|writer| {
        writer.byte(ORDER);
        order::write(value, writer);
    })
}

/// Decodes what [`encode_order`] wrote.
pub fn decode_order(bytes: &[u8]) -> Result<Order> {
    open(bytes, |reader| {
        kind(ORDER, reader)?;
        order::read(reader)
    })
}

/// The key of a stock record in a store: SKU first, so that the owners of one SKU stand together.
pub fn encode_stock_key(key: &StockKey) -> Vec<u8> {
    let mut bytes = key.sku.as_bytes().to_vec();
    bytes.push(0); // a SKU has no control characters, so no other SKU goes on here
    match &key.owner {
        Owner::Rights { region, incarnation, bucket } => {
            bytes.push(0);
            bytes.extend_from_slice(&bucket.to_be_bytes());
            bytes.extend_from_slice(&incarnation.to_be_bytes());
            bytes.extend_from_slice(region.as_bytes());
        }
        Owner::Customer(id) => {
            bytes.push(1);
            bytes.extend_from_slice(id);
        }
    }
    bytes
}

/// What [`encode_stock_key`] wrote, if it did.
pub fn decode_stock_key(bytes: &[u8]) -> Option<StockKey> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let sku = Sku::parse(std::str::from_utf8(&bytes[..end]).ok()?)?;
    let (kind, rest) = bytes[end + 1..].split_first()?;
    let owner = match kind {
        0 => {
            let (bucket, rest) = rest.split_first_chunk()?;
            let (incarnation, region) = rest.split_first_chunk()?;
            Owner::Rights {
                region: std::str::from_utf8(region).ok()?.into(),
                incarnation: u32::from_be_bytes(*incarnation),
                bucket: u16::from_be_bytes(*bucket),
            }
        }
        1 => Owner::Customer(rest.try_into().ok()?),
        _ => return None,
    };
    Some(StockKey { sku, owner })
}

fn kind(expected: u8, reader: &mut Reader<'_>) -> Result<()> {
    if reader.byte("kind of record")? == expected { Ok(()) } else { Err(reader.malformed("kind of record")) }
}

fn write_tx(tx: TxId, writer: &mut Writer) {
    writer.raw(&tx.0);
}

fn read_tx(reader: &mut Reader<'_>) -> Result<TxId> {
    Ok(TxId(reader.array("attempt")?))
}

fn read_cart(reader: &mut Reader<'_>) -> Result<CartId> {
    Ok(CartId(reader.array("cart")?))
}

fn write_dot(dot: Dot, writer: &mut Writer) {
    writer.fixed(dot.writer.0);
    writer.number(u64::from(dot.seq));
}

fn read_dot(reader: &mut Reader<'_>) -> Result<Dot> {
    let writer = WriterId(reader.fixed("writer of a dot")?);
    match reader.number_u32("number of a dot")? {
        0 => Err(reader.malformed("number of a dot")),
        seq => Ok(Dot::new(writer, seq)),
    }
}

fn write_moment(moment: Timestamp, writer: &mut Writer) {
    writer.number(moment.0);
}

fn read_moment(reader: &mut Reader<'_>) -> Result<Timestamp> {
    Ok(Timestamp(reader.number("moment")?))
}

fn read_units(reader: &mut Reader<'_>) -> Result<u64> {
    let units = reader.number("units")?;
    if units <= UNITS_MAX { Ok(units) } else { Err(reader.malformed("units")) }
}

fn write_flag(is_on: bool, writer: &mut Writer) {
    writer.byte(u8::from(is_on));
}

fn read_flag(reader: &mut Reader<'_>) -> Result<bool> {
    match reader.byte("flag")? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(reader.malformed("flag")),
    }
}

fn read_sku(reader: &mut Reader<'_>) -> Result<Sku> {
    let text = reader.text("SKU")?;
    Sku::parse(&text).ok_or_else(|| reader.malformed("SKU"))
}

fn write_owner(owner: &Owner, writer: &mut Writer) {
    match owner {
        Owner::Rights { region, incarnation, bucket } => {
            writer.byte(0);
            writer.text(region);
            writer.number(u64::from(*incarnation));
            writer.number(u64::from(*bucket));
        }
        Owner::Customer(id) => {
            writer.byte(1);
            writer.raw(id);
        }
    }
}

fn read_owner(reader: &mut Reader<'_>) -> Result<Owner> {
    match reader.byte("kind of owner")? {
        0 => {
            let region = reader.text("region")?;
            let incarnation = reader.number_u32("incarnation")?;
            let bucket = reader.number_u32("bucket")?;
            let bucket = u16::try_from(bucket).map_err(|_| reader.malformed("bucket"))?;
            Ok(Owner::Rights { region, incarnation, bucket })
        }
        1 => Ok(Owner::Customer(reader.array("customer")?)),
        _ => Err(reader.malformed("kind of owner")),
    }
}
