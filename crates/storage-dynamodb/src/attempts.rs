//! Whether an attempt of a request ended without a definite answer.
//!
//! The SDK repeats a request by itself, and what it returns in the end speaks of the last attempt alone. For a conditional
//! write that is not enough: a refusal after a lost answer may be the echo of our own first attempt. This interceptor
//! looks at each attempt as it ends and remembers what the last one may hide.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, ConnectorError};

/// Follows the attempts of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempts {
    may_be_applied: Arc<AtomicBool>,
}

impl Attempts {
    /// True when some attempt may have taken effect without saying so.
    pub(crate) fn may_be_applied(&self) -> bool {
        self.may_be_applied.load(Ordering::Acquire)
    }
}

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "attempts"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(Err(error)) = context.output_or_error() else { return Ok(()) };
        let is_open = if error.is_operation_error() {
            // An answer of the service: it knows what it refused, and does not know what it failed at.
            context.response().is_none_or(|response| is_unknown(response.status().as_u16()))
        } else if let Some(connector) = error.as_connector_error() {
            !is_before_sending(connector)
        } else {
            error.is_timeout_error() || error.is_response_error()
        };
        if is_open {
            self.may_be_applied.store(true, Ordering::Release);
        }
        Ok(())
    }
}

/// True for a status that leaves open whether the request took effect.
pub(crate) fn is_unknown(status: u16) -> bool {
    status >= 500
}

/// True when there was no connection to send anything on.
pub(crate) fn is_before_sending(error: &ConnectorError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(client) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return client.is_connect();
        }
        cause = error.source();
    }
    false
}
