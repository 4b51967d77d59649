//! The worlds that are explored.
//!
//! Each has one thing that can go wrong in an interesting way, and as few states beside as possible. What a planted
//! bug needs to be seen is said where the bug is planted.

use crate::setup::{ANN, BOB, DotSetup, Faults, GUEST, Other, Setup, Shopper};
use cart::CartId;
use checkout::Settings;
use std::cell::RefCell;

/// A guest's cart that was merged into Ann's: both show its dot. One unit at each of two owners.
pub(crate) fn guest_and_account() -> Setup {
    Setup {
        name: "guest and account, two owners",
        dots: vec![book(1, GUEST)],
        views: [(GUEST, vec![0]), (ANN, vec![0])].into(),
        merged: [(ANN, vec![GUEST])].into(),
        shoppers: vec![shopper(GUEST, 0, [0, 1]), shopper(ANN, 1, [1, 0])],
        stock: vec![(0, 0, 1), (0, 1, 1)],
        limit: None,
        settings: Settings { attempts_max: 2, ..Settings::default() },
        faults: Faults { crashes: 1, jumps: 1, passes: 1, ..Faults::default() },
        others: Vec::new(),
        is_eager: true,
        is_stale: true,
        looked_at: RefCell::default(),
    }
}

/// As above, with money, and one unit that both may ask for.
pub(crate) fn payment() -> Setup {
    Setup {
        name: "guest and account, payment that may want the shopper",
        stock: vec![(0, 0, 1)],
        settings: Settings { attempts_max: 2, has_payment: true, ..Settings::default() },
        faults: Faults { crashes: 1, passes: 1, ..Faults::default() },
        ..guest_and_account()
    }
}

/// A retry of one request on another node, while the first is slow.
pub(crate) fn one_key_on_two_nodes() -> Setup {
    Setup {
        name: "one cart, one key on two nodes",
        shoppers: vec![shopper(ANN, 0, [0, 1]), shopper(ANN, 0, [1, 0])],
        faults: Faults { crashes: 1, jumps: 1, passes: 1, prunes: 1, ..Faults::default() },
        ..anns_cart()
    }
}

/// Both drivers want the one owner that has any: what the first sold, the second must not hold again.
pub(crate) fn one_key_one_owner() -> Setup {
    Setup {
        name: "one cart, one key on two nodes, one owner",
        shoppers: vec![shopper(ANN, 0, [0, 1]), shopper(ANN, 0, [0, 1])],
        stock: vec![(0, 0, 2)],
        faults: Faults { losses: 1, late: 1, jumps: 1, prunes: 1, ..Faults::default() },
        ..anns_cart()
    }
}

/// The same with money: the retry drives on what waits for the shopper.
pub(crate) fn one_key_with_payment() -> Setup {
    Setup {
        name: "one cart, one key on two nodes, payment",
        shoppers: vec![shopper(ANN, 0, [0, 1]), shopper(ANN, 0, [1, 0])],
        settings: Settings { attempts_max: 1, has_payment: true, ..Settings::default() },
        faults: Faults { crashes: 1, losses: 1, passes: 1, ..Faults::default() },
        ..anns_cart()
    }
}

/// Two tabs check out the same cart.
pub(crate) fn two_keys() -> Setup {
    Setup {
        name: "one cart, two keys",
        shoppers: vec![shopper(ANN, 0, [0, 1]), shopper(ANN, 1, [1, 0])],
        faults: Faults { crashes: 1, losses: 1, late: 1, jumps: 1, prunes: 1, ..Faults::default() },
        ..anns_cart()
    }
}

/// Two requests without a key: a lost claim must not be made again.
pub(crate) fn no_keys() -> Setup {
    let keyless = |prefers| Shopper { key: None, ..shopper(ANN, 0, prefers) };
    Setup {
        name: "one cart, no keys",
        shoppers: vec![keyless([0, 1]), keyless([1, 0])],
        faults: Faults { crashes: 1, losses: 1, late: 1, jumps: 1, ..Faults::default() },
        ..anns_cart()
    }
}

/// Two accounts have merged one guest, and stock would do for both.
pub(crate) fn two_accounts() -> Setup {
    Setup {
        name: "one guest, two accounts",
        views: [(GUEST, vec![0]), (ANN, vec![0]), (BOB, vec![0])].into(),
        merged: [(ANN, vec![GUEST]), (BOB, vec![GUEST])].into(),
        shoppers: vec![shopper(ANN, 0, [0, 1]), shopper(BOB, 1, [0, 1])],
        stock: vec![(0, 0, 2)],
        faults: Faults { crashes: 1, losses: 1, jumps: 1, passes: 1, ..Faults::default() },
        ..guest_and_account()
    }
}

/// All three of them at once.
pub(crate) fn three_claimants() -> Setup {
    Setup {
        name: "one guest, two accounts, all three check out",
        shoppers: vec![shopper(GUEST, 0, [0, 1]), shopper(ANN, 0, [0, 1]), shopper(BOB, 1, [0, 1])],
        stock: vec![(0, 0, 3)],
        faults: Faults { passes: 1, ..Faults::default() },
        is_stale: false,
        ..two_accounts()
    }
}

/// Two carts want one unit that is granted to and fro.
pub(crate) fn grants() -> Setup {
    Setup {
        name: "two carts, one unit, grants",
        stock: vec![(0, 0, 1), (0, 1, 0)],
        faults: Faults { losses: 1, late: 1, ..Faults::default() },
        others: vec![
            Other::Grant { from: 0, to: 1, quantity: 1 },
            Other::Grant { from: 1, to: 0, quantity: 1 },
        ],
        ..two_carts()
    }
}

