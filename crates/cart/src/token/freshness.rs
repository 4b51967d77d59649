//! The freshness token, `Evercart-Context`: what a caller has already been shown, so that it never reads less.

use super::{BadToken, Keyring};
use crate::{
    dot::{Dot, WriterId},
    format::{FormatError, Reader, Writer},
    id::CartId,
    state::Cart,
};
use smol_str::SmolStr;

const KIND: &str = "context";

/// Bytes of the longest token.
pub const FRESHNESS_BYTES_MAX: usize = 512;
/// Rows and dots that fit it.
const ROWS_MAX: usize = 6;
const DOTS_MAX: usize = 8;
const OWNER_BYTES_MAX: usize = 24;

/// The version of one owner's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSeen {
    /// Whose row; at most 24 bytes are kept.
    pub owner: SmolStr,
    /// Which version of it.
    pub version: u64,
}

/// What a caller has been shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Of which cart.
    pub cart: CartId,
    /// The rows that were joined.
    pub rows: Vec<RowSeen>,
    /// The last operations of the caller.
    pub dots: Vec<Dot>,
}

impl Freshness {
    /// True when `state`, joined from `rows`, shows at least what the caller has been shown.
    pub fn is_covered_by(&self, state: &Cart, rows: &[RowSeen]) -> bool {
        let covers = |seen: &RowSeen| {
            let same_owner = |row: &&RowSeen| kept(&row.owner) == kept(&seen.owner);
            rows.iter().filter(same_owner).any(|row| row.version >= seen.version)
        };
        state.erased
            || (self.dots.iter().all(|dot| state.context.contains(*dot)) && self.rows.iter().all(covers))
    }

    /// The token: at most [`FRESHNESS_BYTES_MAX`] bytes; what does not fit is left out, oldest dots first.
    pub fn to_token(&self, keys: &Keyring) -> String {
        let mut writer = Writer::default();
        writer.raw(&self.cart.0);
        let rows = &self.rows[..self.rows.len().min(ROWS_MAX)];
        writer.count(rows.len());
        for row in rows {
            writer.text(kept(&row.owner));
            writer.number(row.version);
        }
        let dots = &self.dots[self.dots.len().saturating_sub(DOTS_MAX)..];
        writer.count(dots.len());
        for dot in dots {
            writer.fixed(dot.writer.0);
            writer.number(u64::from(dot.seq));
        }
        keys.seal(KIND, &writer.into_bytes())
    }

    /// Reads a token.
    pub fn from_token(token: &str, keys: &Keyring) -> Result<Self, BadToken> {
        let payload = keys.open(KIND, token)?;
        read(&mut Reader::new(&payload)).map_err(|_| BadToken)
    }
}

/// What a token keeps of an owner: its first bytes, up to the end of a character.
fn kept(owner: &str) -> &str {
    &owner[..owner.floor_char_boundary(OWNER_BYTES_MAX)]
}

fn read(reader: &mut Reader<'_>) -> Result<Freshness, FormatError> {
    let cart = CartId(reader.array("cart")?);
    let rows = (0..reader.count("rows")?)
        .map(|_| Ok(RowSeen { owner: reader.text("owner")?, version: reader.number("version")? }))
        .collect::<Result<_, FormatError>>()?;
    let dots = (0..reader.count("dots")?)
        .map(|_| Ok(Dot { writer: WriterId(reader.fixed("writer")?), seq: reader.number_u32("seq")? }))
        .collect::<Result<_, FormatError>>()?;
    reader.end()?;
    Ok(Freshness { cart, rows, dots })
}
