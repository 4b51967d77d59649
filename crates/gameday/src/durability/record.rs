//! What was acknowledged to one tab, kept apart from the server: the units of each of its lines, and what may have
//! happened besides.
//!
//! What always holds: a tab asks one thing after the other and its lines are nobody else's, so what was acknowledged
//! says exactly what must be shown. One request at most is open; its outcome is allowed either way.

use std::collections::BTreeMap;
use std::fmt;

/// Units of a line, in both lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Units {
    /// To be bought.
    pub cart: u64,
    /// Saved for later.
    pub saved: u64,
}

/// A list of a cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// To be bought.
    Cart,
    /// Saved for later.
    Saved,
}

/// What a request does to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// So many units more, to be bought.
    Add(u64),
    /// So many units to be bought, by what was seen.
    Set(u64),
    /// What was seen in a list is gone.
    Remove(List),
    /// What was seen in the other list is in this one.
    Move(List),
}

/// A line of a tab.
#[derive(Debug, Clone, Default)]
struct Line {
    units: Units,
    /// True once units of it were taken away.
    was_lowered: bool,
}

/// Lines by their SKU.
pub type Shown = BTreeMap<String, Units>;

/// What was acknowledged.
#[derive(Debug, Clone, Default)]
pub struct Record {
    lines: BTreeMap<String, Line>,
}

/// How a cart breaks its promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broken {
    /// Units that were acknowledged are gone.
    LostAdd,
    /// Units are there that were removed.
    Resurrected,
    /// Units are there that nobody asked for.
    Invented,
    /// The units are there, in the other list.
    Misplaced,
}

/// A line that is not as it was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which promise.
    pub broken: Broken,
    /// Whose line, and which.
    pub line: String,
    /// What must be shown.
    pub expected: Units,
    /// What is.
    pub shown: Units,
}

impl Units {
    /// Of one list.
    pub fn of(self, list: List) -> u64 {
        match list {
            List::Cart => self.cart,
            List::Saved => self.saved,
        }
    }

    /// Of both lists.
    pub fn total(self) -> u64 {
        self.cart + self.saved
    }

    /// After an effect.
    fn after(self, effect: Effect) -> Self {
        match effect {
            Effect::Add(units) => Self { cart: self.cart + units, ..self },
            Effect::Set(to) => Self { cart: to, ..self },
            Effect::Remove(List::Cart) => Self { cart: 0, ..self },
            Effect::Remove(List::Saved) => Self { saved: 0, ..self },
            Effect::Move(List::Cart) => Self { cart: self.total(), saved: 0 },
            Effect::Move(List::Saved) => Self { cart: 0, saved: self.total() },
        }
    }
}

impl List {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Cart => Self::Saved,
            Self::Saved => Self::Cart,
        }
    }
}

impl Record {
    /// It was acknowledged.
    pub fn acknowledge(&mut self, sku: &str, effect: Effect) {
        let line = self.lines.entry(sku.to_owned()).or_default();
        let after = line.units.after(effect);
        line.was_lowered |= after.total() < line.units.total();
        line.units = after;
    }

    /// Units that must be shown of a line.
    pub fn units(&self, sku: &str) -> Units {
        self.lines.get(sku).map(|line| line.units).unwrap_or_default()
    }

    /// Every line that is shown otherwise than it must be. An open request may have had its effect, or not.
    pub fn compare(&self, shown: &Shown, open: Option<(&str, Effect)>) -> Vec<Finding> {
        let skus = self.lines.keys().chain(shown.keys().filter(|sku| !self.lines.contains_key(*sku)));
        skus.filter_map(|sku| {
            let is = shown.get(sku).copied().unwrap_or_default();
            let expected = self.units(sku);
            let effect = open.and_then(|(open, effect)| (open == sku).then_some(effect));
            let is_right = is == expected || effect.is_some_and(|effect| is == expected.after(effect));
            (!is_right).then(|| self.finding(sku, expected, is))
        })
        .collect()
    }

    fn finding(&self, sku: &str, expected: Units, shown: Units) -> Finding {
        let was_lowered = self.lines.get(sku).is_some_and(|line| line.was_lowered);
        let broken = match shown.total().cmp(&expected.total()) {
            std::cmp::Ordering::Less => Broken::LostAdd,
            std::cmp::Ordering::Equal => Broken::Misplaced,
            std::cmp::Ordering::Greater if was_lowered => Broken::Resurrected,
            std::cmp::Ordering::Greater => Broken::Invented,
        };
        Finding { broken, line: sku.to_owned(), expected, shown }
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {} saved", self.cart, self.saved)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.broken {
            Broken::LostAdd => "lost add",
            Broken::Resurrected => "resurrected removal",
            Broken::Invented => "invented units",
            Broken::Misplaced => "units in the wrong list",
        };
        write!(f, "{what}: {} shows {}, acknowledged were {}", self.line, self.shown, self.expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(acknowledged: &[Effect], shown: Units) -> Option<Broken> {
        let mut record = Record::default();
        acknowledged.iter().for_each(|effect| record.acknowledge("A", *effect));
        record.compare(&Shown::from([("A".to_owned(), shown)]), None).first().map(|finding| finding.broken)
    }

    fn units(cart: u64, saved: u64) -> Units {
        Units { cart, saved }
    }

    #[test]
    fn what_was_acknowledged_is_what_must_be_shown() {
        let all = [Effect::Add(2), Effect::Move(List::Saved), Effect::Add(1), Effect::Set(5)];
        assert_eq!(broken(&all, units(5, 2)), None);
        assert_eq!(broken(&all, units(7, 0)), Some(Broken::Misplaced));
        assert_eq!(broken(&all, units(4, 2)), Some(Broken::LostAdd));
        assert_eq!(broken(&all, units(6, 2)), Some(Broken::Invented));
    }

    #[test]
    fn what_was_removed_and_is_shown_has_come_back() {
        let removed = [Effect::Add(2), Effect::Remove(List::Cart)];
        assert_eq!(broken(&removed, units(2, 0)), Some(Broken::Resurrected));
        assert_eq!(broken(&removed, units(0, 0)), None);
    }

    #[test]
    fn an_open_request_is_allowed_either_way_and_no_other() {
        let mut record = Record::default();
        record.acknowledge("A", Effect::Add(1));
        let findings = |cart| {
            let shown = Shown::from([("A".to_owned(), units(cart, 0))]);
            record.compare(&shown, Some(("A", Effect::Add(3)))).len()
        };
        assert_eq!([1, 4, 3, 0].map(findings), [0, 0, 1, 1]);
    }

    #[test]
    fn a_line_that_nobody_asked_for_is_a_finding() {
        let shown = Shown::from([("B".to_owned(), units(1, 0))]);
        assert_eq!(Record::default().compare(&shown, None)[0].broken, Broken::Invented);
    }
}
