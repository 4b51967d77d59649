//! Stored form of an order: lines with the item as it was shown, so that it can be read without any catalogue.

use super::{
    Result, read_cart, read_dot, read_flag, read_moment, read_tx, write_dot, write_flag, write_moment,
    write_tx,
};
use crate::order::{Order, OrderLine, Totals};
use cart::{
    format::{
        Reader, Writer, read_item, read_line, read_many, read_texts, write_item, write_line, write_texts,
    },
    money::{Currency, Money},
};
use std::sync::Arc;

pub(super) fn write(order: &Order, writer: &mut Writer) {
    write_tx(order.tx, writer);
    writer.raw(&order.cart.0);
    write_flag(order.customer.is_some(), writer);
    order.customer.iter().for_each(|customer| writer.raw(customer));
    writer.count(order.lines.len());
    for line in &order.lines {
        write_line(&line.line, writer);
        writer.number(line.quantity);
        write_money(line.unit_price, writer);
        write_item(&line.item, writer);
        write_texts(&line.attributes, writer);
    }
    writer.count(order.dots.len());
    order.dots.iter().for_each(|dot| write_dot(*dot, writer));
    let Totals { currency, subtotal, tax, shipping, total } = order.totals;
    writer.raw(&currency.bytes());
    [subtotal, tax, shipping, total]
        .into_iter()
        .for_each(|amount| writer.difference(0, amount.cast_unsigned()));
    write_texts(&order.fields, writer);
    write_moment(order.created_at, writer);
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Order> {
    let tx = read_tx(reader)?;
    let cart = read_cart(reader)?;
    let customer = read_flag(reader)?.then(|| reader.array("customer")).transpose()?;
    let lines = read_many(reader, "lines", |reader| {
        Ok(OrderLine {
            line: Arc::new(read_line(reader)?),
            quantity: reader.number("quantity")?,
            unit_price: read_money(reader)?,
            item: Arc::new(read_item(reader)?),
            attributes: read_texts(reader)?,
        })
    })?;
    let dots = read_many(reader, "dots", read_dot)?.into_iter().collect();
    let currency = read_currency(reader)?;
    let mut amount = || reader.difference(0, "amount").map(u64::cast_signed);
    let (subtotal, tax, shipping, total) = (amount()?, amount()?, amount()?, amount()?);
    let totals = Totals { currency, subtotal, tax, shipping, total };
    let fields = read_texts(reader)?;
    Ok(Order { tx, cart, customer, lines, dots, totals, fields, created_at: read_moment(reader)? })
}

fn write_money(money: Money, writer: &mut Writer) {
    writer.raw(&money.currency.bytes());
    writer.difference(0, money.amount.cast_unsigned());
}

fn read_money(reader: &mut Reader<'_>) -> Result<Money> {
    let currency = read_currency(reader)?;
    Ok(Money { amount: reader.difference(0, "amount")?.cast_signed(), currency })
}

fn read_currency(reader: &mut Reader<'_>) -> Result<Currency> {
    let letters: [u8; 3] = reader.array("currency")?;
    let currency = std::str::from_utf8(&letters).ok().and_then(Currency::parse);
    currency.ok_or_else(|| reader.malformed("currency"))
}
