//! Orders, returns and stock, for people.

use std::fmt::{self, Formatter};

use super::super::orders::{Orders, Pair};
use super::{ReplayReport, pounds};
use crate::command::replay::census::Odd;

/// Writes what was sold; nothing where nothing was to be sold.
pub(super) fn write(report: &ReplayReport, f: &mut Formatter<'_>) -> fmt::Result {
    let Some(orders) = &report.orders else { return Ok(()) };
    writeln!(
        f,
        "\norders    {} of {} checkouts became orders, {} orders listed at the end, {:.1} orders a second",
        orders.placed, orders.planned, orders.listed, orders.per_second
    )?;
    writeln!(
        f,
        "          {} checkouts begun anew, {} cancelled, {} carts showed late what was bought",
        orders.new_keys, orders.cancelled, orders.late_carts
    )?;
    if !orders.closed {
        return writeln!(f, "          orders and stock were not read back: nothing is known to agree");
    }
    sums(report, orders, f)?;
    countries(orders, f)?;
    returns(orders, f)?;
    writeln!(
        f,
        "stock     {} of {} items: sold what the file sells, available what came back, nothing held",
        orders.stock_right, orders.items
    )
}

fn sums(report: &ReplayReport, orders: &Orders, f: &mut Formatter<'_>) -> fmt::Result {
    let Pair { file, orders: sold } = orders.total;
    writeln!(
        f,
        "          {} units for GBP {} in orders, {} units for GBP {} in the file: {}",
        sold.units,
        pounds(sold.pence),
        file.units,
        pounds(file.pence),
        agrees(file == sold)
    )?;
    let odd = |kind| report.file.odd.get(&kind).copied().unwrap_or_default();
    writeln!(
        f,
        "          each line at the price of its row, quoted by a service; in the whole file not so: {} lines with a \
         fraction of a penny (rounded half-even), {} with a negative price (not sold)",
        odd(Odd::FractionOfPenny),
        odd(Odd::NegativePrice)
    )?;
    let by_item = agrees(orders.items_differing == 0);
    let by_country = agrees(orders.countries_differing == 0);
    writeln!(
        f,
        "          by item {by_item} ({} items, {} differ), by country {by_country} ({} countries, {} differ)",
        orders.items,
        orders.items_differing,
        orders.by_country.len(),
        orders.countries_differing
    )
}

fn countries(orders: &Orders, f: &mut Formatter<'_>) -> fmt::Result {
    let mut countries: Vec<_> = orders.by_country.iter().collect();
    countries.sort_by_key(|(_, pair)| std::cmp::Reverse(pair.file.pence));
    for (country, Pair { file, orders: sold }) in countries {
        let (units, money, agrees) = (sold.units, pounds(sold.pence), agrees(file == sold));
        writeln!(f, "  {country:<22}{units:>10} units{money:>14} GBP  {agrees}")?;
    }
    Ok(())
}

fn returns(orders: &Orders, f: &mut Formatter<'_>) -> fmt::Result {
    let returns = &orders.returns;
    let matched = returns.file.matched;
    writeln!(
        f,
        "\nreturns   {} cancellations: {} lines with {} units match earlier orders of their customers",
        returns.file.cancellations, matched.lines, matched.units
    )?;
    writeln!(
        f,
        "          {} units of {} taken back and restocked, in {} requests",
        returns.units_taken_back, returns.units_planned, returns.taken_back
    )?;
    for (why, count) in &returns.file.unmatched {
        writeln!(f, "  {:>7} lines with {} units match no order: {}", count.lines, count.units, why.what())?;
    }
    for named in &returns.file.unmatched_named {
        writeln!(f, "          {named}")?;
    }
    Ok(())
}

fn agrees(agrees: bool) -> &'static str {
    if agrees { "agrees" } else { "DIFFERS" }
}
