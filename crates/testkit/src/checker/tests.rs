//! The checker reports what is broken, and allows what may have happened.
//!
//! A history is written one statement after another, each a moment later:
//! `ann adds 2`, `ann removes`, `ann sets 3`, `ann sees 2`; `?` behind a change when its outcome is unknown, `!` when
//! it was refused; `at last ann sees 2` when everything has arrived. A removal and a set name the read before them.

use super::*;
use crate::history::Span;

fn history(text: &str) -> History {
    let mut history = History::default();
    for (index, statement) in text.split(" | ").enumerate() {
        let (settled, statement) = match statement.strip_prefix("at last ") {
            Some(rest) => (true, rest),
            None => (false, statement),
        };
        let span = Span { began: 10 * index as u64, ended: 10 * index as u64 + 5 };
        let words: Vec<&str> = statement.trim_end_matches(['?', '!']).split(' ').collect();
        let number = words.get(2).and_then(|word| word.parse().ok()).unwrap_or(0);
        let (cart, session, line): (Name, Name, Name) = ("cart".into(), words[0].into(), "book".into());
        let asked = match words[1] {
            "sees" => {
                let units = (number > 0).then_some((line, number)).into_iter().collect();
                history.reads.push(Read { cart, session, lagging: false, span, units, settled });
                continue;
            }
            "adds" => Asked::Add { line, units: number },
            "sets" => Asked::Set { line, to: number },
            "removes" => Asked::Remove { line },
            "clears" => Asked::Clear,
            "moves" => Asked::Move { line },
            other => panic!("{other}"),
        };
        let outcome = match statement.chars().last() {
            Some('?') => Outcome::Unknown,
            Some('!') => Outcome::Refused,
            _ => Outcome::Acknowledged,
        };
        let seen = history.reads.len().checked_sub(1);
        history.changes.push(Change { cart, session, asked, seen, span, outcome });
    }
    history
}

fn finds(text: &str, promises: &[Promise]) {
    let findings = check(&history(text));
    let found: Vec<Promise> = findings.iter().map(|finding| finding.promise).collect();
    assert_eq!(found, promises, "{text}: {findings:?}");
}

#[test]
fn an_acknowledged_add_that_is_gone_is_lost() {
    finds("ann adds 2 | at last bob sees 2", &[]);
    finds("ann adds 2 | at last bob sees 0", &[Promise::NoLostAdd]);
    finds("ann adds 2 | ann adds 1 | at last bob sees 2", &[Promise::NoLostAdd]);
}

#[test]
fn an_add_of_unknown_outcome_may_be_there_or_not() {
    finds("ann adds 2? | at last bob sees 2", &[]);
    finds("ann adds 2? | at last bob sees 0", &[]);
    finds("ann adds 2? | at last bob sees 4", &[Promise::NothingInvented]);
}

#[test]
fn a_refused_add_has_no_effect() {
    finds("ann adds 2! | at last bob sees 0", &[]);
    finds("ann adds 2! | at last bob sees 2", &[Promise::NothingInvented]);
}

#[test]
fn an_add_that_counts_twice_is_found() {
    finds("ann adds 2 | at last bob sees 4", &[Promise::NothingInvented]);
}

#[test]
fn a_removal_takes_what_it_may_have_seen_and_no_later_add() {
    finds("ann adds 2 | ann sees 2 | ann removes | at last cid sees 0", &[]);
    finds("ann adds 2 | ann sees 2 | bob adds 1 | ann removes | at last cid sees 1", &[]);
    finds("ann adds 2 | ann sees 2 | bob adds 1 | ann removes | at last cid sees 0", &[Promise::NoLostAdd]);
    finds("ann adds 2 | ann sees 2 | bob adds 1 | ann clears | at last cid sees 0", &[Promise::NoLostAdd]);
}

#[test]
fn what_was_removed_and_comes_back_is_found() {
    finds("ann adds 2 | ann sees 2 | ann removes | at last bob sees 2", &[Promise::NothingInvented]);
    finds("ann adds 2 | ann sees 2 | ann removes? | at last bob sees 2", &[]);
    finds(
        "ann adds 2 | ann sees 2 | ann removes | ann adds 1 | at last bob sees 3",
        &[Promise::NothingInvented],
    );
    finds("ann adds 2 | ann sees 2 | ann removes | ann adds 1 | at last bob sees 1", &[]);
}

#[test]
fn a_removal_whose_view_was_late_need_not_take_all() {
    finds("bob adds 1 | ann adds 2 | cid sees 2 | cid removes | at last bob sees 1", &[]);
}

#[test]
fn a_lowering_takes_at_most_the_difference() {
    finds("ann adds 5 | ann sees 5 | ann sets 3 | at last bob sees 3", &[]);
    finds("ann adds 5 | ann sees 5 | ann sets 3 | at last bob sees 2", &[Promise::NoLostAdd]);
    finds("ann sees 0 | ann sets 3 | at last bob sees 3", &[]);
    finds("ann sees 0 | ann sets 3 | at last bob sees 4", &[Promise::NothingInvented]);
}

#[test]
fn sessions_that_end_with_different_views_did_not_converge() {
    finds("ann adds 2? | at last ann sees 2 | at last bob sees 0", &[Promise::Convergence]);
}

#[test]
fn a_session_is_shown_what_it_was_told() {
    finds("ann adds 2 | ann sees 0 | at last ann sees 2", &[Promise::ReadYourWrites]);
    finds("ann adds 2 | bob sees 0 | at last ann sees 2", &[]);
    finds("ann adds 2 | ann sees 2 | ann removes | ann sees 0 | at last ann sees 0", &[]);
}

#[test]
fn a_move_changes_no_units() {
    finds("ann adds 2 | ann sees 2 | ann moves | ann sees 2 | at last bob sees 2", &[]);
}

#[test]
fn findings_are_counted_by_promise() {
    let findings = check(&history("ann adds 2 | ann sees 0 | at last bob sees 0"));
    assert_eq!(tally(&findings), [(Promise::NoLostAdd, 1), (Promise::ReadYourWrites, 1)].into());
}
