//! `evercart subject`.

use crate::{harness::evercart, shop::Shop};
use server::auth;

#[tokio::test]
async fn what_is_stored_of_a_subject_is_printed_and_erased() {
    let shop = Shop::open().await;
    let file = shop.file("items.csv");
    std::fs::write(&file, "sku,title,amount,currency\nA,Thing,100,GBP\n").unwrap();
    shop.run(&["catalog", "import", file.to_str().unwrap()]).await.exits(0);
    let token = shop.guest().await;
    shop.add(&token, "A", 2).await;
    let subject = "ann/1 ü";
    let nothing = shop.run(&["subject", "export", subject, "--json"]).await.exits(0).json();
    assert_eq!(nothing["carts"].as_array().map(Vec::len), Some(0));
    let ann = auth::issue_shopper(shop.data(), subject).unwrap();
    shop.add(&ann, "A", 3).await;
    let exported = shop.run(&["subject", "export", subject]).await.exits(0).json();
    assert_eq!(exported["carts"][0]["cart"]["lines"][0]["quantity"], 3);
    let unasked = shop.run(&["subject", "erase", subject]).await.exits(2);
    assert!(unasked.err.contains("--yes"), "{}", unasked.err);
    let erased = shop.run(&["subject", "erase", subject, "--yes"]).await.exits(0);
    assert!(erased.out.contains("carts 1, "), "{}", erased.out);
    let again = shop.run(&["subject", "erase", subject, "--yes", "--json"]).await.exits(0).json();
    assert_eq!(again["carts"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn wrong_usage_is_told_from_failure_and_no_failure_names_the_subject() {
    for words in
        [&["subject"][..], &["subject", "erase"], &["subject", "erase", ""], &["subject", "forget", "x"]]
    {
        evercart(words).await.exits(2);
    }
    let (shop, other) = (Shop::open().await, Shop::open().await);
    let data = other.data().to_str().unwrap();
    let failed =
        evercart(&["subject", "export", "ann-of-ours", "--url", &shop.url(), "--data", data]).await.exits(1);
    assert!(failed.err.contains("--data") && !failed.err.contains("ann-of-ours"), "{}", failed.err);
}
