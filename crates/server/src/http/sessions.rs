//! Sessions: `POST /v1/sessions`, `POST /v1/sessions/claim`, `POST /v1/sessions/claim/{id}/undo`.

use super::{
    AppState,
    answer::{Reply, give_session},
    incoming::Incoming,
    openapi::schema::{ClaimAnswer, SessionAnswer, UndoAnswer},
    wire::rfc3339,
};
use crate::{
    auth::SessionOrigin,
    problem::{Problem, kind},
};
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use cart::{
    operation::{LineOutcome, MergeRule, Policy},
    token::GuestToken,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::{CartAddress, MergeReceipt, Presented, Principal, claims::ClaimRequest};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(open)).routes(routes!(claim)).routes(routes!(undo))
}

/// Nothing yet.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenBody {}

/// Opens a guest's session: a token, also as a cookie, and an empty cart.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "sessions", operation_id = "openSession",
    request_body(content = OpenBody, example = json!({})),
    responses((status = 201, description = "The token, and the cart.", body = SessionAnswer<'static>)),
)]
async fn open(State(state): State<AppState>, incoming: Incoming) -> Result<Response, Problem> {
    let OpenBody {} = incoming.json_or_default()?;
    let token = state.service.open_session();
    let principal = Principal::Guest(token);
    let address = CartAddress::Own { principal, name: service::sessions::ACTIVE.to_owned() };
    let answer = state.service.read_own(&address, &Presented::default()).await?;
    let text = token.to_text(&state.keys.tokens());
    let mut members = Map::new();
    members.insert("token".to_owned(), text.into());
    members.insert("expires_at".to_owned(), rfc3339(token.expires_at).into());
    let reply = Reply { state: &state, incoming: &incoming, origin: SessionOrigin::Cookie };
    let mut response = reply.beside(StatusCode::CREATED, members, &answer);
    give_session(response.headers_mut(), &state, &token, SessionOrigin::Cookie);
    Ok(response)
}

/// Which guest's cart, and how.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimBody {
    #[serde(default)]
    /// The guest's token; without, the session cookie.
    guest_token: Option<String>,
    #[serde(default)]
    /// What becomes of lines that both have.
    policy: PolicyName,
    #[serde(default)]
    /// Shows the outcome and changes nothing.
    dry_run: bool,
}

/// What becomes of lines that both have.
#[derive(Debug, Default, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PolicyName {
    #[default]
    Sum,
    Max,
    KeepAccount,
    KeepGuest,
}

/// Merges a guest's cart into the account's, or shows what that would do (`dry_run`).
#[utoipa::path(
    post, path = "/v1/sessions/claim", tag = "sessions", operation_id = "claimSession",
    request_body(
        content = ClaimBody,
        example = json!({"guest_token": "g1.…", "policy": "sum", "dry_run": false}),
    ),
    responses(
        (status = 200, description = "Where each unit came from, and the cart.", body = ClaimAnswer<'static>),
    ),
)]
async fn claim(State(state): State<AppState>, incoming: Incoming) -> Result<Response, Problem> {
    let addressed = incoming.account_cart()?;
    let CartAddress::Own { principal: Principal::Account { subject }, name } = addressed.address else {
        return Err(Problem::unauthenticated());
    };
    let body: ClaimBody = incoming.json_or_default()?;
    let guest = guest_token(&state, &incoming, body.guest_token.as_deref())?;
    let request = ClaimRequest { subject, name, guest, policy: policy(body.policy) };
    let claimed = if body.dry_run {
        state.service.preview_claim(&request).await?
    } else {
        state.service.claim(&request).await?
    };
    let reply = Reply { state: &state, incoming: &incoming, origin: addressed.origin };
    let mut members = Map::new();
    members.insert("merge".to_owned(), merge(&claimed.receipt));
    Ok(reply.beside(StatusCode::OK, members, &claimed.answer))
}

