//! Sums of what is sold: by item, by country and in total.
//!
//! Always holds: the sums of the file are taken from its lines alone, apart from the carts that are planned of them, so
//! that a mistake of the plan shows as well. Prices are whole pence, as a cart can hold them.
//! Deliberately absent: how orders are read (`shop::orders`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::invoice::Invoice;
use super::pence::Pence;

/// How much of something was sold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Sold {
    pub(super) units: i128,
    pub(super) pence: i128,
}

/// All that was sold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sales {
    pub(super) by_item: BTreeMap<Arc<str>, Sold>,
    pub(super) by_country: BTreeMap<Arc<str>, Sold>,
    pub(super) total: Sold,
}

impl Sold {
    fn add(&mut self, units: i64, price: Pence) {
        self.units += i128::from(units);
        self.pence += i128::from(units) * i128::from(price.0);
    }
}

impl fmt::Display for Sold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} units for {} p", self.units, self.pence)
    }
}

impl Sales {
    /// Takes one line in.
    pub(super) fn add(&mut self, sku: &str, country: &str, units: i64, price: Pence) {
        entry(&mut self.by_item, sku).add(units, price);
        entry(&mut self.by_country, country).add(units, price);
        self.total.add(units, price);
    }

    /// Takes in what an invoice of the file sells.
    pub(super) fn add_invoice(&mut self, invoice: &Invoice) {
        for line in invoice.added() {
            self.add(&line.code, invoice.country(), line.quantity, line.price_pence);
        }
    }

    /// How `shown` differs from this, in words.
    pub(super) fn differences(&self, shown: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        if self.total != shown.total {
            differences.push(format!("all orders: {}, the file has {}", shown.total, self.total));
        }
        compare("orders to", &self.by_country, &shown.by_country, &mut differences);
        compare("orders of item", &self.by_item, &shown.by_item, &mut differences);
        differences
    }
}

fn entry<'a>(sums: &'a mut BTreeMap<Arc<str>, Sold>, name: &str) -> &'a mut Sold {
    sums.entry(Arc::from(name)).or_default()
}

fn compare(
    what: &str,
    expected: &BTreeMap<Arc<str>, Sold>,
    shown: &BTreeMap<Arc<str>, Sold>,
    differences: &mut Vec<String>,
) {
    let of = |sums: &BTreeMap<Arc<str>, Sold>, name| sums.get(name).copied().unwrap_or_default();
    let only_shown = shown.keys().filter(|name| !expected.contains_key(*name));
    for name in expected.keys().chain(only_shown) {
        let (expected, shown) = (of(expected, name), of(shown, name));
        if expected != shown {
            differences.push(format!("{what} `{name}`: {shown}, the file has {expected}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::invoice::parse;
    use super::*;

    #[test]
    fn the_file_is_summed_by_item_by_country_and_in_total() {
        let mut sales = Sales::default();
        let rows = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n\
             1,A,x,2,2010-12-01T08:00:00,1.25,,EIRE\n\
             1,A,x,1,2010-12-01T08:00:00,1.0,,EIRE\n\
             2,B,x,3,2010-12-01T08:00:00,0.0,,France\n\
             2,B,x,-3,2010-12-01T08:00:00,1.0,,France\n\
             C3,A,x,-1,2010-12-01T08:00:00,1.0,,EIRE\n";
        parse(rows.as_bytes()).unwrap().iter().for_each(|invoice| sales.add_invoice(invoice));
        assert_eq!(sales.by_item["A"], Sold { units: 3, pence: 350 });
        assert_eq!(sales.by_country["France"], Sold { units: 3, pence: 0 });
        assert_eq!(sales.total, Sold { units: 6, pence: 350 });
    }

    #[test]
    fn each_sum_that_differs_is_told() {
        let mut file = Sales::default();
        file.add("A", "EIRE", 2, Pence(100));
        let mut orders = Sales::default();
        orders.add("A", "France", 2, Pence(100));
        assert_eq!(file.differences(&file), Vec::<String>::new());
        assert_eq!(
            file.differences(&orders),
            [
                "orders to `EIRE`: 0 units for 0 p, the file has 2 units for 200 p",
                "orders to `France`: 2 units for 200 p, the file has 0 units for 0 p",
            ]
        );
        orders.add("A", "EIRE", 1, Pence(99));
        assert_eq!(
            file.differences(&orders)[0],
            "all orders: 3 units for 299 p, the file has 2 units for 200 p"
        );
    }
}
