//! Examples of answers, by the schema that they are of.

use crate::problem::kind::Kind;
use serde_json::{Value, json};

/// An example of what a reference to a schema means.
pub(super) fn of(reference: &str) -> Option<Value> {
    let expires_at = "2026-12-22T10:00:00Z";
    Some(match reference.rsplit('/').next()? {
        "Cart" => cart(),
        "BulkAnswer" => json!({"results": [{"status": "applied"}, {"status": "applied"}], "cart": cart()}),
        "SessionAnswer" => json!({"token": "g1.…", "expires_at": expires_at, "cart": empty()}),
        "ClaimAnswer" => json!({"merge": merge(), "cart": cart()}),
        "UndoAnswer" => json!({"guest_token": "g1.…", "expires_at": expires_at, "cart": empty()}),
        "Entries" => entries(),
        "CartsPage" => json!({
            "carts": [
                {
                    "id": "c_AAAAAAAAAAAAAAAAAAAAAQ", "name": "active", "kind": "account", "quantity": 3, "lines": 2,
                    "saved": 0, "updated_at": "2026-11-22T10:00:00Z",
                },
                {
                    "id": "c_AAAAAAAAAAAAAAAAAAAAAw", "name": "office", "kind": "account", "quantity": 12, "lines": 1,
                    "saved": 1, "updated_at": "2026-11-20T10:00:00Z",
                },
            ],
            "next": null, "freshness": "current",
        }),
        "SubjectExport" => json!({
            "carts": [{
                "name": "active", "cart": cart(),
                "merges": [{"day": "2026-11-22", "receipt": merge(), "guest": null}],
            }],
            "erasures": 0, "erased_at": null,
        }),
        "SubjectErasure" => json!({
            "carts": [{"id": "c_AAAAAAAAAAAAAAAAAAAAAQ", "name": "active"}],
            "guests": ["c_AAAAAAAAAAAAAAAAAAAAAA"], "merges": 1,
        }),
        "CheckoutAnswer" => {
            let mut answer = order();
            answer["cart"] = empty();
            answer
        }
        "Order" => order(),
        "OrderList" => json!({"orders": [order()], "next": null}),
        "Returned" => json!({"order": ORDER, "returned": {"TEA-EARL-50": 1}}),
        "Stock" => json!({
            "sku": "TEA-EARL-50", "available": 95, "held": 2, "sold": 3, "restocked": 100, "short": 0, "buckets": 1,
            "customer_limit": null,
        }),
        "Adjusted" => json!({"sku": "TEA-EARL-50", "added": 100, "taken": 0, "short": 0}),
        "HoldList" => json!({
            "holds": [{
                "sku": "TEA-EARL-50", "owner": "local.1.0", "checkout": ORDER, "cart": "c_AAAAAAAAAAAAAAAAAAAAAA",
                "quantity": 2, "until": "2026-11-22T10:01:00Z",
            }],
            "next": null,
        }),
        "Released" => json!({"checkout": ORDER, "released": true}),
        "Availability" => json!({"sku": "TEA-EARL-50", "availability": "low_stock", "available": 3}),
        _ => return None,
    })
}

const ORDER: &str = "o_AAAAAAAAAAAAAAAAAAAAAA";

fn order() -> Value {
    let gbp = |amount: i64| json!({"amount": amount, "currency": "GBP"});
    json!({
        "id": ORDER, "state": "committed", "cart_id": "c_AAAAAAAAAAAAAAAAAAAAAA",
        "lines": [{
            "sku": "TEA-EARL-50", "options": {}, "attributes": {"gift_note": "For Ann"}, "quantity": 2,
            "title": "Earl Grey, 50 bags", "image": null, "url": null, "unit_price": gbp(395), "total": gbp(790),
        }],
        "subtotal": gbp(790), "tax": gbp(158), "shipping": gbp(299), "total": gbp(1247),
        "fields": {"email": "ann@shop.example"}, "created_at": "2026-11-22T10:00:00Z",
    })
}

/// A problem of a kind.
pub(super) fn problem(kind: &Kind) -> Value {
    json!({
        "type": format!("urn:evercart:problem:{}", kind.code), "title": kind.title,
        "status": kind.status.as_u16(), "code": kind.code, "detail": kind.cause,
    })
}

fn empty() -> Value {
    json!({
        "id": "c_AAAAAAAAAAAAAAAAAAAAAA", "kind": "guest", "currency": "GBP", "freshness": "current",
        "lines": [], "saved": [], "seen": "…", "fields": {},
        "totals": {"subtotal": {"amount": 0, "currency": "GBP"}, "quantity": 0, "lines": 0},
        "notices": [], "updated_at": null, "expires_at": "2026-12-22T10:00:00Z",
    })
}

fn cart() -> Value {
    let price = json!({"amount": 395, "currency": "GBP"});
    let item = json!({
        "title": "Earl Grey, 50 bags", "image": null, "url": null, "captured_at": "2026-11-22T10:00:00Z",
    });
    let mut cart = empty();
    cart["lines"] = json!([{
        "id": "l_AAAAAAAAAAAAAAAAAAAAAAA", "sku": "TEA-EARL-50", "options": {},
        "attributes": {"gift_note": "For Ann"}, "quantity": 2, "item": item, "unit_price": price,
        "unit_price_then": price, "total": {"amount": 790, "currency": "GBP"}, "notices": [], "seen": "…",
        "added_at": "2026-11-22T10:00:00Z",
    }]);
    cart["totals"] = json!({"subtotal": {"amount": 790, "currency": "GBP"}, "quantity": 2, "lines": 1});
    cart["updated_at"] = "2026-11-22T10:00:00Z".into();
    cart
}

fn entries() -> Value {
    let guest = "c_BBBBBBBBBBBBBBBBBBBBBB";
    json!({
        "id": "c_AAAAAAAAAAAAAAAAAAAAAA",
        "entries": [{
            "id": "51a6000000000001.7", "line": "l_AAAAAAAAAAAAAAAAAAAAAAA", "sku": "TEA-EARL-50", "options": {},
            "list": "cart", "quantity": 2, "counted": 2, "group": null, "how": "merge", "origin": guest,
            "added_at": "2026-11-22T10:00:00Z", "unit_price_then": {"amount": 395, "currency": "GBP"},
        }],
        "incomplete": 0, "merged": [{"id": guest, "day": "2026-11-22"}], "merged_into": null,
        "updated_at": "2026-11-22T10:00:00Z",
    })
}

fn merge() -> Value {
    json!({
        "id": "m_…", "policy": "sum", "undo_until": "2026-11-23T10:00:00Z", "already_merged": false,
        "lines": [{
            "line": "l_AAAAAAAAAAAAAAAAAAAAAAA", "guest": 2, "account": 1, "result": 3,
            "rule": "3 = 2 you added as a guest + 1 from your account",
        }],
    })
}
