//! A shop to test over HTTP: the server on a loopback port and a temporary data directory, and callers with few words.
//!
//! Tests share one server while any of them runs; those that need another configuration start one of their own.
//! Every answer is checked for what holds of all of them: see [`reply`].

pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod reply;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, Weak},
    thread,
};

use cart::{
    Timestamp,
    item::Item,
    line::{Sku, Texts},
    money::{Currency, Money},
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use server::{auth, config::Config, server::Server};
use service::catalog::NewItem;
use tempfile::TempDir;
use tokio::sync::oneshot;

pub(crate) use self::reply::Reply;
use crate::over;

/// What the shared shop sells: A for 1.00, B for 2.00 … J for 10.00.
pub(crate) const SKUS: [&str; 10] = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"];

/// A running shop.
#[derive(Clone)]
pub(crate) struct Shop {
    running: Arc<Running>,
    http: reqwest::Client,
}

/// A server on a thread of its own, so that it outlives the runtimes of single tests.
struct Running {
    address: SocketAddr,
    data: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
    // Removed when the thread has ended.
    _folder: Option<TempDir>,
}

static SHARED: Mutex<Weak<Running>> = Mutex::new(Weak::new());

impl Running {
    fn start_in_new_folder(configure: impl FnOnce(&mut Config)) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        Arc::new(Self::start(folder.path().to_owned(), Some(folder), configure))
    }

    fn start(data: PathBuf, folder: Option<TempDir>, configure: impl FnOnce(&mut Config)) -> Self {
        let file = over::config_of(&data);
        let config = file.map_or_else(Config::default, |file| Config::load(Some(&file)).unwrap());
        let mut config = Config { data: data.clone(), ..config };
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.auth.local_issuer = true;
        // A busy machine is not a catalogue that is away.
        config.catalog.wait_ms = 5_000;
        configure(&mut config);
        let (ready, started) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = Server::start(config).await.unwrap();
                server.state().service.put_items(SKUS.iter().map(item_of).collect()).await.unwrap();
                ready.send(server.address).unwrap();
                stopped.await.ok();
                server.stop().await;
            });
        });
        let address = started.recv().expect("the server starts");
        Self { address, data, stop: Some(stop), thread: Some(thread), _folder: folder }
    }
}

/// An item of [`SKUS`], in a revision that every import overtakes.
fn item_of(sku: &&str) -> NewItem {
    let at = SKUS.iter().position(|other| other == sku).unwrap();
    let price = Money::price(100 * (at as i64 + 1), Currency::parse("GBP").unwrap());
    let item = Item { title: format!("Thing {sku}").into(), price, ..Item::unknown(Timestamp(1)) };
    NewItem { sku: Sku::parse(sku).unwrap(), revision: Some(1), item, attributes: Texts::default() }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.take().map(|stop| stop.send(()).ok());
        self.thread.take().map(|thread| thread.join().ok());
    }
}

impl Shop {
    /// The shop that tests share. It sells [`SKUS`], and so do all others.
    pub(crate) fn open() -> Self {
        let mut shared = SHARED.lock().unwrap();
        let running = shared.upgrade().unwrap_or_else(|| Running::start_in_new_folder(|_| ()));
        *shared = Arc::downgrade(&running);
        Self::of(running)
    }

    /// A shop of one's own, which decided otherwise.
    pub(crate) fn with(configure: impl FnOnce(&mut Config)) -> Self {
        Self::of(Running::start_in_new_folder(configure))
    }

    /// Whatever listens there, with the key files in `data`.
    pub(crate) fn at(address: SocketAddr, data: &Path) -> Self {
        let data = data.to_owned();
        Self::of(Arc::new(Running { address, data, stop: None, thread: None, _folder: None }))
    }

