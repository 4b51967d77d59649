//! The reference as one HTML page: rendered from the document, without scripts, fonts or anything to load.

use serde_json::Value;
use std::fmt::Write as _;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    code,pre{font:14px/1.45 ui-monospace,monospace}pre{background:#8881;padding:.8rem;overflow:auto}\
    summary{cursor:pointer;padding:.4rem 0}details{border-top:1px solid #8884}table{border-collapse:collapse}\
    td,th{border-top:1px solid #8884;padding:.3rem .8rem .3rem 0;text-align:left;vertical-align:top}\
    .method{display:inline-block;min-width:4.5rem;font-weight:600}:root{color-scheme:light dark}";

/// The page of a document.
pub(super) fn of(document: &Value) -> String {
    let title = escape(text(&document["info"]["title"]));
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}: reference</title>\
         <style>{STYLE}</style></head><body><h1>{title} {}</h1><p>{}</p>\
         <p>For machines: <a href=\"/openapi.json\"><code>/openapi.json</code></a>.</p>",
        escape(text(&document["info"]["version"])),
        escape(text(&document["info"]["description"])),
    );
    let mut tags: Vec<&str> = operations(document).map(|(_, _, operation)| tag(operation)).collect();
    tags.sort_unstable();
    tags.dedup();
    for name in tags {
        put(&mut page, format_args!("<h2>{}</h2>", escape(name)));
        for (path, method, operation) in operations(document).filter(|(_, _, it)| tag(it) == name) {
            put_operation(&mut page, path, method, operation);
        }
    }
    page.push_str("<h2>Shapes</h2>");
    for (name, schema) in members(&document["components"]["schemas"]) {
        let (id, shown) = (escape(name), escape(&pretty(schema)));
        put(
            &mut page,
            format_args!(
                "<details id=\"{id}\"><summary><code>{id}</code></summary><pre>{shown}</pre></details>"
            ),
        );
    }
    page.push_str("</body></html>\n");
    page
}

fn put_operation(page: &mut String, path: &str, method: &str, operation: &Value) {
    let id = escape(text(&operation["operationId"]));
    put(
        page,
        format_args!(
            "<details id=\"{id}\"><summary><code><span class=\"method\">{}</span>{}</code> {}</summary>",
            escape(&method.to_uppercase()),
            escape(path),
            escape(text(&operation["summary"])),
        ),
    );
    if let Some(more) = operation["description"].as_str() {
        put(page, format_args!("<p>{}</p>", escape(more)));
    }
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !parameters.is_empty() {
        page.push_str("<h3>Parameters</h3><table>");
        for parameter in parameters {
            let [name, place, what] = ["name", "in", "description"].map(|key| escape(text(&parameter[key])));
            put(page, format_args!("<tr><td><code>{name}</code></td><td>{place}</td><td>{what}</td></tr>"));
        }
        page.push_str("</table>");
    }
    for (kind, content) in members(&operation["requestBody"]["content"]) {
        put(page, format_args!("<h3>Body</h3><p><code>{}</code>{}</p>", escape(kind), shape(content)));
        put_example(page, &content["example"]);
    }
    page.push_str("<h3>Answers</h3><table>");
    for (status, response) in members(&operation["responses"]) {
        let what = escape(text(&response["description"])).replace("\n\n", "<br>");
        put(page, format_args!("<tr><td><code>{}</code></td><td>{what}</td></tr>", escape(status)));
    }
    page.push_str("</table>");
    for (_, content) in members(&operation["responses"]).flat_map(|(_, it)| members(&it["content"])) {
        if !content["example"].is_null() {
            put(page, format_args!("<p>For example{}:</p>", shape(content)));
            put_example(page, &content["example"]);
        }
    }
    page.push_str("</details>");
}

fn put_example(page: &mut String, example: &Value) {
    match example {
        Value::Null => {}
        Value::String(text) => put(page, format_args!("<pre>{}</pre>", escape(text))),
        value => put(page, format_args!("<pre>{}</pre>", escape(&pretty(value)))),
    }
}

/// A link to the shape of a content.
fn shape(content: &Value) -> String {
    let name = content["schema"]["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    name.map(|name| format!(" (<a href=\"#{0}\">{0}</a>)", escape(name))).unwrap_or_default()
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    members(&document["paths"])
        .flat_map(|(path, item)| members(item).map(move |(method, operation)| (path, method, operation)))
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn tag(operation: &Value) -> &str {
    text(&operation["tags"][0])
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn put(page: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    page.write_fmt(what).ok();
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::openapi;

    #[test]
    fn the_page_has_every_operation_and_loads_nothing() {
        let page = of(openapi::served());
        for (path, _, operation) in operations(openapi::served()) {
            let id = text(&operation["operationId"]);
            assert!(page.contains(&format!("id=\"{id}\"")), "{path} {id}");
        }
        for loaded in ["<script", "src=", "http://", "https://", "@import", "url("] {
            assert!(!page.contains(loaded), "{loaded}");
        }
    }

    #[test]
    fn markup_in_a_document_stays_text() {
        assert_eq!(escape("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }
}
