//! Policies of a merge: what becomes of lines that the guest and the account both have.
//!
//! `sum` is the join itself. The others are a second delta, decided once: the merge record holds it, is inserted
//! if absent, and whoever merges applies the delta of the record that won.

use super::{Stamp, lower::lower};
use crate::{
    dot::{Dot, WriterId},
    entry::{Entry, quantity},
    hash::Parts,
    id::CartId,
    lattice::Join,
    line::{LineId, LineKey, List},
    seen::SeenDot,
    state::{Cart, Delta},
    time::{Day, Timestamp},
};
use std::{collections::BTreeMap, sync::Arc};

/// How lines that both have are settled. Lines of one side always stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Both quantities add up.
    #[default]
    Sum,
    /// The greater quantity stays.
    Max,
    /// The account's quantity stays.
    KeepAccount,
    /// The guest's quantity stays.
    KeepGuest,
}

/// Why a line has the quantity it has after a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MergeRule {
    /// Only the guest had it.
    OnlyGuest,
    /// Both had it, and the policy of this name settled it.
    Both(Policy),
}

/// What a merge does to one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineOutcome {
    /// The line, in the list where the guest has it.
    pub line: LineId,
    /// Units that the guest brings.
    pub guest: u64,
    /// Units that the account had.
    pub account: u64,
    /// Units afterwards.
    pub result: u64,
    /// Why.
    pub rule: MergeRule,
}

/// The one decision on a merge: what it brought, what the policy took, and from what moment it can be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeRecord {
    /// Into which cart.
    pub account: CartId,
    /// Which guest's cart.
    pub guest: CartId,
    /// How shared lines were settled.
    pub policy: Policy,
    /// When it was decided.
    pub at: Timestamp,
    /// What it did, line by line, as the shopper is told.
    pub lines: Vec<LineOutcome>,
    /// What the policy changes beyond the join. Nothing for [`Policy::Sum`].
    pub delta: Delta,
    /// The guest's entries at that moment, those that could be shown.
    pub brought: BTreeMap<Dot, Arc<Entry>>,
    /// The account's entries that the policy took away, as they were.
    pub taken: BTreeMap<Dot, Arc<Entry>>,
}

/// How long a merge can be undone, in milliseconds.
pub const UNDO_MS: u64 = 24 * 60 * 60 * 1000;

/// The entries of one line in one list, by side.
#[derive(Default)]
struct Sides {
    guest: Vec<SeenDot>,
    account: Vec<SeenDot>,
}

impl Sides {
    fn guest_units(&self) -> u64 {
        units(&self.guest)
    }

    fn account_units(&self) -> u64 {
        units(&self.account)
    }

    /// Units of both, where a wish that both tell counts once.
    fn together(&self) -> u64 {
        units(self.guest.iter().chain(&self.account))
    }
}

fn units<'a>(dots: impl IntoIterator<Item = &'a SeenDot>) -> u64 {
    quantity(dots.into_iter().map(|dot| (dot.n, dot.group)))
}

/// Sorts what both have together by line and by side: a dot is the guest's when the guest's state holds it.
fn sides(together: &Cart, guest: &Cart) -> BTreeMap<(List, LineKey), Sides> {
    let mut lines: BTreeMap<(List, LineKey), Sides> = BTreeMap::new();
    for (dot, shown) in together.shown() {
        let sides = lines.entry((shown.list, shown.line.key())).or_default();
        let seen = SeenDot { dot, n: shown.n, group: shown.entry.group, list: shown.list };
        if guest.entries.contains_key(&dot) { sides.guest.push(seen) } else { sides.account.push(seen) }
    }
    lines
}

/// What merging `guest` into `account` under `policy` gives, line by line: what doing it would give.
pub fn preview(policy: Policy, account: &Cart, guest: &Cart) -> Vec<LineOutcome> {
    let mut together = account.joined(guest);
    let before = sides(&together, guest);
    let mut delta = Cart::default();
    before.values().for_each(|sides| policy.apply(&mut delta, sides, Day::default()));
    together.join(&delta);
    let after = sides(&together, guest);
    let outcome = |((list, key), sides): ((List, LineKey), Sides)| {
        let (guest, account) = (sides.guest_units(), sides.account_units());
        let rule = match (guest, account) {
            (0, _) => return None,
            (_, 0) => MergeRule::OnlyGuest,
            _ => MergeRule::Both(policy),
        };
        let result = after.get(&(list, key)).map_or(0, Sides::together);
        Some(LineOutcome { line: LineId { key, list }, guest, account, result, rule })
    };
    before.into_iter().filter_map(outcome).collect()
}

impl MergeRecord {
    /// Decides the merge of `guest` into `account`, both as they are now.
    pub fn decide(
        policy: Policy,
        (account_id, account): (CartId, &Cart),
        (guest_id, guest): (CartId, &Cart),
        at: Timestamp,
    ) -> Self {
        let writer = Parts::new("merge policy").bytes(&account_id.0).bytes(&guest_id.0).u64();
        let stamp = Stamp { dot: Dot::new(WriterId(writer), 1), origin: account_id, at };
        let mut delta = Cart::burning(stamp.dot, at);
        for sides in sides(&account.joined(guest), guest).values() {
            policy.apply(&mut delta, sides, at.day());
        }
        let brought = guest.entries.iter().filter(|(_, entry)| entry.shown().is_some());
        let taken = account
            .entries
            .iter()
            .filter(|(dot, _)| !guest.entries.contains_key(dot) && delta.context.contains(**dot))
            .map(|(dot, entry)| (*dot, entry.clone()))
            .collect();
        Self {
            account: account_id,
            guest: guest_id,
            policy,
            at,
            lines: preview(policy, account, guest),
            delta,
            // An entry whose add has not arrived is not brought: it is a late write when it comes, and stays.
            brought: brought.map(|(dot, entry)| (*dot, entry.clone())).collect(),
            taken,
        }
    }

    /// The last moment at which the merge can be undone.
    pub fn undo_until(&self) -> Timestamp {
        Timestamp(self.at.0.saturating_add(UNDO_MS))
    }
}

impl Policy {
    fn apply(self, delta: &mut Delta, sides: &Sides, day: Day) {
        let (guest, account) = (sides.guest_units(), sides.account_units());
        if guest == 0 || account == 0 {
            return;
        }
        match self {
            Self::Sum => {}
            Self::Max => {
                let excess = sides.together().saturating_sub(guest.max(account));
                lower(delta, &sides.guest, guest.saturating_sub(excess), day);
            }
            Self::KeepAccount => lower(delta, &sides.guest, 0, day),
            Self::KeepGuest => lower(delta, &sides.account, 0, day),
        }
    }
}
