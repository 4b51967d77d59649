//! What `serve --demo` brings along: a small catalogue, and a first session to paste.

use cart::{
    item::Item,
    line::{Sku, Texts},
    money::{Currency, Money},
};
use service::{Environment as _, Service, catalog::NewItem};
use storage::StoreError;

/// SKU, title, price in pence, the most of it in one order.
const ITEMS: [(&str, &str, i64, Option<u32>); 12] = [
    ("TEA-EARL-50", "Earl Grey, 50 bags", 395, None),
    ("TEA-MINT-20", "Peppermint, 20 bags", 249, None),
    ("COFFEE-BEANS-1KG", "Coffee beans, 1 kg", 1895, None),
    ("MUG-BLUE", "Mug, blue stoneware", 1200, None),
    ("MUG-WHITE", "Mug, white stoneware", 1200, None),
    ("POT-GLASS-1L", "Glass teapot, 1 litre", 2450, None),
    ("KETTLE-STEEL", "Kettle, brushed steel", 5900, Some(2)),
    ("TIN-ROUND", "Round tea tin", 650, None),
    ("HONEY-HEATHER", "Heather honey, 340 g", 725, None),
    ("BISCUIT-OAT", "Oat biscuits, 300 g", 310, None),
    ("TOWEL-LINEN", "Linen tea towel", 890, None),
    ("GIFT-CARD-25", "Gift card, £25", 2500, Some(4)),
];

/// Puts the small catalogue in. Doing it again changes nothing that a shopper sees.
pub(crate) async fn load(service: &Service) -> Result<(), StoreError> {
    let gbp = service.settings().currency;
    service.put_items(ITEMS.iter().filter_map(|item| item_of(item, gbp)).collect()).await?;
    Ok(())
}

fn item_of(
    &(sku, title, price, most): &(&str, &str, i64, Option<u32>),
    currency: Currency,
) -> Option<NewItem> {
    let item = Item {
        title: title.into(),
        price: Money::price(price, currency),
        quantity_max: most,
        ..Item::unknown(crate::wiring::World.now())
    };
    Some(NewItem { sku: Sku::parse(sku)?, revision: None, item, attributes: Texts::default() })
}

/// Commands that work as pasted, against a server at `url`.
pub(crate) fn first_session(url: &str, shopper: &str) -> String {
    format!(
        r#"
Paste this into another terminal:

  # a guest's session: the token is all there is to it
  GUEST=$(curl -s -X POST {url}/v1/sessions | sed 's/.*"token":"\([^"]*\)".*/\1/')

  # two teas and a mug
  curl -s {url}/v1/cart/lines -H "Authorization: Bearer $GUEST" --json '{{"sku":"TEA-EARL-50","quantity":2}}'
  curl -s {url}/v1/cart/lines -H "Authorization: Bearer $GUEST" --json '{{"sku":"MUG-BLUE","quantity":1}}'

  # what is in it
  curl -s {url}/v1/cart -H "Authorization: Bearer $GUEST"

  # Ann logs in: the guest's cart becomes hers
  ANN={shopper}
  curl -s {url}/v1/sessions/claim -H "Authorization: Bearer $ANN" --json "{{\"guest_token\":\"$GUEST\"}}"
  curl -s {url}/v1/cart -H "Authorization: Bearer $ANN"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_of_the_demo_can_be_sold() {
        let gbp = Currency::parse("GBP").unwrap();
        for item in &ITEMS {
            let item = item_of(item, gbp).unwrap();
            assert!(item.item.price.is_some() && item.item.available, "{}", item.sku);
        }
    }
}
