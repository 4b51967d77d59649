//! `evercart backup` and `evercart restore`: a shop that goes on, is lost, and is there again.

use crate::{
    harness::{Ran, evercart, evercart_with},
    shop::Shop,
};
use reqwest::Method;
use serde_json::{Value, json};
use server::auth;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};
use tempfile::TempDir;

/// A shop that sells, and may be backed up into a folder.
pub(crate) async fn shop(backups: &Path) -> Shop {
    let shop =
        Shop::open_with(tempfile::tempdir().unwrap(), |config| config.backup.directory = backups.to_owned())
            .await;
    let items = tempfile::NamedTempFile::new().unwrap();
    let lines =
        ["TEA", "MUG", "CUP", "JAM"].map(|sku| format!("{{\"sku\":\"{sku}\",\"title\":\"{sku}\"}}\n"));
    fs::write(items.path(), lines.concat()).unwrap();
    shop.run(&["catalog", "import", items.path().to_str().unwrap()]).await.exits(0);
    shop
}

/// The command finds the running server as an operator's does: by its data directory and configuration.
pub(crate) async fn back_up(shop: &Shop, folder: &Path) -> Ran {
    let listen = shop.url().replace("http://", "");
    let data = shop.data().to_str().unwrap();
    let words = ["backup", folder.to_str().unwrap(), "--data", data, "--json"];
    evercart_with(&words, &[("EVERCART_LISTEN", &listen)]).await
}

/// A data directory made of a backup.
pub(crate) async fn restored(folder: &Path) -> TempDir {
    let data = tempfile::tempdir().unwrap();
    restore(folder, data.path()).await.exits(0);
    data
}

async fn restore(folder: &Path, data: &Path) -> Ran {
    evercart(&["restore", folder.to_str().unwrap(), "--data", data.to_str().unwrap(), "--json"]).await
}

