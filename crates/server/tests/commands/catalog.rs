//! `evercart catalog import`.

use crate::{harness::evercart, shop::Shop};
use std::io::Write;

const CSV: &str = "sku,title,amount,currency,available,attributes.colour\n\
    A,\"Lantern, white\",255,GBP,true,white\n\
    B,Cup,free,GBP,,\n\
    ,Nameless,1,GBP,,\n\
    C,Plate,300,GBP,,\n";

#[tokio::test]
async fn good_lines_of_a_csv_file_are_sold_and_bad_ones_are_named() {
    let shop = Shop::open().await;
    let file = shop.file("items.csv");
    std::fs::write(&file, CSV).unwrap();
    let imported = shop.run(&["catalog", "import", file.to_str().unwrap()]).await.exits(1);
    assert_eq!(imported.out, "2 stored, 0 older than what was there, 2 rejected\n");
    assert!(imported.err.contains("line 3: `amount` is `free`"), "{}", imported.err);
    assert!(imported.err.contains("line 4: "), "{}", imported.err);
    let cart = shop.add(&shop.guest().await, "A", 2).await;
    assert_eq!(cart["lines"][0]["item"]["title"], "Lantern, white");
    assert_eq!(cart["totals"]["subtotal"]["amount"], 510);
}

#[tokio::test]
async fn a_compressed_feed_of_json_is_imported_whole_across_batches() {
    let shop = Shop::open().await;
    let file = shop.file("items.ndjson.gz");
    let mut gzip =
        flate2::write::GzEncoder::new(std::fs::File::create(&file).unwrap(), flate2::Compression::fast());
    for number in 0..2_500 {
        let price = r#"{"amount":100,"currency":"GBP"}"#;
        writeln!(gzip, r#"{{"sku":"S{number}","title":"Thing","price":{price}}}"#).unwrap();
    }
    writeln!(gzip, "\nnonsense").unwrap();
    gzip.finish().unwrap();
    let imported = shop.run(&["catalog", "import", file.to_str().unwrap(), "--json"]).await.exits(1);
    let (rejected, summary) = imported.out.trim_end().split_once('\n').unwrap();
    let rejected: serde_json::Value = serde_json::from_str(rejected).unwrap();
    assert_eq!(rejected["line"], 2_502);
    assert_eq!(summary, r#"{"stored":2500,"older":0,"rejected":1}"#);
    shop.add(&shop.guest().await, "S2499", 1).await;
}

#[tokio::test]
async fn what_stands_in_the_way_is_said_with_what_to_do() {
    let shop = Shop::open().await;
    let file = shop.file("items.csv");
    std::fs::write(&file, "sku,title,price\nA,Thing,2.55\n").unwrap();
    let refused = shop.run(&["catalog", "import", file.to_str().unwrap()]).await.exits(1);
    assert!(refused.err.contains("prices are `amount`, in minor units"), "{}", refused.err);
    let missing = shop.run(&["catalog", "import", "no-such-file"]).await.exits(1);
    assert!(missing.err.contains("`no-such-file` cannot be read"), "{}", missing.err);
    let elsewhere = tempfile::tempdir().unwrap();
    let data = elsewhere.path().to_str().unwrap();
    let keyless = evercart(&["catalog", "import", "x", "--data", data]).await.exits(1);
    assert!(keyless.err.contains("has no key files"), "{}", keyless.err);
}
