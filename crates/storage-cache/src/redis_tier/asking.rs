//! Asking Redis: one script on the keys of one cart, one answer, within the time there is.
//!
//! Always holds: a cart that is owed is not asked for. What is not answered counts against the connection.

use super::{RedisTier, link::Session};
use crate::message::{Message, milliseconds};
use redis::{FromRedisValue, Script, ScriptInvocation};
use std::time::Duration;
use storage::cart::CartId;

impl RedisTier {
    /// The connection, if Redis may be asked for this cart.
    pub(super) fn session_for(&self, cart: CartId) -> Option<Session> {
        let session = self.link.session()?;
        (!self.owed.holds(cart)).then_some(session)
    }

    /// A script about a cart.
    pub(super) fn on<'a>(&self, script: &'a Script, session: &Session, cart: CartId) -> ScriptInvocation<'a> {
        let prefix = &self.options.key_prefix;
        let cart = format!("{:032x}", u128::from_be_bytes(cart.0));
        let mut ask = script.key(format!("{prefix}v:{cart}"));
        ask.key(format!("{prefix}l:{cart}")).key(self.epoch_key());
        ask.arg(new_epoch(session));
        ask
    }

    pub(super) fn epoch_key(&self) -> String {
        format!("{}epoch", self.options.key_prefix)
    }

    pub(super) fn say_written(&self, ask: &mut ScriptInvocation<'_>, cart: CartId, block: Duration) {
        let message = Message::Written { cart, block }.encode(self.node);
        ask.arg(milliseconds(block)).arg(&self.channel).arg(message);
    }

    /// What Redis answers within the time there is.
    pub(super) async fn ask<T: FromRedisValue>(
        &self,
        session: &Session,
        ask: &ScriptInvocation<'_>,
    ) -> Option<T> {
        let mut connection = session.connection.clone();
        let answer = tokio::time::timeout(self.options.timeout, ask.invoke_async(&mut connection)).await;
        match answer {
            Ok(Ok(answer)) => {
                self.link.answered();
                Some(answer)
            }
            Ok(Err(error)) => {
                self.failed(session, error.is_connection_dropped(), &error);
                None
            }
            Err(_) => {
                self.failed(session, false, &"no answer in time");
                None
            }
        }
    }
}

/// A name that no value was stored under before.
pub(super) fn new_epoch(session: &Session) -> String {
    format!("{}:{:016x}", session.run, rand::random::<u64>())
}
