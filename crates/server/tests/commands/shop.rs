//! A shop to run commands against: a server on a loopback port with its key files in a temporary directory.

use crate::harness::{Ran, evercart};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use server::{config::Config, server::Server};
use std::{net::SocketAddr, path::PathBuf};
use tempfile::TempDir;

/// A running shop without items.
pub(crate) struct Shop {
    server: Server,
    folder: TempDir,
    http: reqwest::Client,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_with(tempfile::tempdir().unwrap(), |_| ()).await
    }

    /// A shop on a data directory, which decided otherwise.
    pub(crate) async fn open_with(folder: TempDir, configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { data: folder.path().to_owned(), ..Config::default() };
        configure(&mut config);
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.auth.local_issuer = true;
        let server = Server::start(config).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { server, folder, http }
    }

    /// Stops the server; what is left is its data directory.
    pub(crate) async fn stop(self) -> TempDir {
        self.server.stop().await;
        self.folder
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Where its key files are.
    pub(crate) fn data(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A file in the shop's folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command that speaks to this shop.
    pub(crate) async fn run(&self, words: &[&str]) -> Ran {
        let (url, data) = (self.url(), self.folder.path().to_str().unwrap().to_owned());
        evercart(&[words, &["--url", &url, "--data", &data]].concat()).await
    }

    pub(crate) async fn guest(&self) -> String {
        let (_, body) = self.ask(Method::POST, "/v1/sessions", "", None).await;
        body["token"].as_str().unwrap().to_owned()
    }

    /// One request; the answer is JSON or nothing.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.url()));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, bytes) = (answer.status(), answer.bytes().await.unwrap());
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Adds units of a SKU to the cart of whoever holds the token, and answers it.
    pub(crate) async fn add(&self, token: &str, sku: &str, quantity: u32) -> Value {
        let body = serde_json::json!({"sku": sku, "quantity": quantity});
        let (status, cart) = self.ask(Method::POST, "/v1/cart/lines", token, Some(body)).await;
        assert_eq!(status, 200, "{cart}");
        cart
    }
}
