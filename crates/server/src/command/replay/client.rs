//! One HTTP call with its retries and its latency.
//!
//! Always holds: what can be repeated is repeated with the very same request, `Idempotency-Key` and body included:
//! connection errors, answers cut short, 5xx and 429, after `Retry-After` where there is one, until `Patience` ends.
//! Any other refusal is final. Deliberately absent: what the calls mean (`shop`).

use std::error::Error;
use std::fmt::Write;
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::meter::{Meters, Operation};
use super::wire;

/// How long the replay waits for what may still come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) first_pause: Duration,
    pub(super) longest_pause: Duration,
    /// No attempt starts later than this after the first one.
    pub(super) give_up_after: Duration,
    /// A claim may complete behind the login, and an item may be filled in later: so long, and no longer, a cart that
    /// lacks one is read again.
    pub(super) lateness: Duration,
    /// What a crash left half-way of a checkout is completed by the server behind it: so long a checkout is repeated, and
    /// a cart, a list of orders and stock that do not show it yet are read again.
    pub(super) sweep: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_pause: Duration::from_millis(20),
            longest_pause: Duration::from_secs(1),
            give_up_after: Duration::from_secs(60),
            lateness: Duration::from_secs(2),
            // A claim of a minute, half a minute to the next sweep, and what others do meanwhile.
            sweep: Duration::from_secs(180),
        }
    }
}

/// An attempt that is not answered after this is made again.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// The server refused it for good: nothing was applied.
    #[error("{} refused: {status} {}", .operation.name(), told(.problem))]
    Refused { operation: Operation, status: StatusCode, problem: wire::Problem },
    /// The answer is not what the API promises.
    #[error("{} answered what cannot be read", .operation.name())]
    Unreadable { operation: Operation, source: serde_json::Error },
    /// The request could not be built.
    #[error("{} is no request", .operation.name())]
    Request { operation: Operation, source: reqwest::Error },
    /// Patience ended without an answer; it may or may not be applied.
    #[error("{} had no answer in {} s: {last}", .operation.name(), .after.as_secs())]
    GaveUp { operation: Operation, after: Duration, last: String },
}

/// One request; all attempts send exactly this.
pub(super) struct Call<'a> {
    operation: Operation,
    method: Method,
    path: String,
    query: Vec<(&'static str, &'a str)>,
    bearer: Option<&'a str>,
    key: Option<String>,
    context: Option<&'a str>,
    minimal: bool,
    body: Option<(&'static str, Bytes)>,
}

impl<'a> Call<'a> {
    pub(super) fn new(operation: Operation, method: Method, path: impl Into<String>) -> Self {
        let path = path.into();
        Self {
            operation,
            method,
            path,
            query: Vec::new(),
            bearer: None,
            key: None,
            context: None,
            minimal: false,
            body: None,
        }
    }

    /// A query parameter, not yet encoded.
    pub(super) fn query(mut self, name: &'static str, value: &'a str) -> Self {
        self.query.push((name, value));
        self
    }

    /// Who asks.
    pub(super) fn bearer(self, token: &'a str) -> Self {
        Self { bearer: Some(token), ..self }
    }

    /// The `Idempotency-Key`.
    pub(super) fn key(self, key: String) -> Self {
        Self { key: Some(key), ..self }
    }

    /// The freshness token of the last answer about the same cart.
    pub(super) fn context(self, context: Option<&'a str>) -> Self {
        Self { context, ..self }
    }

    /// Asks for an answer without a body.
    pub(super) fn minimal(self) -> Self {
        Self { minimal: true, ..self }
    }

    pub(super) fn json(self, body: &impl Serialize) -> Result<Self, CallError> {
        let operation = self.operation;
        let text = serde_json::to_vec(body).map_err(|source| CallError::Unreadable { operation, source })?;
        Ok(Self { body: Some(("application/json", text.into())), ..self })
    }

    pub(super) fn ndjson(self, body: String) -> Self {
        Self { body: Some(("application/x-ndjson", body.into())), ..self }
    }
}

/// A successful answer.
pub(super) struct Answer {
    operation: Operation,
    pub(super) body: Bytes,
    /// `Evercart-Context`, to be sent with the next call about this cart.
    pub(super) context: Option<String>,
}

