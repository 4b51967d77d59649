//! The limits of connections over real sockets, before a router whose answers come when a test lets them.

use super::*;
use axum::{Router, body::Bytes, routing::get};
use futures::FutureExt;
use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Instant,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    sync::oneshot,
    task::JoinHandle,
};
use tower::ServiceExt as _;

/// Longer than any wait in a test that passes.
const PATIENCE: Duration = Duration::from_secs(30);
/// More bytes than sockets hold.
const LARGE: usize = 64 * 1024 * 1024;

impl Inside for Router {
    fn answer(&self, request: Request, _: SocketAddr) -> BoxFuture<'static, Response> {
        self.clone().oneshot(request).map(Result::unwrap).boxed()
    }
}

/// A server of `/livez`; of `/work`, which is done when it is let; of `/echo`, which sends its body back; of `/large`.
struct Server {
    address: SocketAddr,
    work: Arc<Semaphore>,
    begun: Arc<AtomicUsize>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    fn start(configure: impl FnOnce(&mut Http)) -> Self {
        let mut http = Http::default();
        configure(&mut http);
        let (work, begun) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let (stop, stopped) = oneshot::channel();
        let (allowed, begins) = (work.clone(), begun.clone());
        let working = get(async move || {
            begins.fetch_add(1, Relaxed);
            allowed.acquire().await.unwrap().forget();
            "done"
        });
        let router = Router::new()
            .route("/livez", get(async || "live"))
            .route("/work", working)
            .route("/large", get(async || vec![b'a'; LARGE]))
            .route("/echo", axum::routing::post(async |body: Bytes| body));
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let refusals = Refusals::new(&crate::config::Config::default());
        let stopped = async { drop(stopped.await) };
        let serving = tokio::spawn(serve(listener, router, refusals, Limits::new(&http, None), stopped));
        Self { address, work, begun, stop, serving }
    }

    async fn connect(&self) -> Client {
        Client(BufReader::new(TcpStream::connect(self.address).await.unwrap()))
    }

    /// A connection that asks and does not wait for the answer.
    async fn connect_and_ask(&self, path: &str) -> Client {
        let mut client = self.connect().await;
        client.send(&format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        client
    }

    /// A connection whose request is under way.
    async fn work(&self) -> Client {
        let before = self.begun.load(Relaxed);
        let client = self.connect_and_ask("/work").await;
        until(async || self.begun.load(Relaxed) > before).await;
        client
    }

    /// Waits until a request is let in.
    async fn until_not_full(&self) {
        until(async || !self.connect_and_ask("/echo").await.answer().await.is_refusal()).await;
    }
}

async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let mut every = tokio::time::interval(Duration::from_millis(2));
    let waiting = async {
        while !holds().await {
            every.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it holds before patience ends");
}

struct Client(BufReader<TcpStream>);

#[derive(Debug)]
struct Answer {
    head: String,
    body: String,
}

impl Answer {
    fn is_refusal(&self) -> bool {
        self.head.starts_with("HTTP/1.1 503")
    }

    #[track_caller]
    fn is(self, status: &str, body: &str) {
        assert!(self.head.starts_with(&format!("HTTP/1.1 {status}")) && self.body == body, "{self:?}");
    }

    /// It says that there is no room, whether it is a problem document, and when to come back.
    #[track_caller]
    fn assert_told(self) {
        let head = self.head.to_lowercase();
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert!(self.is_refusal() && head.contains("\r\nretry-after: 1\r\n"), "{self:?}");
        assert!(
            head.contains("content-type: application/problem+json") && head.contains("x-request-id: "),
            "{self:?}"
        );
        assert_eq!((&problem["code"], &problem["status"]), (&"overloaded".into(), &503.into()));
    }
}

impl Client {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    async fn ask(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        self.answer().await
    }

    async fn answer(&mut self) -> Answer {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("an answer before patience ends")
    }

    async fn read(&mut self) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.0.read_line(&mut head).await.unwrap() > 0, "the connection ended: {head:?}");
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body).await.unwrap();
        Answer { head, body: String::from_utf8(body).unwrap() }
    }

    /// Waits until the server ends the connection; nothing more may come over it.
    async fn is_ended(&mut self) {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut rest)).await;
        read.expect("an end before patience ends").ok();
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    }
}

#[tokio::test]
async fn a_request_over_the_limit_is_told_so_and_those_under_way_are_answered() {
    let server = Server::start(|http| http.requests_max = 2);
    let (mut first, mut second, mut third) =
        (server.work().await, server.work().await, server.connect().await);
    let asked = Instant::now();
    third.ask("/work").await.assert_told();
    let took = asked.elapsed();
    assert!(took < Duration::from_millis(500), "a refusal takes milliseconds, and took {took:?}");
    server.work.add_permits(3);
    first.answer().await.is("200", "done");
    second.answer().await.is("200", "done");
    third.ask("/work").await.is("200", "done");
}

