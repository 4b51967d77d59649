//! Backups of a running server: `POST` and `GET /v1/admin/backups`, for services with the scope `admin`.
//!
//! A backup goes on behind the answer, and ends whoever still asks. It is written below the folder that configuration
//! names and nowhere else: a token alone must not make the server write files where its holder likes.

use super::{AppState, answer::json, body, wire::rfc3339};
use crate::{
    auth::{Caller, Scope},
    backup::jobs::{Job, Task, place_below},
    problem::{Problem, kind},
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::Deserialize;
use serde_json::{Value, json as value};
use std::path::PathBuf;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show_backup, start_backup))
}

/// Where to write a backup.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct BackupRequest {
    /// A folder below `backup.directory`, or its path.
    #[schema(min_length = 1)]
    directory: String,
}

/// A backup under way, or the last one.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct BackupState {
    /// `none` since the server started, `running`, `made` or `failed`.
    state: String,
    /// Where to.
    directory: Option<String>,
    /// Since when.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// Bytes written.
    bytes_written: Option<u64>,
    /// Bytes that must be copied; 0 until that is known.
    bytes_to_copy: Option<u64>,
    /// What was made: `made_at`, `region`, `incarnation`, `carts`, `bytes`.
    backup: Option<Value>,
    /// Why it failed; the backup before it stays.
    error: Option<String>,
}

/// Shows the backup under way, or the last one since the server started.
#[utoipa::path(
    get, path = "/v1/admin/backups", tag = "service: administration", operation_id = "showBackup",
    responses((status = 200, description = "How far it is.", body = BackupState, example = json!({"state": "none"}))),
)]
async fn show_backup(State(state): State<AppState>, caller: Caller) -> Result<Response, Problem> {
    caller.require(Scope::Admin)?;
    let shown = state.backups.last().map_or_else(|| value!({"state": "none"}), |job| shown(&job));
    Ok(json(StatusCode::OK, HeaderMap::new(), &shown))
}

/// Starts a backup of the store and the key files; it goes on behind the answer.
#[utoipa::path(
    post, path = "/v1/admin/backups", tag = "service: administration", operation_id = "startBackup",
    request_body(content = BackupRequest, example = json!({"directory": "nightly"})),
    responses(
        (
            status = 202,
            description = "It has begun.",
            body = BackupState,
            example = json!({
                "state": "running", "directory": "/backups/nightly", "started_at": "2026-11-27T10:00:00Z",
                "bytes_written": 0, "bytes_to_copy": 0,
            }),
        ),
    ),
)]
async fn start_backup(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    caller.require(Scope::Admin)?;
    body::require_json(request.headers())?;
    let bytes = body::read(request.into_body(), state.config.http.body_bytes_max).await?;
    let asked: BackupRequest = body::parse(&bytes)?;
    let Some(engine) = state.engine.embedded().cloned() else {
        let detail = "this shop's engine is a server of its own: back that up with its own tools";
        return Err(Problem::new(kind::BACKUP_OFF, detail));
    };
    let root = &state.config.backup.directory;
    if root.as_os_str().is_empty() {
        return Err(Problem::new(kind::BACKUP_OFF, "`backup.directory` is not set"));
    }
    let folder = Some(PathBuf::from(&asked.directory)).filter(|asked| !asked.as_os_str().is_empty());
    let folder = folder.and_then(|folder| place_below(root, &folder)).ok_or_else(|| {
        let detail = "must be a folder below `backup.directory`, which must exist";
        Problem::invalid("/directory", detail)
    })?;
    let task = Task {
        data: state.config.data.clone(),
        engine,
        region: state.config.region.clone(),
        incarnation: state.incarnation,
        folder,
    };
    let running = || Problem::new(kind::BACKUP_RUNNING, "one backup at a time");
    let job = state.backups.start(task).ok_or_else(running)?;
    Ok(json(StatusCode::ACCEPTED, HeaderMap::new(), &shown(&job)))
}

fn shown(job: &Job) -> Value {
    let (bytes_written, bytes_to_copy) = job.bytes();
    let mut shown = value!({
        "state": "running", "directory": job.folder, "started_at": rfc3339(job.started_at),
        "bytes_written": bytes_written, "bytes_to_copy": bytes_to_copy,
    });
    match &job.outcome {
        None => {}
        Some(Ok(made)) => {
            shown["state"] = "made".into();
            shown["backup"] = value!(made);
        }
        Some(Err(why)) => {
            shown["state"] = "failed".into();
            shown["error"] = why.as_str().into();
        }
    }
    shown
}
