//! `evercart cart show`.

use crate::shop::Shop;
use reqwest::Method;
use serde_json::{Value, json};

async fn shop_with_tea() -> Shop {
    let shop = Shop::open().await;
    let file = shop.file("items.csv");
    std::fs::write(&file, "sku,title,amount,currency\nTEA,Earl Grey,395,GBP\nMUG,Mug,1200,GBP\n").unwrap();
    shop.run(&["catalog", "import", file.to_str().unwrap()]).await.exits(0);
    shop
}

#[tokio::test]
async fn a_cart_is_shown_with_where_its_units_came_from() {
    let shop = shop_with_tea().await;
    let token = shop.guest().await;
    let cart = shop.add(&token, "TEA", 2).await;
    shop.add(&token, "MUG", 1).await;
    let line = cart["lines"][0]["id"].as_str().unwrap();
    let set = json!({"quantity": 5, "seen": cart["lines"][0]["seen"]});
    shop.ask(Method::PUT, &format!("/v1/cart/lines/{line}"), &token, Some(set)).await;
    let note = json!({"ops": [{"op": "annotate", "fields": {"note": "Ring\u{1b}[2J twice"}}]});
    shop.ask(Method::PATCH, "/v1/cart", &token, Some(note)).await;
    let id = cart["id"].as_str().unwrap();
    let shown = shop.run(&["cart", "show", id]).await.exits(0).out;
    let words: Vec<String> =
        shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for expected in ["5 Earl Grey 3.95 19.75", "1 Mug 12.00 12.00", "6 units, 2 lines 31.75 GBP"] {
        assert!(words.iter().any(|line| line == expected), "{expected}: {shown}");
    }
    for begins in
        [&format!("{id} changed 20"), "2 added here, 20", "3 raised here, 20", "note Ring\u{fffd}[2J"]
    {
        assert!(words.iter().any(|line| line.starts_with(begins)), "{begins}: {shown}");
    }
    let data = shop.run(&["cart", "show", id, "--json"]).await.exits(0).json();
    assert_eq!(data["cart"]["totals"]["subtotal"]["amount"], 3_175);
    let hows: Vec<&Value> =
        data["provenance"]["entries"].as_array().unwrap().iter().map(|entry| &entry["how"]).collect();
    assert_eq!(hows.len(), 3);
    let unused = shop.run(&["cart", "show", "c_AAAAAAAAAAAAAAAAAAAAAA"]).await.exits(0);
    assert!(unused.out.contains("The cart is empty."), "{}", unused.out);
    let wrong = shop.run(&["cart", "show", "ann"]).await.exits(1);
    assert!(wrong.err.contains("`ann` is not the id of a cart"), "{}", wrong.err);
}
