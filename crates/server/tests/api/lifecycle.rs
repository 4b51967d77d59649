//! The binary itself: what it keeps when it is killed, how it stops, and how it refuses to start.

use crate::harness::{
    Caller, Shop,
    process::{Process, evercart, until},
};
use clap::CommandFactory;
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// What became of the adds of one cart, by their key: true where the answer came.
type Adds = BTreeMap<String, bool>;

/// Adds one A after the other, each under a key of its own, until no answer comes.
async fn add_until_it_ends(guest: Caller, count: Arc<AtomicU32>, name: String) -> (Caller, Adds) {
    let mut adds = Adds::new();
    loop {
        let key = format!("{name}-{}", adds.len());
        let keyed = guest.with("idempotency-key", &key);
        let answered = keyed.post("/v1/cart/lines", json!({"sku": "A", "quantity": 1})).try_send().await;
        let acknowledged =
            answered.is_some_and(|answer| answer.is(200).header("idempotent-replayed").is_none());
        adds.insert(key, acknowledged);
        if !acknowledged {
            return (guest, adds);
        }
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_the_process_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(folder.path());
    let shop = process.shop().await;
    let mut guests = Vec::new();
    for _ in 0..8 {
        guests.push((shop.guest().await, Adds::new()));
    }
    for round in 0..3 {
        let count = Arc::new(AtomicU32::new(0));
        let adding = guests.iter().enumerate().flat_map(|(at, (guest, _))| {
            let add = |lane| {
                let name = format!("{round}-{at}-{lane}");
                tokio::spawn(add_until_it_ends(guest.clone(), count.clone(), name))
            };
            [add(0), add(1)]
        });
        let adding: Vec<_> = adding.collect();
        until(async || count.load(Ordering::Relaxed) > 400).await;
        process.kill();
        for (at, added) in adding.into_iter().enumerate() {
            let (_, adds) = added.await.unwrap();
            guests[at / 2].1.extend(adds);
        }
        process = Process::serve(folder.path());
        let shop = Shop::at(process.address, folder.path());
        for (guest, adds) in &mut guests {
            *guest = shop.holder(&guest.token());
            check_and_finish(guest, adds).await;
        }
    }
}

/// Nothing acknowledged is missing, a retry of it is a replay, and a retry of the others makes them be there once.
async fn check_and_finish(guest: &Caller, adds: &mut Adds) {
    let there = guest.cart().await.line("A")["quantity"].as_u64().unwrap();
    let acknowledged = adds.values().filter(|answered| **answered).count() as u64;
    let sent = adds.len() as u64;
    assert!(
        (acknowledged..=sent).contains(&there),
        "{acknowledged} acknowledged, {there} there, {sent} sent"
    );
    for (key, answered) in adds.iter_mut() {
        let again = guest.with("idempotency-key", key).add("A", 1).await;
        let replayed = again.header("idempotent-replayed").is_some();
        assert!(replayed || !*answered, "{key} was acknowledged, and its retry was done again");
        *answered = true;
    }
    assert_eq!(guest.shows().await, format!("A {sent}"));
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_process_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(folder.path());
    let shop = process.shop().await;
    let token = shop.guest_token().await;
    let body = json!({"sku": "A", "quantity": 3}).to_string();
    let head = format!(
        "POST /v1/cart/lines HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    let mut stream = BufReader::new(TcpStream::connect(process.address).await.unwrap());
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n", "the handler waits for the body");
    process.terminate();
    process.refuses_connections().await;
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("HTTP/1.1 200 OK") && answer.contains("\"quantity\":3"), "{answer}");
    assert_eq!(process.wait().code(), Some(0), "{:?}", process.log());
    let process = Process::serve(folder.path());
    assert_eq!(Shop::at(process.address, folder.path()).holder(&token).shows().await, "A 3");
}

#[tokio::test]
async fn a_second_process_on_the_directory_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(folder.path());
    let token = process.shop().await.guest_token().await;
    let words = ["serve", "--listen", "127.0.0.1:0", "--data", folder.path().to_str().unwrap()];
    let second = evercart(&words).output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!((second.status.code(), second.stdout.is_empty()), (Some(1), true), "{said}");
    assert!(
        said.contains("stop the other process") && said.contains(folder.path().to_str().unwrap()),
        "{said}"
    );
    let shop = Shop::at(process.address, folder.path());
    assert_eq!(shop.holder(&token).add("A", 1).await.shown(), "A 1", "the first goes on");
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_with_what_to_do() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let process = Process::serve(folders[0].path());
    let (address, data) = (process.address.to_string(), folders[1].path().to_str().unwrap());
    let second = evercart(&["serve", "--listen", &address, "--data", data]).output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
}

#[tokio::test]
async fn a_token_is_printed_alone_and_is_accepted_by_the_server_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(folder.path());
    let shop = process.shop().await;
    let data = folder.path().to_str().unwrap();
    let print = |words: &[&str]| {
        let output = evercart(&[words, &["--data", data]].concat()).output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        assert_eq!((output.status.code(), out.lines().count()), (Some(0), 1), "{out:?} {:?}", output.stderr);
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        out.trim_end().to_owned()
    };
    let ann = print(&["token", "shopper", "ann"]);
    assert_eq!(shop.holder(&ann).add("A", 1).await.cart()["kind"], "account");
    assert_eq!(shop.account("ann").shows().await, "A 1", "one subject, one cart");
    let service = shop.holder(&print(&["token", "service", "--scope", "carts", "--scope", "catalog"]));
    let cart = shop.account("ann").cart().await;
    assert_eq!(service.get(&format!("/v1/carts/{}", cart.id())).await.is(200).shown(), "A 1");
    service.put_ndjson("/v1/catalog/items", String::new()).await.is(200);
}

#[test]
fn wrong_usage_exits_with_2_and_a_failure_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let cases: [(&[&str], i32); 10] = [
        (&[], 2),
        (&["sell"], 2),
        (&["serve", "--nonsense"], 2),
        (&["serve", "--listen", "nowhere"], 2),
        (&["token"], 2),
        (&["token", "service"], 2),
        (&["token", "service", "--scope", "everything"], 2),
        (&["token", "shopper", "ann", "--data", nowhere.to_str().unwrap()], 1),
        (&["serve", "--config", nowhere.to_str().unwrap()], 1),
        (&["--version"], 0),
    ];
    for (words, status) in cases {
        let output = evercart(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {said}");
        assert_eq!(said.is_empty(), status == 0, "{words:?}: {said}");
    }
    assert!(!nowhere.exists());
}

/// The words of every command, those of commands inside commands included.
fn commands(command: &clap::Command, words: &[String]) -> Vec<Vec<String>> {
    let mut all = vec![words.to_vec()];
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
    {
        all.extend(commands(inner, &[words, &[inner.get_name().to_owned()]].concat()));
    }
    all
}

#[test]
fn the_help_of_every_command_has_an_example() {
    let all = commands(&server::command::Cli::command(), &[]);
    assert!(all.len() > 5, "{all:?}");
    for words in all {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.push("--help");
        let output = evercart(&words).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        let example = help.split_once("Example").or(help.split_once("Start here"));
        assert!(example.is_some_and(|(_, example)| example.contains("evercart ")), "{words:?}: {help}");
    }
}
