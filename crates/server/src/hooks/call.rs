//! One question to one hook: signed, sent, sent again, counted.

use super::{
    HookSetupError,
    answer::{Answer, Failure},
    circuit::Circuit,
    client::{self, HookClient},
    signature::SigningKeys,
};
use crate::wiring::World;
use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use http::{
    Request, Uri,
    header::{ACCEPT, CONTENT_TYPE, USER_AGENT},
};
use http_body_util::{BodyExt, Full, Limited};
use rustls::RootCertStore;
use service::{Environment as _, checkout::hooks::HookError};
use std::time::{Duration, Instant};
use storage::error::BoxError;

/// Questions to hooks, each time that they were asked, by hook and outcome.
pub(crate) const CALLS: &str = "evercart_hook_calls_total";
/// Time until hooks answered or did not, by hook.
pub(crate) const DURATION: &str = "evercart_hook_duration_seconds";

/// Bytes of the longest answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// The pause before a question is asked again; doubled each time.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest of these pauses.
const PAUSE_MAX: Duration = Duration::from_millis(500);
const AGENT: &str = concat!("evercart/", env!("CARGO_PKG_VERSION"));

/// A program of the shop.
pub(super) struct Hook {
    client: HookClient,
    url: Uri,
    keys: SigningKeys,
    patience: Patience,
    circuit: Circuit,
}

/// How long and how often a question is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For one answer.
    pub(crate) timeout: Duration,
    /// Times that a question is asked.
    pub(crate) attempts: usize,
}

/// A question, the same however often it is asked.
pub(super) struct Question {
    /// Its name in metrics.
    pub(super) name: &'static str,
    /// What makes it this question and no other.
    pub(super) id: String,
    /// JSON.
    pub(super) body: Bytes,
}

impl Hook {
    /// A hook whose certificate, under `https`, is checked against `roots`, or those of the system.
    pub(super) fn new(
        url: Uri,
        keys: SigningKeys,
        roots: Option<RootCertStore>,
        patience: Patience,
    ) -> Result<Self, HookSetupError> {
        // Who is not connected by half of the time has heard nothing, and that is worth knowing for certain.
        let client = client::open(roots, patience.timeout / 2)?;
        Ok(Self { client, url, keys, patience, circuit: Circuit::default() })
    }

    /// Asks until there is an answer that `read` understands, or patience ends. The error says whether the question may
    /// have been heard any of the times.
    pub(super) async fn ask<T>(
        &self,
        question: &Question,
        read: impl Fn(&Answer) -> Result<T, Failure>,
    ) -> Result<T, HookError> {
        let pauses = ExponentialBuilder::default().with_min_delay(PAUSE_MIN).with_max_delay(PAUSE_MAX);
        let mut pauses = pauses.with_max_times(self.patience.attempts - 1).with_jitter().build();
        let mut may_be_heard = false;
        loop {
            let failure = match self.ask_once(question, &read).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            may_be_heard |= failure.may_be_heard();
            let Some(pause) = pauses.next().filter(|_| failure.is_worth_another()) else {
                let kind = if may_be_heard { HookError::Unknown } else { HookError::Unavailable };
                return Err(kind(Box::new(failure)));
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn ask_once<T>(
        &self,
        question: &Question,
        read: impl Fn(&Answer) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        if !self.circuit.lets_through(begun) {
            count(question.name, Failure::CircuitOpen.outcome());
            return Err(Failure::CircuitOpen);
        }
        let limit = self.patience.timeout;
        let answer = tokio::time::timeout(limit, self.send(question)).await;
        let answer = answer.unwrap_or_else(|_| Err(Failure::Late(limit.as_millis())));
        let told = answer.and_then(|answer| read(&answer));
        self.circuit.note(told.as_ref().err().is_none_or(Failure::is_alive), Instant::now());
        count(question.name, told.as_ref().err().map_or("answered", Failure::outcome));
        metrics::histogram!(DURATION, "hook" => question.name).record(begun.elapsed());
        told
    }

    async fn send(&self, question: &Question) -> Result<Answer, Failure> {
        let request = self.request(question).map_err(Failure::NotConnected)?;
        let response = self.client.request(request).await.map_err(|error| {
            let is_heard = !error.is_connect();
            let error = Box::new(error);
            if is_heard { Failure::BrokenOff(error) } else { Failure::NotConnected(error) }
        })?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(Failure::BrokenOff)?.to_bytes();
        Ok(Answer { status, body })
    }

    /// The question as it is sent now: the signature is as old as the sending, the id as the question.
    fn request(&self, question: &Question) -> Result<Request<Full<Bytes>>, BoxError> {
        let seconds = World.now().0 / 1000;
        let signature = self.keys.sign(&question.id, seconds, &question.body)?;
        let request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, AGENT)
            .header("idempotency-key", &question.id)
            .header("webhook-id", &question.id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature);
        Ok(request.body(Full::new(question.body.clone()))?)
    }
}

fn count(hook: &'static str, outcome: &'static str) {
    metrics::counter!(CALLS, "hook" => hook, "outcome" => outcome).increment(1);
}
