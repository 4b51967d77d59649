//! What the data set Online Retail is known to hold, so that a replay of it checks its own reading as well.
//!
//! Counted apart from this program, over the year from 2010-12-01 to 2011-10-31. A file with another number of rows is
//! not this data set, and nothing is known of it.

use super::census::{Census, Odd};

const ROWS: u64 = 431_673;

/// Σ quantity × price of ordinary invoices' lines with a positive quantity, rounded to pence.
pub(super) const POUNDS: &str = "8507333.47";

/// The same of some countries, exactly.
const POUNDS_BY_COUNTRY: [(&str, &str); 3] =
    [("United Kingdom", "7096191.724"), ("Netherlands", "247844.31"), ("EIRE", "245374.64")];

/// Invoices, ordinary ones, ordinary ones with a positive quantity, customers, codes.
const COUNTS: [u64; 5] = [21_423, 18_171, 17_002, 4_010, 4_019];

const ODD: [(Odd, u64); 9] = [
    (Odd::Cancellation, 3_249),
    (Odd::Adjustment, 3),
    (Odd::RepeatedCode, 2_172),
    (Odd::TooManyCodes, 72),
    (Odd::NegativeQuantity, 9_021),
    (Odd::NegativePrice, 2),
    (Odd::Free, 2_195),
    (Odd::FractionOfPenny, 4),
    (Odd::CodesAtSeveralPrices, 3_541),
];

/// True when a file is the data set, told by its number of rows.
pub(super) fn is_data_set(census: &Census) -> bool {
    census.rows == ROWS
}

/// How the counts of the data set differ from what is known, in words; nothing for other files.
pub(super) fn differences(census: &Census) -> Vec<String> {
    if !is_data_set(census) {
        return Vec::new();
    }
    let mut differences = Vec::new();
    let counts =
        [census.invoices, census.ordinary_invoices, census.shopping_invoices, census.customers, census.codes];
    if counts != COUNTS {
        differences.push(format!("invoices, customers and codes are {counts:?}, known are {COUNTS:?}"));
    }
    for (country, known) in POUNDS_BY_COUNTRY {
        let value = census.value_by_country.get(country).copied().unwrap_or_default().normalize().to_string();
        if value != known {
            differences.push(format!("GBP of {country}: {value}, known are {known}"));
        }
    }
    for (odd, known) in ODD {
        let count = census.odd.get(&odd).copied().unwrap_or_default();
        if count != known {
            differences.push(format!("{}: {count}, known are {known}", odd.what()));
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data_set() -> Census {
        let [invoices, ordinary_invoices, shopping_invoices, customers, codes] = COUNTS;
        Census {
            rows: ROWS,
            invoices,
            ordinary_invoices,
            shopping_invoices,
            customers,
            codes,
            odd: ODD.into(),
            value_by_country: POUNDS_BY_COUNTRY
                .map(|(country, pounds)| (country.into(), pounds.parse().unwrap()))
                .into(),
            ..Census::default()
        }
    }

    #[test]
    fn a_miscounted_data_set_is_told_and_other_files_are_left_alone() {
        assert_eq!(differences(&data_set()), Vec::<String>::new());
        let mut census = Census { customers: 4_011, ..data_set() };
        census.odd.insert(Odd::Free, 2_194);
        census.value_by_country.remove("EIRE");
        assert_eq!(
            differences(&census),
            [
                "invoices, customers and codes are [21423, 18171, 17002, 4011, 4019], known are [21423, 18171, 17002, 4010, 4019]",
                "GBP of EIRE: 0, known are 245374.64",
                "lines: price 0: 2194, known are 2195",
            ]
        );
        assert_eq!(differences(&Census { rows: 37, ..census }), Vec::<String>::new());
    }
}
