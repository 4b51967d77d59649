//! What can be wrong with an answer.

use axum::{
    body::Body,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use std::time::Duration;

/// Bytes of a body that is longer than anybody should read.
const ENDLESS_BYTES: usize = 8 << 20;

/// A fault of one answer. All but [`Fault::Refuses`] do what was asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// None: the answer comes as it should.
    None,
    /// It does nothing and says this status.
    Refuses(u16),
    /// It says this status instead.
    Says(u16),
    /// The right answer under this status.
    As(u16),
    /// It comes so many milliseconds later.
    Late(u64),
    /// It never comes.
    Never,
    /// It is no JSON.
    Garbage,
    /// It is JSON that means nothing.
    Nonsense,
    /// It comes twice in one body.
    Twice,
    /// It has no end that anybody should wait for.
    Endless,
    /// It sends the caller to the same place again.
    Moved,
}

impl Fault {
    /// The status of a refusal before anything was done.
    pub(super) fn refuses(self) -> Option<StatusCode> {
        match self {
            Self::Refuses(status) => Some(status_of(status)),
            _ => None,
        }
    }

    /// What comes in place of an answer.
    pub(super) async fn distort(self, (status, said): (StatusCode, Value), uri: &Uri) -> Response {
        let said = said.to_string();
        match self {
            Self::None | Self::Refuses(_) => json(status, said),
            Self::Says(status) => status_of(status).into_response(),
            Self::As(status) => json(status_of(status), said),
            Self::Late(millis) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                json(status, said)
            }
            Self::Never => std::future::pending().await,
            Self::Garbage => json(status, "<html>It works!</html>".to_owned()),
            Self::Nonsense => json(status, r#"{"state":"maybe","tax":"a lot"}"#.to_owned()),
            Self::Twice => json(status, format!("{said}{said}")),
            Self::Endless => json(status, " ".repeat(ENDLESS_BYTES)),
            Self::Moved => {
                (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, uri.to_string())]).into_response()
            }
        }
    }
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response()
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
