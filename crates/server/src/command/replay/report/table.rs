//! The report for people.

use std::fmt::{self, Formatter};

mod selling;

use super::{Operation, ReplayReport, pounds};
use crate::command::replay::invoice::Fate;

/// Writes the whole report.
pub(super) fn write(report: &ReplayReport, f: &mut Formatter<'_>) -> fmt::Result {
    file(report, f)?;
    replay(report, f)?;
    latency(report, f)?;
    totals(report, f)?;
    selling::write(report, f)?;
    differences(report, f)?;
    match &report.ended_early {
        Some(why) => writeln!(f, "\nNOT FINISHED ({why}): {} so far", verdict(report)),
        None if report.passed => writeln!(f, "\npassed: {}", verdict(report)),
        None => writeln!(f, "\nFAILED: {}", verdict(report)),
    }
}

fn verdict(report: &ReplayReport) -> String {
    let carts = format!("{} carts differ", report.differing_carts);
    match &report.orders {
        Some(orders) => {
            format!("{carts}, {} differences of orders, returns and stock", orders.differences_count)
        }
        None => carts,
    }
}

fn file(report: &ReplayReport, f: &mut Formatter<'_>) -> fmt::Result {
    let file = &report.file;
    writeln!(
        f,
        "file      {} rows, {} invoices ({} ordinary, {} of them with something bought), {} customers, {} codes",
        file.rows, file.invoices, file.ordinary_invoices, file.shopping_invoices, file.customers, file.codes
    )?;
    writeln!(f, "rows      {} added to carts; left out:", file.fate(Fate::Added))?;
    for (fate, words) in [
        (Fate::InCancellation, "in cancellations"),
        (Fate::InAdjustment, "in adjustments"),
        (Fate::InUnknownInvoice, "in invoices of no known kind"),
        (Fate::NothingBought, "with a negative or zero quantity, in ordinary invoices"),
        (Fate::NegativePrice, "with a negative price, in ordinary invoices"),
        (Fate::QuantityAboveLimit, "with a quantity above 999,999"),
    ] {
        writeln!(f, "  {:>7} {words}", file.fate(fate))?;
    }
    writeln!(f, "\nodd       what is counted, over the whole file, and what is done")?;
    for row in &report.odd {
        writeln!(f, "  {:>7} {}: {}", row.count, row.what, row.rule)?;
    }
    Ok(())
}

fn replay(report: &ReplayReport, f: &mut Formatter<'_>) -> fmt::Result {
    let replay = &report.replay;
    writeln!(
        f,
        "\nreplay    {} of {} invoices, {} of {} carts, {} items in the catalogue, concurrency {}, seed {}",
        replay.invoices,
        replay.invoices_planned,
        replay.carts,
        replay.carts_planned,
        replay.catalogue_items,
        replay.concurrency,
        replay.seed
    )?;
    writeln!(
        f,
        "          {} operations in {:.1} s: {:.0} a second",
        replay.operations, replay.seconds, replay.operations_per_second
    )?;
    writeln!(
        f,
        "          {} retries, {} answers to repeated operations, longest wait for an answer {:.0} ms",
        replay.retries, replay.replayed_answers, replay.longest_wait_ms
    )?;
    writeln!(
        f,
        "          {} carts showed a claim late, {} the items of lines",
        replay.late_claims, replay.late_items
    )?;
    writeln!(
        f,
        "          read again at the end: {} guests' carts, {} accounts",
        replay.guest_carts_at_the_end, replay.accounts_at_the_end
    )?;
    Ok(())
}

fn latency(report: &ReplayReport, f: &mut Formatter<'_>) -> fmt::Result {
    writeln!(
        f,
        "\n{:<10}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "ms", "count", "p50", "p99", "p99.9", "max", "retries"
    )?;
    for operation in Operation::ALL {
        if let Some(latency) = report.latency_ms.get(operation.name()) {
            writeln!(
                f,
                "{:<10}{:>9}{:>9.2}{:>9.2}{:>9.2}{:>9.2}{:>9}",
                operation.name(),
                latency.count,
                latency.p50,
                latency.p99,
                latency.p999,
                latency.max,
                latency.retries
            )?;
        }
    }
    Ok(())
}

fn totals(report: &ReplayReport, f: &mut Formatter<'_>) -> fmt::Result {
    let totals = &report.totals;
    let agrees = |agree| if agree { "agrees" } else { "DIFFERS" };
    writeln!(
        f,
        "\nGBP       {} in the file, exactly; {} rounded",
        totals.file_pounds, totals.file_pounds_rounded
    )?;
    match totals.known_pounds {
        Some(known) => writeln!(f, "          {known} in the data set: {}", agrees(totals.file_agrees()))?,
        None => writeln!(f, "          not the data set (by its number of rows): no known total to compare")?,
    }
    write!(f, "          {} with each price rounded to pence", pounds(totals.file_pence_by_line))?;
    match totals.rounding_effect() {
        Some(effect) => writeln!(f, ": rounding makes {:+}", effect.normalize())?,
        None => writeln!(f)?,
    }
    writeln!(
        f,
        "          {} expected of the carts, {} shown by the server: {}",
        pounds(totals.carts_pence_expected),
        pounds(totals.carts_pence_shown),
        agrees(totals.carts_agree())
    )
}

fn differences(report: &ReplayReport, f: &mut Formatter<'_>) -> fmt::Result {
    for difference in &report.file_differences {
        writeln!(f, "file      {difference}")?;
    }
    for difference in report.orders.iter().flat_map(|orders| &orders.differences) {
        writeln!(f, "orders    {difference}")?;
    }
    for failure in &report.catalogue_failures {
        writeln!(f, "catalogue {failure}")?;
    }
    for cart in &report.differences {
        writeln!(f, "\ncart {} differs in {}:", cart.cart, cart.count)?;
        for difference in &cart.differences {
            writeln!(f, "  {difference}")?;
        }
    }
    Ok(())
}
