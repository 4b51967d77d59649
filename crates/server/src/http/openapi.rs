//! The OpenAPI 3.1 document: what the routes say of themselves, and what holds of all of them.
//!
//! A handler names its method, path, body and answer; headers, refusals, security and examples that many operations
//! share are added here, by rule. The document knows nothing of a configuration: every server of a release serves
//! the same.

mod example;
mod links;
pub(super) mod schema;

use super::{api, around};
use crate::problem::kind::{self, Kind};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::LazyLock};

static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// The document of this release.
pub(super) fn served() -> &'static Value {
    &DOCUMENT
}

fn document() -> Value {
    let mut document = serde_json::to_value(api().merge(around()).into_openapi()).unwrap_or_default();
    document["info"] = json!({
        "title": "evercart", "version": env!("CARGO_PKG_VERSION"),
        "description": "The shopping cart as a service you own.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    });
    document["servers"] = json!([{"url": "/"}]);
    let schemas = &mut document["components"]["schemas"];
    if let (Some(schemas), Value::Object(bounded)) = (schemas.as_object_mut(), schema::bounded()) {
        schemas.extend(bounded);
        schemas.insert("Problem".to_owned(), problem());
        schema::split_by_trust(schemas);
    }
    document["components"]["securitySchemes"] = security_schemes();
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete(&Route { path, method }, operation);
        }
    }
    document
}

/// Lists that are read page by page.
const LISTS: [&str; 5] = ["/v1/catalog/items", "/v1/admin/carts", "/v1/carts", "/v1/orders", "/v1/holds"];
/// Where a body is one JSON value a line.
const BULK: [&str; 3] = ["/v1/catalog/items", "/v1/admin/carts", "/v1/inventory"];

/// Where an operation is.
struct Route<'a> {
    path: &'a str,
    method: &'a str,
}

impl Route<'_> {
    fn is_api(&self) -> bool {
        self.path.starts_with("/v1/")
    }

    fn is_own_cart(&self) -> bool {
        !self.is_buying() && (self.path.starts_with("/v1/cart/") || matches!(self.path, "/v1/cart"))
    }

    fn is_any_cart(&self) -> bool {
        !self.is_buying() && self.path.starts_with("/v1/carts/{id}")
    }

    /// Where a cart is bought.
    fn is_buying(&self) -> bool {
        matches!(self.path, "/v1/cart/checkout" | "/v1/carts/{id}/checkout")
    }

    /// What a shopper does with a checkout, or reads of it.
    fn is_checkout(&self) -> bool {
        self.path == "/v1/cart/checkout" || self.path.starts_with("/v1/checkouts/")
    }

    fn is_of_orders(&self) -> bool {
        self.path.starts_with("/v1/orders")
    }

    /// Changes that happen once by their key.
    fn is_keyed(&self) -> bool {
        self.is_change()
            && (self.is_buying()
                || self.path.ends_with("/returns")
                || self.path.starts_with("/v1/inventory/{sku}"))
    }

    fn is_cart(&self) -> bool {
        self.is_own_cart() || self.is_any_cart()
    }

    fn is_session(&self) -> bool {
        self.path.starts_with("/v1/sessions")
    }

    fn is_change(&self) -> bool {
        self.method != "get"
    }

    /// A change that may be done without looking at the cart.
    fn is_add(&self) -> bool {
        self.method == "post" && self.path.ends_with("/lines")
    }

    /// A list that is read page by page.
    fn is_list(&self) -> bool {
        !self.is_change() && LISTS.contains(&self.path)
    }
}

fn complete(route: &Route<'_>, operation: &mut Value) {
    if !route.is_api() {
        operation["security"] = json!([]);
        return;
    }
    operation["security"] = security(route);
    if route.is_session() && operation["requestBody"].is_object() {
        operation["requestBody"]["required"] = false.into();
    }
    let body = operation.pointer_mut("/requestBody/content/application~1json/schema/$ref");
    if let Some(body) = body.filter(|_| route.is_any_cart())
        && let Some(name) = body.as_str().and_then(schema::for_services)
    {
        *body = name.into();
    }
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    operation["parameters"] = parameters.into_iter().chain(parameters_of(route)).collect();
    let links = operation["operationId"].as_str().map(|name| links::of(route, name)).unwrap_or_default();
    if let Some(responses) = operation["responses"].as_object_mut() {
        for (status, response) in responses.iter_mut() {
            complete_success(route, status, response);
            if status.starts_with('2') && !links.is_empty() {
                response["links"] = links.clone().into();
            }
        }
        if route.is_cart() && route.is_change() {
            let mut headers = headers(route);
            if route.is_add() {
                headers["ETag"]["required"] = false.into();
            }
            let nothing = "Done; `Prefer: return=minimal` asked for no body.";
            responses.insert("204".to_owned(), json!({"description": nothing, "headers": headers}));
        }
        if route.is_cart() && !route.is_change() {
            let same =
                json!({"description": "The cart is as `If-None-Match` says.", "headers": headers(route)});
            responses.insert("304".to_owned(), same);
        }
        responses.extend(refusals(route));
    }
}

