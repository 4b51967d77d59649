//! What the service takes from the world: a clock, randomness, sleep and tasks. A simulation brings its own.

use cart::Timestamp;
use futures::future::BoxFuture;

/// The world as the service sees it.
pub trait Environment: Send + Sync + 'static {
    /// The moment now. May jump; nothing but expiry and display depends on it.
    fn now(&self) -> Timestamp;

    /// 64 unpredictable bits.
    fn random(&self) -> u64;

    /// Ends after so many milliseconds.
    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()>;

    /// Runs a task beside the caller.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}
