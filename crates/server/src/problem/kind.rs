//! Every kind of problem there is: code, status, title, cause and cure, declared once.
//!
//! Answers, the OpenAPI document and `docs/reference/errors.md` all come from here. A code, once released, keeps its
//! meaning and its status; codes are added, never reused.

use axum::http::StatusCode;

/// One kind of problem, as callers tell them apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stable name.
    pub code: &'static str,
    /// The status that it always comes with.
    pub status: StatusCode,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// When it comes.
    pub cause: &'static str,
    /// What the caller does about it.
    pub cure: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $status:ident $code:literal $title:literal, $cause:literal, $cure:literal;)*) => {
        $(
            #[doc = $cause]
            pub const $name: &Kind = &Kind {
                code: $code,
                status: StatusCode::$status,
                title: $title,
                cause: $cause,
                cure: $cure,
            };
        )*

        /// All kinds, by status and then by name.
        pub const ALL: &[&Kind] = &[$($name),*];
    };
}

kinds! {
    BAD_HEADER = BAD_REQUEST "bad_header" "A header or parameter cannot be understood",
        "A header or a parameter of the query is not in its form.",
        "Correct what `detail` names; a token that came from another shop or was cut short is left out.";
    MALFORMED_JSON = BAD_REQUEST "malformed_json" "The body is not JSON",
        "The body is missing, ended early, or is not JSON in UTF-8.",
        "Send one JSON value.";
    BAD_TOKEN = UNAUTHORIZED "bad_token" "The token is not accepted",
        "The token in `Authorization` is not one of this shop's, or has ended.",
        "Log in again, or open a new session.";
    UNAUTHENTICATED = UNAUTHORIZED "unauthenticated" "Who are you?",
        "The request carries no token, and needs one.",
        "Send `Authorization: Bearer …`; `POST /v1/sessions` gives a guest's token.";
    PAYMENT_DECLINED = PAYMENT_REQUIRED "payment_declined" "The payment was declined",
        "The shop's payment provider said no. Nothing was bought, and nothing is held.",
        "Let the shopper choose another way to pay, and check out with a new key.";
    BACKUP_OFF = FORBIDDEN "backup_off" "This server writes no backups",
        "`backup.directory` is not set, so that nobody can make the server write files by a token alone.",
        "Set it to a folder for backups and start the server anew, or stop the server and run `evercart backup`.";
    FOREIGN_ORIGIN = FORBIDDEN "foreign_origin" "Not from this page",
        "A browser sent a change by cookie from a page that is not the shop's.",
        "Name the page's origin in `auth.origins`, or send the token in `Authorization`.";
    INSUFFICIENT_SCOPE = FORBIDDEN "insufficient_scope" "Not with this token",
        "The route is for services of the shop, and the token is not one of a service with the scope needed.",
        "Make a token with `evercart token service --scope …`.";
    LOGIN_NEEDED = FORBIDDEN "login_needed" "Named carts are for accounts",
        "A guest has one cart, and the request names another. Nothing was changed.",
        "Log in, or leave `name` out.";
    SERVICE_HAS_NO_CART = FORBIDDEN "service_has_no_cart" "Not with this token",
        "A service asked for its own cart.",
        "Address carts by their id: `/v1/carts/{id}`.";
    NOT_FOUND = NOT_FOUND "not_found" "There is nothing here",
        "No route has this path, or the id in it cannot be an id.",
        "Look at the path; `/docs` lists them all.";
    UNKNOWN_CHECKOUT = NOT_FOUND "unknown_checkout" "The checkout is not known",
        "The caller has no checkout or order of this id.",
        "Use the `id` that the checkout answered, with the token of the cart that was bought.";
    UNKNOWN_LINE = NOT_FOUND "unknown_line" "The line is not there",
        "The cart has no line of this id: it was removed, or never was there.",
        "Read the cart, and use an id from it.";
    UNKNOWN_MERGE = NOT_FOUND "unknown_merge" "The merge is not known",
        "No merge of this id was made into the caller's cart.",
        "Use the `merge.id` that the claim answered.";
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED "method_not_allowed" "Not with this method",
        "The path exists, and has no such method.",
        "See the header `Allow`.";
    BODY_TOO_SLOW = REQUEST_TIMEOUT "body_too_slow" "The body came too slowly",
        "The body was not there in the time that `http.body_seconds` and its length give it. Nothing was changed.",
        "Send it again, over a better line or in smaller pieces.";
    BACKUP_RUNNING = CONFLICT "backup_running" "A backup is under way",
        "The server makes one backup at a time, and one is under way.",
        "Look at it with `GET /v1/admin/backups`, and start another when it has ended.";
    BUSY = CONFLICT "busy" "Another checkout is under way",
        "A checkout that is not decided yet has the cart; `checkout` names it.",
        "Wait for it, confirm it, or cancel it, and check out again.";
    CART_MERGED = CONFLICT "cart_merged" "The cart was merged",
        "An account has taken in the cart of this guest token.",
        "Go on with the account's token.";
    CART_MOVED = CONFLICT "cart_moved" "The cart goes on elsewhere",
        "An account has taken in the guest's cart, and its checkouts with it.",
        "Go on with the account's token.";
    CHECKOUT_ABORTED = CONFLICT "checkout_aborted" "The checkout did not happen",
        "It was cancelled, or came too late. Nothing was bought, and nothing is held.",
        "Look at the current cart, in `cart`, and check out with a new key.";
    CHECKOUT_IN_PROGRESS = CONFLICT "checkout_in_progress" "The checkout is under way",
        "A request with the same key is being carried out.",
        "Ask for it at `/v1/checkouts/{id}`, or again with the same key.";
    LINES_CHANGED = CONFLICT "lines_changed" "The lines have changed",
        "Some of what was to be bought is gone: it was bought or taken back elsewhere. Nothing was bought.",
        "Look at the current cart, in `cart`, and decide again.";
    OUT_OF_STOCK = CONFLICT "out_of_stock" "There is not enough",
        "There is less of some SKUs than was to be bought; `shortages` says what and how much. Nothing is held.",
        "Show the current cart, in `cart`, and let the shopper decide.";
    PRICE_CHANGED = CONFLICT "price_changed" "The total is another one",
        "`accept_total` is not what the cart costs now, with tax and shipping; `total` is. Nothing was bought.",
        "Show the shopper the total, and check out with the one that they say yes to.";
    QUANTITY_CLAMPED = CONFLICT "quantity_clamped" "Another quantity can be bought",
        "The shop sells at least or at most so many at once; `quantities` says how many of which line.",
        "Set the quantity, and check out again.";
    RETURN_EXCEEDS_ORDER = CONFLICT "return_exceeds_order" "More than was bought",
        "More units of a SKU were to come back than the order still has out.",
        "Look at the order, and name what really came back.";
    UNDO_ENDED = CONFLICT "undo_ended" "Too late to undo",
        "The time in which the merge could be undone is over.",
        "Nothing; `merge.undo_until` said how long it could be.";
    CART_ERASED = GONE "cart_erased" "The cart is gone",
        "The cart was erased at somebody's request.",
        "Open a new session.";
    PRECONDITION_FAILED = PRECONDITION_FAILED "precondition_failed" "The cart has changed",
        "`If-Match` names a state of the cart that is no longer current.",
        "Look at the current cart, in `cart`, and decide again.";
    BODY_TOO_LARGE = PAYLOAD_TOO_LARGE "body_too_large" "The body is too large",
        "The body has more bytes than the server takes.",
        "Send less at once.";
    UNSUPPORTED_MEDIA_TYPE = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" "The body has another type",
        "The body's `Content-Type` is missing or not the one that the route takes.",
        "Send the type that `detail` names.";
    ATOMIC_REJECTED = UNPROCESSABLE_ENTITY "atomic_rejected" "Nothing was done",
        "`Evercart-Atomic: true` was asked for, and one of the operations was rejected.",
        "See `results` for which, correct it, and send all of them again.";
    BAD_GUEST_TOKEN = UNPROCESSABLE_ENTITY "bad_guest_token" "There is no such guest",
        "The `guest_token` of a claim is not one of this shop's. The caller's own token is good.",
        "Claim with the token that the guest was given, or leave the claim out.";
    BAD_SEEN = UNPROCESSABLE_ENTITY "bad_seen" "`seen` does not fit",
        "`seen` is not a token that this shop gave for this cart, or is too old.",
        "Read the cart, and send the `seen` that came with it.";
    CONSENT_REQUIRED = UNPROCESSABLE_ENTITY "consent_required" "The shopper must say yes to the total",
        "The checkout has no `accept_total`, and the shop wants one.",
        "Send the total that the shopper was shown and said yes to.";
    EMPTY_CHECKOUT = UNPROCESSABLE_ENTITY "empty_checkout" "There is nothing to buy",
        "The cart holds nothing that can be bought now.",
        "Look at the cart: the notices of its lines say why.";
    IDEMPOTENCY_KEY_REUSED = UNPROCESSABLE_ENTITY "idempotency_key_reused" "The key was used before",
        "The `Idempotency-Key` was used for another request.",
        "Make a new key for each intention, and keep it for its retries only.";
    INVALID_REQUEST = UNPROCESSABLE_ENTITY "invalid_request" "The request does not fit",
        "A member of the body is missing, unknown or out of bounds.",
        "`errors` points at it and says what it must be.";
    LIMIT_EXCEEDED = UNPROCESSABLE_ENTITY "limit_exceeded" "The cart would be too large",
        "The change would make the cart or a line larger, or the named carts more, than the shop allows. Nothing was cut short.",
        "Ask for less; `detail` names the limit.";
    UNKNOWN_SKU = UNPROCESSABLE_ENTITY "unknown_sku" "The item is not known",
        "The shop's catalogue has no such SKU.",
        "Import the item first, or set `catalog.unknown_sku = \"accept_unpriced\"`.";
    WRITER_TOO_OLD = UNPROCESSABLE_ENTITY "writer_too_old" "The operation id is too old",
        "The writer id of the `Evercart-Op` was drawn more than 30 days ago: a retry can no longer be told from a new change.",
        "Read the cart, start a new writer id, and send what is still wanted.";
    SEEN_REQUIRED = PRECONDITION_REQUIRED "seen_required" "`seen` is required",
        "The change replaces what was shown, and does not say what that was.",
        "Read the cart, and send its `seen` along.";
    RATE_LIMITED = TOO_MANY_REQUESTS "rate_limited" "Too many requests",
        "This caller, or its address, asked more often than the shop allows. Nothing was changed.",
        "Wait `Retry-After` seconds; `RateLimit` says before what is left.";
    HEADERS_TOO_LARGE = REQUEST_HEADER_FIELDS_TOO_LARGE "headers_too_large" "The headers are too large",
        "The request's line and headers have more bytes than `http.header_bytes_max`. Nothing was changed.",
        "Send fewer cookies and shorter headers; a long receipt goes into the body.";
    CORRUPT_RECORD = INTERNAL_SERVER_ERROR "corrupt_record" "Something is wrong on our side",
        "Stored bytes cannot be read.",
        "Tell the operator the `incident`; the log has the cause under it.";
    INTERNAL = INTERNAL_SERVER_ERROR "internal" "Something is wrong on our side",
        "A fault of the server.",
        "Tell the operator the `incident`; the log has the cause under it.";
    CHECKOUT_UNAVAILABLE = SERVICE_UNAVAILABLE "checkout_unavailable" "No checkout at the moment",
        "A store or hook that a checkout needs does not answer, or stock must be counted first. Carts go on.",
        "Try again with the same key: it is done once.";
    IDENTITY_UNAVAILABLE = SERVICE_UNAVAILABLE "identity_unavailable" "The token cannot be checked now",
        "The identity provider has not given its keys since this server started.",
        "Try again after `Retry-After` seconds with the same token; guests and services go on.";
    OUTCOME_UNKNOWN = SERVICE_UNAVAILABLE "outcome_unknown" "The outcome is not known",
        "The store did not say whether it took the change.",
        "Try again with the same `Idempotency-Key`: it is done once.";
    OVERLOADED = SERVICE_UNAVAILABLE "overloaded" "Too much is asked at once",
        "More is asked than the server or its store can do. Nothing was changed.",
        "Try again after `Retry-After` seconds, and later each time; the connection stays good unless it is closed.";
    STORE_FULL = SERVICE_UNAVAILABLE "store_full" "The store takes no more writes",
        "There is no room left for writes; reads go on. Nothing was changed.",
        "Tell the operator: more room is needed.";
    STORE_UNAVAILABLE = SERVICE_UNAVAILABLE "store_unavailable" "The store is busy or away",
        "The store does not answer. Nothing was changed.",
        "Try again after `Retry-After` seconds.";
}

