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
use crate::problem::Problem;
use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};
use tower::{Layer, Service, ServiceExt as _};
use tower_http::cors::Cors;

/// All routes, and the way to them.
#[derive(Clone)]
pub(crate) struct Entrance {
    shop: Shop,
    /// Around all that answers: a preflight asks with a method that no route has, and refusals are for pages too.
    for_pages: Option<Arc<Cors<Shop>>>,
}

impl Entrance {
    /// The way to all routes over this state.
    pub(crate) fn new(state: AppState) -> Self {
        let (own, document) = api().split_for_parts();
        let (around, _) = around().split_for_parts();
        let layer = cors::layer(&state.config.auth.origins);
        let router = own
            .merge(around)
            .fallback(async || Problem::not_found())
            .method_not_allowed_fallback(async || Problem::method_not_allowed())
            .with_state(state.clone());
        let own = Arc::new(own_routes(document.paths.paths.into_keys()));
        let shop = Shop { state, router, own };
        let for_pages = layer.map(|layer| Arc::new(layer.layer(shop.clone())));
        Self { shop, for_pages }
    }
}

impl Service<Request> for Entrance {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let name = request_id::of(request.headers());
        match &self.for_pages {
            None => {
                let shop = self.shop.clone();
                Box::pin(async move { Ok(request_id::answered_as(name, shop.answer(request)).await) })
            }
            Some(for_pages) => {
                let answer = Cors::clone(for_pages).oneshot(request);
                Box::pin(async move {
                    Ok(request_id::answered_as(name, async { answer.await.unwrap_or_else(|no| match no {}) })
                        .await)
                })
            }
        }
    }
}

/// What is behind the names of requests.
#[derive(Clone)]
struct Shop {
    state: AppState,
    router: Router,
    own: Arc<OwnRoutes>,
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
    async fn answer(&self, request: Request) -> Response {
        let path = request.uri().path();
        if !path::is_text(path) {
            // It names nothing.
            return Problem::not_found().into_response();
        }
        match self.own.at(path).map(|matched| matched.value) {
            Ok(route) => Observed::of(&request, route).answered_by(self.admit(request)).await,
            Err(_) => self.route(request).await,
        }
    }

    async fn admit(&self, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        match admit::admit(&self.state, &parts).await {
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
        let answer = self.router.clone().call(request);
        async { answer.await.unwrap_or_else(|no| match no {}) }
    }
}

impl Service<Request> for Shop {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let shop = self.clone();
        Box::pin(async move { Ok(shop.answer(request).await) })
    }
}
