//! One HTTP request to a server on the loopback: as much of HTTP/1.1 as that takes, and nothing to compile for it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(10);

/// A request that is put together.
#[derive(Debug)]
pub(crate) struct Request {
    address: String,
    head: String,
    body: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn new(url: &str, method: &str, path: &str) -> Self {
        let address = url.trim_start_matches("http://").to_owned();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
        Self { address, head, body: String::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        Self { body: body.to_string(), ..self.header("Content-Type", "application/json") }
    }

    pub(crate) fn send(self) -> Result<Answer> {
        let Self { address, head, body } = self;
        let mut stream = TcpStream::connect(&address).with_context(|| format!("no server at {address}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).context("the answer is not text, or did not come")?;
        Answer::parse(&answer)
    }
}

impl Answer {
    fn parse(text: &str) -> Result<Self> {
        let (head, body) = text.split_once("\r\n\r\n").context("the answer has no end of its headers")?;
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status line")?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Ok(Self { status: status.parse()?, headers, body: body.to_owned() })
    }

    /// Fails where the status is another.
    pub(crate) fn is(self, status: u16) -> Result<Self> {
        ensure!(self.status == status, "{status} expected, and {} came: {}", self.status, self.body);
        Ok(self)
    }

    /// A header, its name in small letters.
    pub(crate) fn header(&self, name: &str) -> Result<String> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).with_context(|| format!("no header `{name}`"))
    }

    /// A text of the JSON body, at a pointer.
    pub(crate) fn text(&self, pointer: &str) -> Result<String> {
        let body: Value = serde_json::from_str(&self.body).context("the body is no JSON")?;
        let found = body.pointer(pointer).and_then(Value::as_str);
        found.map(str::to_owned).with_context(|| format!("no text at `{pointer}` in {}", self.body))
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;

    #[test]
    fn an_answer_has_a_status_headers_and_a_body() {
        let answer = Answer::parse("HTTP/1.1 200 OK\r\nETag: \"a\"\r\n\r\n{\"b\":{\"c\":\"d\"}}").unwrap();
        assert_eq!(answer.header("etag").unwrap(), "\"a\"");
        assert_eq!(answer.text("/b/c").unwrap(), "d");
        assert!(answer.is(201).is_err());
        assert!(Answer::parse("HTTP/1.1 200 OK\r\n").is_err());
    }
}
