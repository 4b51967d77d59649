//! Lines: what makes two requests speak of the same thing.
//!
//! A line is a SKU with its options and seller; price and attributes are not part of it. The public id of a
//! line also names the list it is shown in.

use crate::hash::Parts;
use smol_str::SmolStr;
use std::{collections::BTreeMap, fmt, ops::Deref};

/// A map of short texts, in the order of their names.
pub type Texts = BTreeMap<SmolStr, SmolStr>;

/// The shop's code of an item: 1 to 128 bytes without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sku(SmolStr);

/// Bytes of the longest SKU, seller, option name and option value.
pub const NAME_BYTES_MAX: usize = 128;
/// The most options of a line.
pub const OPTIONS_MAX: usize = 32;

impl Sku {
    /// Accepts 1 to 128 bytes without control characters.
    pub fn parse(text: &str) -> Option<Self> {
        is_name(text).then(|| Self(SmolStr::new(text)))
    }
}

/// True for a text that can name something: not empty, at most 128 bytes, no control characters.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control)
}

impl Deref for Sku {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What names a line inside a cart: a hash of its SKU, options and seller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineKey(pub [u8; 16]);

/// A SKU with its options and seller. Ordered by key first, and constant for its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    key: LineKey,
    sku: Sku,
    options: Texts,
    seller: Option<SmolStr>,
}

/// Why a line cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A name or value is empty, too long or has control characters.
    #[error("`{0}` is empty, longer than {NAME_BYTES_MAX} bytes or holds control characters")]
    Name(String),
    /// More than [`OPTIONS_MAX`] options.
    #[error("more than {OPTIONS_MAX} options")]
    TooMany,
}

impl Line {
    /// The line of a SKU with its options and, on a marketplace, its seller.
    pub fn new(sku: Sku, options: Texts, seller: Option<SmolStr>) -> Result<Self, LineError> {
        if options.len() > OPTIONS_MAX {
            return Err(LineError::TooMany);
        }
        let names = options.iter().flat_map(|(name, value)| [name, value]).chain(&seller);
        if let Some(wrong) = names.into_iter().find(|name| !is_name(name)) {
            return Err(LineError::Name(wrong.chars().take(40).collect()));
        }
        let mut parts = Parts::new("line").bytes(sku.as_bytes()).number(options.len() as u64);
        for (name, value) in &options {
            parts = parts.bytes(name.as_bytes()).bytes(value.as_bytes());
        }
        if let Some(seller) = &seller {
            parts = parts.bytes(seller.as_bytes());
        }
        let key = LineKey(parts.u128_bytes());
        Ok(Self { key, sku, options, seller })
    }

    /// What names the line inside its cart.
    pub fn key(&self) -> LineKey {
        self.key
    }

    /// The shop's code of the item.
    pub fn sku(&self) -> &Sku {
        &self.sku
    }

    /// The chosen options, such as a colour.
    pub fn options(&self) -> &Texts {
        &self.options
    }

    /// Who sells it, on a marketplace.
    pub fn seller(&self) -> Option<&SmolStr> {
        self.seller.as_ref()
    }
}

/// Where a line is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    /// What is going to be bought.
    Cart,
    /// Saved for later.
    Saved,
}

impl List {
    /// The other list.
    pub fn other(self) -> Self {
        match self {
            Self::Cart => Self::Saved,
            Self::Saved => Self::Cart,
        }
    }
}

/// The public id of a line: its key and the list it is shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId {
    /// Which line.
    pub key: LineKey,
    /// In which list.
    pub list: List,
}

impl LineId {
    /// Reads what [`Display`](fmt::Display) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(text.strip_prefix("l_")?.as_bytes()).ok()?;
        let (list, key) = bytes.split_first()?;
        let list = match list {
            0 => List::Cart,
            1 => List::Saved,
            _ => return None,
        };
        Some(Self { key: LineKey(key.try_into().ok()?), list })
    }
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 17];
        bytes[0] = u8::from(self.list == List::Saved);
        bytes[1..].copy_from_slice(&self.key.0);
        write!(f, "l_{}", data_encoding::BASE64URL_NOPAD.encode_display(&bytes))
    }
}

impl fmt::Debug for LineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", data_encoding::BASE64URL_NOPAD.encode_display(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sku: &str, options: &[(&str, &str)], seller: Option<&str>) -> LineKey {
        let options = options.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Line::new(Sku::parse(sku).unwrap(), options, seller.map(Into::into)).unwrap().key()
    }

    #[test]
    fn options_and_seller_make_different_lines() {
        let plain = line("A", &[], None);
        assert_eq!(plain, line("A", &[], None));
        let others = [
            line("B", &[], None),
            line("A", &[("colour", "white")], None),
            line("A", &[("colour", "red")], None),
            line("A", &[("colou", "rwhite")], None),
            line("A", &[], Some("colour")),
        ];
        for (i, other) in others.iter().enumerate() {
            assert_ne!(plain, *other);
            assert!(!others[..i].contains(other));
        }
    }

    #[test]
    fn a_line_id_reads_back_with_its_list() {
        for list in [List::Cart, List::Saved] {
            let id = LineId { key: line("A", &[], None), list };
            assert_eq!(LineId::parse(&id.to_string()), Some(id));
        }
        assert_eq!(LineId::parse("l_"), None);
        assert_eq!(LineId::parse(&format!("l_{}", "A".repeat(22))), None);
    }

    #[test]
    fn names_are_bounded_and_printable() {
        assert!(Sku::parse("").is_none() && Sku::parse("a\n").is_none());
        assert!(Sku::parse(&"x".repeat(129)).is_none() && Sku::parse(&"x".repeat(128)).is_some());
    }
}
