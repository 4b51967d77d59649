//! JSON lines: one value a line in, a result a line out; a bad line never stops a good one.

use super::body;
use crate::problem::Problem;
use axum::extract::Request;
use bytes::Bytes;

/// One JSON value a line.
pub(super) const NDJSON: &str = "application/x-ndjson";

/// The lines of a request of at most `bytes_max` bytes, numbered from 1; empty ones count and are left out.
pub(super) async fn lines(request: Request, bytes_max: usize) -> Result<Vec<(Bytes, usize)>, Problem> {
    body::require(request.headers(), &[NDJSON, "application/ndjson", "application/jsonl"])?;
    let body = body::read(request.into_body(), bytes_max).await?;
    let lines = body.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| !line.trim_ascii().is_empty());
    Ok(lines.map(|(line, number)| (body.slice_ref(line), number)).collect())
}
