//! Adding a shard of PostgreSQL: what the commands do to a shop that goes on, and what they refuse.

use crate::{
    combination, fresh,
    shop::Shop,
    shoppers::{PATIENCE, shop_through},
};
use engines::{postgres::Postgres, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::process::{Child, Command, Output, Stdio};

/// A shop on these servers, each a shard.
fn config(servers: &[Postgres], schema: &str) -> String {
    let (first, others) = servers.split_first().unwrap();
    let others: Vec<String> = others.iter().map(|server| format!("[\"{}\"]", server.url())).collect();
    format!("{}shards = [{}]\n", combination::postgres(&first.url(), schema), others.join(", "))
}

fn two_servers() -> Option<[Postgres; 2]> {
    Some([engines::or_skip(Postgres::start())?, engines::or_skip(Postgres::start())?])
}

/// What a command prints that must succeed.
#[track_caller]
fn told(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// How many slots a shard has, by its own word.
fn slots_at(server: &Postgres, schema: &str) -> usize {
    let asked = format!("SELECT count(*) FROM {schema}.slots WHERE state = 'here'");
    server.query(&asked).unwrap().parse().unwrap()
}

/// Starts to move, and returns when that is half-way.
fn half_way(mut command: Command, target: &Postgres, schema: &str) -> Child {
    let before = slots_at(target, schema);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let is_moving = || slots_at(target, schema) >= before + 20 || child.try_wait().unwrap().is_some();
    assert!(wait_until(PATIENCE, is_moving), "no slot moves");
    child
}

#[test]
fn a_shard_is_added_to_a_shop_that_goes_on_and_no_add_is_lost() {
    let Some(servers) = two_servers() else { return };
    let schema = fresh("slots");
    let shop = Shop::configured(&config(&servers[..1], &schema));
    told(&shop.engine("init"));
    let node = shop.serve(&shop.data());
    let people: Vec<String> = (0..40).map(|number| shop.shopper(&format!("person {number}"))).collect();
    people.iter().for_each(|person| assert_eq!(node.add(person, "MUG-WHITE", 1, "a"), 200));
    drop(node);
    shop.reconfigure(&config(&servers, &schema));
    told(&shop.engine("init"));
    let node = shop.serve(&shop.data());
    let move_slots =
        |more: &[&str]| shop.engine_command(&[&["move-slots", "--evenly", "--json"], more].concat());
    let planned = json(&move_slots(&["--dry-run"]).output().unwrap());
    assert_eq!(planned["moves"][0]["slots"], "512-1023", "{planned}");
    assert_eq!(slots_at(&servers[1], &schema), 0, "nothing has moved yet");
    let add_a_shard = |_: &_| {
        // Ended as by Ctrl-C: between two slots.
        let moving = half_way(move_slots(&[]), &servers[1], &schema);
        kill_process(Pid::from_child(&moving), Signal::INT).unwrap();
        let ended = moving.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), &json(&ended)["interrupted"]), (Some(1), &Value::Bool(true)));
        let checked = told(&shop.engine("check"));
        assert!(!checked.contains("on their way"), "{checked}");
        // Killed anywhere.
        let mut moving = half_way(move_slots(&[]), &servers[1], &schema);
        moving.kill().unwrap();
        assert!(!moving.wait().unwrap().success(), "it was over before it was killed");
        let left = 512 - slots_at(&servers[1], &schema);
        let ended = move_slots(&[]).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let moved = json(&ended);
        // One may have come to where it goes and not have left yet, by what the old shard says.
        let slots = usize::try_from(moved["slots_moved"].as_u64().unwrap()).unwrap();
        assert!(left > 0 && (slots == left || slots == left + 1), "{left} were left: {moved}");
        println!("{moved}");
    };
    let (shopping, added) = shop_through(&shop, &node, &node.url, add_a_shard);
    println!("{added} adds: {:?}", shopping.seen());
    let checked = told(&shop.engine("check"));
    assert!(checked.contains("serves 512 slots: 0-511\n"), "{checked}");
    assert!(checked.contains("serves 512 slots: 512-1023\n"), "{checked}");
    assert!(
        told(&shop.engine_command(&["move-slots", "--evenly"]).output().unwrap()).contains("nothing to move")
    );
    forgets_what_was_left(&shop, &servers, &schema);
    drop(node);
    let node = shop.serve(&shop.data());
    people.iter().for_each(|person| assert_eq!(node.shows(person), "MUG-WHITE 1"));
}

