//! The table of figures: what is measured, which floor it must reach, and what it came to.
//!
//! Every figure of the table is in every report; one that was not measured in a run has no value and says so.

use crate::{
    row::{Row, Work},
    run::Group,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Which way a figure is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// A figure as the table names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared {
    pub(crate) name: &'static str,
    /// What it is, for people.
    pub(crate) meaning: &'static str,
    unit: &'static str,
    floor: f64,
    aim: f64,
    better: Better,
}

use Better::{Higher, Lower};

/// All of them, in the order of the table.
pub(crate) const TABLE: [Declared; 12] = [
    declared("get_vs_hello", "GET /v1/cart, full body / hello", "ratio", 0.65, 0.8, Higher),
    declared("add_vs_hello", "add one line, durable, return=minimal / hello", "ratio", 0.4, 0.6, Higher),
    declared("add_vs_redis", "add one line, durable / redis fsync-always SET", "ratio", 0.9, 1.3, Higher),
    declared("mixed_vs_hello", "5 reads : 1 durable write / hello", "ratio", 0.55, 0.75, Higher),
    declared(
        "p999_half_ms",
        "p99.9 of the 5:1 mix at half of its saturated rate, open loop",
        "ms",
        50.0,
        10.0,
        Lower,
    ),
    declared("max_half_ms", "slowest single write of the same", "ms", 250.0, 50.0, Lower),
    declared(
        "add_300_vs_empty",
        "p50 of an add to a cart of 300 lines / of an empty cart",
        "ratio",
        2.0,
        1.2,
        Lower,
    ),
    declared("open_s", "open after kill -9, to the first answered read", "s", 5.0, 1.0, Lower),
    declared("bytes_per_cart", "bytes on disk per cart, settled", "bytes", 400.0, 250.0, Lower),
    declared("rss_gb", "resident memory, defaults", "GB", 1.5, 0.5, Lower),
    declared("growth", "rate at 10 M carts / rate at 100 k carts", "ratio", 0.7, 0.9, Higher),
    declared(
        "inprocess_vs_engine",
        "in process, 5 reads : 1 durable write / the same on fjall alone",
        "ratio",
        1.2,
        3.0,
        Higher,
    ),
];

const fn declared(
    name: &'static str,
    meaning: &'static str,
    unit: &'static str,
    floor: f64,
    aim: f64,
    better: Better,
) -> Declared {
    Declared { name, meaning, unit, floor, aim, better }
}

/// A figure as it came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) value: Option<f64>,
    pub(crate) unit: &'static str,
    pub(crate) floor: f64,
    pub(crate) aim: f64,
    pub(crate) better: Better,
    pub(crate) note: String,
}

/// A value with what is to be said of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Measured {
    pub(crate) value: f64,
    pub(crate) note: String,
}

impl Declared {
    /// What this run made of it.
    pub(crate) fn figure(&self, measured: Option<&Measured>) -> Figure {
        let note =
            measured.map_or_else(|| "not measured in this run".to_owned(), |measured| measured.note.clone());
        let value = measured.map(|measured| measured.value);
        Figure {
            name: self.name,
            value,
            unit: self.unit,
            floor: self.floor,
            aim: self.aim,
            better: self.better,
            note,
        }
    }
}

impl Figure {
    /// `aim`, `floor` or `missed`; nothing where there is no value.
    pub(crate) fn verdict(&self) -> &'static str {
        let Some(value) = self.value else { return "" };
        let reaches = |bound: f64| match self.better {
            Higher => value >= bound,
            Lower => value <= bound,
        };
        match (reaches(self.aim), reaches(self.floor)) {
            (true, _) => "aim",
            (false, true) => "floor",
            (false, false) => "missed",
        }
    }
}

/// The ratio that says what the floors of adds leave: of the table it is none.
pub(crate) const APPEND: &str = "append_vs_hello";

/// Figures that are a rate over another: which is over which.
const RATIOS: [(&str, Work, Work); 7] = [
    (APPEND, Work::Append, Work::Hello),
    ("get_vs_hello", Work::Get, Work::Hello),
    ("add_vs_hello", Work::Add, Work::Hello),
    ("add_vs_redis", Work::Add, Work::Redis),
    ("mixed_vs_hello", Work::Mixed, Work::Hello),
    ("inprocess_vs_engine", Work::Whole, Work::Engine),
    ("growth", Work::Mixed, Work::Small),
];

/// Figures of an open loop, whose rate is half of what was saturated.
pub(crate) const HALF: [&str; 2] = ["p999_half_ms", "max_half_ms"];
/// The figure of medians of latency.
const SIZES: &str = "add_300_vs_empty";
/// Which is over which in it.
const COMPARED_SIZES: (Work, Work) = (Work::AddToFull, Work::AddToEmpty);

/// What must have a turn so that these figures can be had.
pub(crate) fn works(wanted: &BTreeSet<String>) -> BTreeSet<Work> {
    let ratios = RATIOS.iter().filter(|(name, ..)| wanted.contains(*name));
    let saturated = HALF.iter().any(|name| wanted.contains(*name)).then_some(Work::Mixed);
    let sizes = wanted.contains(SIZES).then_some(<[Work; 2]>::from(COMPARED_SIZES));
    ratios
        .flat_map(|(_, over, under)| [*over, *under])
        .chain(saturated)
        .chain(sizes.into_iter().flatten())
        .collect()
}

