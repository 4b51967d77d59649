//! How the rights to one SKU are split over its owners, and brought together for the last units.
//!
//! Only plans: each move is a grant (`grant.rs`), each removal a change of one record. A plan that was made of stale
//! numbers moves less than it wanted, never more than there is.

use super::{Owner, Stock};

/// A plan to move rights.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rights {
    /// From whom.
    pub from: Owner,
    /// To whom.
    pub to: Owner,
    /// How many.
    pub quantity: u64,
}

/// Everything that is available elsewhere comes home: for the last units, and for an owner that ends.
pub fn collapse(home: &Owner, owners: &[(Owner, &Stock)]) -> Vec<Rights> {
    let others =
        owners.iter().filter(|(owner, stock)| owner != home && owner.is_rights() && stock.available() > 0);
    others
        .map(|(owner, stock)| Rights { from: owner.clone(), to: home.clone(), quantity: stock.available() })
        .collect()
}

/// Gives `to` its share of what all owners together have available, from those that have more than theirs.
pub fn refill(to: &Owner, owners: &[(Owner, &Stock)]) -> Vec<Rights> {
    let rights: Vec<_> = owners.iter().filter(|(owner, _)| owner.is_rights()).collect();
    let total: u64 = rights.iter().map(|(_, stock)| stock.available()).sum();
    let share = total / (rights.len() as u64).max(1);
    let has = rights.iter().find(|(owner, _)| owner == to).map_or(0, |(_, stock)| stock.available());
    let mut wanted = share.saturating_sub(has);
    let mut plan = Vec::new();
    for (owner, stock) in rights.into_iter().filter(|(owner, _)| owner != to) {
        let quantity = stock.available().saturating_sub(share).min(wanted);
        if quantity > 0 {
            wanted -= quantity;
            plan.push(Rights { from: owner.clone(), to: to.clone(), quantity });
        }
    }
    plan
}

/// How a correction downwards is split: what is available, in the order given; what no owner has is short at the
/// first.
pub fn spread_removal(quantity: u64, owners: &[(Owner, &Stock)]) -> Vec<(Owner, u64)> {
    let mut left = quantity;
    let mut parts: Vec<(Owner, u64)> = Vec::new();
    for (owner, stock) in owners.iter().filter(|(owner, _)| owner.is_rights()) {
        let part = stock.available().min(stock.restocked).min(left);
        left -= part;
        parts.push((owner.clone(), part));
    }
    if let Some((_, first)) = parts.first_mut() {
        *first += left;
    }
    parts.retain(|(_, part)| *part > 0);
    parts
}