fn complete_success(route: &Route<'_>, status: &str, response: &mut Value) {
    if !status.starts_with('2') {
        return;
    }
    if route.is_list() {
        let next = json!({"description": "`<…>; rel=\"next\"`, until there is no more.", "schema": {"type": "string"}});
        response["headers"] = json!({"Link": next});
    }
    if (route.is_cart() || route.is_session()) && status.starts_with('2') {
        response["headers"] = headers(route);
    }
    if let Some(content) = response.pointer_mut("/content/application~1json")
        && let Some(example) = content["schema"]["$ref"].as_str().and_then(example::of)
    {
        content["example"] = example;
    }
}

/// The headers of an answer that shows a cart.
fn headers(route: &Route<'_>) -> Value {
    let text = |description: &str, required: bool| json!({"description": description, "required": required, "schema": {"type": "string"}});
    let durability = json!({"type": "string", "enum": ["node", "region", "regions"]});
    let mut headers = json!({
        "Evercart-Region": text("The region that answered.", true),
        "Evercart-Durability": {
            "description": "How far what is shown is safe.", "required": true, "schema": durability,
        },
        "Evercart-Context": text("A token of how fresh this is; send it back with the next request.", true),
        "ETag": text("`\"<state>.<overlay>\"`: the cart, and what is shown with it.", true),
        "Cache-Control": text("`private, no-cache`.", true),
        "Evercart-Session": text("A guest's token, new or renewed.", false),
        "Set-Cookie": text("The guest's token as a cookie.", false),
    });
    if route.is_change() {
        headers["Evercart-Receipt"] = text(
            "Proof of what was acknowledged, below `regions`: present it for 7 days to have it back if it is lost. \
             One over 4 KiB is the member `receipt` of the body.",
            false,
        );
        headers["Idempotent-Replayed"] = text("`true` where this was done before.", false);
    }
    headers
}

fn security_schemes() -> Value {
    json!({
        "session": {
            "type": "http", "scheme": "bearer",
            "description": "A guest's token (`POST /v1/sessions`), or a shopper's JWT.",
        },
        "cookie": {"type": "apiKey", "in": "cookie", "name": "evercart_session", "description": "A guest's token."},
        "shopper": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A shopper's JWT."},
        "service": {
            "type": "http", "scheme": "bearer",
            "description": "A token of a service of the shop (`evercart token service --scope …`).",
        },
    })
}

fn security(route: &Route<'_>) -> Value {
    match route.path {
        "/v1/sessions" | "/v1/catalog/items/{sku}/availability" => json!([]),
        "/v1/orders" => json!([{"session": []}, {"cookie": []}]),
        "/v1/orders/{id}" => json!([{"session": []}, {"cookie": []}, {"service": []}]),
        _ if route.is_checkout() => json!([{"session": []}, {"cookie": []}]),
        // Whoever comes with nothing gets a session.
        _ if route.is_own_cart() && route.is_change() => json!([{}, {"session": []}, {"cookie": []}]),
        _ if route.path == "/v1/carts" => json!([{"session": []}, {"cookie": []}, {"service": []}]),
        _ if route.is_own_cart() => json!([{"session": []}, {"cookie": []}]),
        _ if route.is_session() => json!([{"shopper": []}]),
        _ => json!([{"service": []}]),
    }
}

