//! The receipt of a change, `Evercart-Receipt`: the delta itself, sealed. Whoever lost what was acknowledged joins it
//! again when its caller presents the receipt; anywhere, in any order, any number of times.

use super::{BadToken, Keyring};
use crate::{
    dot::{Dot, WriterId},
    format::{self, FormatError, Reader, Writer},
    id::CartId,
    state::Delta,
    time::Day,
};

const KIND: &str = "receipt";

/// Days for which a receipt is joined; contexts remember for much longer what was removed since.
pub const RECEIPT_DAYS: u32 = 7;

/// What was acknowledged to a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Of which cart.
    pub cart: CartId,
    /// The operation's identity.
    pub dot: Dot,
    /// When it was acknowledged.
    pub day: Day,
    /// What it changed, as [`format::encode`] wrote it: who makes a receipt has just stored the same bytes.
    pub delta: Vec<u8>,
}

impl Receipt {
    /// Of a change that has not been encoded yet.
    pub fn of(cart: CartId, dot: Dot, day: Day, delta: &Delta) -> Self {
        Self { cart, dot, day, delta: format::encode(delta) }
    }

    /// The change itself.
    pub fn delta(&self) -> Result<Delta, FormatError> {
        format::decode(&self.delta)
    }

    /// True when it is too old to be joined.
    pub fn is_expired(&self, today: Day) -> bool {
        today.since(self.day) > RECEIPT_DAYS
    }

    /// The token. As long as the delta: some hundred bytes of an add, more of a bulk change or a merge.
    pub fn to_token(&self, keys: &Keyring) -> String {
        let mut writer = Writer::default();
        writer.raw(&self.cart.0);
        writer.fixed(self.dot.writer.0);
        writer.number(u64::from(self.dot.seq));
        writer.number(u64::from(self.day.0));
        writer.raw(&self.delta);
        keys.seal(KIND, &writer.into_bytes())
    }

    /// Reads a token.
    pub fn from_token(token: &str, keys: &Keyring) -> Result<Self, BadToken> {
        let payload = keys.open(KIND, token)?;
        let receipt = read(&mut Reader::new(&payload)).map_err(|_| BadToken)?;
        // One of a newer release is told now, and not when the cart is there.
        receipt.delta().map(|_| receipt).map_err(|_| BadToken)
    }
}

fn read(reader: &mut Reader<'_>) -> Result<Receipt, FormatError> {
    let cart = CartId(reader.array("cart")?);
    let dot = Dot { writer: WriterId(reader.fixed("writer")?), seq: reader.number_u32("seq")? };
    let day = Day(reader.number_u32("day")?);
    Ok(Receipt { cart, dot, day, delta: reader.rest().to_vec() })
}