/// One customer may buy one, in whichever cart.
pub(crate) fn customer_limit() -> Setup {
    Setup {
        name: "two carts of a customer, limit one",
        stock: vec![(0, 0, 2)],
        limit: Some(1),
        faults: Faults { crashes: 1, losses: 1, ..Faults::default() },
        ..two_carts()
    }
}

/// The account has a SKU of its own beside what the guest brought.
pub(crate) fn two_skus() -> Setup {
    Setup {
        name: "guest and account, two SKUs",
        dots: vec![book(1, GUEST), DotSetup { sku: 1, quantity: 1, origin: ANN }],
        views: [(GUEST, vec![0]), (ANN, vec![0, 1])].into(),
        stock: vec![(0, 0, 1), (1, 1, 1)],
        faults: Faults { crashes: 1, losses: 1, passes: 1, ..Faults::default() },
        ..guest_and_account()
    }
}

/// Two units from two owners, by two drivers who prefer different ones.
pub(crate) fn split() -> Setup {
    Setup {
        name: "two units split over two owners, one key on two nodes",
        dots: vec![book(2, ANN)],
        stock: vec![(0, 0, 1), (0, 1, 2)],
        faults: Faults { crashes: 1, jumps: 1, passes: 1, ..Faults::default() },
        ..one_key_on_two_nodes()
    }
}

/// A shopper pays, a confirmation comes to another node, and the cart's owner cancels.
pub(crate) fn confirm_and_cancel() -> Setup {
    let confirm = Shopper { confirms: Some(0), ..shopper(ANN, 0, [1, 0]) };
    Setup {
        name: "payment, confirmation, cancellation",
        shoppers: vec![shopper(ANN, 0, [0, 1]), confirm],
        settings: Settings { attempts_max: 1, has_payment: true, ..Settings::default() },
        faults: Faults { crashes: 1, passes: 1, ..Faults::default() },
        others: vec![Other::Cancel(0)],
        ..anns_cart()
    }
}

/// A merge is undone while both carts check out.
pub(crate) fn undo() -> Setup {
    Setup {
        name: "undo of a merge beside two checkouts",
        stock: vec![(0, 0, 2)],
        faults: Faults { passes: 1, ..Faults::default() },
        others: vec![Other::Undo],
        ..guest_and_account()
    }
}

/// Two customers want the last unit; nothing is tracked of the other SKU.
pub(crate) fn last_unit() -> Setup {
    Setup {
        name: "two carts, the last unit",
        stock: vec![(0, 0, 1)],
        faults: Faults { losses: 1, late: 1, jumps: 1, ..Faults::default() },
        ..two_carts()
    }
}

/// More of everything, for random walks.
pub(crate) fn crowd() -> Setup {
    Setup {
        name: "a crowd",
        dots: vec![book(2, GUEST), DotSetup { sku: 1, quantity: 1, origin: ANN }, book(1, BOB)],
        views: [(GUEST, vec![0]), (ANN, vec![0, 1]), (BOB, vec![0, 2])].into(),
        merged: [(ANN, vec![GUEST]), (BOB, vec![GUEST])].into(),
        shoppers: vec![
            shopper(GUEST, 0, [0, 1]),
            shopper(ANN, 0, [1, 0]),
            shopper(BOB, 1, [0, 1]),
            shopper(ANN, 2, [0, 1]),
            Shopper { confirms: Some(1), ..shopper(ANN, 3, [1, 0]) },
            Shopper { key: None, ..shopper(BOB, 4, [1, 0]) },
        ],
        stock: vec![(0, 0, 3), (0, 1, 2), (1, 0, 1), (1, 1, 1)],
        limit: Some(3),
        settings: Settings { attempts_max: 2, has_payment: true, ..Settings::default() },
        faults: Faults { crashes: 2, losses: 3, late: 3, jumps: 2, passes: 3, prunes: 2 },
        others: vec![
            Other::Grant { from: 0, to: 1, quantity: 1 },
            Other::Grant { from: 1, to: 0, quantity: 2 },
            Other::Cancel(0),
            Other::Undo,
        ],
        is_eager: false,
        is_stale: true,
        looked_at: RefCell::default(),
    }
}

fn anns_cart() -> Setup {
    Setup {
        dots: vec![book(1, ANN)],
        views: [(ANN, vec![0])].into(),
        merged: [].into(),
        ..guest_and_account()
    }
}

fn two_carts() -> Setup {
    Setup {
        dots: vec![book(1, ANN), book(1, BOB)],
        views: [(ANN, vec![0]), (BOB, vec![1])].into(),
        merged: [].into(),
        shoppers: vec![shopper(ANN, 0, [0, 1]), shopper(BOB, 1, [1, 0])],
        ..guest_and_account()
    }
}

fn book(quantity: u64, origin: CartId) -> DotSetup {
    DotSetup { sku: 0, quantity, origin }
}

fn shopper(cart: CartId, key: u8, prefers: [usize; 2]) -> Shopper {
    Shopper { cart, key: Some(key), prefers, confirms: None }
}

/// All of the above, where anything may go wrong more than once.
pub(crate) fn rough() -> Vec<Setup> {
    let worlds = [
        guest_and_account(),
        payment(),
        one_key_on_two_nodes(),
        one_key_one_owner(),
        one_key_with_payment(),
        two_keys(),
        no_keys(),
        two_accounts(),
        three_claimants(),
        grants(),
        customer_limit(),
        two_skus(),
        split(),
        confirm_and_cancel(),
        undo(),
        last_unit(),
    ];
    let faults = Faults { crashes: 1, losses: 2, late: 2, jumps: 2, passes: 2, prunes: 1 };
    worlds.into_iter().map(|setup| Setup { faults, is_eager: false, ..setup }).collect()
}
