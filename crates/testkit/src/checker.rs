//! Whether a history keeps the promises, as far as they can be seen from outside.
//!
//! Sound: what it reports is broken. Not complete: where requests overlap, or their outcome is unknown, it allows
//! whatever may have happened. Workloads that give each add a line of its own leave it nothing to allow.

use crate::history::{Asked, Change, History, Name, Outcome, Read};
use std::collections::{BTreeMap, BTreeSet};

/// A promise that a history breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which one.
    pub promise: Promise,
    /// Of which cart.
    pub cart: Name,
    /// Of which line; `None` for all.
    pub line: Option<Name>,
    /// In words.
    pub what: String,
}

/// A promise that can be checked from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// C3: an acknowledged add is never lost.
    NoLostAdd,
    /// C4, C5: nothing comes back or counts twice; nothing is there that nobody asked for.
    NothingInvented,
    /// C2: when everything has arrived, everybody is shown the same.
    Convergence,
    /// A session is shown what it was told.
    ReadYourWrites,
}

/// All promises that `history` breaks.
pub fn check(history: &History) -> Vec<Finding> {
    let mut findings = Vec::new();
    for cart in carts(history) {
        findings.extend(convergence(history, &cart));
        for line in lines(history, &cart) {
            let of_line = OfLine { history, cart: &cart, line: &line };
            findings.extend(of_line.settled());
            findings.extend(of_line.sessions());
        }
    }
    findings
}

fn carts(history: &History) -> BTreeSet<Name> {
    let changed = history.changes.iter().map(|change| &change.cart);
    changed.chain(history.reads.iter().map(|read| &read.cart)).cloned().collect()
}

fn lines(history: &History, cart: &Name) -> BTreeSet<Name> {
    let changes = history.changes.iter().filter(|change| change.cart == *cart);
    let named = changes.filter_map(|change| change.asked.line());
    let reads = history.reads.iter().filter(|read| read.cart == *cart);
    named.chain(reads.flat_map(|read| read.units.keys())).cloned().collect()
}

fn convergence(history: &History, cart: &Name) -> Option<Finding> {
    let mut settled = history.reads.iter().filter(|read| read.settled && read.cart == *cart);
    let first = settled.next()?;
    let other = settled.find(|read| read.units != first.units)?;
    let what = format!("{} is shown {:?}, {} {:?}", first.session, first.units, other.session, other.units);
    Some(Finding { promise: Promise::Convergence, cart: cart.clone(), line: None, what })
}

/// The part of a history that speaks of one line.
#[derive(Clone, Copy)]
struct OfLine<'a> {
    history: &'a History,
    cart: &'a Name,
    line: &'a Name,
}

