//! Carts as lines of a file: what `GET /v1/admin/carts` gives, `POST /v1/admin/carts` takes, and `evercart export`
//! keeps between a first line and a last one.
//!
//! ```text
//! {"format":"evercart-carts","version":1,"exported_at":"…"}
//! {"id":"c_…","state":"…","digest":"…"}                        state: base64 of the stored format, which has its version
//! {"id":"c_…","damaged":true}                                  a cart that could not be read where it was
//! {"carts":2,"damaged_carts":1,"digest":"…"}                   over the lines before, in order
//! ```

use cart::{Cart, CartId, format};
use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};

/// What the first line says of the file.
pub(crate) const FORMAT: &str = "evercart-carts";
/// The version that is written; a later one is refused.
pub(crate) const VERSION: u32 = 1;
/// Bytes of a digest.
const DIGEST_BYTES: usize = 16;

/// Any line. Which one it is follows from the members it has.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exported_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) damaged: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) carts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) damaged_carts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
}

impl Line {
    /// The first line of a file.
    pub(crate) fn first(exported_at: String) -> Self {
        let format = Some(FORMAT.to_owned());
        Self { format, version: Some(VERSION), exported_at: Some(exported_at), ..Self::default() }
    }

    /// A cart.
    pub(crate) fn of_cart(cart: CartId, state: &[u8]) -> Self {
        let (id, state) = (cart.to_string(), BASE64.encode(state));
        let digest = digest_of(&id, &state);
        Self { id: Some(id), state: Some(state), digest: Some(digest), ..Self::default() }
    }

    /// A cart that cannot be read.
    pub(crate) fn of_damaged(cart: CartId) -> Self {
        Self { id: Some(cart.to_string()), damaged: Some(true), ..Self::default() }
    }

    /// The last line, over those before.
    pub(crate) fn last(seen: &Sum) -> Self {
        let (carts, damaged_carts) = (Some(seen.carts), Some(seen.damaged));
        Self { carts, damaged_carts, digest: Some(seen.digest()), ..Self::default() }
    }

    /// What is wrong with it as the first line of a file.
    pub(crate) fn check_first(&self) -> Result<(), String> {
        match (self.format.as_deref(), self.version) {
            (Some(FORMAT), Some(VERSION)) => Ok(()),
            (Some(FORMAT), Some(newer)) => Err(format!(
                "it is of version {newer}, and this release reads version {VERSION}: use a newer one"
            )),
            _ => Err("it is not an export of carts".to_owned()),
        }
    }

    /// True of a last line.
    pub(crate) fn is_last(&self) -> bool {
        self.carts.is_some()
    }

    /// The cart's id, if the line is that of a cart, whole or damaged, and as it was written.
    pub(crate) fn checked_cart(&self) -> Result<CartId, &'static str> {
        let id = self.id.as_deref().ok_or("it is not the line of a cart")?;
        let cart = CartId::parse(id).ok_or("its `id` is not the id of a cart")?;
        match (&self.state, &self.digest, self.damaged) {
            (None, None, Some(true)) => Ok(cart),
            (Some(state), Some(digest), None) if *digest == digest_of(id, state) => Ok(cart),
            (Some(_), Some(_), None) => Err("its `digest` does not match"),
            _ => Err("it is not the line of a cart"),
        }
    }

    /// The state of a cart whose line was checked, and the name of its import.
    pub(crate) fn state(&self) -> Result<(Cart, u64), String> {
        let text = self.state.as_deref().ok_or("it has no `state`")?;
        let bytes =
            BASE64.decode(text.as_bytes()).map_err(|error| format!("its `state` is not base64: {error}"))?;
        let state = format::decode(&bytes).map_err(|error| format!("its `state` cannot be read: {error}"))?;
        Ok((state, name_of(self.digest.as_deref().unwrap_or_default())))
    }

    /// As it stands in a file, with its line end.
    pub(crate) fn to_text(&self) -> String {
        // Texts and numbers: nothing that JSON cannot say.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

/// What was seen of a file.
#[derive(Debug, Clone)]
pub(crate) struct Sum {
    pub(crate) carts: u64,
    pub(crate) damaged: u64,
    hasher: blake3::Hasher,
}

impl Sum {
    /// Of a file that begins with this line.
    pub(crate) fn behind(first: &Line) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(first.to_text().as_bytes());
        Self { carts: 0, damaged: 0, hasher }
    }

    /// Counts the line of a cart.
    pub(crate) fn add(&mut self, line: &Line) {
        match &line.digest {
            Some(digest) => {
                self.carts += 1;
                self.hasher.update(digest.as_bytes());
            }
            None => {
                self.damaged += 1;
                self.hasher.update(line.id.as_deref().unwrap_or_default().as_bytes());
            }
        }
        self.hasher.update(b"\n");
    }

    /// Over the first line and all that were added, in order.
    pub(crate) fn digest(&self) -> String {
        text_of(&self.hasher.finalize())
    }
}

fn digest_of(id: &str, state: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(id.as_bytes()).update(b"\n").update(state.as_bytes());
    text_of(&hasher.finalize())
}

fn text_of(hash: &blake3::Hash) -> String {
    HEXLOWER.encode(&hash.as_bytes()[..DIGEST_BYTES])
}

fn name_of(digest: &str) -> u64 {
    digest.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_and_any_flipped_bit_of_it_is_noticed() {
        let line = Line::of_cart(CartId([7; 16]), &format::encode(&Cart::erased()));
        let text = line.to_text();
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
        assert_eq!((line.checked_cart(), line.state().unwrap().0), (Ok(CartId([7; 16])), Cart::erased()));
        let flipped = (0..text.trim_end().len()).flat_map(|at| (0..8).map(move |bit| (at, bit)));
        for (at, bit) in flipped {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let read = serde_json::from_slice::<Line>(&bytes).ok();
            let same = read.filter(|read| read.checked_cart().is_ok());
            assert!(same.is_none_or(|same| same == line), "byte {at}, bit {bit}");
        }
    }
}