/// The guest's token from the body, else from the cookie.
fn guest_token(state: &AppState, incoming: &Incoming, token: Option<&str>) -> Result<GuestToken, Problem> {
    let keys = &state.keys.tokens();
    let text = match token {
        Some(text) => text,
        None => incoming
            .cookie()
            .ok_or_else(|| Problem::invalid("/guest_token", "missing, and there is no session cookie"))?,
    };
    let foreign = |_| Problem::new(kind::BAD_GUEST_TOKEN, "`guest_token` is not one of this shop's");
    GuestToken::from_text(text, keys).map_err(foreign)
}

fn policy(name: PolicyName) -> Policy {
    match name {
        PolicyName::Sum => Policy::Sum,
        PolicyName::Max => Policy::Max,
        PolicyName::KeepAccount => Policy::KeepAccount,
        PolicyName::KeepGuest => Policy::KeepGuest,
    }
}

fn policy_name(policy: Policy) -> &'static str {
    match policy {
        Policy::Sum => "sum",
        Policy::Max => "max",
        Policy::KeepAccount => "keep_account",
        Policy::KeepGuest => "keep_guest",
    }
}

pub(super) fn merge(receipt: &MergeReceipt) -> Value {
    json!({
        // A preview is recorded nowhere, nor is a claim of nothing: an id would promise an undo that is refused.
        "id": receipt.undo_until.map(|_| &receipt.id),
        "policy": policy_name(receipt.policy),
        "lines": receipt.lines.iter().map(outcome).collect::<Vec<_>>(),
        "undo_until": receipt.undo_until.map(rfc3339),
        "already_merged": receipt.already_merged,
    })
}

fn outcome(line: &LineOutcome) -> Value {
    let LineOutcome { guest, account, result, .. } = *line;
    let rule = match line.rule {
        MergeRule::OnlyGuest => format!("{result} = {guest} you added as a guest"),
        MergeRule::Both(Policy::Sum) => {
            format!("{result} = {guest} you added as a guest + {account} from your account")
        }
        MergeRule::Both(Policy::Max) => {
            format!("{result} = the greater of {guest} you added as a guest and {account} from your account")
        }
        MergeRule::Both(Policy::KeepAccount) => {
            format!("{result} from your account, in place of {guest} you added as a guest")
        }
        MergeRule::Both(Policy::KeepGuest) => {
            format!("{result} you added as a guest, in place of {account} from your account")
        }
    };
    json!({"line": line.line.to_string(), "guest": guest, "account": account, "result": result, "rule": rule})
}

/// Undoes a merge: the guest gets a cart back.
#[utoipa::path(
    post, path = "/v1/sessions/claim/{id}/undo", tag = "sessions", operation_id = "undoClaim",
    params(("id" = String, Path, description = "`merge.id` of the claim.")),
    responses(
        (
            status = 200,
            description = "The account's cart without the guest's units, and a token for those.",
            body = UndoAnswer<'static>,
        ),
    ),
)]
async fn undo(
    State(state): State<AppState>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let addressed = incoming.account_cart()?;
    if !matches!(&addressed.address, CartAddress::Own { principal: Principal::Account { .. }, .. }) {
        return Err(Problem::unauthenticated());
    }
    let mut answer = state.service.undo_claim(&addressed.address, &id).await?;
    let guest = answer.session.take();
    let mut members = Map::new();
    if let Some(token) = guest {
        members.insert("guest_token".to_owned(), token.to_text(&state.keys.tokens()).into());
        members.insert("expires_at".to_owned(), rfc3339(token.expires_at).into());
    }
    let reply = Reply { state: &state, incoming: &incoming, origin: addressed.origin };
    let mut response = reply.beside(StatusCode::OK, members, &answer);
    let mut headers = HeaderMap::new();
    guest.iter().for_each(|token| give_session(&mut headers, &state, token, SessionOrigin::Cookie));
    response.headers_mut().extend(headers);
    Ok(response)
}