impl<'a> OfLine<'a> {
    fn changes(self) -> impl Iterator<Item = &'a Change> {
        let Self { history, cart, line } = self;
        history.changes.iter().filter(move |change| change.may_be_applied() && change.names(cart, line))
    }

    fn reads(self) -> impl Iterator<Item = &'a Read> {
        let Self { history, cart, .. } = self;
        history.reads.iter().filter(move |read| read.cart == *cart)
    }

    fn finding(self, promise: Promise, what: String) -> Finding {
        Finding { promise, cart: self.cart.clone(), line: Some(self.line.clone()), what }
    }

    /// What is left is at least what nobody can have taken away, and at most what can have been asked for.
    fn settled(self) -> Option<Finding> {
        let read = self.reads().find(|read| read.settled)?;
        let shown = read.units_of(self.line);
        let least = self.least(|change| change.outcome == Outcome::Acknowledged, |_| true);
        let most = self.most();
        if shown < least {
            let what = format!("{shown} units are left, and {least} were added that nobody took away");
            return Some(self.finding(Promise::NoLostAdd, what));
        }
        let what = || format!("{shown} units are left, and at most {most} can be");
        (shown > most).then(|| self.finding(Promise::NothingInvented, what()))
    }

    /// Each session is shown at least what it was told itself and nobody can have taken away yet.
    fn sessions(self) -> Option<Finding> {
        self.reads().filter(|read| !read.lagging).find_map(|read| {
            let told = |change: &Change| {
                let own = change.session == read.session && change.span.ended < read.span.began;
                own && change.outcome == Outcome::Acknowledged
            };
            let least = self.least(told, |taking| taking.span.began < read.span.ended);
            let shown = read.units_of(self.line);
            let what = || format!("{} is shown {shown} units after it was told of {least}", read.session);
            (shown < least).then(|| self.finding(Promise::ReadYourWrites, what()))
        })
    }

    /// Units of adds that count, less all that those who may have come in between can have taken.
    fn least(self, counts: impl Fn(&Change) -> bool, comes_in: impl Fn(&Change) -> bool) -> u64 {
        let takes =
            self.changes().filter(|change| comes_in(change)).map(|change| (change, self.takes(change)));
        let takes: Vec<_> = takes.filter(|(_, takes)| *takes > 0).collect();
        let mut lowered = 0;
        let mut least = 0;
        for add in self.changes().filter(|change| counts(change)) {
            let Asked::Add { units, .. } = add.asked else { continue };
            let may_have_seen = |taking: &Change| self.view_ended(taking) > add.span.began;
            if !takes.iter().any(|(taking, takes)| *takes == u64::MAX && may_have_seen(taking)) {
                least += units;
            }
        }
        for (_, takes) in takes.iter().filter(|(_, takes)| *takes < u64::MAX) {
            lowered += takes;
        }
        least.saturating_sub(lowered)
    }

    /// The most that a change takes away: `u64::MAX` for all that its view showed, 0 for nothing.
    fn takes(self, change: &Change) -> u64 {
        match change.asked {
            Asked::Remove { .. } | Asked::Clear | Asked::Set { to: 0, .. } => u64::MAX,
            Asked::Set { to, .. } => match change.seen.and_then(|seen| self.history.reads.get(seen)) {
                Some(seen) => seen.units_of(self.line).saturating_sub(to),
                None => u64::MAX,
            },
            Asked::Add { .. } | Asked::Move { .. } => 0,
        }
    }

    /// What begins later is not in the view of a change. One that sent none goes by what its region sees when it
    /// takes effect.
    fn view_ended(self, change: &Change) -> u64 {
        match change.seen.and_then(|seen| self.history.reads.get(seen)) {
            Some(seen) => seen.span.ended,
            None if change.outcome == Outcome::Unknown => u64::MAX,
            None => change.span.ended,
        }
    }

    /// Units of all that can have been asked for, less what was certainly taken away: a removal that was
    /// acknowledged, with a view that showed all there can have been, takes it all. Unless the line was moved: a
    /// removal takes what is in one list, and a read says what is in both.
    fn most(self) -> u64 {
        if self.changes().any(|change| matches!(change.asked, Asked::Move { .. })) {
            return self.asked_for(0, u64::MAX);
        }
        let removals = self.changes().filter(|change| change.outcome == Outcome::Acknowledged);
        let removals = removals.filter(|change| self.takes(change) == u64::MAX);
        let removed_until: Option<u64> = removals
            .filter_map(|removal| self.history.reads.get(removal.seen?))
            .filter(|seen| seen.units_of(self.line) == self.asked_for(0, seen.span.ended))
            .map(|seen| seen.span.ended)
            .max();
        self.asked_for(removed_until.unwrap_or(0), u64::MAX)
    }

    /// The most units that were asked for by changes that began in this time.
    fn asked_for(self, from: u64, until: u64) -> u64 {
        let changes = self.changes().filter(|change| (from..until).contains(&change.span.began));
        let raises = changes.map(|change| match change.asked {
            Asked::Add { units, .. } => units,
            Asked::Set { to, .. } => to,
            Asked::Remove { .. } | Asked::Clear | Asked::Move { .. } => 0,
        });
        raises.fold(0, u64::saturating_add)
    }
}

/// How many findings there are of each promise, for a report.
pub fn tally(findings: &[Finding]) -> BTreeMap<Promise, usize> {
    let mut counts = BTreeMap::new();
    findings.iter().for_each(|finding| *counts.entry(finding.promise).or_default() += 1);
    counts
}

#[cfg(test)]
mod tests;
