//! Where each unit of a cart came from: `GET /v1/carts/{id}/entries`, for services with the scope `carts`.
//!
//! An entry is what one operation put in and nothing has taken out since. What has gone is not here: a cart keeps
//! that something is gone, not what it was.

use super::{
    AppState,
    answer::Reply,
    incoming::Incoming,
    openapi::schema::CartIdText,
    wire::{MoneyJson, rfc3339},
};
use crate::{
    auth::{Scope, SessionOrigin},
    problem::Problem,
};
use axum::{
    extract::{Path, State},
    response::Response,
};
use cart::{
    Cart, CartId, Day, Dot, Timestamp,
    entry::{Group, Shown},
    line::{LineId, LineKey, List, Texts},
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// What is known of a cart, entry by entry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Entries)]
pub(super) struct EntriesJson<'a> {
    /// The cart's.
    id: String,
    /// By line, and within one in the order in which they were put in.
    entries: Vec<EntryJson<'a>>,
    /// Entries of which a part has not arrived from another region yet.
    incomplete: usize,
    /// Guests' carts that were merged into this one.
    merged: Vec<MergedJson>,
    /// The account's cart that took this one in.
    merged_into: Option<String>,
    #[schema(format = DateTime)]
    updated_at: Option<String>,
}

/// What one operation put in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Entry)]
struct EntryJson<'a> {
    /// The operation: its writer and number.
    id: String,
    line: String,
    sku: &'a str,
    #[schema(value_type = BTreeMap<String, String>)]
    options: &'a Texts,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seller: Option<&'a str>,
    list: ListJson,
    /// Units of this entry.
    quantity: u32,
    /// Of these, how many the line's quantity counts: of a wish that was told twice, the greatest counts.
    counted: u32,
    /// Entries of one group are one wish, told more than once.
    group: Option<String>,
    how: How,
    /// The cart that was addressed: this one, or the guest's that it was merged from.
    origin: Option<String>,
    #[schema(format = DateTime)]
    added_at: Option<String>,
    /// Of one unit, when it was put in.
    unit_price_then: Option<MoneyJson<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ListJson {
    Cart,
    Saved,
}

/// How an entry got into the cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum How {
    /// So many more were asked for.
    Add,
    /// The quantity was set to more than was shown.
    Raise,
    /// It came with another cart.
    Merge,
}

/// A guest's cart that was merged into this one.
#[derive(Debug, Serialize, ToSchema)]
struct MergedJson {
    id: String,
    /// The day on which the merge was last told.
    #[schema(format = Date)]
    day: String,
}

/// Lists where each unit of a cart came from: how, from which cart, when and at which price.
#[utoipa::path(
    get, path = "/v1/carts/{id}/entries", tag = "service: carts", operation_id = "listEntriesById",
    params(("id" = CartIdText, Path, description = "The cart's id.")),
    responses((status = 200, description = "The entries.", body = EntriesJson<'static>)),
)]
async fn list(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    incoming.caller.require(Scope::Carts)?;
    let cart = CartId::parse(&id).ok_or_else(Problem::not_found)?;
    let presented = incoming.presented(&state)?;
    // Also of a guest's cart that was merged: where it went is part of the answer.
    let answer = state.service.read(cart, &presented).await?;
    let reply = Reply { state: &state, incoming: &incoming, origin: SessionOrigin::Header };
    Ok(reply.read_as(&answer, &EntriesJson::of(answer.cart, &answer.state)))
}

impl<'a> EntriesJson<'a> {
    fn of(cart: CartId, state: &'a Cart) -> Self {
        let counted = counted(state);
        let mut shown: Vec<(Dot, Shown<'a>)> = state.shown().collect();
        shown.sort_by_key(|(dot, shown)| (shown.line.key(), shown.list, added(shown), *dot));
        let entry = |(dot, shown): &(Dot, Shown<'a>)| EntryJson::of(cart, *dot, shown, counted.contains(dot));
        Self {
            id: cart.to_string(),
            entries: shown.iter().map(entry).collect(),
            incomplete: state.entries.len() - shown.len(),
            merged: state.merged.iter().map(|(guest, day)| MergedJson::of(*guest, *day)).collect(),
            merged_into: state.merged_into.map(|account| account.to_string()),
            updated_at: Some(state.touched).filter(|at| *at != Timestamp::default()).map(rfc3339),
        }
    }
}

impl<'a> EntryJson<'a> {
    fn of(cart: CartId, dot: Dot, shown: &Shown<'a>, counts: bool) -> Self {
        let entry = shown.entry;
        let how = match entry.origin {
            Some(origin) if origin != cart => How::Merge,
            _ if entry.group != Group::NONE => How::Raise,
            _ => How::Add,
        };
        Self {
            id: format!("{:016x}.{}", dot.writer.0, dot.seq),
            line: LineId { key: shown.line.key(), list: shown.list }.to_string(),
            sku: shown.line.sku(),
            options: shown.line.options(),
            seller: shown.line.seller().map(|seller| seller.as_str()),
            list: if shown.list == List::Cart { ListJson::Cart } else { ListJson::Saved },
            quantity: shown.n,
            counted: if counts { shown.n } else { 0 },
            group: (entry.group != Group::NONE).then(|| format!("{:016x}", entry.group.0)),
            how,
            origin: entry.origin.map(|origin| origin.to_string()),
            added_at: added(shown).map(|at| rfc3339(Timestamp(at))),
            unit_price_then: entry
                .added
                .as_ref()
                .and_then(|added| added.item.price.as_ref())
                .map(MoneyJson::from),
        }
    }
}

impl MergedJson {
    fn of(guest: CartId, day: Day) -> Self {
        let mut day = rfc3339(Timestamp::default().plus_days(day.0));
        day.truncate("2026-11-22".len());
        Self { id: guest.to_string(), day }
    }
}

/// Milliseconds at which it was put in.
fn added(shown: &Shown<'_>) -> Option<u64> {
    shown.entry.added.as_ref().map(|added| added.stamp)
}

/// The entries that a line's quantity counts: those without a group, and the greatest of each group.
fn counted(state: &Cart) -> BTreeSet<Dot> {
    let mut counted = BTreeSet::new();
    let mut greatest: BTreeMap<(LineKey, List, Group), (u32, Dot)> = BTreeMap::new();
    for (dot, shown) in state.shown() {
        if shown.entry.group == Group::NONE {
            counted.insert(dot);
            continue;
        }
        let most = greatest.entry((shown.line.key(), shown.list, shown.entry.group)).or_insert((0, dot));
        *most = (*most).max((shown.n, dot));
    }
    counted.extend(greatest.into_values().map(|(_, dot)| dot));
    counted
}
