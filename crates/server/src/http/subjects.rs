//! What is stored of a subject, and its erasure: `GET` and `DELETE /v1/subjects/{id}`, for services with the scope
//! `subjects`.
//!
//! Nothing here is ever logged with the subject: paths are logged as routes.

use super::{
    AppState,
    answer::json,
    openapi::schema::MergeAnswer,
    order_json::OrderJson,
    sessions,
    wire::{CartJson, rfc3339},
};
use crate::{
    auth::{Caller, Scope},
    problem::Problem,
};
use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use cart::Timestamp;
use serde_json::{Value, json as value};
use service::{
    CartAnswer,
    checkout::State as Bought,
    subjects::{ErasedSubject, ExportedCart, ExportedMerge},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(export, erase))
}

/// All that is stored of a subject.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct SubjectExport<'a> {
    carts: Vec<SubjectCart<'a>>,
    /// What the subject bought, newest first. Orders are the shop's books: an erasure keeps them.
    orders: Vec<OrderJson>,
    /// How often the subject was erased before.
    erasures: u32,
    #[schema(format = DateTime)]
    erased_at: Option<String>,
}

/// One of the subject's carts.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct SubjectCart<'a> {
    name: String,
    cart: CartJson<'a>,
    merges: Vec<SubjectMerge<'a>>,
}

/// A guest's cart that was merged into it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct SubjectMerge<'a> {
    /// The last day on which it was merged.
    #[schema(format = Date)]
    day: String,
    /// Where each unit came from; null where no record of it is left.
    receipt: Option<MergeAnswer>,
    /// What the guest's own rows still hold; null where they have ended.
    guest: Option<CartJson<'a>>,
}

/// What an erasure took away: nothing, where nothing was left.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct SubjectErasure {
    carts: Vec<ErasedCartJson>,
    /// Ids of guests' carts that were merged into them.
    guests: Vec<String>,
    /// Records of merges.
    merges: usize,
}

/// An erased cart.
#[derive(ToSchema)]
#[schema(as = ErasedCart)]
#[expect(dead_code, reason = "only its schema is used")]
struct ErasedCartJson {
    id: String,
    name: String,
}

/// Shows all that is stored of a subject: its carts with lines, saved lines and fields, and the merges into them,
/// and its orders.
#[utoipa::path(
    get, path = "/v1/subjects/{id}", tag = "service: subjects", operation_id = "exportSubject",
    params(("id" = String, Path, description = "The subject, as the identity provider names it.", min_length = 1)),
    responses((status = 200, description = "Everything.", body = SubjectExport<'static>)),
)]
async fn export(
    State(state): State<AppState>,
    caller: Caller,
    Path(subject): Path<String>,
) -> Result<Response, Problem> {
    caller.require(Scope::Subjects)?;
    let exported = state.service.export_subject(&subject).await?;
    let erased_at = Some(exported.erased_at).filter(|at| *at != Timestamp::default());
    let body = value!({
        "carts": exported.carts.iter().map(|cart| cart_json(&state, cart)).collect::<Vec<_>>(),
        "orders": exported.orders.iter().map(|order| OrderJson::of(order, Bought::Committed)).collect::<Vec<_>>(),
        "erasures": exported.erasures,
        "erased_at": erased_at.map(rfc3339),
    });
    Ok(json(StatusCode::OK, kept_by_nobody(), &body))
}

fn cart_json(state: &AppState, exported: &ExportedCart) -> Value {
    let merge = |merge: &ExportedMerge| {
        let day = rfc3339(Timestamp::default().plus_days(merge.day.0));
        value!({
            "day": day.get(..10),
            "receipt": merge.receipt.as_ref().map(sessions::merge),
            "guest": merge.guest.as_ref().map(|guest| shown(state, guest)),
        })
    };
    value!({
        "name": exported.name,
        "cart": shown(state, &exported.cart),
        "merges": exported.merges.iter().map(merge).collect::<Vec<_>>(),
    })
}

fn shown(state: &AppState, answer: &CartAnswer) -> Value {
    serde_json::to_value(CartJson::of(state, answer, &answer.view())).unwrap_or_default()
}

/// Erases all that is stored of a subject: its carts, and the guests' carts that were merged into them. Doing it again
/// changes nothing; the subject can shop again.
#[utoipa::path(
    delete, path = "/v1/subjects/{id}", tag = "service: subjects", operation_id = "eraseSubject",
    params(("id" = String, Path, description = "The subject, as the identity provider names it.", min_length = 1)),
    responses((status = 200, description = "What was erased.", body = SubjectErasure)),
)]
async fn erase(
    State(state): State<AppState>,
    caller: Caller,
    Path(subject): Path<String>,
) -> Result<Response, Problem> {
    caller.require(Scope::Subjects)?;
    let ErasedSubject { carts, guests, merges } = state.service.erase_subject(&subject).await?;
    tracing::info!(carts = carts.len(), guests = guests.len(), merges, "subject erased");
    let carts = carts.iter().map(|(name, cart)| value!({"id": cart.to_string(), "name": name}));
    let body = value!({
        "carts": carts.collect::<Vec<_>>(),
        "guests": guests.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "merges": merges,
    });
    Ok(json(StatusCode::OK, kept_by_nobody(), &body))
}

fn kept_by_nobody() -> HeaderMap {
    HeaderMap::from_iter([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))])
}
