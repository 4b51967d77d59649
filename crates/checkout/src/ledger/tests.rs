//! The ledger as one record: who gets a cart, and what is remembered.

use super::*;
use crate::settings::Settings;
use cart::WriterId;

const ACCOUNT: CartId = CartId([0x21; 16]);
const OTHER: CartId = CartId([0x31; 16]);
const GUEST: CartId = CartId([0x10; 16]);
const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn tx(number: u8) -> TxId {
    TxId([number; 16])
}

fn at(ms: u64) -> Clock {
    Clock::at(Timestamp(NOW.0 + ms))
}

fn dot(writer: u64) -> Dot {
    Dot::new(WriterId(writer), 1)
}

fn claim(number: u8, dots: &[u64]) -> Claim {
    Claim {
        tx: tx(number),
        dots: dots.iter().copied().map(dot).collect(),
        lines: [(Sku::parse("book").unwrap(), 1)].into(),
        key: Some((KeyHash([number; 16]), BodyHash([0; 16]))),
    }
}

fn ask(ledger: &mut Ledger, claim: &Claim, clock: Clock) -> Claimed {
    ledger.claim(claim, &Joined::default(), clock, &Settings::default())
}

fn ordered(number: u8, dots: &[u64]) -> Ledger {
    let mut ledger = Ledger::default();
    assert_eq!(ask(&mut ledger, &claim(number, dots), at(0)), Claimed::Claimed);
    let pending = ledger.pending.clone().unwrap();
    assert_eq!(ledger.commit(&pending, Holds::new(), NOW), Committing::Committed);
    ledger
}

#[test]
fn one_attempt_has_the_cart_until_its_deadline() {
    let mut ledger = Ledger::default();
    assert_eq!(ask(&mut ledger, &claim(1, &[1]), at(0)), Claimed::Claimed);
    let claimed = ledger.clone();
    assert_eq!(ask(&mut ledger, &claim(2, &[1]), at(60_000)), Claimed::Busy(tx(1)));
    assert_eq!(ask(&mut ledger, &claim(2, &[1]), at(60_001)), Claimed::PastDeadline(tx(1)));
    assert_eq!(ledger, claimed, "a refusal changes nothing");
    assert_eq!(ledger.due(&Settings::default()), Some(Timestamp(NOW.0 + 60_000)));
}

#[test]
fn a_known_key_is_answered_with_its_own_attempt() {
    let mut ledger = Ledger::default();
    ask(&mut ledger, &claim(1, &[1]), at(0));
    let state = |ledger: &mut Ledger, clock| ask(ledger, &Claim { tx: tx(9), ..claim(1, &[2]) }, clock);
    assert_eq!(state(&mut ledger, at(1)), Claimed::Known(tx(1), KeyState::Driven));
    assert_eq!(state(&mut ledger, at(60_001)), Claimed::Known(tx(1), KeyState::Resumable));
    assert!(ledger.await_shopper(tx(1), at(0), &Settings::default()));
    assert_eq!(state(&mut ledger, at(1)), Claimed::Known(tx(1), KeyState::Resumable));
    assert!(ledger.abort(tx(1), NOW));
    assert_eq!(state(&mut ledger, at(1)), Claimed::Known(tx(1), KeyState::Aborted));
    let reused = Claim { key: Some((KeyHash([1; 16]), BodyHash([9; 16]))), ..claim(1, &[2]) };
    assert_eq!(ask(&mut ledger, &reused, at(1)), Claimed::KeyReused);
}

#[test]
fn a_dot_that_was_bought_is_answered_with_its_order() {
    let mut ledger = ordered(1, &[1, 2]);
    assert_eq!(ask(&mut ledger, &claim(2, &[2]), at(1)), Claimed::Bought(tx(1)));
    let taken = [(dot(2), Taker::Order(tx(1)))].into();
    assert_eq!(ask(&mut ledger, &claim(2, &[2, 3]), at(1)), Claimed::Taken(taken));
    assert_eq!(ask(&mut ledger, &claim(2, &[3]), at(1)), Claimed::Claimed);
}

#[test]
fn an_aborted_attempt_does_not_commit_and_an_order_does_not_abort() {
    let mut ledger = Ledger::default();
    ask(&mut ledger, &claim(1, &[1]), at(0));
    let pending = ledger.pending.clone().unwrap();
    assert!(ledger.abort(tx(1), NOW) && !ledger.abort(tx(1), NOW));
    assert_eq!(ledger.commit(&pending, Holds::new(), NOW), Committing::Refused);
    assert!(ledger.void_acknowledged(tx(1)) && !ledger.void_acknowledged(tx(1)));
    let mut ledger = ordered(1, &[1]);
    assert!(!ledger.abort(tx(1), NOW));
    assert_eq!(ledger.commit(&pending, Holds::new(), NOW), Committing::Already);
}

#[test]
fn an_order_is_closed_once_everything_is_applied() {
    let mut ledger = Ledger::default();
    ask(&mut ledger, &claim(1, &[1]), at(0));
    let pending = ledger.pending.clone().unwrap();
    let key = StockKey::new(Sku::parse("book").unwrap(), crate::stock::Owner::home("eu", 1));
    ledger.commit(&pending, [(key.clone(), 1)].into(), NOW);
    assert!(!ledger.close(tx(1)));
    assert!(ledger.applied(tx(1), &[key.clone()].into()) && !ledger.applied(tx(1), &[key].into()));
    assert!(ledger.close(tx(1)) && !ledger.close(tx(1)));
    assert_eq!((ledger.state(tx(1)), ledger.due(&Settings::default())), (State::Closed, None));
}

