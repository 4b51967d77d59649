//! The body of a request on its way in: bounded in time, and not counted as under way while it is awaited.
//!
//! A body may take its base time, and a second more for each `bytes_per_second_min` that came: a large import over a slow
//! line is fine, and a byte a minute is not.

use super::gate::Gate;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep_until};

/// How fast a body must come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) base: Duration,
    pub(super) bytes_per_second_min: u64,
}

impl Pace {
    fn allowed(&self, received: u64) -> Duration {
        self.base + Duration::from_secs(received / self.bytes_per_second_min)
    }
}

/// Why a body ends before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// Its time is over.
    #[error(transparent)]
    TooSlow(#[from] TooSlow),
    /// The connection is.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

/// The rest of a body did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly")]
pub(crate) struct TooSlow;

/// A body of a request under way.
pub(super) struct Arrival {
    body: Incoming,
    gate: Arc<Gate>,
    pace: Pace,
    received: u64,
    wait: Option<Wait>,
}

/// There is one from the first time that a body is awaited.
struct Wait {
    since: Instant,
    alarm: Pin<Box<Sleep>>,
    is_now: bool,
}

impl Arrival {
    /// The body of a request that the gate has let in.
    pub(super) fn new(body: Incoming, gate: Arc<Gate>, pace: Pace) -> Self {
        Self { body, gate, pace, received: 0, wait: None }
    }

    fn go_on(&mut self) {
        if let Some(wait) = self.wait.as_mut().filter(|wait| wait.is_now) {
            wait.is_now = false;
            self.gate.step_back();
        }
    }

    /// Waits for the client; ready when that has taken too long.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<TooSlow> {
        let wait = self.wait.get_or_insert_with(|| {
            let since = Instant::now();
            let alarm = Box::pin(sleep_until(since + self.pace.allowed(self.received)));
            Wait { since, alarm, is_now: false }
        });
        if !wait.is_now {
            wait.is_now = true;
            self.gate.step_aside();
        }
        loop {
            ready!(wait.alarm.as_mut().poll(context));
            // The alarm was set when less had come.
            let deadline = wait.since + self.pace.allowed(self.received);
            if deadline <= Instant::now() {
                return Poll::Ready(TooSlow);
            }
            wait.alarm.as_mut().reset(deadline);
        }
    }
}

impl Body for Arrival {
    type Data = Bytes;
    type Error = Ended;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Ended>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Pending => {
                let too_slow = ready!(self.wait(context));
                self.go_on();
                Poll::Ready(Some(Err(too_slow.into())))
            }
            Poll::Ready(frame) => {
                self.go_on();
                let length = |frame: &Frame<Bytes>| frame.data_ref().map_or(0, Buf::remaining);
                self.received +=
                    frame.as_ref().and_then(|frame| frame.as_ref().ok()).map_or(0, length) as u64;
                Poll::Ready(frame.map(|frame| frame.map_err(Ended::from)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.go_on();
    }
}
