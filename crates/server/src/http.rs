//! The HTTP API, `/v1`. One file for each resource: routes, request, response, handlers.
//!
//! HTTP and JSON live here and nowhere below; a request goes from here to one method of the service and back.

mod admin_carts;
mod admit;
mod answer;
mod backups;
mod body;
mod bulk;
mod cart;
mod carts;
mod catalog;
mod change;
mod checkout;
mod cors;
mod docs;
mod encoded;
mod entrance;
mod entries;
mod headers;
mod health;
mod holders;
mod incoming;
mod inventory;
pub(crate) mod limit;
mod lines;
mod ndjson;
mod observe;
mod openapi;
mod order_json;
mod orders;
mod page;
mod path;
pub(crate) mod refusal;
mod replace;
pub(crate) mod request_id;
mod service_carts;
mod sessions;
mod subjects;
mod tokens;
mod values;
mod wire;

pub(crate) use entrance::Entrance;
pub(crate) use observe::REQUEST_DURATION;
pub(crate) use wire::rfc3339;

use crate::{
    auth::Identity,
    backup::jobs::Jobs,
    config::Config,
    keys::live::LiveKeys,
    wiring::{Wired, engine::Engine},
};
use axum::http::HeaderValue;
use metrics_exporter_prometheus::PrometheusHandle;
use service::Service;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use utoipa_axum::router::OpenApiRouter;

/// What handlers share.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// What handlers share, whole.
pub struct Shared {
    /// The use cases.
    pub service: Arc<Service>,
    /// Seal and sign what callers carry.
    pub keys: Arc<LiveKeys>,
    /// Checks tokens.
    pub identity: Identity,
    /// The configuration in force.
    pub config: Config,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
    engine: Engine,
    incarnation: u32,
    backups: Jobs,
    rate_limits: Arc<limit::RateLimits>,
    /// As answers name it.
    region: HeaderValue,
    draining: AtomicBool,
}

impl std::ops::Deref for AppState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl AppState {
    /// The state of a server.
    pub fn new(
        wired: &Wired,
        keys: Arc<LiveKeys>,
        identity: Identity,
        config: Config,
        metrics: PrometheusHandle,
    ) -> Self {
        let rate_limits = limit::RateLimits::start(&config.rate);
        let (service, engine) = (wired.service.clone(), wired.engine.clone());
        let draining = AtomicBool::new(false);
        // One that is no plain text was refused at the start.
        let region = HeaderValue::from_str(&service.settings().region);
        let region = region.unwrap_or(HeaderValue::from_static("unnamed"));
        let (incarnation, backups) = (wired.incarnation, Jobs::default());
        Self(Arc::new(Shared {
            service,
            keys,
            identity,
            config,
            metrics,
            engine,
            incarnation,
            backups,
            rate_limits,
            region,
            draining,
        }))
    }

    /// From now on `/readyz` says that this node takes no new requests.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// What the shop's callers and services use, each route with its part of the OpenAPI document.
fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(sessions::routes())
        .merge(cart::routes())
        .merge(lines::routes())
        .merge(carts::routes())
        .merge(service_carts::routes())
        .merge(entries::routes())
        .merge(catalog::routes())
        .merge(checkout::routes())
        .merge(orders::routes())
        .merge(inventory::routes())
        .merge(inventory::public())
        .merge(admin_carts::routes())
        .merge(backups::routes())
        .merge(subjects::routes())
        .merge(tokens::routes())
}

/// What is around it: health and reference.
fn around() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(health::routes()).merge(docs::routes())
}
