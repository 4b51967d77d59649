//! Whole carts out and in: `GET` and `POST /v1/admin/carts`, for services with the scope `admin`.
//!
//! A line is a cart as the store knows it, removed things included, so that importing it is a join: twice is once, and
//! what is removed stays so. Neither side holds more than a page.

use super::{
    AppState, body,
    ndjson::{self, NDJSON},
    page::{self, Asked},
};
use crate::{
    auth::{Caller, Scope},
    cart_lines::Line,
    problem::Problem,
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use cart::CartId;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use service::transfer::Imported;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(export, import))
}

const LIMIT: usize = 1_000;
/// Carts read with one look at the store.
const AT_ONCE: usize = 250;
/// A page is cut once it has so many bytes.
const PAGE_BYTES: usize = 4 << 20;
/// Carts of a request that are joined at once.
const JOINS: usize = 256;

const EXAMPLE: &str = "{\"id\":\"c_AAAAAAAAAAAAAAAAAAAAAA\",\"state\":\"AQ…\",\"digest\":\"0c0ffee00c0ffee00c0ffee00c0ffee0\"}\n";

/// Exports carts in the order of their ids, a line each; one that is damaged in the store is a line that says so.
#[utoipa::path(
    get, path = "/v1/admin/carts", tag = "service: administration", operation_id = "exportCarts",
    params(
        ("after" = Option<String>, Query, description = "The id of the last cart that is had already."),
        ("limit" = Option<u32>, Query, description = "Carts of a page; 1,000 without.", minimum = 1, maximum = 1_000),
    ),
    responses(
        (
            status = 200,
            description = "A cart a line: `id`, `state` (base64 of the stored format), and a `digest` of both; or `id` and `damaged`. A page may be shorter than `limit`: `Link` leads on until there is no more.",
            body = String,
            content_type = "application/x-ndjson",
            example = json!(EXAMPLE),
        ),
    ),
)]
async fn export(State(state): State<AppState>, caller: Caller, asked: Asked) -> Result<Response, Problem> {
    caller.require(Scope::Admin)?;
    let limit = asked.limit(LIMIT, LIMIT)?;
    let mut after = asked.after(CartId::parse)?;
    let (mut text, mut count, mut is_last) = (String::new(), 0, false);
    while !is_last && count < limit && text.len() < PAGE_BYTES {
        let wanted = AT_ONCE.min(limit - count);
        let carts = state.service.export(after, wanted).await?;
        is_last = carts.len() < wanted;
        count += carts.len();
        after = carts.last().map(|exported| exported.cart).or(after);
        for exported in carts {
            let line = match exported.state {
                Ok(bytes) => Line::of_cart(exported.cart, &bytes),
                Err(_) => Line::of_damaged(exported.cart),
            };
            text.push_str(&line.to_text());
        }
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Some(after) = after.filter(|_| !is_last) {
        page::next(&mut headers, "/v1/admin/carts", &format!("limit={limit}&after={after}"));
    }
    Ok((headers, text).into_response())
}

/// Joins carts to what is known of them here; answers a result a line, and bad lines never stop good ones.
#[utoipa::path(
    post, path = "/v1/admin/carts", tag = "service: administration", operation_id = "importCarts",
    request_body(
        content = String,
        content_type = "application/x-ndjson",
        description = "Lines as `GET` gives them.",
        example = json!(EXAMPLE),
    ),
    responses(
        (
            status = 200,
            description = "A result a line: `line`, `id`, `status` (`joined`, `unchanged` or `rejected`), and `code` and `message` of what was rejected.",
            body = String,
            content_type = "application/x-ndjson",
            example = "{\"line\":1,\"id\":\"c_AAAAAAAAAAAAAAAAAAAAAA\",\"status\":\"joined\"}\n",
        ),
    ),
)]
async fn import(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    caller.require(Scope::Admin)?;
    let lines = ndjson::lines(request, state.config.http.bulk_bytes_max).await?;
    let results =
        stream::iter(lines).map(|(line, number)| import_line(state.clone(), line, number)).buffered(JOINS);
    let text = results.fold(String::new(), async |text, result| text + &result.to_string() + "\n").await;
    Ok(([(header::CONTENT_TYPE, NDJSON)], text).into_response())
}

async fn import_line(state: AppState, line: Bytes, number: usize) -> Value {
    let line: Line = match body::parse(&line) {
        Ok(line) => line,
        Err(problem) => return rejected(number, None, &problem),
    };
    let id = line.id.as_deref();
    let read = line.checked_cart().map_err(str::to_owned).and_then(|cart| Ok((cart, line.state()?)));
    let (cart, (known, name)) = match read {
        Ok(read) => read,
        Err(why) => return rejected(number, id, &Problem::invalid("", why)),
    };
    match state.service.import(cart, known, name).await {
        Ok(Imported::Joined) => json!({"line": number, "id": id, "status": "joined"}),
        Ok(Imported::Unchanged) => json!({"line": number, "id": id, "status": "unchanged"}),
        Err(error) => rejected(number, id, &Problem::from(&error)),
    }
}

fn rejected(number: usize, id: Option<&str>, problem: &Problem) -> Value {
    json!({"line": number, "id": id, "status": "rejected", "code": problem.code, "message": problem.detail()})
}
