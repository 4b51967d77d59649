//! The yardstick of all figures over HTTP: the smallest handler that answers as many bytes as a cart has.
//!
//! Allocator, runtime, connection settings and HTTP library are those of `evercart serve`.

use anyhow::Result;
use axum::{Router, http::header, response::IntoResponse, routing::any, serve::ListenerExt};
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Bytes of the body.
const BODY_BYTES: usize = 1_500;
const FRAME: &str = r#"{"text":""}"#;

/// Serves until the process is stopped; says where on the first line of standard output.
#[expect(clippy::print_stdout, reason = "how the parent learns the port")]
pub(crate) async fn serve(listen: SocketAddr) -> Result<()> {
    let text = "x".repeat(BODY_BYTES - FRAME.len());
    let body: &'static str = format!(r#"{{"text":"{text}"}}"#).leak();
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], body).into_response() };
    let listener = TcpListener::bind(listen).await?;
    println!("{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let app = Router::new().fallback(any(answer));
    Ok(axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?)
}
