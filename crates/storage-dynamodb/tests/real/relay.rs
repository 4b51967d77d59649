//! Stands between the engine and the server, at the level of HTTP: passes requests on, answers in the server's place,
//! cuts the connection before or after the server has done its work, or leaves a part of a batch over.
//!
//! What it does is decided by a plan from the name of the operation and how often it came; no local server simulates
//! throttling, partial batches or a lost answer by itself.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use rustls::ServerConfig;
use serde_json::{Value, json};
use storage::error::BoxError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// What becomes of one request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    None,
    /// Answered so; the server does not hear of it.
    Answer(u16, Value),
    /// The connection ends before the request has been read.
    CutBefore,
    /// The server does it, and the connection ends before its answer.
    CutAfter,
    /// As `CutAfter`, when [`Relay::release`] says so.
    CutLater,
    /// The server hears of the first half of a batch alone, and the rest is said to be left over.
    LeaveHalf,
    /// All of a batch is said to be left over.
    LeaveAll,
    /// The server does it, and its answer is kept for that request.
    Keep,
    /// Answered with what was kept for the same request.
    SayAgain,
    /// The server does it, and in its answer the first text stands as the second.
    Rewrite(&'static str, &'static str),
}

/// An answer of the service that refuses.
pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Fault {
    let code = format!("com.amazonaws.dynamodb.v20120810#{code}");
    Fault::Answer(status, json!({ "__type": code, "message": message }))
}

type Plan = Box<dyn Fn(&str, usize) -> Fault + Send + Sync>;

pub(crate) struct Relay {
    url: String,
    shared: Arc<Shared>,
}

struct Shared {
    server: String,
    client: Client<HttpConnector, Full<Bytes>>,
    plan: Mutex<Plan>,
    seen: Mutex<HashMap<String, usize>>,
    kept: Mutex<Vec<(Value, Value)>>,
    applied: Semaphore,
    released: Semaphore,
}

impl Relay {
    /// Passes everything on to the server until told otherwise.
    pub(crate) async fn start(server: &str) -> Self {
        Self::listening(server, None).await
    }

    /// The same behind TLS: it shows of itself what it is given.
    pub(crate) async fn encrypted(server: &str, shown: ServerConfig) -> Self {
        Self::listening(server, Some(TlsAcceptor::from(Arc::new(shown)))).await
    }

