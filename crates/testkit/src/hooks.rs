//! A shop's own program for tests and for trying things out: it answers the payment and price hooks over HTTP.
//!
//! What a test checks with it: every question is genuine, by the reference implementation of Standard Webhooks; money is
//! set aside once for each key, however often it is asked for; a void of a key that was never seen is remembered, and a
//! later authorisation of it is declined. What it does wrong it does because a test said so: see [`Fault`].

mod fault;
mod purse;
mod question;
mod rules;

pub use fault::Fault;
pub use purse::{Purse, Standing};
pub use rules::Rules;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::post,
};
use parking_lot::Mutex;
use question::Question;
use serde_json::Value;
use standardwebhooks::{HEADER_WEBHOOK_ID, Webhook};
use std::{collections::VecDeque, io, net::SocketAddr, sync::Arc};
use tokio::{net::TcpListener, task::JoinHandle};

/// A secret that nothing depends on.
pub const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A server of hooks, listening; it ends when this is dropped.
pub struct HookServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

/// A question that came, genuine or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its `webhook-id`.
    pub id: String,
    /// Its `idempotency-key`.
    pub key: String,
    /// What it asks: `price`, `payment.authorise`, `payment.void`; empty where it was not genuine.
    pub kind: String,
    /// Its body.
    pub body: Value,
}

struct Shared {
    secret: Webhook,
    rules: Mutex<Rules>,
    purse: Mutex<Purse>,
    faults: Mutex<VecDeque<Fault>>,
    asked: Mutex<Vec<Asked>>,
}

impl HookServer {
    /// Listens there, for questions signed with `secret`.
    pub async fn start(listen: SocketAddr, secret: &str, rules: Rules) -> io::Result<Self> {
        let secret = Webhook::new(secret).map_err(io::Error::other)?;
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            secret,
            rules: Mutex::new(rules),
            purse: Mutex::default(),
            faults: Mutex::default(),
            asked: Mutex::default(),
        });
        let app = Router::new()
            .route("/", post(answer))
            .route("/acted/{checkout}", post(acted))
            .with_state(shared.clone());
        let serving = tokio::spawn(async move { drop(axum::serve(listener, app).await) });
        Ok(Self { address, shared, serving })
    }

    /// Listens on any port of this machine, for questions signed with [`SECRET`].
    pub async fn on_any_port(rules: Rules) -> io::Result<Self> {
        Self::start(SocketAddr::from(([127, 0, 0, 1], 0)), SECRET, rules).await
    }

    /// Where both hooks are asked.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Decides otherwise from now on.
    pub fn decide(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.shared.rules.lock());
    }

    /// The next genuine questions meet these faults, one each and in this order; those before them that are left are
    /// forgotten.
    pub fn misbehave(&self, faults: impl IntoIterator<Item = Fault>) {
        *self.shared.faults.lock() = faults.into_iter().collect();
    }

    /// The shopper did what the payment of this checkout required.
    pub fn act(&self, checkout: &str) {
        self.shared.purse.lock().act(checkout);
    }

    /// What became of the money of each checkout.
    pub fn purse(&self) -> Purse {
        self.shared.purse.lock().clone()
    }

    /// All questions that came, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().clone()
    }

    /// Questions of a kind that came.
    pub fn count(&self, kind: &str) -> usize {
        self.shared.asked.lock().iter().filter(|asked| asked.kind == kind).count()
    }

    /// Runs until the process ends.
    pub async fn wait(mut self) {
        drop((&mut self.serving).await);
    }
}

impl Drop for HookServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// For a person who tries things out: what a payment page would say of its shopper.
async fn acted(State(shared): State<Arc<Shared>>, Path(checkout): Path<String>) -> StatusCode {
    shared.purse.lock().act(&checkout);
    StatusCode::NO_CONTENT
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let genuine = shared.secret.verify(&body, &headers);
    let question = Question::read(&body).filter(|_| genuine.is_ok());
    shared.note(&headers, &body, question.as_ref());
    if genuine.is_err() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Some(question) = question else { return StatusCode::BAD_REQUEST.into_response() };
    let fault = shared.faults.lock().pop_front().unwrap_or(Fault::None);
    if let Some(status) = fault.refuses() {
        return status.into_response();
    }
    let said = shared.decide(&question);
    fault.distort(said, &uri).await
}

impl Shared {
    fn note(&self, headers: &HeaderMap, body: &[u8], question: Option<&Question>) {
        let text = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        self.asked.lock().push(Asked {
            id: text(HEADER_WEBHOOK_ID),
            key: text("idempotency-key"),
            kind: question.map_or_else(String::new, |question| question.kind().to_owned()),
            body: serde_json::from_slice(body).unwrap_or_default(),
        });
    }

    /// The status and body of an honest answer.
    fn decide(&self, question: &Question) -> (StatusCode, Value) {
        let rules = *self.rules.lock();
        match question {
            Question::Authorise { checkout, total } => {
                self.purse.lock().authorise(checkout, total.amount, &rules)
            }
            Question::Void { checkout } => {
                self.purse.lock().void(checkout);
                (StatusCode::OK, Value::Object(serde_json::Map::new()))
            }
            Question::Price { lines } => (StatusCode::OK, rules.price(lines)),
        }
    }
}

#[cfg(test)]
mod tests;
