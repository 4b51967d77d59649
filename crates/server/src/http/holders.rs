//! Carts that hold a SKU: what `GET /v1/carts` answers to a service that names `?sku=…`. A cart that changed a moment
//! ago may be missing; one that is there is as it is now.

use super::{
    AppState,
    answer::json as answer,
    page::{self, Asked},
    wire::rfc3339,
};
use crate::{
    auth::{Caller, Scope},
    problem::Problem,
};
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use cart::{CartId, Timestamp, line::Sku};
use serde::Serialize;
use service::index::{Holder, Holders};
use utoipa::ToSchema;

const LIMIT: usize = 20;
const LIMIT_MAX: usize = 100;

/// A page of carts that hold a SKU.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Holders)]
pub(super) struct HoldersJson {
    /// In the order of their ids.
    carts: Vec<HolderJson>,
    /// For `after`; null at the end. A page may be shorter than `limit` before it.
    next: Option<String>,
    /// False while carts may be missing, because all of them are being looked through.
    complete: bool,
    /// Carts that have just changed and were not looked at since.
    waiting: usize,
}

/// A cart that holds a SKU.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Holder)]
struct HolderJson {
    id: String,
    /// Units of the SKU in the cart, whatever their options.
    quantity: u64,
    /// Units of the SKU saved for later.
    saved: u64,
    #[schema(format = DateTime)]
    updated_at: Option<String>,
}

/// The page that is asked for, for services with the scope `carts`.
pub(super) async fn holders(state: &AppState, caller: &Caller, asked: &Asked) -> Result<Response, Problem> {
    caller.require(Scope::Carts)?;
    let sku = asked.one("sku").and_then(Sku::parse);
    let sku = sku.ok_or_else(|| Problem::bad_header("sku", "1 to 128 bytes without control characters"))?;
    let limit = asked.limit(LIMIT, LIMIT_MAX)?;
    let found = state.service.find_holders(&sku, asked.after(CartId::parse)?, limit).await?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    let page = HoldersJson::of(&found);
    if let Some(after) = &page.next {
        let limit = limit.to_string();
        let query = [("sku", &*sku), ("limit", &limit), ("after", after)];
        page::next(&mut headers, "/v1/carts", &serde_urlencoded::to_string(query).unwrap_or_default());
    }
    Ok(answer(StatusCode::OK, headers, &page))
}

impl HoldersJson {
    fn of(found: &Holders) -> Self {
        Self {
            carts: found.carts.iter().map(HolderJson::of).collect(),
            next: found.next.map(|cart| cart.to_string()),
            complete: found.complete,
            waiting: found.waiting,
        }
    }
}

impl HolderJson {
    fn of(holder: &Holder) -> Self {
        let Holder { cart, quantity, saved, updated_at } = *holder;
        let updated_at = Some(updated_at).filter(|at| *at != Timestamp::default()).map(rfc3339);
        Self { id: cart.to_string(), quantity, saved, updated_at }
    }
}
