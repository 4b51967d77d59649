//! Every key of the configuration, declared once: its meaning and its bound. Defaults are those of the structs.
//!
//! Checking, `evercart config show` and the reference in `docs/reference/configuration.md` are made from this table;
//! tests hold it against the structs, so that no key is without a line here.

mod engines;

/// One key as it is documented and checked.
#[derive(Debug, Clone, Copy)]
pub struct Declared {
    /// The key with its tables: `limits.lines_max`.
    pub key: &'static str,
    /// What it decides.
    pub meaning: &'static str,
    /// What it may be.
    pub bound: Bound,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// A whole number between the two, both included.
    Range(u64, u64),
    /// What the words say; the type or a check of its own sees to it.
    Words(&'static str),
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Range(low, high) => write!(f, "{low} to {high}"),
            Self::Words(words) => f.write_str(words),
        }
    }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SWITCH: Bound = Bound::Words("`true` or `false`");

const fn range(key: &'static str, meaning: &'static str, low: u64, high: u64) -> Declared {
    Declared { key, meaning, bound: Bound::Range(low, high) }
}

const fn words(key: &'static str, meaning: &'static str, bound: &'static str) -> Declared {
    Declared { key, meaning, bound: Bound::Words(bound) }
}

/// All keys, in the order of the reference.
pub fn keys() -> impl Iterator<Item = &'static Declared> {
    KEYS.iter().chain(engines::KEYS)
}

const KEYS: &[Declared] = &[
    words("listen", "Where to listen.", "an address with a port, such as `127.0.0.1:8080`"),
    words(
        "data",
        "Where the data and the key files are.",
        "a path; a relative one starts where the server does",
    ),
    words("region", "The name of this region, as answers say it.", "a short name"),
    words(
        "currency",
        "The shop's currency, for carts that do not name one.",
        "three capital letters of ISO 4217",
    ),
    words("engine", ENGINE, "`embedded`, `postgres`, `dynamodb` or `cassandra`"),
    Declared { key: "auth.local_issuer", meaning: LOCAL_ISSUER, bound: SWITCH },
    words("auth.origins", ORIGINS, "a list of origins such as `https://shop.example`"),
    words(
        "auth.jwt.issuer",
        "The `iss` of the identity provider's tokens.",
        "a text; empty: no identity provider",
    ),
    words(
        "auth.jwt.audience",
        "What `aud` may say; one of them is enough.",
        "a list, not empty beside `auth.jwt.issuer`",
    ),
    words(
        "auth.jwt.jwks_url",
        "Where the provider publishes its keys.",
        "an `https` URL; this or `auth.jwt.jwks_file`",
    ),
    words("auth.jwt.jwks_file", "A file with the provider's keys.", "a path; this or `auth.jwt.jwks_url`"),
    words("auth.jwt.algorithms", "How the provider's tokens may be signed.", JWT_ALGORITHMS),
    range("auth.jwt.leeway_seconds", "Seconds that clocks may differ.", 0, 300),
    range("auth.jwt.refresh_seconds", "Seconds after which keys are fetched anew.", 10, 86_400),
    range("auth.jwt.unknown_key_seconds", UNKNOWN_KEY, 1, 3_600),
    words("catalog.unknown_sku", UNKNOWN_SKU, "`refuse` or `accept_unpriced`"),
    range(
        "catalog.wait_ms",
        "Milliseconds that an add or a read waits for the catalogue copy at most.",
        1,
        1_000,
    ),
    range("catalog.cached_max", "Items kept decoded in memory; 0 keeps none.", 0, 100_000_000),
    range("carts.account_idle_days", ACCOUNT_IDLE, 0, 3_650),
    range("carts.expiry_per_second", EXPIRY, 0, 1_000_000),
    range("carts.refresh_per_second", REFRESH, 0, 1_000_000),
    range("carts.fold_per_second", FOLD, 1, 1_000_000),
    range("carts.decoded_bytes_max", DECODED, 0, 256 * GIB),
    range("carts.write_within_ms", WRITE_WITHIN, 0, 60_000),
    Declared { key: "checkout.needs_consent", meaning: CONSENT, bound: SWITCH },
    range(
        "checkout.low_stock_max",
        "So few units are worth a notice to the shopper; 0 is none.",
        0,
        1_000_000,
    ),
    range("checkout.stock_shown_ms", STOCK_SHOWN, 0, 60_000),
    range("checkout.sweep_seconds", SWEEP, 1, 600),
    range("checkout.claim_seconds", CLAIM, 10, 600),
    range("checkout.shopper_seconds", SHOPPER, 60, 1_080),
    words("checkout.payment_url", PAYMENT, HOOK_URL),
    words("checkout.payment_secret", "Signs the questions to the payment hook.", HOOK_SECRET),
    words("checkout.payment_secret_file", "A file with that secret, read at the start.", HOOK_SECRET_FILE),
    words("checkout.price_url", PRICE, HOOK_URL),
    words("checkout.price_secret", "Signs the questions to the price hook.", HOOK_SECRET),
    words("checkout.price_secret_file", "A file with that secret, read at the start.", HOOK_SECRET_FILE),
    words("checkout.hook_ca_file", HOOK_CA_FILE, CA_FILE_BOUND),
    range("checkout.hook_timeout_ms", HOOK_TIMEOUT, 50, 60_000),
    range("checkout.hook_attempts", HOOK_ATTEMPTS, 1, 5),
    range("limits.lines_max", "Distinct lines of a cart.", 1, 2_000),
    range("limits.dots_per_line_max", "Adds of one line that are told apart at once.", 1, 8_192),
    range("limits.quantity_per_line_max", "Units of a line.", 1, 999_999),
    range("limits.entry_bytes_max", "Bytes of a cart's entries.", KIB, MIB),
    range("limits.text_bytes_max", "Bytes of a line's attributes, or of a field.", 1, 64 * KIB),
    range("limits.fields_max", "Fields of a cart.", 1, 256),
    range("limits.guest_days", "Days without use after which a guest's token ends.", 1, 365),
    range("limits.named_carts_max", NAMED_CARTS, 0, 1_000),
    range("http.body_bytes_max", "Bytes of a body.", KIB, 16 * MIB),
    range("http.bulk_bytes_max", "Bytes of a bulk import.", KIB, GIB),
    range("http.bulk_operations_max", "Operations of one bulk change.", 1, 10_000),
    range("http.drain_seconds", "Seconds in which requests under way may end after SIGTERM.", 0, 600),
    range("http.connections_max", CONNECTIONS, 1, 1_000_000),
    range("http.requests_max", REQUESTS, 1, 1_000_000),
    range("http.header_bytes_max", HEADER_BYTES, 4 * KIB, 256 * KIB),
    range("http.header_seconds", HEADER_SECONDS, 1, 300),
    range("http.body_seconds", BODY_SECONDS, 1, 300),
    range("http.body_bytes_per_second_min", "Bytes of a body that buy it one second more.", 1, GIB),
    range("http.idle_seconds", IDLE_SECONDS, 1, 3_600),
    range("rate.principal_per_minute", "Requests of one shopper; 0 is no limit.", 0, RATE_MAX),
    range("rate.address_per_minute", RATE_ADDRESS, 0, RATE_MAX),
    range("rate.sessions_per_minute", RATE_SESSIONS, 0, RATE_MAX),
    range("rate.service_per_minute", "Requests with one service token; 0 is no limit.", 0, RATE_MAX),
    words(
        "rate.trusted_proxies",
        "Proxies whose `X-Forwarded-For` is believed.",
        "a list of networks such as `10.0.0.0/8`",
    ),
    range("store.dirty_bytes_max", DIRTY, MIB, 64 * GIB),
    range("store.clean_bytes_max", "Bytes of memory for carts and items kept ready to read.", 0, 256 * GIB),
    range("store.base_cache_bytes", "Bytes of memory for blocks of the files on disk.", MIB, 256 * GIB),
    range("store.journal_bytes_max", JOURNAL, 2 * MIB, 64 * GIB),
    range("store.journal_segment_bytes", SEGMENT, MIB, GIB),
    range("store.fold_at_percent", FOLD_AT, 1, 90),
    range("store.disk_free_bytes_min", DISK_FREE, 0, 1 << 40),
    range("index.carts_per_second", INDEX_RATE, 1, 1_000_000),
    range("index.scan_hours", "Hours between scans of all carts for the index of SKUs.", 1, 8_760),
    words("backup.directory", BACKUP, "an absolute path of a folder that exists; empty: nowhere"),
];

