//! The shop's catalogue as the file implies it: one item for each stock code, with one title and one price.
//!
//! Always holds: every code of the file is an item, so that no add meets an unknown SKU. The title is the first proper
//! description that somebody paid for, else the first proper one, else any text, else the code; the price is the first
//! above zero that somebody paid, else zero. Codes are taken as written: two that differ by case are two items.
//! Deliberately absent: availability, images, limits; the file knows none.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::invoice::{Fate, Invoice};
use super::pence::Pence;

/// Code → item, in the order of codes.
pub(super) type Catalogue = BTreeMap<Arc<str>, Item>;

/// What the shop says about one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) title: Arc<str>,
    pub(super) price: Pence,
}

/// How good a description is as a title; the least is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Quality {
    Paid,
    Proper,
    Remark,
    Nothing,
}

/// True for a stock-taker's remark in place of a title: something is written, but with a question mark or without
/// any capital letter (`?`, `found`, `damages`); the shop's titles are in capitals.
pub(super) fn is_remark(description: &str) -> bool {
    !description.is_empty()
        && (description.contains('?') || !description.chars().any(|letter| letter.is_uppercase()))
}

/// The items of all codes in the file.
pub(super) fn of(invoices: &[Invoice]) -> Catalogue {
    let mut found: BTreeMap<Arc<str>, (Quality, Item)> = BTreeMap::new();
    for invoice in invoices {
        for line in &invoice.lines {
            let paid = invoice.fate(line) == Fate::Added && line.price_pence > Pence(0);
            let quality = match &*line.description {
                "" => Quality::Nothing,
                text if is_remark(text) => Quality::Remark,
                _ if paid => Quality::Paid,
                _ => Quality::Proper,
            };
            let (best, item) = found
                .entry(line.code.clone())
                .or_insert_with(|| (Quality::Nothing, Item { title: line.code.clone(), price: Pence(0) }));
            if quality < *best {
                *best = quality;
                item.title = line.description.clone();
            }
            if paid && item.price == Pence(0) {
                item.price = line.price_pence;
            }
        }
    }
    found.into_iter().map(|(code, (_, item))| (code, item)).collect()
}

/// A body of `PUT /v1/catalog/items`.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) lines: usize,
    pub(super) text: String,
}

/// The catalogue in bodies of at most `lines_max` lines and `bytes_max` bytes, but at least one line.
pub(super) fn batches(catalogue: &Catalogue, lines_max: usize, bytes_max: usize) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for (sku, item) in catalogue {
        let price = serde_json::json!({"amount": item.price.0, "currency": "GBP"});
        let line =
            serde_json::json!({"sku": &**sku, "title": &*item.title, "price": price}).to_string() + "\n";
        match batches.last_mut() {
            Some(batch) if batch.lines < lines_max && batch.text.len() + line.len() <= bytes_max => {
                batch.lines += 1;
                batch.text.push_str(&line);
            }
            _ => batches.push(Batch { lines: 1, text: line }),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::super::invoice::parse;
    use super::*;

    fn catalogue(rows: &str) -> Catalogue {
        let header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";
        of(&parse(format!("{header}{rows}").as_bytes()).unwrap())
    }

    #[test]
    fn a_title_is_the_first_proper_description_that_was_paid_for() {
        let items = catalogue(
            "1,A,,-3,2010-12-01T08:00:00,0.0,,UK\n\
             2,A,found,5,2010-12-01T08:00:00,0.0,,UK\n\
             3,A,GIVEN AWAY,1,2010-12-01T08:00:00,0.0,,UK\n\
             4,A,TIN DRUM,1,2010-12-01T08:00:00,2.5,,UK\n\
             5,A,TIN DRUM LARGE,1,2010-12-01T08:00:00,3.0,,UK\n",
        );
        assert_eq!(items["A"], Item { title: "TIN DRUM".into(), price: Pence(250) });
    }

    #[test]
    fn a_code_without_any_proper_description_is_still_an_item() {
        let items = catalogue(
            "1,A,,-3,2010-12-01T08:00:00,0.0,,UK\n\
             1,B,?,-3,2010-12-01T08:00:00,0.0,,UK\n\
             C1,D,TIN DRUM,-3,2010-12-01T08:00:00,4.0,,UK\n\
             1,a,TIN DRUM,1,2010-12-01T08:00:00,4.0,,UK\n",
        );
        let titles: Vec<_> = items.values().map(|item| (&*item.title, item.price.0)).collect();
        assert_eq!(titles, [("A", 0), ("?", 0), ("TIN DRUM", 0), ("TIN DRUM", 400)]);
    }

    #[test]
    fn batches_keep_to_both_bounds_and_lose_nothing() {
        let items = catalogue(
            "1,A,X,1,2010-12-01T08:00:00,1.0,,UK\n\
             1,B,X,1,2010-12-01T08:00:00,1.0,,UK\n\
             1,C,X,1,2010-12-01T08:00:00,1.0,,UK\n",
        );
        let lines = |lines_max, bytes_max| -> Vec<usize> {
            batches(&items, lines_max, bytes_max).iter().map(|batch| batch.lines).collect()
        };
        assert_eq!(lines(2, 10_000), [2, 1]);
        assert_eq!(lines(5_000, 1), [1, 1, 1]);
        assert_eq!(
            batches(&items, 1, 10_000)[0].text,
            "{\"sku\":\"A\",\"title\":\"X\",\"price\":{\"amount\":100,\"currency\":\"GBP\"}}\n"
        );
    }
}
