//! Where the time of a request goes, by the server's own metrics: how long stores took, and how often engines were asked.
//!
//! Stores are measured outside a cache, so its time counts as theirs; loads that it answered are not asked of the engine
//! and are left out of the counts. What works behind requests (the index of SKUs, folds, sweeps) is left out of the times
//! and counted by itself. Operations under way at once count with the whole time of each.

use crate::process::Side;
use anyhow::{Context, Result, ensure};
use gameday::durability::api::{Client, Request};
use serde::Serialize;
use std::collections::BTreeMap;

const REQUESTS: &str = "http_server_request_duration_seconds";
const STORES: &str = "evercart_store_operation_duration_seconds";
const REQUEST: &str = "request";
const WORKER: &str = "worker";
const ENGINE_LOADS: &str = "evercart_cache_engine_loads_total";

/// All series of a server, by name and labels.
pub(super) struct Metrics(BTreeMap<String, f64>);

/// Of one request of a turn, in the mean.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Inside {
    /// Milliseconds in the server.
    pub(super) server_ms: f64,
    /// Milliseconds of them in stores.
    pub(super) store_ms: f64,
    /// Operations of the engine for requests, by store and name.
    pub(super) engine_operations: BTreeMap<String, f64>,
    /// Those of what works behind requests meanwhile.
    pub(super) worker_operations: f64,
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
        let (sum, count) = (format!("{STORES}_sum"), format!("{STORES}_count"));
        let asked = after.grown(before, &sum).filter(|(labels, _)| label(labels, "asker") == REQUEST);
        let store_seconds: f64 = asked.map(|(_, by)| by).sum();
        let ms = |seconds: f64| seconds * 1000.0 / requests;
        let mut engine_operations = operations(before, after, &count, REQUEST);
        let mut worker_operations = operations(before, after, &count, WORKER);
        for of in [&mut engine_operations, &mut worker_operations] {
            of.values_mut().for_each(|by| *by /= requests);
            of.retain(|_, by| *by >= 0.0005);
        }
        Ok(Self {
            server_ms: ms(seconds),
            store_ms: ms(store_seconds),
            engine_operations,
            worker_operations: total(&worker_operations),
        })
    }

    /// The part of the time that is not the engine's.
    pub(super) fn own_share(&self) -> f64 {
        (1.0 - self.store_ms / self.server_ms).max(0.0)
    }

    /// Operations of the engine for one request.
    pub(super) fn operations(&self) -> f64 {
        total(&self.engine_operations)
    }
}

/// The sum of all; of none it is 0, where floats would have it be -0.
fn total(operations: &BTreeMap<String, f64>) -> f64 {
    operations.values().fold(0.0, |sum, by| sum + by)
}

/// Operations of the engine for this asker, by store and name.
fn operations(before: &Metrics, after: &Metrics, metric: &str, asker: &str) -> BTreeMap<String, f64> {
    let of_asker = |(labels, _): &(&str, f64)| label(labels, "asker") == asker;
    let mut operations = BTreeMap::new();
    for (labels, by) in after.grown(before, metric).filter(of_asker) {
        operations.insert(format!("{}.{}", label(labels, "store"), label(labels, "operation")), by);
    }
    if after.0.keys().any(|name| name.starts_with(ENGINE_LOADS)) {
        let loads = after.grown(before, ENGINE_LOADS).filter(of_asker).map(|(_, by)| by).sum();
        operations.insert("carts.load".to_owned(), loads);
    }
    operations
}

#[cfg(test)]
mod tests {
    use super::{Inside, Metrics};

    const BEFORE: &str = "# HELP of nothing\n\
        http_server_request_duration_seconds_sum{http_request_method=\"POST\",http_route=\"/v1/cart/lines\"} 1\n\
        http_server_request_duration_seconds_count{http_request_method=\"POST\",http_route=\"/v1/cart/lines\"} 100\n\
        evercart_store_operation_duration_seconds_sum{store=\"carts\",operation=\"replace\",asker=\"request\"} 0.5\n\
        evercart_store_operation_duration_seconds_count{store=\"carts\",operation=\"replace\",asker=\"request\"} 100\n";

    #[test]
    fn what_a_cache_answered_is_no_operation_of_the_engine_and_workers_count_by_themselves() {
        let after = "http_server_request_duration_seconds_sum{http_request_method=\"POST\",http_route=\"/v1/cart/lines\"} 3\n\
            http_server_request_duration_seconds_count{http_request_method=\"POST\",http_route=\"/v1/cart/lines\"} 1100\n\
            http_server_request_duration_seconds_sum{http_request_method=\"GET\",http_route=\"/metrics\"} 9\n\
            evercart_store_operation_duration_seconds_sum{store=\"carts\",operation=\"replace\",asker=\"request\"} 1.5\n\
            evercart_store_operation_duration_seconds_count{store=\"carts\",operation=\"replace\",asker=\"request\"} 1100\n\
            evercart_store_operation_duration_seconds_sum{store=\"carts\",operation=\"load\",asker=\"request\"} 0.5\n\
            evercart_store_operation_duration_seconds_count{store=\"carts\",operation=\"load\",asker=\"request\"} 1000\n\
            evercart_cache_engine_loads_total{consistency=\"eventual\",asker=\"request\"} 250\n\
            evercart_cache_engine_loads_total{consistency=\"eventual\",asker=\"worker\"} 500\n\
            evercart_store_operation_duration_seconds_sum{store=\"carts\",operation=\"load\",asker=\"worker\"} 7\n\
            evercart_store_operation_duration_seconds_count{store=\"carts\",operation=\"load\",asker=\"worker\"} 600\n";
        let inside = Inside::between(&Metrics::parse(BEFORE), &Metrics::parse(after)).unwrap();
        assert!((inside.server_ms - 2.0).abs() < 1e-9 && (inside.store_ms - 1.5).abs() < 1e-9, "{inside:?}");
        assert!((inside.own_share() - 0.25).abs() < 1e-9);
        let operations = (inside.operations(), inside.worker_operations);
        assert!((operations.0 - 1.25).abs() < 1e-9 && (operations.1 - 0.5).abs() < 1e-9, "{inside:?}");
    }
}