impl Answer {
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        let operation = self.operation;
        serde_json::from_slice(&self.body).map_err(|source| CallError::Unreadable { operation, source })
    }

    /// One value a line.
    pub(super) fn json_lines<T: DeserializeOwned>(&self) -> Result<Vec<T>, CallError> {
        let operation = self.operation;
        serde_json::Deserializer::from_slice(&self.body)
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|source| CallError::Unreadable { operation, source })
    }
}

/// How one attempt failed.
enum Failed {
    Again { why: String, after: Option<Duration> },
    Final(CallError),
}

/// The server that is replayed against.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    pub(super) patience: Patience,
    pub(super) meters: Meters,
}

impl Client {
    /// A client of the server at `base`, for so many calls at once. Proxies of the environment are not used.
    pub(super) fn new(
        base: Url,
        concurrency: usize,
        patience: Patience,
        meters: Meters,
    ) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(concurrency)
            .timeout(ATTEMPT_TIMEOUT)
            .build()?;
        Ok(Self { http, base, patience, meters })
    }

    /// Makes the call, again and again while that may help.
    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Answer, CallError> {
        let Patience { first_pause, longest_pause, give_up_after, .. } = self.patience;
        let pauses = ExponentialBuilder::new()
            .with_min_delay(first_pause)
            .with_max_delay(longest_pause)
            .without_max_times()
            .with_jitter();
        let started = Instant::now();
        let outcome = (|| self.attempt(call))
            .retry(pauses)
            .when(|failed| matches!(failed, Failed::Again { .. }))
            .adjust(|failed, pause| {
                let left = give_up_after.checked_sub(started.elapsed())?;
                let asked = match failed {
                    Failed::Again { after, .. } => *after,
                    Failed::Final(_) => None,
                };
                asked.or(pause).map(|pause| pause.min(left))
            })
            .notify(|_, _| self.meters.retried(call.operation))
            .await;
        self.meters.waited(started.elapsed());
        outcome.map_err(|failed| match failed {
            Failed::Again { why, .. } => {
                CallError::GaveUp { operation: call.operation, after: started.elapsed(), last: why }
            }
            Failed::Final(error) => error,
        })
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Answer, Failed> {
        let operation = call.operation;
        let request = self
            .request(call)
            .build()
            .map_err(|source| Failed::Final(CallError::Request { operation, source }))?;
        let started = Instant::now();
        let answer = self.http.execute(request).await.map_err(unanswered)?;
        let status = answer.status();
        let headers = answer.headers().clone();
        // Headers alone are no answer: a server that died while it wrote the body is asked again.
        let body = answer.bytes().await.map_err(unanswered)?;
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            let why = format!("{status} {}", told(&problem(&body)));
            return Err(Failed::Again { why, after: retry_after(&headers) });
        }
        self.meters.answered(operation, started.elapsed());
        if !status.is_success() {
            return Err(Failed::Final(CallError::Refused { operation, status, problem: problem(&body) }));
        }
        if headers.get("idempotent-replayed").is_some_and(|replayed| replayed == "true") {
            self.meters.replayed();
        }
        let context = headers.get("evercart-context").and_then(|text| text.to_str().ok());
        Ok(Answer { operation, body, context: context.map(str::to_owned) })
    }

    fn request(&self, call: &Call<'_>) -> reqwest::RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), call.path));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut request = self.http.request(call.method.clone(), url);
        if let Some(token) = call.bearer {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(key) = &call.key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(context) = call.context {
            request = request.header("Evercart-Context", context);
        }
        if call.minimal {
            request = request.header("Prefer", "return=minimal");
        }
        match &call.body {
            Some((kind, body)) => request.header(CONTENT_TYPE, *kind).body(body.clone()),
            None => request,
        }
    }
}

/// No answer, with the whole chain of causes in words.
fn unanswered(error: reqwest::Error) -> Failed {
    let error = error.without_url();
    let mut why = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a `String` cannot fail.
        let _ = write!(why, ": {error}");
        cause = error.source();
    }
    Failed::Again { why, after: None }
}

/// `Retry-After` in seconds; dates are not looked at.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn problem(body: &[u8]) -> wire::Problem {
    serde_json::from_slice(body).unwrap_or_default()
}

/// What a problem document says.
fn told(problem: &wire::Problem) -> String {
    let detail = problem.detail.as_deref().or(problem.title.as_deref());
    let words: Vec<&str> = [problem.code.as_deref(), detail].into_iter().flatten().collect();
    words.join(": ")
}
