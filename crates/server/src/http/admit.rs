//! At the door of `/v1`: who asks, and whether it is not too often. What is admitted carries its [`Caller`].

use super::{AppState, limit::TooMany};
use crate::{
    auth::{Caller, authenticate},
    problem::Problem,
};
use axum::{
    extract::{ConnectInfo, Request},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};
use service::Principal;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

pub(super) async fn admit(state: AppState, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
    let limits = &state.rate_limits;
    let address = limits.proxies.client(peer, &parts.headers);
    let caller = match authenticate(&state, &parts).await {
        Ok(caller) => caller,
        Err(problem) => {
            return match limits.admit_unknown(address) {
                Ok(_) => problem.into_response(),
                Err(too_many) => refused(&too_many),
            };
        }
    };
    let opens = opens_session(&caller, &parts.method, parts.uri.path());
    match limits.admit(&caller, address, opens) {
        Ok(standing) => {
            parts.extensions.insert(caller);
            let mut response = next.run(Request::from_parts(parts, body)).await;
            standing.tell(response.headers_mut());
            response
        }
        Err(too_many) => refused(&too_many),
    }
}

/// `POST /v1/sessions` does, and so does a change by nobody.
fn opens_session(caller: &Caller, method: &Method, path: &str) -> bool {
    let nobody = matches!(caller, Caller::Shopper { principal: Principal::Nobody, .. });
    path == "/v1/sessions" || (nobody && !method.is_safe())
}

fn refused(too_many: &TooMany) -> Response {
    let mut response = Problem::rate_limited(too_many.retry_after_s).into_response();
    too_many.standing.tell(response.headers_mut());
    response
}