#[test]
fn a_claim_is_renewed_up_to_a_quarter_of_an_hour() {
    let (mut ledger, settings) = (Ledger::default(), Settings::default());
    ask(&mut ledger, &claim(1, &[1]), at(0));
    assert!(ledger.renew(tx(1), Timestamp(NOW.0 + 100_000), &settings));
    assert!(!ledger.renew(tx(1), Timestamp(NOW.0 + 90_000), &settings));
    assert!(ledger.renew(tx(1), Timestamp(NOW.0 + 9_000_000), &settings));
    assert_eq!(ledger.pending.as_ref().unwrap().deadline, Timestamp(NOW.0 + 15 * 60_000));
    assert!(!ledger.renew(tx(2), Timestamp(NOW.0 + 9_000_000), &settings));
}

#[test]
fn a_guests_ledger_moves_once_and_takes_no_claim_after() {
    let mut ledger = ordered(1, &[1]);
    assert_eq!(ledger.move_to(ACCOUNT, at(0)), Moving::Moved);
    assert_eq!(ledger.move_to(ACCOUNT, at(0)), Moving::Already);
    assert_eq!(ledger.move_to(OTHER, at(0)), Moving::Elsewhere(ACCOUNT));
    assert_eq!(ask(&mut ledger, &claim(2, &[2]), at(0)), Claimed::Moved(ACCOUNT));
    let mut busy = Ledger::default();
    ask(&mut busy, &claim(1, &[1]), at(0));
    assert_eq!(busy.move_to(ACCOUNT, at(0)), Moving::Busy(tx(1)));
    assert_eq!(busy.move_to(ACCOUNT, at(60_001)), Moving::PastDeadline(tx(1)));
}

#[test]
fn a_guests_dots_and_keys_are_known_to_the_account() {
    let mut joined = Joined::default();
    joined.add(GUEST, &ordered(1, &[1]));
    let mut account = Ledger::default();
    let again = Claim { tx: tx(9), ..claim(1, &[2]) };
    let settings = Settings::default();
    let known = account.claim(&again, &joined, at(0), &settings);
    assert_eq!(known, Claimed::Known(tx(1), KeyState::Order), "an order of the guest's");
    assert_eq!(account.claim(&claim(2, &[1]), &joined, at(0), &settings), Claimed::Bought(tx(1)));
    assert_eq!(account.claim(&claim(3, &[3]), &joined, at(0), &settings), Claimed::Claimed);
    assert!(account.absorbed.contains(&GUEST) && account.consumed.contains_key(&dot(1)));
}

#[test]
fn an_undo_takes_dots_like_an_order_does() {
    let (mut ledger, joined, dots) = (Ledger::default(), Joined::default(), [dot(1), dot(2)].into());
    assert_eq!(ledger.claim_undo(&dots, GUEST, &joined, at(0)), UndoClaimed::Claimed);
    assert_eq!(ledger.claim_undo(&dots, GUEST, &joined, at(0)), UndoClaimed::Already);
    let elsewhere = CartId([0x50; 16]);
    assert_eq!(ledger.claim_undo(&dots, elsewhere, &joined, at(0)), UndoClaimed::Returned(GUEST));
    assert!(matches!(ask(&mut ledger, &claim(1, &[1]), at(0)), Claimed::Taken(_)));
    let mut bought = ordered(1, &[1]);
    assert_eq!(bought.claim_undo(&dots, GUEST, &joined, at(0)), UndoClaimed::Bought(tx(1)));
}

#[test]
fn keys_are_forgotten_after_a_week_by_a_clock_that_is_trusted() {
    let mut ledger = ordered(1, &[1]);
    ledger.close(tx(1));
    let week = at(7 * 24 * 60 * 60 * 1000 + 1);
    ledger.prune(Clock { is_true: false, ..week });
    assert_eq!((ledger.keys.len(), ledger.committed.len()), (1, 1));
    ledger.prune(week);
    assert_eq!((ledger.keys.len(), ledger.committed.len(), ledger.consumed.len()), (0, 0, 1));
}

#[test]
fn what_took_a_dot_is_known_for_as_long_as_the_ledger() {
    let mut ledger = ordered(1, &[1]);
    ledger.close(tx(1));
    assert_eq!(ledger.claim_undo(&[dot(2)].into(), GUEST, &Joined::default(), at(0)), UndoClaimed::Claimed);
    let mut clock = at(0);
    for number in 3..30 {
        clock = at(u64::from(number) * 30 * 24 * 60 * 60 * 1000);
        assert_eq!(ask(&mut ledger, &claim(number, &[u64::from(number)]), clock), Claimed::Claimed);
        let pending = ledger.pending.clone().unwrap();
        assert_eq!(ledger.commit(&pending, Holds::new(), clock.now), Committing::Committed);
        assert!(ledger.close(tx(number)));
    }
    assert_eq!((ledger.committed.len(), ledger.keys.len()), (1, 1), "the rest is over and forgotten");
    assert_eq!(ask(&mut ledger, &claim(99, &[1]), clock), Claimed::Bought(tx(1)));
    assert!(matches!(ask(&mut ledger, &claim(99, &[2]), clock), Claimed::Taken(_)));
}
