//! Money: integer minor units of one ISO 4217 currency. No floats, and no arithmetic across currencies.

use std::fmt;

/// Three upper-case letters of ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// An amount in the minor units of its currency: 255 GBP is £2.55.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    /// Minor units. Prices are never negative; sums are kept signed so that they can be compared.
    pub amount: i64,
    /// The currency of the amount.
    pub currency: Currency,
}

/// The greatest price of one unit, in minor units: 300 lines of 999,999 units at it still fit a sum.
pub const PRICE_MAX: i64 = 9_999_999_999;

impl Currency {
    /// Accepts three ASCII upper-case letters.
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 3] = text.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }

    /// The three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX") // only ASCII letters are ever put in
    }

    /// The three letters as bytes.
    pub fn bytes(self) -> [u8; 3] {
        self.0
    }
}

impl Money {
    /// A price: not negative, at most [`PRICE_MAX`].
    pub fn price(amount: i64, currency: Currency) -> Option<Self> {
        (0..=PRICE_MAX).contains(&amount).then_some(Self { amount, currency })
    }

    /// The price of `quantity` units. Saturates, which within the limits of a cart cannot happen.
    pub fn times(self, quantity: u64) -> Self {
        let amount = self.amount.saturating_mul(i64::try_from(quantity).unwrap_or(i64::MAX));
        Self { amount, ..self }
    }

    /// The sum, if the currencies agree. Saturates, which within the limits of a cart cannot happen.
    pub fn plus(self, other: Money) -> Option<Self> {
        (self.currency == other.currency)
            .then_some(Self { amount: self.amount.saturating_add(other.amount), ..self })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_three_capitals() {
        assert_eq!(Currency::parse("GBP").map(|c| c.to_string()).as_deref(), Some("GBP"));
        for wrong in ["gbp", "GB", "GBPP", "G1P", "€UR", ""] {
            assert_eq!(Currency::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn amounts_of_two_currencies_do_not_add_up() {
        let (gbp, eur) = (Currency::parse("GBP").unwrap(), Currency::parse("EUR").unwrap());
        let one = |currency| Money::price(100, currency).unwrap();
        assert_eq!(one(gbp).plus(one(gbp)).map(|m| m.amount), Some(200));
        assert_eq!(one(gbp).plus(one(eur)), None);
        assert_eq!(Money::price(-1, gbp), None);
        assert_eq!(Money::price(PRICE_MAX + 1, gbp), None);
    }

    #[test]
    fn the_largest_cart_still_has_a_sum() {
        let gbp = Currency::parse("GBP").unwrap();
        let line = Money::price(PRICE_MAX, gbp).unwrap().times(999_999);
        let sum = (0..300).try_fold(Money { amount: 0, currency: gbp }, |sum, _| sum.plus(line)).unwrap();
        assert_eq!(i128::from(sum.amount), i128::from(PRICE_MAX) * 999_999 * 300);
    }
}
