//! How long carts are kept. Ending is an operation of a worker, never a clock in the view.
//!
//! A guest's cart ends with its token: nobody can reach it afterwards. Tokens are renewed by use, and a read writes
//! nothing; so a read renews a token only while the cart was changed less than [`CONTEXT_DAYS`] ago, or is empty. The
//! last token of a cart that holds something therefore ends at most [`CONTEXT_DAYS`] and the token's own days after
//! the last change, and a day later its rows may go.
//!
//! An account's cart stays, unless the shop set an idle time. An empty cart, of either kind, costs no row once nobody
//! can speak of what was in it. An erased cart stays: it is what stops late writes of what was erased.

use crate::{
    id::CartId,
    state::{CONTEXT_DAYS, Cart},
    time::Day,
};

/// What a shop decided on how long carts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Days without use after which a guest's token ends.
    pub guest_days: u32,
    /// Days without a change after which an account's cart is emptied; `None` for never.
    pub account_idle_days: Option<u32>,
}

/// What is to become of a cart that has been left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// A guest's cart that no token reaches: its rows go.
    Guest,
    /// An empty cart: its rows go.
    Empty,
    /// An account's cart that nobody changed for its idle time: what is seen in it expires.
    Idle,
}

impl Cart {
    /// True when there is nothing in either list, and no field.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.fields.values().all(|field| field.value.is_none())
    }

    /// True when using the cart renews its guest's token, changed or not.
    pub fn renews_token(&self, today: Day) -> bool {
        self.is_empty() || today.since(self.touched.day()) < CONTEXT_DAYS
    }

    /// What is to become of the cart today; `None` while it stays as it is.
    pub fn ending(&self, id: CartId, lifetimes: &Lifetimes, today: Day) -> Option<Ending> {
        if self.erased || self.is_untouched() {
            return None;
        }
        let unheard = today.since(self.last_heard());
        let beyond_tokens = unheard > CONTEXT_DAYS + lifetimes.guest_days;
        if self.is_empty() {
            // That a guest was merged is remembered for as long as its token could ask for it again.
            let may_go = unheard > CONTEXT_DAYS && (self.merged.is_empty() || beyond_tokens);
            return may_go.then_some(Ending::Empty);
        }
        if !id.is_account() {
            return beyond_tokens.then_some(Ending::Guest);
        }
        // A day late: the shopper's last day is whole.
        let idle_days = lifetimes.account_idle_days?;
        (today.since(self.touched.day()) > idle_days.saturating_add(1)).then_some(Ending::Idle)
    }

    /// The last day on which the cart was changed, or any row learned something of it.
    fn last_heard(&self) -> Day {
        let learned = self.context.writers().map(|(_, writer)| writer.last_day);
        learned.max().unwrap_or_default().max(self.touched.day())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dot::{Dot, WriterId},
        id::ShopKey,
        lattice::{Join, Register},
        operation::{Expire, Stamp},
        seen::Seen,
        time::Timestamp,
    };

    const GUEST: CartId = CartId([2; 16]);
    const LONG: u32 = 10_000;

    fn account() -> CartId {
        CartId::account(&ShopKey([1; 32]), "ann", "active", 0)
    }

    fn touched_on(day: u32) -> Cart {
        Cart::burning(Dot::new(WriterId(1), 1), Timestamp::default().plus_days(day))
    }

    fn with_note(mut cart: Cart) -> Cart {
        let note = Register { lamport: 1, writer: WriterId(1), value: Some("ring twice".into()) };
        cart.fields.insert("note".into(), note);
        cart
    }

    /// The first day after day 0 on which a cart ends, and how.
    fn ends(cart: &Cart, id: CartId, account_idle_days: Option<u32>) -> Option<(u32, Ending)> {
        let lifetimes = Lifetimes { guest_days: 30, account_idle_days };
        (0..LONG).find_map(|day| Some((day, cart.ending(id, &lifetimes, Day(day))?)))
    }

    #[test]
    fn a_guests_cart_ends_a_day_after_its_last_token_and_an_accounts_never() {
        let cart = with_note(touched_on(0));
        assert_eq!(ends(&cart, GUEST, None), Some((67 + 30 + 1, Ending::Guest)));
        assert_eq!(ends(&cart, account(), None), None);
        assert_eq!(ends(&cart, account(), Some(90)), Some((92, Ending::Idle)));
    }

    #[test]
    fn an_empty_cart_ends_when_nobody_can_speak_of_it_any_more() {
        assert_eq!(ends(&touched_on(0), GUEST, None), Some((68, Ending::Empty)));
        assert_eq!(ends(&touched_on(0), account(), None), Some((68, Ending::Empty)));
        let mut relearned = touched_on(0);
        relearned.context.insert(Dot::new(WriterId(2), 1), Day(10));
        assert_eq!(ends(&relearned, GUEST, None), Some((78, Ending::Empty)));
        let mut merged = touched_on(0);
        merged.merged.insert(GUEST, Day(0));
        assert_eq!(ends(&merged, account(), None), Some((98, Ending::Empty)), "its token may come again");
    }

    #[test]
    fn what_never_was_costs_nothing_and_what_was_erased_is_never_forgotten() {
        assert_eq!(ends(&Cart::default(), GUEST, Some(1)), None);
        assert_eq!(ends(&Cart::erased(), GUEST, Some(1)), None);
        assert_eq!(ends(&Cart::erased(), account(), Some(1)), None);
    }

    #[test]
    fn no_token_outlives_the_rows_of_its_cart() {
        let cart = with_note(touched_on(0));
        let last_renewal = (0..LONG).filter(|day| cart.renews_token(Day(*day))).max();
        let (gone, _) = ends(&cart, GUEST, None).unwrap();
        assert!(last_renewal.unwrap() + 30 < gone);
        assert!(touched_on(0).renews_token(Day(LONG)), "an empty cart can be renewed for ever");
    }

    #[test]
    fn to_be_emptied_by_the_worker_does_not_count_as_a_change() {
        let cart = touched_on(0);
        let stamp = Stamp {
            dot: Dot::new(WriterId(2), 1),
            origin: account(),
            at: Timestamp::default().plus_days(92),
        };
        let seen = Seen::of_cart(account(), &cart, Day(92));
        let expired = cart.joined(&Expire { seen }.delta(&stamp));
        assert_eq!(expired.touched, cart.touched);
        assert_eq!(ends(&expired, account(), Some(90)), Some((92 + 68, Ending::Empty)));
    }
}
