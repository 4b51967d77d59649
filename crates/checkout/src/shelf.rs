//! Where the stock of a SKU is, and what the shop decided on it. A SKU without a shelf is not tracked, and sells freely.

use crate::stock::Owner;
use smol_str::SmolStr;

/// Owners of a SKU's stock that were ever given rights, and the shop's bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shelf {
    /// In the order in which they came.
    pub owners: Vec<Owner>,
    /// Units that one customer may buy in all; none for as many as there are.
    pub limit: Option<u64>,
}

/// The most owners of a SKU in one region.
pub const BUCKETS_MAX: u16 = 64;

impl Shelf {
    /// The owners that may sell here: those of this life of this region's store. Rights of another life are frozen
    /// until somebody has counted.
    pub fn selling(&self, region: &str, incarnation: u32) -> Vec<Owner> {
        let is_here = |owner: &&Owner| match owner {
            Owner::Rights { region: of, incarnation: life, .. } => of == region && *life == incarnation,
            Owner::Customer(_) => false,
        };
        self.owners.iter().filter(is_here).cloned().collect()
    }

    /// Puts the stock of a region into so many parts at least; true when that is news.
    pub fn split(&mut self, region: &str, incarnation: u32, buckets: u16) -> bool {
        let before = self.owners.len();
        for bucket in 0..buckets.clamp(1, BUCKETS_MAX) {
            let owner = Owner::Rights { region: SmolStr::new(region), incarnation, bucket };
            if !self.owners.contains(&owner) {
                self.owners.push(owner);
            }
        }
        self.owners.len() > before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_owners_of_this_life_sell() {
        let mut shelf = Shelf::default();
        assert!(shelf.split("eu", 1, 2) && !shelf.split("eu", 1, 1));
        assert!(shelf.split("eu", 2, 1));
        assert_eq!(shelf.selling("eu", 1).len(), 2);
        assert_eq!(shelf.selling("eu", 2), [Owner::home("eu", 2)]);
        assert_eq!(shelf.selling("us", 1), []);
    }
}
