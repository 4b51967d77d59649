//! The way of every request to its handler: named, then, where it is for the shop's own routes, counted, timed and let in or
//! refused.
//!
//! It is around the router and not of layers in it: there each layer copies and boxes the services below it for every
//! request. One box holds the whole way, and is moved into place; so whatever waits in it is waited for where it is.

use super::{
    AppState,
    admit::{self, Admitted},
    api, around, cors,
    observe::Observed,
    path, request_id,
};
use crate::{connections::Inside, problem::Problem};
use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
};
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};
use tower_http::cors::CorsLayer;

/// All routes, and the way to them.
pub(crate) struct Entrance {
    shop: Arc<Shop>,
    /// Around all that answers: a preflight asks with a method that no route has, and refusals are for pages too.
    for_pages: Option<CorsLayer>,
}

impl Entrance {
    /// The way to all routes over this state.
    pub(crate) fn new(state: AppState) -> Self {
        let (own, document) = api().split_for_parts();
        let (around, _) = around().split_for_parts();
        let for_pages = cors::layer(&state.config.auth.origins);
        let router = own
            .merge(around)
            .fallback(async || Problem::not_found())
            .method_not_allowed_fallback(async || Problem::method_not_allowed())
            .with_state(state.clone());
        let own = own_routes(document.paths.paths.into_keys());
        Self { shop: Arc::new(Shop { state, router, own }), for_pages }
    }
}

impl Inside for Entrance {
    fn answer(&self, request: Request, peer: SocketAddr) -> BoxFuture<'static, Response> {
        let name = request_id::of(request.headers());
        let shop = Arc::clone(&self.shop);
        match &self.for_pages {
            None => {
                Box::pin(
                    async move { request_id::answered_as(name, pin!(shop.answer(request, peer.ip()))).await },
                )
            }
            Some(layer) => {
                let inside = service_fn(move |request| {
                    let shop = Arc::clone(&shop);
                    async move { Ok(shop.answer(request, peer.ip()).await) }
                });
                let answer = certain(layer.layer(inside).oneshot(request));
                Box::pin(async move { request_id::answered_as(name, pin!(answer)).await })
            }
        }
    }
}

/// An answer without the error that there is none of.
async fn certain(answer: impl Future<Output = Result<Response, Infallible>>) -> Response {
    answer.await.unwrap_or_else(|no| match no {})
}

/// What is behind the names of requests.
struct Shop {
    state: AppState,
    router: Router,
    own: OwnRoutes,
}

/// The shop's own routes, each by its path as the document writes it: as the router matches paths, so that it is known
/// before whose door is to be passed.
type OwnRoutes = matchit::Router<Box<str>>;

#[expect(clippy::expect_used, reason = "the router has taken the same paths")]
fn own_routes(paths: impl Iterator<Item = String>) -> OwnRoutes {
    let mut routes = OwnRoutes::new();
    for path in paths {
        routes.insert(path.clone(), path.into()).expect("paths that a router takes");
    }
    routes
}

impl Shop {
    async fn answer(&self, request: Request, peer: IpAddr) -> Response {
        let path = request.uri().path();
        if !path::is_text(path) {
            // It names nothing.
            return Problem::not_found().into_response();
        }
        match self.own.at(path).map(|matched| matched.value) {
            Ok(route) => Observed::of(&request, route).answered_by(pin!(self.admit(request, peer))).await,
            Err(_) => self.route(request).await,
        }
    }

    async fn admit(&self, request: Request, peer: IpAddr) -> Response {
        let (mut parts, body) = request.into_parts();
        match admit::admit(&self.state, &parts, peer).await {
            Ok(Admitted { caller, standing }) => {
                parts.extensions.insert(caller);
                let mut response = self.route(Request::from_parts(parts, body)).await;
                standing.tell(response.headers_mut());
                response
            }
            Err(refusal) => refusal,
        }
    }

    fn route(&self, request: Request) -> impl Future<Output = Response> + use<> {
        certain(self.router.clone().call(request))
    }
}
