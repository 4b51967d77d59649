//! How commands reach a running server: its address, and a service token made from the key files beside it.

use super::GlobalArgs;
use crate::{auth, config::Config};
use anyhow::{Context, bail};
use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use clap::Args;
use reqwest::{
    Method, StatusCode,
    header::{self, HeaderMap},
};
use serde_json::Value;
use std::{path::PathBuf, time::Duration};

/// Arguments of every command that speaks to a server.
#[derive(Debug, Args)]
pub(super) struct RemoteArgs {
    #[command(flatten)]
    global: GlobalArgs,
    /// Where the server listens, if not where the configuration says.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The data directory of the server, with its key files.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// A server, asked with one scope.
pub(super) struct Remote {
    http: reqwest::Client,
    url: String,
    token: String,
}

/// An attempt that is not answered after this is made again.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
const ATTEMPTS_MAX: usize = 6;

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

/// What one attempt brought.
enum Failed {
    Again(anyhow::Error),
    Final(anyhow::Error),
}

impl RemoteArgs {
    /// The configuration, with the data directory that was named.
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        let mut config = self.global.load()?;
        config.data = self.data.clone().unwrap_or(config.data);
        Ok(config)
    }

    /// True where a server was named, rather than the one that the configuration says.
    pub(super) fn names_server(&self) -> bool {
        self.url.is_some()
    }

    /// The server, with a token that has this scope.
    pub(super) fn connect(&self, scope: &str) -> anyhow::Result<Remote> {
        let config = self.global.load()?;
        let url = self.url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
        let token = auth::issue_service(self.data.as_ref().unwrap_or(&config.data), &[scope])?;
        let http = reqwest::Client::builder().no_proxy().timeout(ATTEMPT_TIMEOUT).build()?;
        Ok(Remote { http, url: url.trim_end_matches('/').to_owned(), token })
    }
}

impl Remote {
    /// Where it listens.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Sends a request that can be repeated, until it is answered; a refusal is an error in the server's words.
    pub(super) async fn send(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Bytes> {
        Ok(self.exchange(method, path, NDJSON, body).await?.1)
    }

    /// Posts one JSON value, and answers what came back.
    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let (_, body) = self.exchange(Method::POST, path, JSON, body.to_string().into()).await?;
        serde_json::from_slice(&body).context("the server's answer cannot be read")
    }

    /// A page of a list, and the path of the next one while there is more.
    pub(super) async fn page(&self, path: &str) -> anyhow::Result<(Bytes, Option<String>)> {
        let (headers, body) = self.exchange(Method::GET, path, NDJSON, Bytes::new()).await?;
        Ok((body, next_page(&headers)))
    }

    /// What a path shows, with its entity tag.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<(Option<String>, Value)> {
        let (headers, body) = self.exchange(Method::GET, path, NDJSON, Bytes::new()).await?;
        let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        Ok((tag, serde_json::from_slice(&body).context("the server's answer cannot be read")?))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: Bytes,
    ) -> anyhow::Result<(HeaderMap, Bytes)> {
        let pauses = ExponentialBuilder::new().with_max_times(ATTEMPTS_MAX).with_jitter();
        let sent = (|| self.attempt(method.clone(), path, kind, body.clone()))
            .retry(pauses)
            .when(|failed| matches!(failed, Failed::Again(_)))
            .await;
        sent.map_err(|failed| match failed {
            Failed::Again(error) | Failed::Final(error) => error,
        })
    }

    async fn attempt(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: Bytes,
    ) -> Result<(HeaderMap, Bytes), Failed> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind).body(body);
        }
        let unanswered = || format!("no server answers at {}: start it, or name it with --url", self.url);
        let again = |error| Failed::Again(error);
        // Without its URL: a path may name a person.
        let answer = request.send().await.map_err(reqwest::Error::without_url);
        let answer = answer.with_context(unanswered).map_err(again)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.with_context(unanswered).map_err(again)?;
        if status.is_success() {
            return Ok((headers, body));
        }
        let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
        let why = problem["detail"].as_str().unwrap_or("no explanation");
        let hint =
            if status == StatusCode::UNAUTHORIZED { ": name its data directory with --data" } else { "" };
        let error = anyhow::anyhow!("{} refused ({}): {why}{hint}", self.url, status.as_u16());
        let is_busy = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        Err(if is_busy { Failed::Again(error) } else { Failed::Final(error) })
    }
}

/// The path in a `Link` to the next page.
fn next_page(headers: &HeaderMap) -> Option<String> {
    let link = headers.get(header::LINK)?.to_str().ok()?;
    let (path, relation) = link.strip_prefix('<')?.split_once('>')?;
    relation.contains("rel=\"next\"").then(|| path.to_owned())
}

/// The lines of an answer, each one JSON value.
pub(super) fn lines(body: &[u8]) -> anyhow::Result<Vec<Value>> {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let values = lines.map(serde_json::from_slice).collect::<Result<Vec<Value>, _>>();
    match values {
        Ok(values) => Ok(values),
        Err(error) => bail!("the server's answer cannot be read: {error}"),
    }
}
