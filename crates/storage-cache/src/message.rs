//! What nodes of one deployment tell each other about their caches, as bytes.
//!
//! A message names its sender, so that a node ignores its own. Nothing in it says what was written.

use std::time::Duration;
use storage::cart::CartId;

/// Names a node for as long as it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(pub(crate) u64);

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// A cart was written, and is not to be filled in for so long.
    Written { cart: CartId, block: Duration },
    /// Anything may have been written.
    Everything,
}

impl Message {
    pub(crate) fn encode(self, node: NodeId) -> Vec<u8> {
        let mut bytes = node.0.to_be_bytes().to_vec();
        if let Self::Written { cart, block } = self {
            bytes.extend(cart.0);
            bytes.extend(milliseconds(block).to_be_bytes());
        }
        bytes
    }

    /// Whose it is, and what it says. What cannot be read was sent by a node that means something: everything.
    pub(crate) fn decode(bytes: &[u8]) -> (Option<NodeId>, Self) {
        let mut rest = bytes;
        let node = take(&mut rest).map(|node| NodeId(u64::from_be_bytes(node)));
        let message = take(&mut rest).zip(take(&mut rest)).map(|(cart, block)| Self::Written {
            cart: CartId(cart),
            block: Duration::from_millis(u64::from_be_bytes(block)),
        });
        (node, message.unwrap_or(Self::Everything))
    }
}

/// Whole milliseconds, rounded up: a block must not end early.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}

fn take<const LENGTH: usize>(bytes: &mut &[u8]) -> Option<[u8; LENGTH]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_were_written() {
        let written = Message::Written { cart: CartId([7; 16]), block: Duration::from_micros(1_500) };
        let read = Message::Written { cart: CartId([7; 16]), block: Duration::from_millis(2) };
        assert_eq!(Message::decode(&written.encode(NodeId(5))), (Some(NodeId(5)), read));
        let everything = Message::Everything.encode(NodeId(6));
        assert_eq!(Message::decode(&everything), (Some(NodeId(6)), Message::Everything));
    }

    #[test]
    fn what_cannot_be_read_means_everything() {
        assert_eq!(Message::decode(b"hello"), (None, Message::Everything));
        assert_eq!(Message::decode(&[1; 20]).1, Message::Everything);
    }
}