/// All carts, as an export has them.
async fn carts(shop: &Shop) -> Vec<String> {
    let file = tempfile::tempdir().unwrap().keep().join("carts.ndjson");
    shop.run(&["export", file.to_str().unwrap()]).await.exits(0);
    let text = fs::read_to_string(&file).unwrap();
    fs::remove_dir_all(file.parent().unwrap()).unwrap();
    text.lines().filter(|line| line.contains("\"state\"")).map(str::to_owned).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if file.is_dir() { found.extend(files(&file)) } else { found.push(file) }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_running_shop_is_backed_up_lost_and_restored_and_tokens_are_still_good() {
    let backups = tempfile::tempdir().unwrap();
    let shop = shop(backups.path()).await;
    let mut guests = Vec::new();
    for units in 1..=5 {
        let token = shop.guest().await;
        shop.add(&token, "TEA", units).await;
        guests.push(token);
    }
    let ann = auth::issue_shopper(shop.data(), "ann").unwrap();
    shop.add(&ann, "MUG", 3).await;
    let before = carts(&shop).await;
    let folder = backups.path().join("nightly");
    let first = back_up(&shop, &folder).await.exits(0).json();
    assert_eq!(
        (&first["carts"], &first["incarnation"], &first["region"]),
        (&json!(6), &json!(1), &json!("local"))
    );
    for file in files(&folder) {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{file:?}");
    }
    // A second one into the same folder, with what came since.
    shop.add(&guests[0], "CUP", 1).await;
    let after = carts(&shop).await;
    assert_ne!(before, after);
    back_up(&shop, &folder).await.exits(0);
    drop(shop.stop().await);

    let shop = Shop::open_with(restored(&folder).await, |_| ()).await;
    assert_eq!(carts(&shop).await, after);
    for (token, units) in guests.iter().zip(1..) {
        let (status, cart) = shop.ask(Method::GET, "/v1/cart", token, None).await;
        assert_eq!((status.as_u16(), &cart["lines"][0]["quantity"]), (200, &json!(units)));
    }
    assert_eq!(shop.add(&ann, "MUG", 2).await["totals"]["quantity"], 5, "the same account, the same cart");
    drop(shop.stop().await);
}

#[tokio::test]
async fn a_shop_that_does_not_run_is_backed_up_too() {
    let backups = tempfile::tempdir().unwrap();
    let shop = shop(backups.path()).await;
    shop.add(&shop.guest().await, "TEA", 2).await;
    let before = carts(&shop).await;
    let data = shop.stop().await;
    // Into a folder that no configuration names: whoever runs the command may write there anyway.
    let folder = backups.path().join("by hand");
    let words = ["backup", folder.to_str().unwrap(), "--data", data.path().to_str().unwrap()];
    let made = evercart(&words).await.exits(0);
    assert!(made.out.starts_with("1 carts, "), "{}", made.out);
    let shop = Shop::open_with(restored(&folder).await, |_| ()).await;
    assert_eq!(carts(&shop).await, before);
    let nothing = tempfile::tempdir().unwrap();
    let words = ["backup", folder.to_str().unwrap(), "--data", nothing.path().to_str().unwrap()];
    assert!(evercart(&words).await.exits(1).err.contains("holds no store"));
}

#[tokio::test]
async fn a_server_writes_backups_only_below_the_folder_that_was_named() {
    let (backups, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let off = Shop::open().await;
    let refused = back_up(&off, &backups.path().join("a")).await.exits(1);
    assert!(refused.err.contains("`backup.directory` is not set"), "{}", refused.err);
    let shop = shop(backups.path()).await;
    std::os::unix::fs::symlink(elsewhere.path(), backups.path().join("link")).unwrap();
    let above = backups.path().join("..").join("a");
    for place in [elsewhere.path().join("a"), above, backups.path().join("link").join("a")] {
        let refused = back_up(&shop, &place).await.exits(1);
        assert!(refused.err.contains("below `backup.directory`"), "{}", refused.err);
    }
    assert_eq!(files(elsewhere.path()), Vec::<PathBuf>::new());
    let token = auth::issue_service(shop.data(), &["carts"]).unwrap();
    let body = Some(json!({"directory": "a"}));
    for (method, body) in [(Method::POST, body), (Method::GET, None)] {
        assert_eq!(shop.ask(method, "/v1/admin/backups", &token, body).await.0, 403);
    }
    let admin = auth::issue_service(shop.data(), &["admin"]).unwrap();
    let (_, none) = shop.ask(Method::GET, "/v1/admin/backups", &admin, None).await;
    assert_eq!(none, json!({"state": "none"}));
    // What is no backup is not written into.
    fs::write(backups.path().join("precious"), "x").unwrap();
    let refused = back_up(&shop, backups.path()).await.exits(1);
    assert!(refused.err.contains("is not empty and holds no backup"), "{}", refused.err);
    // Nor is another shop's.
    let folder = backups.path().join("a");
    back_up(&shop, &folder).await.exits(0);
    let other = self::shop(backups.path()).await;
    let refused = back_up(&other, &folder).await.exits(1);
    assert!(refused.err.contains("the backup of another shop"), "{}", refused.err);
    back_up(&shop, &folder).await.exits(0);
}

#[tokio::test]
async fn what_is_not_whole_is_refused_and_leaves_nothing() {
    let backups = tempfile::tempdir().unwrap();
    let shop = shop(backups.path()).await;
    shop.add(&shop.guest().await, "TEA", 2).await;
    let folder = backups.path().join("a");
    back_up(&shop, &folder).await.exits(0);
    let refused = async |words: &str| {
        let data = tempfile::tempdir().unwrap();
        let refused = restore(&folder, data.path()).await.exits(1);
        assert!(refused.err.contains(words), "{words}: {}", refused.err);
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
    };
    let flippable = |file: &PathBuf| file.metadata().unwrap().len() > 0;
    for file in files(&folder).into_iter().filter(flippable) {
        let whole = fs::read(&file).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(&file, flipped).unwrap();
            refused("cannot be used").await;
        }
        fs::write(&file, whole).unwrap();
    }
    let manifest = folder.join("backup.manifest");
    let whole = fs::read_to_string(&manifest).unwrap();
    fs::remove_file(&manifest).unwrap();
    refused("holds no whole backup").await;
    let signed = |text: String| {
        let (body, _) = text.trim_end().rsplit_once('\n').unwrap();
        format!("{body}\n{}\n", blake3::hash(format!("{body}\n").as_bytes()).to_hex())
    };
    fs::write(&manifest, signed(whole.replace("\"format\": 1", "\"format\": 2"))).unwrap();
    refused("made by a newer release").await;
    let body: Value = serde_json::from_str(whole.trim_end().rsplit_once('\n').unwrap().0).unwrap();
    let made_at = body["made_at_ms"].as_u64().unwrap();
    let old = made_at - 40 * 24 * 60 * 60 * 1000;
    fs::write(&manifest, signed(whole.replace(&made_at.to_string(), &old.to_string()))).unwrap();
    refused("is 40 days old").await;
    fs::write(&manifest, &whole).unwrap();
    let data = restored(&folder).await;
    let again = restore(&folder, data.path()).await.exits(1);
    assert!(again.err.contains("is not empty"), "{}", again.err);
    fs::create_dir(data.path().join("restoring")).unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap()];
    assert!(evercart(&serve).await.exits(1).err.contains("did not end"));
}

#[tokio::test]
async fn a_backup_that_is_killed_leaves_one_that_is_whole() {
    let backups = tempfile::tempdir().unwrap();
    let shop = shop(backups.path()).await;
    let folder = backups.path().join("a");
    for units in 1..=20 {
        shop.add(&shop.guest().await, "TEA", units).await;
    }
    back_up(&shop, &folder).await.exits(0);
    let first = carts(&shop).await;
    shop.add(&shop.guest().await, "MUG", 1).await;
    let second = carts(&shop).await;
    let data = shop.stop().await;
    let known = files(&folder);
    for round in 0..6 {
        let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_evercart"))
            .args(["backup", folder.to_str().unwrap(), "--data", data.path().to_str().unwrap()])
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        // Killed once so many new files are there, or when it has ended.
        while child.try_wait().unwrap().is_none() {
            if files(&folder).iter().filter(|file| !known.contains(file)).count() > round {
                child.kill().await.unwrap();
                break;
            }
            tokio::task::yield_now().await;
        }
        let shop = Shop::open_with(restored(&folder).await, |_| ()).await;
        let found = carts(&shop).await;
        assert!(found == first || found == second, "round {round}: {} carts", found.len());
        drop(shop.stop().await);
    }
    evercart(&["backup", folder.to_str().unwrap(), "--data", data.path().to_str().unwrap()]).await.exits(0);
    let shop = Shop::open_with(restored(&folder).await, |_| ()).await;
    assert_eq!(carts(&shop).await, second);
}
