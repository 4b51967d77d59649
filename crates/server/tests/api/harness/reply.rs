//! An answer, and what holds of every one: numbers are whole, a problem is a problem document, nothing internal is
//! told, and what depends on the caller is not kept by caches.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// The body as JSON; null where it is none.
    pub(crate) body: Value,
}

/// What only the inside knows: never in an answer.
const INTERNAL: [&str; 12] = [
    "panicked",
    ".rs:",
    "RUST_",
    "fjall",
    "serde",
    "tokio",
    "axum",
    "hyper",
    "StoreError",
    "stored bytes",
    "keys/",
    "/tmp",
];

impl Reply {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        Self::try_of(response).await.expect("the answer is whole")
    }

    /// The answer, if it is whole.
    pub(crate) async fn try_of(response: reqwest::Response) -> Option<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.ok()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let reply = Self { status, headers, text, body };
        reply.check();
        Some(reply)
    }

    fn check(&self) {
        let kind = self.header("content-type").unwrap_or_default();
        if kind.starts_with("text/plain") && self.status == 200 {
            return; // metrics and probes
        }
        let told = without_tokens(&self.text);
        let leaked = INTERNAL.iter().find(|word| told.contains(**word));
        assert_eq!(leaked, None, "told to callers: {self:?}");
        assert_whole_numbers(&self.body, &self.text);
        if self.status >= 400 {
            assert_eq!(kind, "application/problem+json", "{self:?}");
            assert_eq!(self.body["status"], self.status, "{self:?}");
            let code = self.body["code"].as_str().unwrap_or_else(|| panic!("no code: {self:?}"));
            assert_eq!(self.body["type"], format!("urn:evercart:problem:{code}"), "{self:?}");
            assert!(self.body["title"].is_string() && self.body["detail"].is_string(), "{self:?}");
        }
        if self.status == 204 || self.status == 304 {
            assert!(self.text.is_empty() && kind.is_empty(), "{self:?}");
        }
    }

    /// The reply, if its status is this.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The reply, if it is this problem.
    #[track_caller]
    pub(crate) fn is_problem(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.text);
        self
    }

    /// The stable name of a problem.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Where a problem lies in the body that was sent.
    pub(crate) fn pointer(&self) -> &str {
        self.body["errors"][0]["pointer"].as_str().unwrap_or("(none)")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The entity tag, with its quotes.
    #[track_caller]
    pub(crate) fn etag(&self) -> String {
        let tag = self.header("etag").unwrap_or_else(|| panic!("no entity tag: {self:?}"));
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.contains('.'), "{tag}");
        tag.to_owned()
    }

    /// The cart: the body itself, or its member `cart`.
    pub(crate) fn cart(&self) -> &Value {
        self.body.get("cart").unwrap_or(&self.body)
    }

    /// The cart's id.
    #[track_caller]
    pub(crate) fn id(&self) -> &str {
        self.cart()["id"].as_str().unwrap_or_else(|| panic!("no cart: {self:?}"))
    }

    /// The cart's lines as text: `A 2, B 1 | saved C 1`.
    #[track_caller]
    pub(crate) fn shown(&self) -> String {
        let list = |name: &str| {
            let lines = self.cart()[name].as_array().unwrap_or_else(|| panic!("no cart: {self:?}"));
            let mut lines: Vec<String> =
                lines.iter().map(|line| format!("{} {}", text(&line["sku"]), line["quantity"])).collect();
            lines.sort();
            lines.join(", ")
        };
        let saved = list("saved");
        if saved.is_empty() { list("lines") } else { format!("{} | saved {saved}", list("lines")) }
    }

    /// A SKU's line, in either list.
    #[track_caller]
    pub(crate) fn line(&self, sku: &str) -> &Value {
        let lists = ["lines", "saved"].into_iter().filter_map(|list| self.cart()[list].as_array());
        let line = lists.flatten().find(|line| line["sku"] == sku);
        line.unwrap_or_else(|| panic!("no line of {sku}: {self:?}"))
    }

    /// The path of a SKU's line.
    #[track_caller]
    pub(crate) fn path(&self, sku: &str) -> String {
        format!("/v1/cart/lines/{}", text(&self.line(sku)["id"]))
    }

    /// What was shown of a SKU's line.
    #[track_caller]
    pub(crate) fn seen(&self, sku: &str) -> &str {
        text(&self.line(sku)["seen"])
    }

    /// What was shown of the whole cart.
    #[track_caller]
    pub(crate) fn seen_whole(&self) -> &str {
        text(&self.cart()["seen"])
    }

    /// Codes of the cart's notices.
    pub(crate) fn notices(&self) -> Vec<&str> {
        codes(&self.cart()["notices"])
    }
}

/// Codes of notices.
pub(crate) fn codes(notices: &Value) -> Vec<&str> {
    notices.as_array().into_iter().flatten().map(|notice| text(&notice["code"])).collect()
}

/// A JSON text.
#[track_caller]
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// Ids of carts and lines, which are the shortest random texts.
const ID_CHARS: usize = 24;

/// A text without its ids and sealed tokens: among so many random letters any word comes up in time.
fn without_tokens(text: &str) -> String {
    let is_of_token = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    let parts = text.split_inclusive(|letter| !is_of_token(letter));
    parts.filter(|part| part.len() <= ID_CHARS).collect()
}

/// Money, quantities and positions are whole: a float in an answer is a bug wherever it stands.
fn assert_whole_numbers(value: &Value, whole: &str) {
    match value {
        Value::Number(number) => assert!(number.is_i64() || number.is_u64(), "{number} in {whole}"),
        Value::Array(values) => values.iter().for_each(|value| assert_whole_numbers(value, whole)),
        Value::Object(members) => members.values().for_each(|value| assert_whole_numbers(value, whole)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
