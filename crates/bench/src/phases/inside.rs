//! Where the time of a request goes, by the server's own metrics: how long stores took, and how often engines were asked.
//!
//! Stores are measured outside a cache, so its time counts as theirs; loads that it answered are not asked of the engine
//! and are left out of the counts. What works beside requests (sweeps, folds that look for work) is left out where it can
//! be told apart.

use crate::process::Side;
use anyhow::{Context, Result, ensure};
use gameday::durability::api::{Client, Request};
use serde::Serialize;
use std::collections::BTreeMap;

const REQUESTS: &str = "http_server_request_duration_seconds";
const STORES: &str = "evercart_store_operation_duration_seconds";
const ENGINE_LOADS: &str = "evercart_cache_engine_loads_total";
/// What no request asks for.
const BESIDE: [&str; 8] =
    ["due", "find_unfolded", "scan", "owners", "register", "remove_deltas", "changed_since", "put_items"];

/// All series of a server, by name and labels.
pub(super) struct Metrics(BTreeMap<String, f64>);

/// Of one request of a turn, in the mean.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Inside {
    /// Milliseconds in the server.
    pub(super) server_ms: f64,
    /// Milliseconds of them in stores.
    pub(super) store_ms: f64,
    /// Operations of the engine, by store and name.
    pub(super) engine_operations: BTreeMap<String, f64>,
}

impl Metrics {
    /// Those of a server now.
    pub(super) fn of(side: &Side) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = Client::new(&format!("http://{}", side.address))?;
        let reply = runtime.block_on(client.send(&Request::new("GET".parse()?, "/metrics", "")));
        let reply = reply.context("metrics are not answered")?;
        ensure!(reply.is_done(), "metrics are refused with {}", reply.status);
        Ok(Self::parse(&String::from_utf8_lossy(&reply.body)))
    }

    fn parse(text: &str) -> Self {
        let series = text.lines().filter(|line| !line.starts_with('#'));
        let series = series.filter_map(|line| line.rsplit_once(' '));
        Self(series.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
    }

    /// How much each series of a metric has grown since, with its labels.
    fn grown<'a>(&'a self, before: &'a Self, metric: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        let of_metric = move |name: &'a str| name.strip_prefix(metric)?.strip_prefix('{');
        let series = self.0.iter().filter_map(move |(name, now)| Some((name, of_metric(name)?, *now)));
        series.map(|(name, labels, now)| (labels, now - before.0.get(name).copied().unwrap_or_default()))
    }
}

fn label<'a>(labels: &'a str, name: &str) -> &'a str {
    let value = labels.split(name).nth(1).and_then(|rest| rest.strip_prefix("=\""));
    value.and_then(|rest| rest.split('"').next()).unwrap_or_default()
}

impl Inside {
    /// What requests of carts did between two looks.
    pub(super) fn between(before: &Metrics, after: &Metrics) -> Result<Self> {
        let of_carts = |metric: &str| -> f64 {
            let grown = after.grown(before, metric);
            grown
                .filter(|(labels, _)| label(labels, "http_route").starts_with("/v1/cart"))
                .map(|(_, by)| by)
                .sum()
        };
        let (sum, count) = (format!("{REQUESTS}_sum"), format!("{REQUESTS}_count"));
        let (seconds, requests) = (of_carts(&sum), of_carts(&count));
        ensure!(requests > 0.0, "the server counted no request");
        let is_asked = |labels: &str| !BESIDE.contains(&label(labels, "operation"));
        let (sum, count) = (format!("{STORES}_sum"), format!("{STORES}_count"));
        let asked = after.grown(before, &sum).filter(|(labels, _)| is_asked(labels));
        let store_seconds: f64 = asked.map(|(_, by)| by).sum();
        let mut engine_operations = BTreeMap::new();
        for (labels, by) in after.grown(before, &count).filter(|(labels, _)| is_asked(labels)) {
            let name = format!("{}.{}", label(labels, "store"), label(labels, "operation"));
            engine_operations.insert(name, by / requests);
        }
        if after.0.keys().any(|name| name.starts_with(ENGINE_LOADS)) {
            let loads: f64 = after.grown(before, ENGINE_LOADS).map(|(_, by)| by).sum();
            engine_operations.insert("carts.load".to_owned(), loads / requests);
        }
        engine_operations.retain(|_, by| *by >= 0.0005);
        let ms = |seconds: f64| seconds * 1000.0 / requests;
        Ok(Self { server_ms: ms(seconds), store_ms: ms(store_seconds), engine_operations })
    }

    /// The part of the time that is not the engine's.
    pub(super) fn own_share(&self) -> f64 {
        (1.0 - self.store_ms / self.server_ms).max(0.0)
    }

    /// Operations of the engine for one request.
    pub(super) fn operations(&self) -> f64 {
        self.engine_operations.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{Inside, Metrics};

    const BEFORE: &str = "# HELP of nothing\n\
        http_server_request_duration_seconds_sum{http_request_method=\"POST\",http_route=\"/v1/cart/lines\"} 1\n\
        http_server_request_duration_seconds_count{http_request_method=\"POST\",http_route=\"/v1/cart/lines\"} 100\n\
        evercart_store_operation_duration_seconds_sum{store=\"carts\",operation=\"replace\"} 0.5\n\
        evercart_store_operation_duration_seconds_count{store=\"carts\",operation=\"replace\"} 100\n";

    #[test]
    fn what_a_cache_answered_is_no_operation_of_the_engine_and_sweeps_are_nobodys() {
        let after = "http_server_request_duration_seconds_sum{http_request_method=\"POST\",http_route=\"/v1/cart/lines\"} 3\n\
            http_server_request_duration_seconds_count{http_request_method=\"POST\",http_route=\"/v1/cart/lines\"} 1100\n\
            http_server_request_duration_seconds_sum{http_request_method=\"GET\",http_route=\"/metrics\"} 9\n\
            evercart_store_operation_duration_seconds_sum{store=\"carts\",operation=\"replace\"} 1.5\n\
            evercart_store_operation_duration_seconds_count{store=\"carts\",operation=\"replace\"} 1100\n\
            evercart_store_operation_duration_seconds_sum{store=\"carts\",operation=\"load\"} 0.5\n\
            evercart_store_operation_duration_seconds_count{store=\"carts\",operation=\"load\"} 1000\n\
            evercart_cache_engine_loads_total{consistency=\"eventual\"} 250\n\
            evercart_store_operation_duration_seconds_sum{store=\"stock\",operation=\"due\"} 7\n";
        let inside = Inside::between(&Metrics::parse(BEFORE), &Metrics::parse(after)).unwrap();
        assert!((inside.server_ms - 2.0).abs() < 1e-9 && (inside.store_ms - 1.5).abs() < 1e-9, "{inside:?}");
        assert!((inside.own_share() - 0.25).abs() < 1e-9);
        assert!((inside.operations() - 1.25).abs() < 1e-9, "{inside:?}");
    }
}
