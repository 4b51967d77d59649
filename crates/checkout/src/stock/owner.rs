//! Who may spend which rights: the owners of a SKU's stock, and the names of their records.

use cart::line::Sku;
use smol_str::SmolStr;
use std::fmt;

/// Whoever holds rights to sell a SKU.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A part of the shop's stock.
    Rights {
        /// The region that spends them.
        region: SmolStr,
        /// The life of the region's store that they were given to; another one after any restore.
        incarnation: u32,
        /// Which of the parts that a region splits a SKU into that sells fast.
        bucket: u16,
    },
    /// What one customer may buy at all: outside grants, with a bound of its own.
    Customer([u8; 16]),
}

impl Owner {
    /// The first bucket of a region.
    pub fn home(region: &str, incarnation: u32) -> Self {
        Self::Rights { region: SmolStr::new(region), incarnation, bucket: 0 }
    }

    /// True of rights to the shop's stock, which are counted against what the shop has.
    pub fn is_rights(&self) -> bool {
        matches!(self, Self::Rights { .. })
    }
}

/// Names a stock record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StockKey {
    /// Of what.
    pub sku: Sku,
    /// Held by whom.
    pub owner: Owner,
}

impl StockKey {
    /// The record of `sku` at `owner`.
    pub fn new(sku: Sku, owner: Owner) -> Self {
        Self { sku, owner }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rights { region, incarnation, bucket } => write!(f, "{region}.{incarnation}.{bucket}"),
            Self::Customer(id) => write!(f, "customer {}", data_encoding::BASE64URL_NOPAD.encode_display(id)),
        }
    }
}