    async fn listening(server: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            server: server.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            plan: Mutex::new(Box::new(|_, _| Fault::None)),
            seen: Mutex::default(),
            kept: Mutex::default(),
            applied: Semaphore::new(0),
            released: Semaphore::new(0),
        });
        tokio::spawn(accept(listener, tls, Arc::clone(&shared)));
        Self { url, shared }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// From now on each request fares as the plan says: by its operation, and how many of that came before it.
    pub(crate) fn plan(&self, plan: impl Fn(&str, usize) -> Fault + Send + Sync + 'static) {
        self.shared.seen.lock().clear();
        *self.shared.plan.lock() = Box::new(plan);
    }

    /// How often an operation came since the plan was made.
    pub(crate) fn seen(&self, operation: &str) -> usize {
        self.shared.seen.lock().get(operation).copied().unwrap_or_default()
    }

    /// How many requests came since the plan was made.
    pub(crate) fn seen_in_all(&self) -> usize {
        self.shared.seen.lock().values().sum()
    }

    /// Waits until the server has done what is to be cut later.
    pub(crate) async fn applied(&self) {
        self.shared.applied.acquire().await.unwrap().forget();
    }

    /// Cuts what waits to be cut.
    pub(crate) fn release(&self) {
        self.shared.released.add_permits(1);
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            match tls {
                None => serve(stream, &shared).await,
                // Whoever does not believe it hangs up.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, &shared).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) {
    let service = service_fn(|request| answer(shared, request));
    // An error is a cut, and meant.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, BoxError> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.split('.').nth(1)).unwrap_or_default().to_owned();
    let number = {
        let mut seen = shared.seen.lock();
        let count = seen.entry(operation.clone()).or_default();
        *count += 1;
        *count - 1
    };
    let fault = (shared.plan.lock())(&operation, number);
    if matches!(fault, Fault::CutBefore) {
        return Err("cut".into());
    }
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let pass = async |body: Bytes| forward(shared, &head, body).await;
    match fault {
        Fault::None => pass(body).await,
        Fault::Answer(status, value) => Ok(respond(status, &value)?),
        Fault::CutBefore | Fault::CutAfter => {
            pass(body).await?;
            Err("cut".into())
        }
        Fault::CutLater => {
            pass(body).await?;
            shared.applied.add_permits(1);
            shared.released.acquire().await?.forget();
            Err("cut".into())
        }
        Fault::LeaveHalf => {
            let (taken, left) = halved(serde_json::from_slice(&body)?);
            let answered = pass(serde_json::to_vec(&taken)?.into()).await?;
            let mut answered: Value =
                serde_json::from_slice(&answered.into_body().collect().await?.to_bytes())?;
            answered[left_name(&operation)] = left;
            Ok(respond(200, &answered)?)
        }
        Fault::Keep => {
            let answered = pass(body.clone()).await?.into_body().collect().await?.to_bytes();
            let answered: Value = serde_json::from_slice(&answered)?;
            shared.kept.lock().push((serde_json::from_slice(&body)?, answered.clone()));
            Ok(respond(200, &answered)?)
        }
        Fault::SayAgain => {
            let asked: Value = serde_json::from_slice(&body)?;
            let kept =
                shared.kept.lock().iter().find(|(other, _)| *other == asked).map(|(_, kept)| kept.clone());
            Ok(respond(200, &kept.ok_or("nothing was kept for this request")?)?)
        }
        Fault::Rewrite(from, to) => {
            let answered = pass(body).await?.into_body().collect().await?.to_bytes();
            let answered = String::from_utf8_lossy(&answered).replace(from, to);
            Ok(respond(200, &serde_json::from_str(&answered)?)?)
        }
        Fault::LeaveAll => {
            let body: Value = serde_json::from_slice(&body)?;
            let left = left_name(&operation);
            Ok(respond(200, &json!({ "Responses": {}, left: body["RequestItems"] }))?)
        }
    }
}

async fn forward(
    shared: &Shared,
    head: &hyper::http::request::Parts,
    body: Bytes,
) -> Result<Response<Full<Bytes>>, BoxError> {
    let mut request = Request::builder().method(head.method.clone()).uri(&shared.server);
    for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
        if let Some(value) = head.headers.get(name) {
            request = request.header(name, value);
        }
    }
    let answer = shared.client.request(request.body(Full::new(body))?).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    Ok(Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.0")
        .body(Full::new(body))?)
}

fn respond(status: u16, value: &Value) -> Result<Response<Full<Bytes>>, BoxError> {
    let body = serde_json::to_vec(value)?;
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    Ok(response.body(Full::new(body.into()))?)
}

fn left_name(operation: &str) -> &'static str {
    if operation == "BatchGetItem" { "UnprocessedKeys" } else { "UnprocessedItems" }
}

/// A batch of which the first half is left, and the other half, of each table.
fn halved(mut body: Value) -> (Value, Value) {
    let mut left = body["RequestItems"].clone();
    for (table, asked) in body["RequestItems"].as_object_mut().unwrap() {
        let rest = &mut left[table];
        let (asked, rest) =
            if asked.is_array() { (asked, rest) } else { (&mut asked["Keys"], &mut rest["Keys"]) };
        let asked = asked.as_array_mut().unwrap();
        let half = asked.len().div_ceil(2);
        asked.truncate(half);
        rest.as_array_mut().unwrap().drain(..half);
    }
    let is_whole = |table: &Value| table.as_array().or(table["Keys"].as_array()).is_some_and(Vec::is_empty);
    left.as_object_mut().unwrap().retain(|_, table| !is_whole(table));
    (body, left)
}

/// A server that takes any request and answers it in one way.
pub(crate) async fn always(fault: Fault) -> Relay {
    let relay = Relay::start("http://127.0.0.1:9").await;
    relay.plan(move |_, _| fault.clone());
    relay
}
