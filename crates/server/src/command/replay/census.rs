//! Counts everything that the file holds, and every odd kind of line, invoice and code with the rule that is applied.
//!
//! Always holds: the fates of the rows add up to the rows of the file, and each odd kind is reported even when its
//! count is zero. Odd kinds overlap (a cancellation has a negative quantity), fates do not.
//! Deliberately absent: the rules themselves; they live where they act, in `invoice`, `catalogue` and `plan`.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Serialize;

use super::catalogue::is_remark;
use super::invoice::{Fate, Invoice, InvoiceKind, Line, QUANTITY_MAX};
use super::pence::Pence;
use super::plan::CART_LINES_MAX;

/// Something in the file that a cart does not hold as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Odd {
    Cancellation,
    Adjustment,
    UnknownInvoice,
    NothingBought,
    Anonymous,
    RepeatedCode,
    SeveralPrices,
    TooManyCodes,
    SeveralTimes,
    Apart,
    SeveralCountries,
    NegativeQuantity,
    ZeroQuantity,
    QuantityAboveLimit,
    NegativePrice,
    Free,
    FractionOfPenny,
    NoDescription,
    Remark,
    BeyondAscii,
    SpacedCode,
    NotAnArticle,
    CodesByCase,
    CodesAtSeveralPrices,
    CodesOfSeveralTitles,
}

impl Odd {
    /// All kinds, in the order of the report.
    pub(super) const ALL: [Self; 25] = [
        Self::Cancellation,
        Self::Adjustment,
        Self::UnknownInvoice,
        Self::NothingBought,
        Self::Anonymous,
        Self::RepeatedCode,
        Self::SeveralPrices,
        Self::TooManyCodes,
        Self::SeveralTimes,
        Self::Apart,
        Self::SeveralCountries,
        Self::NegativeQuantity,
        Self::ZeroQuantity,
        Self::QuantityAboveLimit,
        Self::NegativePrice,
        Self::Free,
        Self::FractionOfPenny,
        Self::NoDescription,
        Self::Remark,
        Self::BeyondAscii,
        Self::SpacedCode,
        Self::NotAnArticle,
        Self::CodesByCase,
        Self::CodesAtSeveralPrices,
        Self::CodesOfSeveralTitles,
    ];

    /// What is counted, in words.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Cancellation => "invoices: cancellations (C…)",
            Self::Adjustment => "invoices: adjustments (A…)",
            Self::UnknownInvoice => "invoices: number of no known kind",
            Self::NothingBought => "invoices: ordinary, without a positive quantity",
            Self::Anonymous => "invoices: replayed, without a customer number",
            Self::RepeatedCode => "invoices: a code on several lines",
            Self::SeveralPrices => "invoices: replayed, a code at several prices",
            Self::TooManyCodes => "invoices: more than 300 different codes",
            Self::SeveralTimes => "invoices: lines with different times",
            Self::Apart => "invoices: other invoices' lines in between",
            Self::SeveralCountries => "invoices: lines of several countries",
            Self::NegativeQuantity => "lines: negative quantity",
            Self::ZeroQuantity => "lines: quantity 0",
            Self::QuantityAboveLimit => "lines: quantity above 999,999",
            Self::NegativePrice => "lines: negative price",
            Self::Free => "lines: price 0",
            Self::FractionOfPenny => "lines: price with a fraction of a penny",
            Self::NoDescription => "lines: no description",
            Self::Remark => "lines: a remark as description",
            Self::BeyondAscii => "lines: text beyond ASCII",
            Self::SpacedCode => "lines: white space in the code",
            Self::NotAnArticle => "lines: code is no article number (POST, M …)",
            Self::CodesByCase => "codes: differ from another by case only",
            Self::CodesAtSeveralPrices => "codes: several prices in the file",
            Self::CodesOfSeveralTitles => "codes: several descriptions in the file",
        }
    }

    /// What is done about it.
    pub(super) fn rule(self) -> &'static str {
        match self {
            Self::Cancellation => {
                "no cart: what can be found in an earlier order of the customer is returned to it"
            }
            Self::Adjustment => "no cart: bookkeeping, nobody shopped",
            Self::UnknownInvoice => "no cart: what it means is not known",
            Self::NothingBought => "no cart: stock was written off, nobody shopped",
            Self::Anonymous => "a guest cart that nobody claims",
            Self::RepeatedCode => "one add a line; at one price they add up in one line of the cart",
            Self::SeveralPrices => "the first price is plain, each further one is the option `price`",
            Self::TooManyCodes => "cut into carts of 300 lines, in order of first appearance",
            Self::SeveralTimes => "the time of the first line",
            Self::Apart => "one invoice, at its first line's place",
            Self::SeveralCountries => "the country of the first line",
            Self::NegativeQuantity => "not added: it puts nothing into a cart",
            Self::ZeroQuantity => "not added: it puts nothing into a cart",
            Self::QuantityAboveLimit => "not added: no line holds so many",
            Self::NegativePrice => "not added: no cart has a line below 0",
            Self::Free => "added at price 0 where the quantity is positive",
            Self::FractionOfPenny => "rounded half-even to pence",
            Self::NoDescription => "the catalogue's title: from another line of the code, else the code",
            Self::Remark => "not a title unless the code has no other description",
            Self::BeyondAscii => "as written",
            Self::SpacedCode => "as written",
            Self::NotAnArticle => "a line like any other",
            Self::CodesByCase => "as written: two items",
            Self::CodesAtSeveralPrices => "the catalogue has the first one paid; each line brings its own",
            Self::CodesOfSeveralTitles => "the catalogue has the first proper one that was paid for",
        }
    }
}

