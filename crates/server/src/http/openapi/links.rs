//! Which answer names what another operation asks for: a cart shown has the lines to set, a claim is there to undo.
//!
//! Generated clients may follow them; testers that walk through the API do, and without them never meet a line that
//! exists.

use super::Route;
use serde_json::{Map, Value, json};

/// The links of the answer of an operation, by name.
pub(super) fn of(route: &Route<'_>, operation: &str) -> Map<String, Value> {
    let links: Vec<(&str, Value)> = match operation {
        "openSession" => vec![
            ("claimSession", json!({"requestBody": {"guest_token": "$response.body#/token"}})),
            ("readCartById", json!({"parameters": {"id": "$response.body#/cart/id"}})),
            ("addLineById", json!({"parameters": {"id": "$response.body#/cart/id"}})),
        ],
        "claimSession" => vec![("undoClaim", json!({"parameters": {"id": "$response.body#/merge/id"}}))],
        "undoClaim" => {
            vec![("claimSession", json!({"requestBody": {"guest_token": "$response.body#/guest_token"}}))]
        }
        "readCart" => {
            vec![("replaceCart", json!({"requestBody": {"lines": [], "seen": "$response.body#/seen"}}))]
        }
        "addLine" | "addLineById" => lines(route),
        _ => Vec::new(),
    };
    let named = |(target, mut link): (&str, Value)| {
        link["operationId"] = target.into();
        (target.to_owned(), link)
    };
    links.into_iter().map(named).collect()
}

/// What can be done with the first line of a cart.
fn lines(route: &Route<'_>) -> Vec<(&'static str, Value)> {
    let of_line = |member: &str| format!("$response.body#/lines/0/{member}");
    let parameters = |seen: bool| {
        let mut parameters = json!({"line": of_line("id")});
        if route.is_any_cart() {
            parameters["id"] = "$request.path.id".into();
        }
        if seen {
            parameters["seen"] = of_line("seen").into();
        }
        parameters
    };
    let [set, remove, shift] = if route.is_any_cart() {
        ["setLineById", "removeLineById", "moveLineById"]
    } else {
        ["setLine", "removeLine", "moveLine"]
    };
    let seen = json!({"seen": of_line("seen")});
    vec![
        (set, json!({"parameters": parameters(false), "requestBody": seen})),
        (remove, json!({"parameters": parameters(true)})),
        (shift, json!({"parameters": parameters(false), "requestBody": seen})),
    ]
}
