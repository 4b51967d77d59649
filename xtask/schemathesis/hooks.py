"""What schemathesis cannot read in the document: signed tokens, JSON lines, and which refusals are right.

Set by `cargo xtask schemathesis`: tokens of a running server, and the day as a writer of `Evercart-Op` begins with it.
"""

import hashlib
import json
import os
import re

import schemathesis

BUYER, CART, SEEN, CONTEXT, RECEIPT, DAY, GUEST, MERGE, MERGER, ORDER, SERVICE, SHOPPER = (
    os.environ[f"EVERCART_{name}"]
    for name in ("BUYER", "CART", "SEEN", "CONTEXT", "RECEIPT", "DAY", "CLAIMED_GUEST", "MERGE", "MERGER", "ORDER", "SERVICE", "SHOPPER")
)
SIGNED = re.compile(r"[A-Za-z0-9_-]{40,}")

# What a request that fits the document may be refused for: it depends on what the shop or the cart knows.
KNOWN = {
    "atomic_rejected", "backup_running", "bad_guest_token", "bad_seen", "bad_token", "busy", "cart_merged", "checkout_aborted", "empty_checkout",
    "idempotency_key_reused", "limit_exceeded", "lines_changed", "login_needed", "not_found", "out_of_stock", "quantity_clamped",
    "return_exceeds_order", "unauthenticated", "undo_ended", "unknown_checkout", "unknown_line", "unknown_merge", "unknown_sku",
}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Gives requests that are meant to fit real tokens: they are signed, so none can be made up."""
    if not is_meant_to_fit(case):
        return
    follows_links = case.meta.phase.name == "stateful"
    sign_headers(case.headers)
    case.query.pop("after", None)
    if case.operation.path == "/v1/carts" and case.query.keys() & {"sku", "subject"}:
        # Shoppers list their own carts, services those of others.
        case.headers["Authorization"] = f"Bearer {SERVICE}"
    if follows_links:
        case.query.pop("name", None)
    elif case.operation.path.endswith("/undo"):
        case.path_parameters["id"] = MERGE
        case.headers["Authorization"] = f"Bearer {MERGER}"
    told_of_orders(case)
    if case.operation.path == "/v1/admin/backups" and isinstance(case.body, dict):
        # Which texts are folders below another, only the machine knows.
        case.body["directory"] = "nightly"
    told_seen = [case.query]
    if isinstance(case.body, dict):
        told_seen += [case.body, *case.body.get("ops", [])]
        if case.body.get("receipt") is not None:
            case.body["receipt"] = RECEIPT
        if case.body.get("guest_token") is not None and not follows_links:
            case.body["guest_token"] = GUEST
    for part in told_seen:
        if not (follows_links and SIGNED.fullmatch(str(part.get("seen")))):
            part.pop("seen", None)
    if isinstance(case.body, dict) and "lines" in case.body and not case.operation.path.endswith("/returns"):
        put_back_what_was_seen(case)
    if "name" in case.query:
        # A guest has one cart; the others are a shopper's.
        case.headers["Authorization"] = f"Bearer {SHOPPER}"


def told_of_orders(case):
    """Orders are known to whoever bought: one was made before, of a MUG-WHITE."""
    path = case.operation.path
    if path.startswith(("/v1/checkouts/{id}", "/v1/orders/{id}")):
        case.path_parameters["id"] = ORDER
    if path.startswith("/v1/checkouts/{id}") or path == "/v1/orders/{id}":
        case.headers["Authorization"] = f"Bearer {BUYER}"
    if path.startswith("/v1/holds/{checkout}"):
        case.path_parameters["checkout"] = ORDER
    if path.endswith("/returns") and isinstance(case.body, dict):
        case.body["lines"] = [{"sku": "MUG-WHITE", "quantity": 1}]


def sign_headers(headers):
    if "Evercart-Context" in headers:
        headers["Evercart-Context"] = CONTEXT
    if "Evercart-Receipt" in headers:
        headers["Evercart-Receipt"] = RECEIPT
    if "If-Match" in headers:
        headers["If-Match"] = "*"
    if "Evercart-Op" in headers:
        drawn = hashlib.sha256(str(headers["Evercart-Op"]).encode()).hexdigest()
        headers["Evercart-Op"] = f"{DAY}{drawn[:12]}.1"


def put_back_what_was_seen(case):
    """A whole cart is put back with `seen` of that cart, and has each line once."""
    lines = {
        json.dumps([line.get("sku"), line.get("options") or {}, line.get("seller")], sort_keys=True): line
        for line in case.body["lines"]
    }
    case.body["lines"] = list(lines.values())
    if "seen" not in case.body:
        case.query.pop("name", None)
        case.body["seen"] = SEEN
        if "id" in case.path_parameters:
            case.path_parameters["id"] = CART


@schemathesis.check
def refused_for_what_is_known(context, response, case):
    """A request that fits the document is never refused for its shape."""
    if is_meant_to_fit(case) and response.status_code >= 400:
        code = response.json().get("code")
        assert code in KNOWN, f"refused as `{code}`, although it fits the document"


@schemathesis.check
class EveryOperationSucceeds:
    """An operation that was only ever refused was not tested."""

    def __init__(self):
        self.asked, self.done = set(), set()

    def after_response(self, context, response, case):
        self.asked.add(case.operation.label)
        if response.status_code < 400:
            self.done.add(case.operation.label)

    def after_run(self, context):
        refused = self.asked - self.done
        assert not refused, "only ever refused: " + ", ".join(sorted(refused))


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    """The example is sent as it is; a text that was made up becomes an item's title."""
    if isinstance(value, str) and not value.startswith("{"):
        value = json.dumps({"sku": "MADE-UP", "title": value})
    return value if isinstance(value, bytes) else str(value).encode()


def is_meant_to_fit(case):
    return case.meta is not None and case.meta.generation.mode.is_positive
