//! Requests as bytes, for what no well-behaved client sends.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends bytes and reads what comes back until the server is done. It may be done before it has read them all.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut from, mut to) = stream.split();
    let mut answer = Vec::new();
    let write = async {
        to.write_all(request).await.ok();
    };
    let read = async { from.read_to_end(&mut answer).await.ok() };
    tokio::join!(write, read);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A POST of JSON in chunks, without a length.
pub(crate) async fn chunked_post(address: SocketAddr, path: &str, token: &str, body: &[u8]) -> String {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    )
    .into_bytes();
    for chunk in body.chunks(10_000) {
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    exchange(address, &request).await
}

/// Sends bytes and goes away without waiting for an answer.
pub(crate) async fn abandon(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.ok();
    stream.shutdown().await.ok();
}
