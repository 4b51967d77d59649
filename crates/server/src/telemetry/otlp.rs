//! Whether and as whom this process speaks OTLP: the usual `OTEL_*` variables, for traces and for metrics alike.

use opentelemetry_sdk::Resource;

/// True when the environment names a collector for this signal, `TRACES` or `METRICS`.
pub(super) fn is_asked_for(signal: &str) -> bool {
    let disabled = std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    let own = format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT");
    let switched_off =
        std::env::var(format!("OTEL_{signal}_EXPORTER")).is_ok_and(|exporter| exporter == "none");
    !disabled && !switched_off && ["OTEL_EXPORTER_OTLP_ENDPOINT", &own].into_iter().any(is_set)
}

/// Who speaks.
pub(super) fn resource() -> Resource {
    let resource = Resource::builder();
    if is_set("OTEL_SERVICE_NAME") { resource } else { resource.with_service_name("evercart") }.build()
}

fn is_set(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| !value.is_empty())
}
