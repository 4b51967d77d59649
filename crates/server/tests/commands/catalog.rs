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

/// Whatever a text can hold, and every member absent once.
const ODD: &str = concat!(
    r#"{"sku":"¼ \"x\", y","title":" Tea,\r\n\"black\"\t ","price":{"amount":0,"currency":"EUR"},"image":"/i;j","#,
    r#""url":"https://shop.example/?a=1&b=2","available":false,"min":2,"max":3,"#,
    r#""attributes":{"":"nameless","a b, c":"ü\n","zero":"0"},"revision":18446744073709551615}"#,
    "\n",
    r#"{"sku":"A","title":"=1+1","attributes":{"zero":"'"},"revision":0}"#,
    "\n",
    r##"{"sku":"#B","title":"{","price":{"amount":9999999999,"currency":"GBP"},"revision":7}"##,
    "\n",
);

#[tokio::test]
async fn what_was_exported_is_imported_as_the_very_same() {
    let (from, to) = (Shop::open().await, Shop::open().await);
    let file = from.file("odd.ndjson");
    std::fs::write(&file, ODD).unwrap();
    from.run(&["catalog", "import", file.to_str().unwrap()]).await.exits(0);
    let whole = from.run(&["catalog", "export"]).await.exits(0);
    assert_eq!((whole.out.lines().count(), whole.err.as_str()), (3, "3 items exported\n"));
    for name in ["out.csv", "out.ndjson", "out.csv.gz", "out.ndjson.gz"] {
        let to = if name == "out.csv" { &to } else { &Shop::open().await };
        let out = from.file(name);
        let exported = from.run(&["catalog", "export", out.to_str().unwrap(), "--json"]).await.exits(0);
        assert_eq!(exported.json()["items"], 3);
        to.run(&["catalog", "import", out.to_str().unwrap()]).await.exits(0);
        assert_eq!(to.run(&["catalog", "export"]).await.exits(0).out, whole.out, "{name}");
    }
}

#[tokio::test]
async fn an_export_goes_over_all_pages() {
    let shop = Shop::open().await;
    let file = shop.file("items.csv");
    let lines: Vec<String> = (0..2_500).map(|n| format!("S{n},Thing {n},{n},GBP")).collect();
    std::fs::write(&file, format!("sku,title,amount,currency\n{}\n", lines.join("\n"))).unwrap();
    shop.run(&["catalog", "import", file.to_str().unwrap()]).await.exits(0);
    let exported = shop.run(&["catalog", "export", "--format", "csv"]).await.exits(0);
    let skus: std::collections::BTreeSet<&str> =
        exported.out.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!((exported.out.lines().count(), skus.len()), (2_501, 2_500));
}

#[tokio::test]
async fn what_csv_cannot_say_is_named() {
    let shop = Shop::open().await;
    let file = shop.file("items.ndjson");
    std::fs::write(&file, r#"{"sku":"A","title":"Tea","image":""}"#).unwrap();
    shop.run(&["catalog", "import", file.to_str().unwrap()]).await.exits(0);
    let exported = shop.run(&["catalog", "export", "--format", "csv"]).await.exits(1);
    assert!(exported.err.contains("`A` has an empty text"), "{}", exported.err);
    shop.run(&["catalog", "export"]).await.exits(0);
}
