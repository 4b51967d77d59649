//! `evercart export` and `evercart import`: carts to a file and back.

use crate::{harness::Ran, shop::Shop};
use reqwest::Method;
use serde_json::{Value, json};
use std::{fs, path::Path};

/// A shop with so many carts, the nth with n + 1 units, and their ids.
async fn shop_with(carts: usize) -> (Shop, Vec<String>) {
    let shop = Shop::open().await;
    let file = shop.file("items.csv");
    fs::write(&file, "sku,title,amount,currency\nTEA,Earl Grey,395,GBP\n").unwrap();
    shop.run(&["catalog", "import", file.to_str().unwrap()]).await.exits(0);
    let mut ids = Vec::new();
    for units in 1..=carts {
        let cart = shop.add(&shop.guest().await, "TEA", units.try_into().unwrap()).await;
        ids.push(cart["id"].as_str().unwrap().to_owned());
    }
    (shop, ids)
}

async fn run(shop: &Shop, command: &str, file: &Path, more: &[&str]) -> Ran {
    shop.run(&[&[command, file.to_str().unwrap()], more].concat()).await
}

async fn units(shop: &Shop, id: &str) -> Value {
    let token = server::auth::issue_service(&shop.file(""), &["carts"]).unwrap();
    let (_, cart) = shop.ask(Method::GET, &format!("/v1/carts/{id}"), &token, None).await;
    cart["totals"]["quantity"].clone()
}

#[tokio::test]
async fn carts_go_through_a_file_into_another_shop() {
    let (from, ids) = shop_with(5).await;
    let (to, _) = shop_with(0).await;
    let file = from.file("carts.ndjson");
    let exported = run(&from, "export", &file, &[]).await.exits(0);
    assert!(exported.out.starts_with("5 carts in `"), "{}", exported.out);
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 7, "a first line, carts, a last line");
    let counts = |ran: Ran| {
        let summary = ran.exits(0).json();
        ["joined", "unchanged", "rejected"].map(|name| summary[name].as_u64().unwrap())
    };
    assert_eq!(counts(run(&to, "import", &file, &["--json"]).await), [5, 0, 0]);
    assert_eq!(counts(run(&to, "import", &file, &["--json"]).await), [0, 5, 0]);
    for (id, expected) in ids.iter().zip(1..) {
        assert_eq!(units(&to, id).await, expected);
    }
    assert!(!from.file("carts.ndjson.checkpoint").exists());
    let again = run(&from, "export", &file, &[]).await.exits(1);
    assert!(again.err.contains("is a complete export already"), "{}", again.err);
}

#[tokio::test]
async fn an_interrupted_export_goes_on_behind_its_last_whole_line() {
    let (shop, _) = shop_with(6).await;
    let (whole, cut) = (shop.file("whole.ndjson"), shop.file("cut.ndjson"));
    run(&shop, "export", &whole, &[]).await.exits(0);
    let text = fs::read_to_string(&whole).unwrap();
    let line_ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    // In the first line, between lines, within one, and before the last line is whole.
    for length in [0, 10, line_ends[0], line_ends[2], line_ends[3] + 20, line_ends[6], text.len() - 1] {
        fs::write(&cut, &text[..length]).unwrap();
        run(&shop, "export", &cut, &[]).await.exits(0);
        let carts = |text: &str| {
            text.lines().filter(|line| line.contains("\"state\"")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(carts(&fs::read_to_string(&cut).unwrap()), carts(&text), "cut at {length}");
        assert_eq!(run(&shop, "import", &cut, &["--json"]).await.exits(0).json()["unchanged"], 6);
    }
    fs::write(&cut, "precious\n").unwrap();
    let refused = run(&shop, "export", &cut, &[]).await.exits(1);
    assert!(refused.err.contains("is not an export of carts: name another file"), "{}", refused.err);
    assert_eq!(fs::read_to_string(&cut).unwrap(), "precious\n");
}

#[tokio::test]
async fn a_file_that_is_not_whole_is_refused_before_anything_is_sent() {
    let (from, _) = shop_with(4).await;
    let (to, _) = shop_with(0).await;
    let file = from.file("carts.ndjson");
    run(&from, "export", &file, &[]).await.exits(0);
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    let refused = async |text: String, expected: &[&str]| {
        fs::write(&file, text).unwrap();
        let refused = run(&to, "import", &file, &[]).await.exits(1);
        assert!(expected.iter().all(|words| refused.err.contains(words)), "{expected:?}: {}", refused.err);
    };
    let cut = lines[..3].join("\n") + "\n";
    refused(cut, &["is cut off after line 3", &id(lines[2]), "copy it again"]).await;
    let flipped = text.replacen("\"digest\":\"", "\"digest\":\"f", 1);
    refused(flipped, &["is damaged at line 2", &id(lines[1]), "`digest` does not match", "Copy it again"])
        .await;
    let left_out = [&lines[..2], &lines[3..]].concat().join("\n") + "\n";
    refused(left_out, &["is damaged at line 5", "nothing was imported"]).await;
    refused(text.clone() + "\n", &["there is more behind it"]).await;
    refused(text.replacen("\"version\":1", "\"version\":2", 1), &["is of version 2", "newer"]).await;
    refused(text.replacen("\"exported_at\":\"2", "\"exported_at\":\"1", 1), &["days old", "--accept-old"])
        .await;
    refused("sku,title\n".to_owned(), &["it is not an export of carts"]).await;
    let none = to.file("none.ndjson");
    run(&to, "export", &none, &[]).await.exits(0);
    assert_eq!(fs::read_to_string(&none).unwrap().lines().count(), 2, "nothing was imported");
}

#[tokio::test]
async fn an_interrupted_import_goes_on_at_its_checkpoint_unless_told_otherwise() {
    let (from, _) = shop_with(5).await;
    let (to, _) = shop_with(0).await;
    let file = from.file("carts.ndjson");
    let exported = run(&from, "export", &file, &["--json"]).await.exits(0).json();
    let checkpoint = from.file("carts.ndjson.checkpoint");
    let save = |url: &str, lines: u32| {
        let saved = json!({"url": url, "digest": exported["digest"], "lines": lines});
        fs::write(&checkpoint, saved.to_string()).unwrap();
    };
    save(&to.url(), 4);
    let resumed = run(&to, "import", &file, &["--json"]).await.exits(0).json();
    assert_eq!((&resumed["joined"], &resumed["resumed_behind_line"]), (&json!(2), &json!(4)));
    assert!(!checkpoint.exists(), "it is done");
    save(&to.url(), 4);
    let anew = run(&to, "import", &file, &["--json", "--from-start"]).await.exits(0).json();
    assert_eq!((&anew["joined"], &anew["unchanged"]), (&json!(3), &json!(2)));
    save("http://elsewhere", 4);
    assert_eq!(run(&to, "import", &file, &["--json"]).await.exits(0).json()["unchanged"], 5);
}
