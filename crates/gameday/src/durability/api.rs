//! Requests to the server, and what became of each: answered, refused for now, or nobody knows.
//!
//! What always holds: a request is sent once. Whoever sends it again sends the very same bytes under the same operation
//! id, so that a repetition has one effect. Proxies of the environment are not used.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use tokio::net::TcpStream;

/// A server that takes longer is hung.
const ANSWER_MAX: Duration = Duration::from_secs(10);

const JSON: &str = "application/json";

/// One request, as it is sent the first time and every time.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, its query encoded.
    pub path: String,
    /// Who asks.
    pub token: String,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Option<String>,
    /// What the body is.
    pub kind: &'static str,
}

/// What came back, whole.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The half of the entity tag that stands for the cart's state.
    pub state: Option<String>,
    /// Seconds that the server asks to wait.
    pub retry_after_s: Option<u64>,
    /// The body.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Nobody listens.
    Refused,
    /// The connection ended before the answer was whole.
    CutOff,
    /// The server holds the connection and says nothing.
    TimedOut,
}

/// A caller of one server.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
}

/// The member of a problem that clients go by.
#[derive(Debug, Default, Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "nobody listens",
            Self::CutOff => "the connection ended before the answer",
            Self::TimedOut => "the server does not answer",
        })
    }
}

impl Error for Silence {}

/// A guest's session.
#[derive(Debug, Deserialize)]
pub struct Session {
    /// Of its shopper.
    pub token: String,
    /// When it ends, in RFC 3339.
    pub expires_at: String,
}

impl Request {
    /// A request without a body.
    pub fn new(method: Method, path: impl Into<String>, token: &str) -> Self {
        Self {
            method,
            path: path.into(),
            token: token.to_owned(),
            headers: Vec::new(),
            body: None,
            kind: JSON,
        }
    }

    /// With a header more.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With a body.
    #[must_use]
    pub fn json(self, body: &serde_json::Value) -> Self {
        Self { body: Some(body.to_string()), ..self }
    }

    /// With a body of one JSON value a line.
    #[must_use]
    pub fn lines(self, body: String) -> Self {
        Self { body: Some(body), kind: "application/x-ndjson", ..self }
    }
}

impl Reply {
    /// True when what was asked for is done.
    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The code of a problem; empty where there is none.
    pub fn code(&self) -> String {
        serde_json::from_slice::<Problem>(&self.body).unwrap_or_default().code
    }
}

impl Client {
    /// A caller of the server at `url`.
    pub fn new(url: &str) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_MAX).build()?;
        Ok(Self { http, url: url.to_owned() })
    }

    /// Opens a guest's session.
    pub async fn open_session(&self) -> Result<Session> {
        let opened = self.send(&Request::new(Method::POST, "/v1/sessions", "")).await?;
        ensure!(opened.is_done(), "a session is refused with {}", opened.status);
        serde_json::from_slice(&opened.body).context("the answer is not a session")
    }

    /// Sends a request, once.
    ///
    /// A server that hangs is one that is there: a library that waits for a connection of its pool goes on waiting after
    /// the process has ended, and that is nobody's silence.
    pub async fn send(&self, request: &Request) -> Result<Reply, Silence> {
        match self.exchange(request).await {
            Err(Silence::TimedOut) if !self.is_there().await => Err(Silence::CutOff),
            outcome => outcome,
        }
    }

    /// True while somebody listens.
    async fn is_there(&self) -> bool {
        let address = self.url.trim_start_matches("http://");
        TcpStream::connect(address).await.is_ok()
    }

    async fn exchange(&self, request: &Request) -> Result<Reply, Silence> {
        let mut sent = self.http.request(request.method.clone(), format!("{}{}", self.url, request.path));
        if !request.token.is_empty() {
            sent = sent.bearer_auth(&request.token);
        }
        sent = request.headers.iter().fold(sent, |sent, (name, value)| sent.header(*name, value));
        if let Some(body) = &request.body {
            sent = sent.header(CONTENT_TYPE, request.kind).body(body.clone());
        }
        let answer = sent.send().await.map_err(silence)?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        // Headers alone are no answer.
        let body = answer.bytes().await.map_err(silence)?;
        let state = text(&headers, ETAG.as_str()).and_then(state_half);
        let retry_after_s = text(&headers, RETRY_AFTER.as_str()).and_then(|text| text.parse().ok());
        Ok(Reply { status, state, retry_after_s, body })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `"<state>.<overlay>"` without its overlay.
fn state_half(tag: &str) -> Option<String> {
    Some(tag.trim_matches('"').split_once('.')?.0.to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that `map_err` asks for")]
fn silence(error: reqwest::Error) -> Silence {
    if error.is_connect() {
        Silence::Refused
    } else if error.is_timeout() {
        Silence::TimedOut
    } else {
        Silence::CutOff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_listens_and_says_nothing_is_told_from_whoever_is_gone() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(50)).build().unwrap();
        let client = Client { http, url };
        let request = Request::new(Method::GET, "/", "");
        assert_eq!(client.send(&request).await.unwrap_err(), Silence::TimedOut);
        drop(listener);
        assert!(!client.is_there().await);
        assert_eq!(client.send(&request).await.unwrap_err(), Silence::Refused);
    }

    #[test]
    fn the_state_is_the_first_half_of_an_entity_tag() {
        assert_eq!(state_half("\"00ff.12\""), Some("00ff".to_owned()));
        assert_eq!(state_half("\"00ff\""), None);
    }
}
