//! `PUT /v1/cart`: the whole cart list put back by a client that keeps a copy, as a three-way merge with what it was
//! shown. What others did meanwhile stays.

use super::{
    AppState, body,
    cart::change_at,
    change::{AddBody, Trust},
    incoming::{Addressed, Incoming, seen},
};
use crate::problem::{Problem, kind};
use axum::response::Response;
use cart::line::LineKey;
use serde::Deserialize;
use serde_json::Value;
use service::{AddRequest, carts::Change};
use std::collections::{BTreeMap, btree_map::Entry};
use utoipa::ToSchema;

/// What the cart is to hold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutBody {
    /// Lines that were shown and are left out are removed.
    #[schema(value_type = Vec<AddBody>, max_items = 1000)]
    lines: Vec<Value>,
    /// `seen` of the cart, as it was last shown.
    #[schema(required, nullable = false)]
    #[serde(default)]
    seen: Option<String>,
}

pub(super) async fn put_at(
    state: &AppState,
    incoming: &Incoming,
    addressed: &Addressed,
    trust: Trust,
) -> Result<Response, Problem> {
    let PutBody { lines, seen: token } = incoming.json()?;
    let lines_max = state.config.http.bulk_operations_max;
    if lines.len() > lines_max {
        return Err(Problem::invalid("/lines", format!("at most {lines_max} lines")));
    }
    let detail = "send `seen` of the cart as it was last shown: what was added since then stays";
    let seen = seen(state, token.as_deref())?.ok_or_else(|| Problem::new(kind::SEEN_REQUIRED, detail))?;
    let change = Change::Replace { lines: by_key(lines, trust)?, seen };
    change_at(state, incoming, addressed, change).await
}

fn by_key(lines: Vec<Value>, trust: Trust) -> Result<BTreeMap<LineKey, AddRequest>, Problem> {
    let mut by_key = BTreeMap::new();
    for (index, line) in lines.into_iter().enumerate() {
        let at = format!("/lines/{index}");
        let line = body::parse_value::<AddBody>(line).and_then(|line| line.request(trust));
        let request = line.map_err(|problem| problem.below(&at))?;
        match by_key.entry(request.line.key()) {
            Entry::Vacant(free) => drop(free.insert(request)),
            Entry::Occupied(_) => return Err(Problem::invalid(at, "the line is in the list already")),
        }
    }
    Ok(by_key)
}