    fn of(running: Arc<Running>) -> Self {
        Self { running, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    /// Puts items into the catalogue.
    pub(crate) async fn put_items(&self, items: &[Value]) -> Reply {
        let lines = items.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        self.service(&["catalog"]).put_ndjson("/v1/catalog/items", lines).await.is(200)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Where its data and key files are.
    pub(crate) fn data(&self) -> &Path {
        &self.running.data
    }

    /// Somebody without a token.
    pub(crate) fn nobody(&self) -> Caller {
        Caller { http: self.http.clone(), address: self.address(), headers: Vec::new() }
    }

    /// Whoever holds this token.
    pub(crate) fn holder(&self, token: &str) -> Caller {
        self.nobody().with("authorization", &format!("Bearer {token}"))
    }

    /// A shopper with a guest session of their own.
    pub(crate) async fn guest(&self) -> Caller {
        self.holder(&self.guest_token().await)
    }

    /// The token of a new guest session.
    pub(crate) async fn guest_token(&self) -> String {
        let reply = self.nobody().post("/v1/sessions", json!({})).await.is(201);
        reply.body["token"].as_str().unwrap().to_owned()
    }

    /// A shopper who is logged in.
    pub(crate) fn account(&self, subject: &str) -> Caller {
        self.holder(&auth::issue_shopper(self.data(), subject).unwrap())
    }

    /// A service of the shop.
    pub(crate) fn service(&self, scopes: &[&str]) -> Caller {
        self.holder(&auth::issue_service(self.data(), scopes).unwrap())
    }

    /// A name that no other test uses: of a subject, a key, a SKU.
    pub(crate) fn unique(&self, name: &str) -> String {
        format!("{name}-{:016x}", rand::random::<u64>())
    }
}

/// Somebody who sends requests.
#[derive(Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

impl Caller {
    /// The same caller, sending this header with every request.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut caller = self.clone();
        caller.headers.retain(|(own, _)| own != name);
        caller.headers.push((name.to_owned(), value.to_owned()));
        caller
    }

    /// A request without a body.
    pub(crate) fn ask(&self, method: Method, path: &str) -> Ask {
        let request = self.http.request(method, format!("http://{}{path}", self.address));
        Ask(self.headers.iter().fold(request, |request, (name, value)| request.header(name, value)))
    }

    pub(crate) fn get(&self, path: &str) -> Ask {
        self.ask(Method::GET, path)
    }

    pub(crate) fn delete(&self, path: &str) -> Ask {
        self.ask(Method::DELETE, path)
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers write `json!` in place")]
    pub(crate) fn post(&self, path: &str, body: Value) -> Ask {
        self.ask(Method::POST, path).json(&body)
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers write `json!` in place")]
    pub(crate) fn put(&self, path: &str, body: Value) -> Ask {
        self.ask(Method::PUT, path).json(&body)
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers write `json!` in place")]
    pub(crate) fn patch(&self, path: &str, body: Value) -> Ask {
        self.ask(Method::PATCH, path).json(&body)
    }

    pub(crate) fn put_ndjson(&self, path: &str, lines: String) -> Ask {
        self.ask(Method::PUT, path).header("content-type", "application/x-ndjson").bytes(lines.into_bytes())
    }

    /// The token that is sent.
    pub(crate) fn token(&self) -> String {
        let sent = self.headers.iter().find_map(|(name, value)| (name == "authorization").then_some(value));
        sent.unwrap().trim_start_matches("Bearer ").to_owned()
    }

    /// `GET /v1/cart`, which must succeed.
    pub(crate) async fn cart(&self) -> Reply {
        self.get("/v1/cart").await.is(200)
    }

    /// What the cart shows: `A 2, B 1 | saved C 1`.
    pub(crate) async fn shows(&self) -> String {
        self.cart().await.shown()
    }

    /// Adds units of a SKU without options; must succeed.
    pub(crate) async fn add(&self, sku: &str, quantity: u32) -> Reply {
        self.post("/v1/cart/lines", json!({"sku": sku, "quantity": quantity})).await.is(200)
    }
}

/// A request that is sent when it is awaited.
pub(crate) struct Ask(RequestBuilder);

impl Ask {
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    pub(crate) fn header_bytes(self, name: &str, value: &[u8]) -> Self {
        Self(self.0.header(name, value))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").bytes(body.to_string().into_bytes())
    }

    pub(crate) fn bytes(self, body: Vec<u8>) -> Self {
        Self(self.0.body(body))
    }

    /// Sends it, where the server may be gone before the answer is whole.
    pub(crate) async fn try_send(self) -> Option<Reply> {
        Reply::try_of(self.0.send().await.ok()?).await
    }
}

impl IntoFuture for Ask {
    type Output = Reply;
    type IntoFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { Reply::of(self.0.send().await.unwrap()).await })
    }
}
