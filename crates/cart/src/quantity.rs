//! Quantities that a caller may ask for.

/// The most units that one operation adds or sets, and the default limit of a line.
pub const QUANTITY_MAX: u32 = 999_999;

/// Units to add: 1 to 999,999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u32);

/// Units to set: 0 to 999,999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(u32);

impl Quantity {
    /// Accepts 1 to 999,999.
    pub fn new(units: u32) -> Option<Self> {
        (1..=QUANTITY_MAX).contains(&units).then_some(Self(units))
    }

    /// The units.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl From<Quantity> for Target {
    fn from(quantity: Quantity) -> Self {
        Self(quantity.0)
    }
}

impl Target {
    /// Accepts 0 to 999,999.
    pub fn new(units: u32) -> Option<Self> {
        (0..=QUANTITY_MAX).contains(&units).then_some(Self(units))
    }

    /// The units.
    pub fn get(self) -> u32 {
        self.0
    }
}
