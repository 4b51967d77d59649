//! A cart as it was encoded for a read, kept in its place: the next read of the same is sent the same bytes.
//!
//! The service knows whether a cart is still the same; here it is only asked whether the tokens in it would be sealed with
//! the same keys.

use super::{AppState, answer::Reply, wire::CartJson};
use axum::http::HeaderValue;
use bytes::Bytes;
use cart::token::Keyring;
use service::{CartAnswer, Durability};
use std::{mem::size_of, sync::Arc};

/// Bytes of an encoded cart without lines, and of a line, roughly.
const BODY_BYTES: usize = 512;
const LINE_BYTES: usize = 512;

/// The parts of an answer that differ from cart to cart. All are of one allocation: of a cart that is kept for long, each
/// piece of memory is one more that is far away.
pub(super) struct Encoded {
    /// As a header has it, in quotes.
    pub(super) etag: HeaderValue,
    pub(super) context: HeaderValue,
    pub(super) durability: Durability,
    pub(super) body: Bytes,
    /// Sealed the tokens.
    keys: Arc<Keyring>,
}

impl Encoded {
    /// True where it would be made with the same keys.
    pub(super) fn is_current(&self, state: &AppState) -> bool {
        Arc::ptr_eq(&self.keys, &state.keys.tokens())
    }

    /// What there is to send for a read, which is kept for the next one.
    pub(super) fn of(reply: &Reply<'_>, answer: &CartAnswer) -> serde_json::Result<Arc<Self>> {
        let made = Arc::new(Self::make(reply.state, answer)?);
        reply.state.service.keep_made(answer, made.clone(), made.bytes());
        Ok(made)
    }

    /// Bytes of memory, roughly.
    fn bytes(&self) -> u64 {
        (size_of::<Self>() + self.etag.len() + self.context.len() + self.body.len()) as u64
    }

    fn make(state: &AppState, answer: &CartAnswer) -> serde_json::Result<Self> {
        let keys = state.keys.tokens();
        let view = answer.view();
        let mut all = Vec::with_capacity(BODY_BYTES + LINE_BYTES * view.all_lines().count());
        serde_json::to_writer(&mut all, &CartJson::of(state, answer, &view))?;
        let body = all.len();
        all.extend_from_slice(super::answer::etag_text(answer).as_bytes());
        let etag = all.len();
        all.extend_from_slice(super::answer::context_text(state, &answer.freshness).as_bytes());
        // What was too much room for it would be kept too.
        let mut all = Bytes::from(all.into_boxed_slice());
        let context = super::answer::plain(all.split_off(etag));
        let etag = super::answer::plain(all.split_off(body));
        Ok(Self { etag, context, durability: answer.durability, body: all, keys })
    }
}
