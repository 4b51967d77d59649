//! A server of one's own on a loopback port, and requests with few words.

use reqwest::{Client, Method, Response};
use server::{config::Config, server::Server};
use std::{net::SocketAddr, path::Path};
use tempfile::TempDir;

/// A running shop.
pub(crate) struct Shop {
    server: Server,
    folder: TempDir,
}

impl Shop {
    /// A shop that decided otherwise than the defaults.
    pub(crate) async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data: folder.path().to_owned(), ..Config::default() };
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        configure(&mut config);
        Self { server: Server::start(config).await.unwrap(), folder }
    }

    /// Where its key files are.
    pub(crate) fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Sends a request without a body.
    pub(crate) async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
        self.send(method, path, headers, None).await
    }

    /// Sends a request with a body.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Response {
        let client = Client::builder().no_proxy().build().unwrap();
        let mut request = client.request(method, format!("{}{path}", self.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body.to_owned());
        }
        request.send().await.unwrap()
    }

    /// The status of reading a cart with a token.
    pub(crate) async fn status_of(&self, token: &str) -> u16 {
        self.ask(Method::GET, "/v1/cart", &[("authorization", &bearer(token))]).await.status().as_u16()
    }

    /// A guest's token.
    pub(crate) async fn guest(&self) -> String {
        let opened = self.ask(Method::POST, "/v1/sessions", &[]).await;
        assert_eq!(opened.status(), 201);
        let body: serde_json::Value = opened.json().await.unwrap();
        body["token"].as_str().unwrap().to_owned()
    }
}

/// The value of `Authorization`.
pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// A header of an answer as text.
pub(crate) fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}
