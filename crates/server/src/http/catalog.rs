//! The shop's items: `PUT /v1/catalog/items`, one JSON object a line; a result per line, and bad lines never stop
//! good ones. How they come out again is in [`listing`].

mod listing;

use super::{
    AppState, body,
    ndjson::{self, NDJSON},
    values::{optional_whole, price},
};
use crate::{
    auth::{Caller, Scope},
    problem::Problem,
};
use axum::{
    extract::{Request, State},
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use cart::{
    Timestamp,
    item::Item,
    line::{Sku, Texts},
    money::Money,
};
use serde::Deserialize;
use serde_json::{Value, json};
use service::{Environment as _, catalog::NewItem};
use smol_str::SmolStr;
use storage::PutOutcome;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(put_items)).merge(listing::routes())
}

/// Items stored with one write.
const BATCH: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemBody {
    sku: String,
    title: SmolStr,
    #[serde(default, deserialize_with = "price")]
    price: Option<Money>,
    #[serde(default)]
    image: Option<SmolStr>,
    #[serde(default)]
    url: Option<SmolStr>,
    #[serde(default = "yes")]
    available: bool,
    #[serde(default, deserialize_with = "optional_whole")]
    min: Option<u32>,
    #[serde(default, deserialize_with = "optional_whole")]
    max: Option<u32>,
    #[serde(default)]
    attributes: Texts,
    #[serde(default, deserialize_with = "optional_whole")]
    revision: Option<u64>,
}

fn yes() -> bool {
    true
}

/// Imports items, one JSON object a line; answers a result a line, and bad lines never stop good ones.
#[utoipa::path(
    put, path = "/v1/catalog/items", tag = "service: catalogue", operation_id = "putItems",
    request_body(
        content = String,
        content_type = "application/x-ndjson",
        description = "One `ItemBody` a line.",
        example = "{\"sku\":\"85123A\",\"title\":\"Lantern\",\"price\":{\"amount\":255,\"currency\":\"GBP\"}}\n",
    ),
    responses(
        (
            status = 200,
            description = "A result a line: `line`, `sku`, `status` (`stored`, `older` or `rejected`), and `code` and `message` of what was rejected.",
            body = String,
            content_type = "application/x-ndjson",
            example = "{\"line\":1,\"sku\":\"85123A\",\"status\":\"stored\"}\n",
        ),
    ),
)]
async fn put_items(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    caller.require(Scope::Catalog)?;
    let lines = ndjson::lines(request, state.config.http.bulk_bytes_max).await?;
    let line_bytes_max = state.config.http.body_bytes_max;
    let mut results = Vec::new();
    for batch in lines.chunks(BATCH) {
        put_batch(&state, batch, line_bytes_max, &mut results).await;
    }
    let mut text = String::new();
    for result in results {
        text.push_str(&result.to_string());
        text.push('\n');
    }
    Ok(([(header::CONTENT_TYPE, NDJSON)], text).into_response())
}

async fn put_batch(
    state: &AppState,
    lines: &[(Bytes, usize)],
    line_bytes_max: usize,
    results: &mut Vec<Value>,
) {
    let now = crate::wiring::World.now();
    let parsed: Vec<Result<NewItem, Problem>> =
        lines.iter().map(|(line, _)| parse(line, line_bytes_max, now)).collect();
    let items: Vec<NewItem> = parsed.iter().filter_map(|item| item.as_ref().ok().cloned()).collect();
    let stored = state.service.put_items(items).await;
    let mut outcomes = stored.as_deref().unwrap_or_default().iter();
    for (item, (_, line)) in parsed.iter().zip(lines) {
        results.push(match (item, &stored) {
            (Err(problem), _) => {
                json!({"line": line, "status": "rejected", "code": problem.code, "message": problem.detail()})
            }
            (Ok(item), Ok(_)) => {
                let older = outcomes.next() == Some(&PutOutcome::Older);
                json!({"line": line, "sku": &*item.sku, "status": if older { "older" } else { "stored" }})
            }
            (Ok(item), Err(error)) => {
                let problem = Problem::from(error);
                let (code, message) = (problem.code, problem.detail().to_owned());
                json!({"line": line, "sku": &*item.sku, "status": "rejected", "code": code, "message": message})
            }
        });
    }
}

fn parse(line: &[u8], bytes_max: usize, now: Timestamp) -> Result<NewItem, Problem> {
    if line.len() > bytes_max {
        return Err(Problem::too_large(bytes_max));
    }
    let body: ItemBody = body::parse(line)?;
    let wrong = |pointer: &str, detail: &str| Problem::invalid(pointer, detail);
    let sku =
        Sku::parse(&body.sku).ok_or_else(|| wrong("/sku", "1 to 128 bytes without control characters"))?;
    let least = body.min.unwrap_or(1);
    if least == 0 || body.max.is_some_and(|most| most < least) {
        return Err(wrong("/min", "`min` must be at least 1 and at most `max`"));
    }
    let item = Item {
        title: body.title,
        image: body.image,
        url: body.url,
        price: body.price,
        quoted: false,
        available: body.available,
        quantity_min: body.min,
        quantity_max: body.max,
        captured_at: now,
    };
    Ok(NewItem { sku, revision: body.revision, item, attributes: body.attributes })
}