const ENGINE: &str = "Where carts, records and items are kept: in the data directory, or by a server of their own, whose \
    table is below.";
const CONSENT: &str =
    "A checkout must name the total that the shopper said yes to; any other is 409 `price_changed`.";
const STOCK_SHOWN: &str =
    "Milliseconds for which a node shows what it last knew of stock; what is sold is always what there is.";
const SWEEP: &str = "Seconds between two looks at checkouts that were left half-way.";
const CLAIM: &str = "Seconds for which a checkout has its cart and stock; renewed while somebody drives it.";
const SHOPPER: &str = "Seconds in all that a checkout has its stock while the shopper acts on a payment.";
const PAYMENT: &str = "Where money is asked to be set aside and given back; empty: nothing is paid here.";
const PRICE: &str = "Where tax, shipping and other prices are asked for; empty: there are none.";
const HOOK_URL: &str = "an `https` URL (`http` within a trusted network) without a user, or empty";
const HOOK_SECRET: &str = "`whsec_` and 24 to 64 bytes in base64, two with a space between while it is changed; \
    never shown";
const HOOK_SECRET_FILE: &str = "a path, in place of the secret itself";
const HOOK_CA_FILE: &str = "Certificates that are trusted for `https` hooks in place of the system's: a hook must show one \
    that is signed by these and names its host.";
const CA_FILE_BOUND: &str = "a path of a PEM file, or empty";
const HOOK_TIMEOUT: &str = "Milliseconds that a hook has for an answer; times `checkout.hook_attempts` at most a third of \
    `checkout.claim_seconds`.";