/// Who has turns with whom: each work by itself, beside what it is compared with.
pub(crate) fn groups(works: &BTreeSet<Work>) -> Vec<Group> {
    let compared = || RATIOS.iter().map(|(_, over, under)| (*over, *under)).chain([COMPARED_SIZES]);
    let measured = works.iter().filter(|work| compared().all(|(_, under)| under != **work));
    measured
        .map(|work| {
            let under = compared().filter(|(over, under)| over == work && works.contains(under));
            Group { of: *work, works: under.map(|(_, under)| under).chain([*work]).collect() }
        })
        .collect()
}

/// The ratios that rows give: of medians, with the spread over the rounds.
pub(crate) fn ratios(rows: &[Row]) -> BTreeMap<&'static str, Measured> {
    let ratio = |&(name, over, under): &(&'static str, Work, Work)| {
        let (over, under) = (rates(rows, over, over), rates(rows, under, over));
        let value = median(&over)? / median(&under)?;
        let each: Vec<f64> = over.iter().zip(&under).map(|(over, under)| over / under).collect();
        let (least, most) = spread(&each)?;
        let note = format!(
            "{:.0}/s over {:.0}/s; by round {least:.2} to {most:.2}",
            median(&over)?,
            median(&under)?
        );
        Some((name, Measured { value, note }))
    };
    RATIOS.iter().filter_map(ratio).chain(sizes(rows)).collect()
}

/// How much longer an add to a full cart takes.
fn sizes(rows: &[Row]) -> Option<(&'static str, Measured)> {
    let p50 = |work| {
        let rows = rows.iter().filter(|row| row.work == work);
        median(&rows.filter_map(|row| Some(row.latency.as_ref()?.p50_ms)).collect::<Vec<_>>())
    };
    let (full, empty) = (p50(COMPARED_SIZES.0)?, p50(COMPARED_SIZES.1)?);
    Some((SIZES, Measured { value: full / empty, note: format!("{full:.2} ms over {empty:.2} ms") }))
}

/// The rates of one work among the turns of another, or of itself, by round.
fn rates(rows: &[Row], work: Work, beside: Work) -> Vec<f64> {
    let rows = rows.iter().filter(|row| (row.work, row.beside) == (work, beside));
    rows.map(|row| row.per_second).collect()
}

/// The middle one; of an even number, the lower of the two.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

fn spread(values: &[f64]) -> Option<(f64, f64)> {
    let least = values.iter().copied().min_by(f64::total_cmp)?;
    Some((least, values.iter().copied().max_by(f64::total_cmp)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_of_medians_and_tells_its_spread() {
        let rows: Vec<Row> = [(80.0, 100.0), (60.0, 100.0), (90.0, 200.0)]
            .iter()
            .zip(1..)
            .flat_map(|((get, hello), round)| {
                let hello = Row { beside: Work::Get, ..Row::bare(Work::Hello, round, *hello) };
                let among_adds = Row { beside: Work::Add, ..Row::bare(Work::Hello, round, 1.0) };
                [Row::bare(Work::Get, round, *get), hello, among_adds]
            })
            .collect();
        let ratios = ratios(&rows);
        assert_eq!(ratios["get_vs_hello"].value, 0.8);
        assert_eq!(ratios["get_vs_hello"].note, "80/s over 100/s; by round 0.45 to 0.80");
        assert_eq!(ratios.len(), 1, "nothing is made up of what had no turn");
    }

    #[test]
    fn each_work_has_its_turns_with_what_it_is_compared_with() {
        let works = BTreeSet::from([Work::Hello, Work::Get, Work::Mixed, Work::Small, Work::AddToFull]);
        let groups: Vec<_> = groups(&works).into_iter().map(|group| (group.of, group.works)).collect();
        let beside_hello = (Work::Get, vec![Work::Hello, Work::Get]);
        let beside_both = (Work::Mixed, vec![Work::Hello, Work::Small, Work::Mixed]);
        assert_eq!(groups, [beside_hello, beside_both, (Work::AddToFull, vec![Work::AddToFull])]);
        let sizes = super::groups(&BTreeSet::from([Work::AddToEmpty, Work::AddToFull]));
        let sizes: Vec<_> = sizes.into_iter().map(|group| group.works).collect();
        assert_eq!(sizes, [[Work::AddToEmpty, Work::AddToFull]], "in turn, not one behind the other");
    }

    #[test]
    fn a_figure_reaches_its_aim_its_floor_or_neither() {
        let verdict = |name: &str, value| {
            let declared = TABLE.iter().find(|declared| declared.name == name).unwrap();
            declared.figure(Some(&Measured { value, note: String::new() })).verdict()
        };
        assert_eq!([0.8, 0.65, 0.64].map(|value| verdict("get_vs_hello", value)), ["aim", "floor", "missed"]);
        assert_eq!(
            [10.0, 50.0, 50.1].map(|value| verdict("p999_half_ms", value)),
            ["aim", "floor", "missed"]
        );
        let missing = TABLE[0].figure(None);
        assert_eq!((missing.value, missing.verdict()), (None, ""));
    }

    #[test]
    fn what_is_wanted_says_who_has_a_turn() {
        let wanted = |names: &[&str]| works(&names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(wanted(&["add_vs_redis"]), BTreeSet::from([Work::Add, Work::Redis]));
        assert_eq!(wanted(&["open_s"]), BTreeSet::new());
        assert_eq!(wanted(&["max_half_ms"]), BTreeSet::from([Work::Mixed]));
        assert_eq!(wanted(&[APPEND]), BTreeSet::from([Work::Hello, Work::Append]));
    }
}