#[tokio::test]
async fn whoever_runs_the_server_is_answered_however_much_it_has_to_do() {
    let server = Server::start(|http| (http.requests_max, http.connections_max) = (1, 2));
    let (mut working, mut probe) = (server.work().await, server.connect().await);
    probe.ask("/echo").await.assert_told();
    probe.ask("/livez").await.is("200", "live");
    // There is no place for a third connection.
    server.connect_and_ask("/livez").await.answer().await.is("200", "live");
    server.work.add_permits(1);
    working.answer().await.is("200", "done");
}

#[tokio::test]
async fn a_request_that_waits_for_its_body_holds_no_place() {
    let server = Server::start(|http| http.requests_max = 1);
    let mut slow = server.connect().await;
    slow.send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nab").await;
    server.until_not_full().await;
    let mut working = server.work().await;
    slow.send("cd").await;
    slow.answer().await.is("200", "abcd");
    // The place is counted once, whatever was waited for.
    server.connect().await.ask("/echo").await.assert_told();
    server.work.add_permits(1);
    working.answer().await.is("200", "done");
    server.until_not_full().await;
}

#[tokio::test]
async fn who_goes_away_leaves_no_place_behind() {
    let server = Server::start(|http| http.requests_max = 1);
    drop(server.work().await);
    server.until_not_full().await;
    let mut slow = server.connect().await;
    slow.send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nab").await;
    drop(slow);
    server.until_not_full().await;
    let _working = server.work().await;
    server.connect().await.ask("/echo").await.assert_told();
}

#[tokio::test]
async fn a_client_that_does_not_stay_away_is_heard_in_its_turn() {
    let server = Server::start(|http| http.requests_max = 1);
    let (mut working, mut client) = (server.work().await, server.connect().await);
    client.ask("/work").await.assert_told();
    client.ask("/work").await.assert_told();
    server.work.add_permits(2);
    working.answer().await.is("200", "done");
    client.ask("/work").await.is("200", "done");
}

#[tokio::test]
async fn a_connection_over_the_limit_is_told_so_and_closed_until_there_is_a_place() {
    let server = Server::start(|http| http.connections_max = 2);
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.ask("/livez").await.is("200", "live");
    second.ask("/livez").await.is("200", "live");
    let mut third = server.connect().await;
    third.ask("/echo").await.assert_told();
    third.is_ended().await;
    drop(first);
    server.until_not_full().await;
    second.ask("/livez").await.is("200", "live");
}

#[tokio::test]
async fn who_comes_when_the_anteroom_is_full_waits_in_the_backlog_and_is_told_then() {
    let server = Server::start(|http| (http.connections_max, http.idle_seconds) = (1, 1));
    let mut working = server.work().await;
    let mut silent = Vec::new();
    for _ in 0..ANTEROOM {
        silent.push(server.connect().await);
    }
    let asked = Instant::now();
    server.connect().await.ask("/echo").await.assert_told();
    let waited = asked.elapsed();
    assert!(waited > Duration::from_millis(200), "until one of the silent had gone, and not {waited:?}");
    for mut client in silent {
        client.is_ended().await;
    }
    server.work.add_permits(1);
    working.answer().await.is("200", "done");
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_given_up() {
    let server = Server::start(|http| (http.idle_seconds, http.connections_max) = (1, 1));
    let mut client = server.connect_and_ask("/large").await;
    server.until_not_full().await;
    let mut taken = Vec::new();
    client.0.read_to_end(&mut taken).await.ok();
    assert!(taken.starts_with(b"HTTP/1.1 200") && taken.len() < LARGE, "{}", taken.len());
}

#[tokio::test]
async fn a_drain_ends_idle_connections_and_answers_what_is_under_way() {
    let server = Server::start(|_| ());
    let (mut fresh, mut idle) = (server.connect().await, server.connect().await);
    idle.ask("/livez").await.is("200", "live");
    let mut working = server.work().await;
    server.stop.send(()).unwrap();
    fresh.is_ended().await;
    idle.is_ended().await;
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens");
    assert!(!server.serving.is_finished(), "a request is under way");
    server.work.add_permits(1);
    working.answer().await.is("200", "done");
    working.is_ended().await;
    tokio::time::timeout(PATIENCE, server.serving).await.expect("it ends").unwrap();
}
