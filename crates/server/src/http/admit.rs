//! At the door of `/v1`: who asks, and whether it is not too often. What is admitted carries its [`Caller`].

use super::{
    AppState,
    limit::{Standing, TooMany},
};
use crate::{
    auth::{Caller, authenticate},
    problem::Problem,
};
use axum::{
    http::{Method, request::Parts},
    response::{IntoResponse, Response},
};
use service::Principal;
use std::net::IpAddr;

/// A request that is let in.
pub(super) struct Admitted {
    pub(super) caller: Caller,
    pub(super) standing: Standing,
}

/// Lets a request of this peer in, or says what it is answered instead.
pub(super) async fn admit(state: &AppState, parts: &Parts, peer: IpAddr) -> Result<Admitted, Response> {
    let limits = &state.rate_limits;
    let address = limits.proxies.client(peer, &parts.headers);
    match authenticate(state, parts).await {
        Ok(caller) => {
            let opens = opens_session(&caller, &parts.method, parts.uri.path());
            match limits.admit(&caller, address, opens) {
                Ok(standing) => Ok(Admitted { caller, standing }),
                Err(too_many) => Err(refused(&too_many)),
            }
        }
        Err(problem) => Err(match limits.admit_unknown(address) {
            Ok(_) => problem.into_response(),
            Err(too_many) => refused(&too_many),
        }),
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
