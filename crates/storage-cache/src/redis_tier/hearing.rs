//! What comes from Redis unasked: messages of other nodes, and the end of a connection.
//!
//! Always holds: a node that is to be told of writes, and cannot be, serves no copies in process.

use super::{RedisTier, link::Session};
use crate::{Coherence, message::Message, rows::Change};
use redis::{FromRedisValue, PushInfo, PushKind};

impl RedisTier {
    /// An operation on this connection failed: once too often, or the connection with it.
    pub(super) fn failed(&self, session: &Session, is_broken: bool, why: &dyn std::fmt::Display) {
        if self.link.failed() || is_broken {
            self.lose(session.serial, why);
        }
    }

    /// This connection is not used any more.
    pub(super) fn lose(&self, serial: u64, why: &dyn std::fmt::Display) {
        let stop = || {
            if let Some(local) = self.local.as_ref().filter(|_| self.coherence == Coherence::Published) {
                local.stop();
            }
        };
        if self.link.down(serial, stop) {
            tracing::warn!("redis is left alone until it answers again: {why}");
            self.wake.notify_one();
        }
    }

    /// What Redis sent by itself on this connection.
    pub(super) fn pushed(&self, serial: u64, push: PushInfo) {
        match push.kind {
            PushKind::Disconnection => self.lose(serial, &"the connection broke"),
            PushKind::Message => {
                let data = push.data.into_iter().nth(1);
                let message = data.and_then(|data| Vec::<u8>::from_redis_value(data).ok());
                self.told(&message.unwrap_or_default());
            }
            _ => {}
        }
    }

    /// Another node wrote.
    fn told(&self, message: &[u8]) {
        let Some(local) = &self.local else { return };
        match Message::decode(message) {
            (Some(node), _) if node == self.node => {}
            (_, Message::Written { cart, block }) => local.change(cart, Change::Other, block),
            (_, Message::Everything) => local.clear(),
        }
    }
}