/// The reference of all kinds, as `docs/reference/errors.md` has it.
pub fn reference() -> String {
    let mut text = String::from(
        "# Errors\n\n\
         Every error is `application/problem+json` (RFC 9457) with a stable `code`; `type` is \
         `urn:evercart:problem:` and the code.\nFor people there are `title` and `detail`; where a member of the body is \
         wrong, `errors` points at it (RFC 6901).\n\nThis page is written by the code: \
         `EVERCART_BLESS=1 cargo test -p server errors_page` after a change of\n\
         [the declaration](../../crates/server/src/problem/kind.rs).\n\n\
         | status | code | when it comes | what to do |\n|---|---|---|---|\n",
    );
    for kind in ALL {
        let Kind { code, status, cause, cure, .. } = kind;
        text.push_str(&format!("| {} | `{code}` | {cause} | {cure} |\n", status.as_u16()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{ALL, reference};

    #[test]
    fn errors_page_is_what_the_declaration_says() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/errors.md");
        if std::env::var_os("EVERCART_BLESS").is_some() {
            std::fs::write(page, reference()).unwrap();
        }
        let committed = std::fs::read_to_string(page).unwrap();
        assert!(committed == reference(), "run: EVERCART_BLESS=1 cargo test -p server errors_page");
    }

    #[test]
    fn kinds_are_in_the_order_of_the_page_and_none_is_twice() {
        for pair in ALL.windows(2) {
            let [first, second] = [pair[0], pair[1]].map(|kind| (kind.status.as_u16(), kind.code));
            assert!(first < second, "{first:?} before {second:?}");
        }
    }
}
