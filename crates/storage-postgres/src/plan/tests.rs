//! Shards are written as the slots that are here, leaving and arriving.

use super::*;

fn slots(text: &str) -> BTreeSet<Slot> {
    if text.is_empty() { BTreeSet::new() } else { text.parse::<Ranges>().unwrap().0 }
}

fn shards(each: &[(&str, &str, &str)]) -> Vec<ShardReport> {
    let shard = |(here, leaving, arriving): &(&str, &str, &str)| ShardReport {
        server: String::new(),
        slots_here: slots(here),
        slots_leaving: slots(leaving),
        slots_arriving: slots(arriving),
    };
    each.iter().map(shard).collect()
}

fn told(moves: &[Move]) -> Vec<String> {
    let told = |one: &Move| format!("{} -> {}: {}", one.from, one.to, Ranges(one.slots.clone()));
    moves.iter().map(told).collect()
}

fn check(each: &[(&str, &str, &str)], moves: &[&str]) {
    assert_eq!(told(&evenly(&shards(each))), moves);
}

#[test]
fn a_shard_that_was_added_is_given_its_share_and_nothing_else_moves() {
    check(&[("0-1023", "", ""), ("", "", "")], &["0 -> 1: 512-1023"]);
    check(&[("0-511", "", ""), ("512-1023", "", ""), ("", "", "")], &["0 -> 2: 342-511", "1 -> 2: 853-1023"]);
    check(&[("0-1023", "", ""), ("", "", ""), ("", "", "")], &["0 -> 1: 342-682", "0 -> 2: 683-1023"]);
}

#[test]
fn shards_that_have_their_shares_are_left_alone() {
    check(&[("0-511", "", ""), ("512-1023", "", "")], &[]);
    check(&[("0-340", "", ""), ("341-682", "", ""), ("683-1023", "", "")], &[]);
    check(&[("0-1023", "", "")], &[]);
}

#[test]
fn a_move_that_was_interrupted_is_finished_and_counts_as_done() {
    // After its first, second and third step.
    for at in [("0-1000", "", "", "1001-1023", "", "1000"), ("0-999", "1000", "", "1001-1023", "", "1000")] {
        let both = [(at.0, at.1, at.2), (at.3, at.4, at.5)];
        check(&both, &["0 -> 1: 1000", "0 -> 1: 512-999"]);
    }
    check(&[("0-999", "1000", ""), ("1000-1023", "", "")], &["0 -> 1: 1000", "0 -> 1: 512-999"]);
    check(&[("0-510", "511", ""), ("512-1023", "", "511")], &["0 -> 1: 511", "1 -> 0: 1023"]);
}

#[test]
fn whoever_moves_as_planned_has_shares_that_differ_by_one_at_most() {
    let mut all =
        shards(&[("0-99", "", ""), ("100-1000", "1001", ""), ("1002-1023", "", "1001"), ("", "", "")]);
    let moves = evenly(&all);
    let moved: usize = moves.iter().map(|one| one.slots.len()).sum();
    for one in &moves {
        for slot in &one.slots {
            all[one.from].slots_here.remove(slot);
            all[one.to].slots_here.insert(*slot);
        }
    }
    assert!(all.iter().all(|shard| shard.slots_here.len() == 256), "{all:?}");
    // What the second has too many, and the one that was on its way.
    assert_eq!(moved, 901 - 256 + 1);
}

#[test]
fn named_slots_move_but_for_those_that_are_there() {
    let all = shards(&[("0-9,13-1000", "10", ""), ("11-12,1001-1023", "", "10")]);
    let moves = named(&all, (0, 1), &slots("8-14")).unwrap();
    assert_eq!(told(&moves), ["0 -> 1: 8-10,13-14"]);
    assert!(named(&all, (0, 1), &slots("11-12")).unwrap().is_empty(), "they are there");
}

#[test]
fn what_cannot_move_is_refused_with_what_to_do() {
    let all = shards(&[("0-9", "10", ""), ("12-1000", "", "10"), ("11,1001-1023", "", "")]);
    let refused = |way, text| named(&all, way, &slots(text)).unwrap_err().to_string();
    let unlisted = refused((0, 3), "1");
    assert!(unlisted.contains("there is no shard 3") && unlisted.contains("0 to 2"), "{unlisted}");
    assert!(refused((1, 1), "1").contains("the same shard, 1"));
    let elsewhere = refused((0, 1), "9-13");
    assert!(elsewhere.contains("slots 11 are not at shard 0: `evercart engine check`"), "{elsewhere}");
    let under_way = refused((0, 2), "9-10");
    assert!(under_way.contains("`--from 0 --to 1 --slots 10`"), "{under_way}");
}
