//! Keys are rotated under a running server: new tokens come from the new key, old ones stay good until theirs is retired.

use crate::harness::process::{Process, evercart, until};
use cart::token::{GuestToken, Keyring, TokenKey};
use serde_json::json;
use server::keys::{KeyKind, Keys};
use std::{fs, path::Path};

/// Gives the only key of a kind that has this name another id, as if it had been made then.
fn made_at(data: &Path, name: &str, kind: &str, id: u32) {
    let keys = data.join("keys");
    fs::rename(keys.join(format!("{name}.key")), keys.join(format!("{kind}-{id}.key"))).unwrap();
}

/// A ring of this one key.
fn only(data: &Path, id: u32) -> Keyring {
    let text = fs::read_to_string(data.join("keys").join(format!("tokens-{id}.key"))).unwrap();
    let secret = data_encoding::HEXLOWER.decode(text.trim().split_once(' ').unwrap().0.as_bytes()).unwrap();
    Keyring::new(TokenKey { id, secret: secret.try_into().unwrap() }, Vec::new())
}

#[tokio::test]
async fn a_key_is_replaced_while_the_server_runs_and_what_the_old_one_made_stays_good() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    Keys::open_or_create(data).unwrap();
    let now = Keys::list(data).unwrap()[0].id;
    let (old, new) = (now - 2_000, now - 1_000); // settled, both of them
    for file in Keys::list(data).unwrap() {
        made_at(data, &file.name, file.name.split('-').next().unwrap(), old);
    }
    let process = Process::serve(data);
    let shop = process.shop().await;
    let (guest, service) = (shop.guest().await, shop.service(&["carts"]));
    let shown = guest.add("A", 2).await;
    for (kind, name) in [(KeyKind::Tokens, "tokens"), (KeyKind::Issuer, "issuer")] {
        made_at(data, &Keys::rotate(data, kind).unwrap(), name, new);
    }
    let sealing = only(data, new);
    until(async || GuestToken::from_text(&shop.guest_token().await, &sealing).is_ok()).await;
    let set = json!({"quantity": 5, "seen": shown.seen("A")});
    assert_eq!(guest.put(&shown.path("A"), set).await.is(200).shown(), "A 5");
    assert_eq!(service.get(&format!("/v1/carts/{}", shown.id())).await.is(200).shown(), "A 5");
    shop.service(&["carts"]).get(&format!("/v1/carts/{}", shown.id())).await.is(200);

    let old = format!("tokens-{old}");
    let words = ["key", "retire", &old, "--data", data.to_str().unwrap()];
    let kept = evercart(&words).output().unwrap();
    let said = String::from_utf8_lossy(&kept.stderr).into_owned();
    assert!(!kept.status.success() && said.contains("--force"), "{said}");
    let forced = evercart(&[&words[..], &["--force"]].concat()).output().unwrap();
    assert!(forced.status.success(), "{}", String::from_utf8_lossy(&forced.stderr));
    until(async || guest.get("/v1/cart").await.code() == "bad_token").await;
}

#[tokio::test]
async fn the_command_makes_keys_and_lists_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    Keys::open_or_create(folder.path()).unwrap();
    let run = |words: &[&str]| {
        let output = evercart(&[words, &["--data", data]].concat()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let made: serde_json::Value = serde_json::from_str(&run(&["key", "rotate", "tokens", "--json"])).unwrap();
    let name = made["made"][0].as_str().unwrap();
    let listed = run(&["key", "list"]);
    let line = listed.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line.contains("honoured") && listed.matches(" used ").count() == 2, "{listed}");
}
