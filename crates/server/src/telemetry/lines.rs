//! Lines of the log that say which request they are of.
//!
//! The id is taken from the task that runs the request and not from a span: one would be made for each request, and hardly
//! any logs a line.

use crate::http::request_id;
use std::fmt;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Writer},
    },
    registry::LookupSpan,
};

/// Puts the id of the request under way into each line, of JSON or for people.
pub(super) struct OfRequest<F> {
    pub(super) format: Format<F>,
    pub(super) is_json: bool,
}

impl<S, N, F> FormatEvent<S, N> for OfRequest<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    Format<F>: FormatEvent<S, N> + Clone,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(id) = request_id::current() else {
            return self.format.format_event(context, writer, event);
        };
        let mut line = String::new();
        // A new writer knows nothing of colours.
        let format = self.format.clone().with_ansi(writer.has_ansi_escapes());
        format.format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(&self.with(&id, line.trim_end()))?;
        writer.write_char('\n')
    }
}

impl<F> OfRequest<F> {
    /// An id has no characters that would have to be escaped.
    fn with(&self, id: &str, line: &str) -> String {
        match line.strip_prefix('{').filter(|_| self.is_json) {
            Some(fields) => format!("{{\"request_id\":\"{id}\",{fields}"),
            None => format!("{line} request_id={id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OfRequest;
    use serde_json::{Value, json};
    use tracing_subscriber::fmt::format;

    #[test]
    fn a_line_says_which_request_it_is_of() {
        let line = |is_json, text| OfRequest { format: format(), is_json }.with("order-7/a", text);
        assert_eq!(line(false, "WARN slow"), "WARN slow request_id=order-7/a");
        let read: Value = serde_json::from_str(&line(true, r#"{"level":"WARN","message":"slow"}"#)).unwrap();
        assert_eq!(read, json!({"request_id": "order-7/a", "level": "WARN", "message": "slow"}));
    }
}