fn forgets_what_was_left(shop: &Shop, servers: &[Postgres], schema: &str) {
    let rows = |server: &Postgres| {
        let asked = format!("SELECT count(*) FROM {schema}.snapshots WHERE slot >= 512");
        server.query(&asked).unwrap().parse::<u64>().unwrap()
    };
    let forget = |words: &[&str]| shop.engine_command(&[&["forget-slots"], words].concat()).output().unwrap();
    let refused = forget(&["--shard", "0"]);
    assert_eq!(refused.status.code(), Some(2), "it was not asked for");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--yes"));
    let (left, kept) = (rows(&servers[0]), rows(&servers[1]));
    assert!(left > 0 && kept >= left, "{left} {kept}");
    let forgotten = json(&forget(&["--shard", "0", "--yes", "--json"]));
    assert!(forgotten["rows_deleted"].as_u64().unwrap() >= left, "{forgotten}");
    assert_eq!((rows(&servers[0]), rows(&servers[1])), (0, kept));
    told(&shop.engine("check"));
}

/// Nothing is done, and what is said has these words.
#[track_caller]
fn refuses(shop: &Shop, words: &[&str], code: i32, told: &[&str]) {
    let output = shop.engine_command(words).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
    assert!(told.iter().all(|word| said.contains(word)), "{words:?}: {said}");
}

#[test]
fn slots_that_do_not_exist_and_words_that_contradict_each_other_are_wrong_usage() {
    let shop = Shop::configured("engine = \"postgres\"\n");
    let between = ["--from", "0", "--to", "1"];
    for (slots, told) in [("9-3", "ends before it begins"), ("0-1024", "0 to 1023"), ("all", "`0-127,300`")] {
        refuses(&shop, &[&["move-slots", "--slots", slots], &between[..]].concat(), 2, &[told]);
    }
    refuses(&shop, &["move-slots", "--slots", "1"], 2, &["--from", "--to"]);
    refuses(&shop, &["move-slots"], 2, &["--evenly"]);
    refuses(&shop, &["move-slots", "--evenly", "--slots", "1", "--from", "0", "--to", "1"], 2, &["--evenly"]);
}

#[test]
fn engines_without_slots_say_so() {
    let shop = Shop::configured("");
    refuses(&shop, &["move-slots", "--evenly"], 1, &["the engine is `embedded`", "--config"]);
    refuses(&shop, &["forget-slots", "--shard", "0", "--yes"], 1, &["only `postgres` has shards"]);
}

#[test]
fn shards_that_are_not_listed_and_slots_that_are_not_there_are_named() {
    let Some(url) = engines::or_skip(engines::shared::postgres()) else { return };
    let shop = Shop::configured(&crate::postgres(&url));
    refuses(&shop, &["move-slots", "--evenly"], 1, &["run `evercart engine init`"]);
    told(&shop.engine("init"));
    let to =
        |from: &'static str, to: &'static str| ["move-slots", "--slots", "7", "--from", from, "--to", to];
    refuses(&shop, &to("0", "1"), 1, &["nothing was moved", "there is no shard 1"]);
    refuses(&shop, &to("0", "0"), 1, &["nothing was moved", "the same shard, 0"]);
    refuses(&shop, &["forget-slots", "--shard", "3", "--yes"], 1, &["there is no shard 3"]);
    let even = shop.engine_command(&["move-slots", "--evenly"]).output().unwrap();
    assert!(told(&even).contains("nothing to move"), "one shard has all");
}
