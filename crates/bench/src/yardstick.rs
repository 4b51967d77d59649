//! What evercart is measured against, each a small program on the same cores.

pub(crate) mod hello;
pub(crate) mod redis;
pub(crate) mod sync;
