//! A cart as it was encoded for a read, kept beside its state: the next read of the same is sent the same bytes.
//!
//! What always holds: what is kept was made of this very state, and is sent only where everything else that shows in it
//! is the same too ([`Surroundings`]). An answer that says something once, such as a renewed token, is never kept.

use super::{AppState, answer::Reply, wire::CartJson};
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use cart::{Day, Dot, Timestamp, line::Sku, token::Keyring};
use service::{CartAnswer, Kind};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Bytes of an encoded cart without lines, and of a line, roughly.
const BODY_BYTES: usize = 512;
const LINE_BYTES: usize = 512;
/// Bytes of its headers in memory, roughly.
const HEADERS_BYTES: u64 = 1_000;

/// The parts of an answer.
pub(super) struct Encoded {
    of: Option<Surroundings>,
    pub(super) etag: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What shows in an encoded cart beside its state.
struct Surroundings {
    /// The items as they are now.
    catalog: u64,
    /// In tokens of what was seen.
    day: Day,
    kind: Option<Kind>,
    expires_at: Option<Timestamp>,
    /// What is scarce of its items, and what a checkout has claimed.
    scarce: BTreeMap<Sku, u64>,
    claimed: Arc<BTreeSet<Dot>>,
    /// Seals the tokens.
    keys: Arc<Keyring>,
}

impl Surroundings {
    /// Those of an answer; `None` where it says what is said once.
    fn of(state: &AppState, answer: &CartAnswer) -> Option<Self> {
        let is_plain = !answer.lagging
            && !answer.replayed
            && answer.notices.is_empty()
            && answer.session.is_none()
            && answer.receipt.is_none();
        let catalog = answer.newest.changes().filter(|_| is_plain)?;
        let (day, keys) = (answer.now.day(), state.keys.tokens());
        let (scarce, claimed) = (answer.scarce.clone(), answer.claimed.clone());
        Some(Self { catalog, day, kind: answer.kind, expires_at: answer.expires_at, scarce, claimed, keys })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.catalog == other.catalog
            && self.day == other.day
            && self.kind == other.kind
            && self.expires_at == other.expires_at
            && self.scarce == other.scarce
            && self.claimed == other.claimed
            && Arc::ptr_eq(&self.keys, &other.keys)
    }
}

impl Encoded {
    /// What there is to send for a read: kept from before, or made and kept.
    pub(super) fn of(reply: &Reply<'_>, answer: &CartAnswer) -> serde_json::Result<Arc<Self>> {
        let surroundings = Surroundings::of(reply.state, answer);
        let (Some(memo), Some(now)) = (&answer.memo, &surroundings) else {
            return Self::make(reply, answer, None).map(Arc::new);
        };
        let kept = memo.get::<Self>();
        if let Some(kept) = kept.filter(|kept| kept.of.as_ref().is_some_and(|then| then.is_same(now))) {
            return Ok(kept);
        }
        let made = Arc::new(Self::make(reply, answer, surroundings)?);
        reply.state.service.keep_made(answer, made.clone(), made.bytes());
        Ok(made)
    }

    /// Bytes of memory, roughly.
    fn bytes(&self) -> u64 {
        HEADERS_BYTES + self.body.len() as u64
    }

    fn make(reply: &Reply<'_>, answer: &CartAnswer, of: Option<Surroundings>) -> serde_json::Result<Self> {
        let etag = answer.etag();
        let mut headers = reply.headers(answer, &etag);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let view = answer.view();
        let mut body = Vec::with_capacity(BODY_BYTES + LINE_BYTES * view.all_lines().count());
        serde_json::to_writer(&mut body, &CartJson::of(reply.state, answer, &view))?;
        let body = body.into();
        Ok(Self { of, etag, headers, body })
    }
}