const HOOK_ATTEMPTS: &str = "Times that a question is asked under one id before the step counts as failed; a checkout tries a step three times.";
const CONNECTIONS: &str = "Connections at once; one more is told 503 `overloaded` and closed. Less where the process may \
    not open so many files.";
const REQUESTS: &str = "Requests under way at once, those that wait for a processor included and those that wait for \
    their own body not; one more is told 503 `overloaded`.";
const HEADER_BYTES: &str = "Bytes of a request's line and headers; more is 431 `headers_too_large`.";
const HEADER_SECONDS: &str =
    "Seconds from the first byte of a request to the end of its headers; then the connection is cut.";
const DECODED: &str = "Memory for carts that are kept decoded, with their encoded answers; 0 keeps none.";
const BODY_SECONDS: &str = "Seconds that a body may take, and as many more as `http.body_bytes_per_second_min` gives it \
    for what has come; then it is 408 `body_too_slow`.";
const IDLE_SECONDS: &str = "Seconds that a connection may stand still, between requests or with an answer that is not \
    taken; then it is closed.";
const BACKUP: &str = "The folder below which a running server writes backups, for whoever has a token with the scope \
    `admin`; nowhere else.";
const INDEX_RATE: &str = "Carts read in a second for the index of SKUs, behind changes and in scans.";
const JWT_ALGORITHMS: &str =
    "a list of `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `EdDSA`";
const UNKNOWN_KEY: &str = "Seconds in which tokens with unknown keys cause one fetch at most.";
const RATE_MAX: u64 = 1_000_000_000;
const RATE_ADDRESS: &str =
    "Requests without a service token from one address (of IPv6: one /64); 0 is no limit.";
const RATE_SESSIONS: &str = "Sessions opened from one address without a service token; 0 is no limit.";
const LOCAL_ISSUER: &str =
    "Accept shopper tokens that `evercart token shopper` made. On with `--demo`; for trying things out.";
const ORIGINS: &str = "Origins from which a browser may change carts by cookie, besides the server's own.";
const UNKNOWN_SKU: &str = "What becomes of an add of a SKU that the catalogue does not have: 422 `unknown_sku`, or \
    it is put in with the notice `unpriced`.";
const ACCOUNT_IDLE: &str =
    "Days without a change after which an account's cart is emptied, a day late; 0 is never.";
const REFRESH: &str =
    "Carts looked at in a second after items have changed, to write down what they show; 0 writes nothing.";
const FOLD: &str =
    "Carts whose changes are folded into one row in a second, where the engine keeps changes (Cassandra).";
const WRITE_WITHIN: &str = "Milliseconds in which a write of a cart that failed or lost a race is tried again. What is \
    under way then goes on until the engine's own timeouts end it.";
const EXPIRY: &str =
    "Carts looked at in a second, to see whether they have ended; 0 keeps everything for ever.";
const NAMED_CARTS: &str = "Carts of an account beside its active one. A node that has not looked at an account yet \
    lets new ones in, at most as many again; what was acknowledged stays.";
const DIRTY: &str = "Bytes of memory for changes that are in the journal and not yet in the files behind it; beyond \
    it writes are refused as overload.";
const JOURNAL: &str = "Bytes of the journal on disk, rounded down to whole files, of which there are two at least. A start \
    reads it, so more of it starts slower after a crash.";
const SEGMENT: &str = "Bytes of one file of the journal, rounded down to blocks of 4 KiB; at least four times \
    `limits.entry_bytes_max`. Files that are there keep their size until they are folded.";
const FOLD_AT: &str =
    "Percent of the journal's files in use at which what they say is folded into the files behind it.";
const DISK_FREE: &str =
    "Writes are refused while the file system has fewer free bytes; reads go on. 0 switches the check off.";

/// What is declared of a key.
pub fn find(key: &str) -> Option<&'static Declared> {
    keys().find(|declared| declared.key == key)
}

/// The known key that looks most like `key`, if any does.
pub fn nearest(key: &str) -> Option<&'static str> {
    let likeness = |known: &str| {
        let last = |text: &str| text.rsplit('.').next().unwrap_or_default().to_owned();
        strsim::jaro_winkler(known, key).max(strsim::jaro_winkler(&last(known), &last(key)) * 0.95)
    };
    let best = keys().map(|declared| (likeness(declared.key), declared.key));
    best.max_by(|one, other| one.0.total_cmp(&other.0))
        .filter(|(likeness, _)| *likeness > 0.75)
        .map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_near_the_right_one() {
        for (wrong, right) in [
            ("limits.line_max", "limits.lines_max"),
            ("lissten", "listen"),
            ("lines_max", "limits.lines_max"),
            ("catalogue.wait_ms", "catalog.wait_ms"),
            ("http.bodybytesmax", "http.body_bytes_max"),
        ] {
            assert_eq!(nearest(wrong), Some(right), "{wrong}");
        }
        assert_eq!(nearest("zzz"), None);
    }
}