fn parameters_of(route: &Route<'_>) -> Vec<Value> {
    let header = |name: &str, description: &str, schema: Value| json!({"name": name, "in": "header", "description": description, "schema": schema});
    let plain = || json!({"type": "string", "pattern": "^[\\t -~]*$"});
    let token = || json!({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"});
    let mut parameters = Vec::new();
    if route.is_own_cart() || route.is_checkout() || route.path == "/v1/sessions/claim" {
        parameters.push(json!({
            "name": "name", "in": "query", "description": "Which of the caller's carts; `active` without.",
            "schema": {"$ref": "#/components/schemas/NameText"},
        }));
    }
    if route.is_cart() && route.method == "delete" {
        parameters.push(json!({
            "name": "seen", "in": "query", "schema": token(),
            "description": "`seen` as it was shown: what came after it stays.",
        }));
    }
    if route.is_keyed() {
        let mut key = header("Idempotency-Key", "The same for all retries of one intention.", key_text());
        key["required"] = (route.path.ends_with("/returns") || route.path.ends_with("/adjustments")).into();
        parameters.push(key);
    }
    if route.is_cart() || route.is_buying() {
        let context = "`Evercart-Context` as an earlier answer gave it: this one is at least as fresh.";
        parameters.push(header("Evercart-Context", context, token()));
        let receipt =
            "`Evercart-Receipt` as an earlier answer gave it: what it is of is joined if it was lost.";
        parameters.push(header("Evercart-Receipt", receipt, token()));
    }
    if route.is_cart() && !route.is_change() {
        parameters.push(header(
            "If-None-Match",
            "An `ETag`; 304 where it is still so.",
            json!({"type": "string"}),
        ));
    }
    if route.is_cart() && route.is_change() {
        let operation = json!({"type": "string", "pattern": "^[0-9A-Fa-f]{1,16}\\.[1-9][0-9]{0,8}$"});
        let prefer = if route.is_add() {
            "`return=minimal` answers 204 without a body, and where the cart need not be looked at without an `ETag`."
        } else {
            "`return=minimal` answers 204 without a body."
        };
        let op = "`<writer>.<number>`: a counter that the client keeps, in place of a key. A writer has 16 hexadecimal \
                  digits: 4 for the days from 1970 to the day on which it was drawn, 12 at random.";
        parameters.push(header("Idempotency-Key", "The same for all retries of one intention.", key_text()));
        parameters.push(header("Evercart-Op", op, operation));
        parameters.push(header(
            "If-Match",
            "An `ETag`; 412 with the current cart where it is no longer so.",
            plain(),
        ));
        parameters.push(header("Prefer", prefer, json!({"type": "string"})));
        let ack = "How far the change is to be safe before it is acknowledged; `Evercart-Durability` says how far it is.";
        let enough = json!({"type": "string", "enum": ["node", "region", "regions"]});
        parameters.push(header("Evercart-Ack", ack, enough));
    }
    if route.is_cart() && route.method == "patch" {
        let all = "`true`: all of the operations, or none.";
        parameters.push(header("Evercart-Atomic", all, json!({"type": "string", "enum": ["true", "false"]})));
    }
    parameters
}

fn key_text() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([\\t -~]*[!-~])?$"})
}

/// What may be refused, by status.
fn refusals(route: &Route<'_>) -> Map<String, Value> {
    let mut kinds = vec![
        kind::BAD_TOKEN,
        kind::BODY_TOO_SLOW,
        kind::BODY_TOO_LARGE,
        kind::HEADERS_TOO_LARGE,
        kind::INTERNAL,
        kind::CORRUPT_RECORD,
        kind::STORE_UNAVAILABLE,
        kind::OVERLOADED,
        kind::RATE_LIMITED,
        kind::IDENTITY_UNAVAILABLE,
    ];
    if route.path != "/v1/sessions" {
        kinds.extend([kind::UNAUTHENTICATED, kind::INSUFFICIENT_SCOPE]);
    }
    if route.is_cart() || route.is_session() {
        kinds.extend([kind::BAD_HEADER, kind::CART_ERASED]);
        kinds.extend([kind::SERVICE_HAS_NO_CART, kind::CART_MERGED]);
    }
    if route.is_list() || route.is_keyed() {
        kinds.push(kind::BAD_HEADER);
    }
    if route.is_buying() || route.is_checkout() {
        kinds.extend([kind::BAD_HEADER, kind::CART_ERASED, kind::SERVICE_HAS_NO_CART, kind::LOGIN_NEEDED]);
        kinds.extend([kind::CART_MERGED, kind::CHECKOUT_UNAVAILABLE]);
    }
    if route.is_change() && (route.is_buying() || route.is_checkout()) {
        kinds.extend([
            kind::BUSY,
            kind::CHECKOUT_ABORTED,
            kind::CHECKOUT_IN_PROGRESS,
            kind::PAYMENT_DECLINED,
        ]);
        kinds.extend([kind::LINES_CHANGED, kind::OUT_OF_STOCK, kind::CART_MOVED]);
    }
    if route.is_buying() {
        kinds.extend([
            kind::PRICE_CHANGED,
            kind::QUANTITY_CLAMPED,
            kind::EMPTY_CHECKOUT,
            kind::CONSENT_REQUIRED,
        ]);
        kinds.extend([kind::IDEMPOTENCY_KEY_REUSED, kind::LIMIT_EXCEEDED]);
    }
    if route.path.starts_with("/v1/checkouts/")
        || route.is_of_orders()
        || route.path.starts_with("/v1/holds/")
    {
        kinds.push(kind::UNKNOWN_CHECKOUT);
    }
    if route.path.starts_with("/v1/holds/") {
        kinds.extend([kind::BUSY, kind::CHECKOUT_UNAVAILABLE]);
    }
    if route.is_of_orders() {
        kinds.extend([kind::SERVICE_HAS_NO_CART, kind::CART_ERASED, kind::CART_MERGED]);
    }
    if route.path.ends_with("/returns") {
        kinds.push(kind::RETURN_EXCEEDS_ORDER);
    }
    if route.is_change() && BULK.contains(&route.path) {
        kinds.push(kind::UNSUPPORTED_MEDIA_TYPE);
    }
    if route.is_change() {
        kinds.extend([kind::MALFORMED_JSON, kind::INVALID_REQUEST, kind::OUTCOME_UNKNOWN, kind::STORE_FULL]);
        kinds.extend([kind::FOREIGN_ORIGIN, kind::UNSUPPORTED_MEDIA_TYPE]);
    }
    if route.is_cart() && route.is_change() {
        kinds.extend([kind::PRECONDITION_FAILED, kind::LIMIT_EXCEEDED, kind::BAD_SEEN, kind::UNKNOWN_SKU]);
        kinds.extend([kind::IDEMPOTENCY_KEY_REUSED, kind::WRITER_TOO_OLD, kind::SEEN_REQUIRED]);
    }
    if route.is_cart() && route.method == "patch" {
        kinds.push(kind::ATOMIC_REJECTED);
    }
    if route.path == "/v1/admin/backups" && route.is_change() {
        kinds.extend([kind::BACKUP_OFF, kind::BACKUP_RUNNING]);
    }
    if route.path.contains("{line}") {
        kinds.push(kind::UNKNOWN_LINE);
    }
    if route.path.contains('{') {
        kinds.push(kind::NOT_FOUND);
    }
    if route.is_own_cart() || route.is_session() {
        kinds.push(kind::LOGIN_NEEDED);
    }
    if route.is_session() {
        kinds.extend([kind::BAD_GUEST_TOKEN, kind::UNKNOWN_MERGE, kind::UNDO_ENDED, kind::LIMIT_EXCEEDED]);
        kinds.extend([kind::BUSY, kind::LINES_CHANGED]);
    }
    let mut by_status: BTreeMap<u16, Vec<&Kind>> = BTreeMap::new();
    for kind in kinds {
        let of_status = by_status.entry(kind.status.as_u16()).or_default();
        if !of_status.contains(&kind) {
            of_status.push(kind);
        }
    }
    by_status.into_iter().map(|(status, kinds)| (status.to_string(), refusal(&kinds))).collect()
}

fn refusal(kinds: &[&Kind]) -> Value {
    let description: Vec<String> =
        kinds.iter().map(|kind| format!("`{}`: {}", kind.code, kind.cause)).collect();
    let examples: Map<String, Value> =
        kinds.iter().map(|kind| (kind.code.to_owned(), json!({"value": example::problem(kind)}))).collect();
    let content = json!({"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples});
    json!({"description": description.join("\n\n"), "content": {"application/problem+json": content}})
}

fn problem() -> Value {
    let codes: Vec<&str> = kind::ALL.iter().map(|kind| kind.code).collect();
    json!({
        "type": "object",
        "description": "RFC 9457. Further members depend on the code, such as the current `cart`.",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": codes},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": {
                "type": "object", "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            }},
        },
    })
}

#[cfg(test)]
mod tests;
