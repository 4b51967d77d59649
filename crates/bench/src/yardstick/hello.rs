//! The yardstick of all figures over HTTP: the smallest handler that answers as many bytes as a cart has.
//!
//! Allocator, runtime, connection settings and HTTP library are those of `evercart serve`. With a journal, which is that of
//! the embedded engine too, what is posted is durable before it is answered, and that is all: nobody looks at it, at who
//! sent it, or at any cart. So much of an add is left to a server that does nothing else.

use anyhow::Result;
use axum::{
    Router,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::any,
    serve::ListenerExt,
};
use bytes::Bytes;
use journal::{Journal, JournalError, JournalOptions};
use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio::net::TcpListener;

/// Bytes of the body.
const BODY_BYTES: usize = 1_500;
const FRAME: &str = r#"{"text":""}"#;

/// How often it is seen whether the journal is half full.
const ROTATED_EVERY: Duration = Duration::from_millis(20);

/// Serves until the process is stopped; says where on the first line of standard output.
#[expect(clippy::print_stdout, reason = "how the parent learns the port")]
pub(crate) async fn serve(listen: SocketAddr, journal: Option<&Path>) -> Result<()> {
    let text = "x".repeat(BODY_BYTES - FRAME.len());
    let body: &'static str = format!(r#"{{"text":"{text}"}}"#).leak();
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], body).into_response() };
    let app = Router::new().fallback(match journal {
        None => any(answer),
        Some(folder) => {
            let journal = Arc::new(Journal::open(folder, JournalOptions::default())?.0);
            tokio::spawn(recycle(Arc::clone(&journal)));
            any(answer).post(move |body: Bytes| append(journal, body))
        }
    });
    let listener = TcpListener::bind(listen).await?;
    println!("{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    Ok(axum::serve(listener, app).await?)
}

async fn append(journal: Arc<Journal>, body: Bytes) -> StatusCode {
    match journal.append(&body).await {
        Ok(_) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Gives the journal's files back as they fill: nobody reads what is in them.
async fn recycle(journal: Arc<Journal>) -> Result<(), JournalError> {
    loop {
        tokio::time::sleep(ROTATED_EVERY).await;
        if journal.segments_used() * 2 > journal.segments_max() {
            let covered = journal.rotate();
            journal.durable(covered).await?;
            journal.recycle_through(covered)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_posted_is_in_the_journal_once_it_is_answered() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), JournalOptions::default()).unwrap().0;
        assert_eq!(append(Arc::new(journal), Bytes::from_static(b"an add")).await, StatusCode::NO_CONTENT);
        let (_, recovered) = Journal::open(folder.path(), JournalOptions::default()).unwrap();
        let batches: Vec<_> = recovered.collect::<Result<_, _>>().unwrap();
        let records: Vec<&[u8]> = batches.iter().flat_map(journal::RecoveredBatch::records).collect();
        assert_eq!(records, [b"an add"]);
    }
}