/// All counts of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Census {
    pub(super) rows: u64,
    pub(super) invoices: u64,
    pub(super) ordinary_invoices: u64,
    /// Ordinary invoices of which at least one line is added.
    pub(super) shopping_invoices: u64,
    pub(super) customers: u64,
    pub(super) codes: u64,
    /// What became of the rows; adds up to `rows`.
    pub(super) fates: BTreeMap<Fate, u64>,
    /// Every odd kind, zero or not; the report tells them with their rules.
    #[serde(skip)]
    pub(super) odd: BTreeMap<Odd, u64>,
    /// Σ quantity × price over the added lines, in pounds, exactly.
    #[serde(serialize_with = "as_text")]
    pub(super) value: Decimal,
    /// The same by country.
    #[serde(skip)]
    pub(super) value_by_country: BTreeMap<Arc<str>, Decimal>,
    /// The same with each price rounded to pence first, in pence.
    pub(super) value_rounded_pence: i128,
}

fn as_text<S: serde::Serializer>(amount: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

/// Counts a file.
pub(super) fn of(invoices: &[Invoice]) -> Census {
    let mut census = Census { odd: Odd::ALL.iter().map(|odd| (*odd, 0)).collect(), ..Census::default() };
    let mut codes = Codes::default();
    let mut customers = HashSet::new();
    for invoice in invoices {
        census.count_invoice(invoice);
        customers.extend(invoice.customer.clone());
        for line in &invoice.lines {
            census.count_line(invoice, line);
            codes.count(line);
        }
    }
    census.customers = count(customers.len());
    census.codes = count(codes.all.len());
    census.odd.insert(Odd::CodesByCase, codes.by_case());
    census.odd.insert(Odd::CodesAtSeveralPrices, codes.several(|code| code.prices.len()));
    census.odd.insert(Odd::CodesOfSeveralTitles, codes.several(|code| code.descriptions.len()));
    census
}

impl Census {
    /// What became of rows: how many had this fate.
    pub(super) fn fate(&self, fate: Fate) -> u64 {
        self.fates.get(&fate).copied().unwrap_or_default()
    }

    fn count_invoice(&mut self, invoice: &Invoice) {
        let replayed = invoice.added().next().is_some();
        let ordinary = invoice.kind == InvoiceKind::Ordinary;
        self.invoices += 1;
        self.ordinary_invoices += u64::from(ordinary);
        self.shopping_invoices += u64::from(replayed);
        let codes: HashSet<&str> = invoice.lines.iter().map(|line| &*line.code).collect();
        let added_codes: HashSet<&str> = invoice.added().map(|line| &*line.code).collect();
        let added_keys: HashSet<(&str, Pence)> =
            invoice.added().map(|line| (&*line.code, line.price_pence)).collect();
        let first = invoice.at();
        self.note(Odd::Cancellation, invoice.kind == InvoiceKind::Cancellation);
        self.note(Odd::Adjustment, invoice.kind == InvoiceKind::Adjustment);
        self.note(Odd::UnknownInvoice, invoice.kind == InvoiceKind::Unknown);
        self.note(Odd::NothingBought, ordinary && invoice.lines.iter().all(|line| line.quantity <= 0));
        self.note(Odd::Anonymous, replayed && invoice.customer.is_none());
        self.note(Odd::RepeatedCode, codes.len() < invoice.lines.len());
        self.note(Odd::SeveralPrices, added_codes.len() < added_keys.len());
        self.note(Odd::TooManyCodes, codes.len() > CART_LINES_MAX);
        self.note(Odd::SeveralTimes, invoice.lines.iter().any(|line| line.at != first));
        self.note(Odd::Apart, invoice.apart);
        let country = invoice.country();
        self.note(Odd::SeveralCountries, invoice.lines.iter().any(|line| line.country != *country));
    }

    fn count_line(&mut self, invoice: &Invoice, line: &Line) {
        let fate = invoice.fate(line);
        self.rows += 1;
        *self.fates.entry(fate).or_default() += 1;
        if fate == Fate::Added {
            let value = Decimal::from(line.quantity) * line.price;
            self.value += value;
            *self.value_by_country.entry(invoice.country().clone()).or_default() += value;
            self.value_rounded_pence += i128::from(line.price_pence.0) * i128::from(line.quantity);
        }
        self.note(Odd::NegativeQuantity, line.quantity < 0);
        self.note(Odd::ZeroQuantity, line.quantity == 0);
        self.note(Odd::QuantityAboveLimit, line.quantity > QUANTITY_MAX);
        self.note(Odd::NegativePrice, line.price < Decimal::ZERO);
        self.note(Odd::Free, line.price.is_zero());
        self.note(Odd::FractionOfPenny, line.price.normalize().scale() > 2);
        self.note(Odd::NoDescription, line.description.is_empty());
        self.note(Odd::Remark, is_remark(&line.description));
        self.note(Odd::BeyondAscii, !line.description.is_ascii() || !line.code.is_ascii());
        self.note(Odd::SpacedCode, line.code.contains(char::is_whitespace));
        self.note(Odd::NotAnArticle, !is_article(&line.code));
    }

    fn note(&mut self, odd: Odd, holds: bool) {
        *self.odd.entry(odd).or_default() += u64::from(holds);
    }
}

/// True for an article number: five digits, then nothing but letters.
fn is_article(code: &str) -> bool {
    code.len() >= 5
        && code.bytes().take(5).all(|byte| byte.is_ascii_digit())
        && code.bytes().skip(5).all(|byte| byte.is_ascii_alphabetic())
}

#[derive(Default)]
struct Code {
    prices: BTreeSet<Decimal>,
    descriptions: BTreeSet<Arc<str>>,
}

#[derive(Default)]
struct Codes {
    all: BTreeMap<Arc<str>, Code>,
}

impl Codes {
    fn count(&mut self, line: &Line) {
        let code = self.all.entry(line.code.clone()).or_default();
        code.prices.insert(line.price);
        if !line.description.is_empty() {
            code.descriptions.insert(line.description.clone());
        }
    }

    fn several(&self, how_many: impl Fn(&Code) -> usize) -> u64 {
        count(self.all.values().filter(|code| how_many(code) > 1).count())
    }

    fn by_case(&self) -> u64 {
        let mut spellings: BTreeMap<String, u64> = BTreeMap::new();
        for code in self.all.keys() {
            *spellings.entry(code.to_lowercase()).or_default() += 1;
        }
        spellings.values().filter(|spellings| **spellings > 1).sum()
    }
}

/// A length as a count; `usize` has at most 64 bits everywhere this runs.
fn count(length: usize) -> u64 {
    length as u64
}
