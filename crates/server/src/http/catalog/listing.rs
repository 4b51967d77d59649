//! The shop's items as they went in: `GET /v1/catalog/items`, one JSON object a line, page by page or by SKU.
//!
//! A line can be put back as it is: it is what `PUT` takes, with the revision that decides which of two is newer.

use crate::{
    auth::{Caller, Scope},
    http::{
        AppState,
        ndjson::NDJSON,
        openapi::schema::NameText,
        page::{self, Asked},
        wire::MoneyJson,
    },
    problem::Problem,
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use cart::line::{Sku, Texts};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use service::catalog::CatalogItem;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_items))
}

const LIMIT: usize = 1_000;
/// Items read with one look at the store.
const AT_ONCE: usize = 250;
/// A page is cut once it has so many bytes.
const PAGE_BYTES: usize = 4 << 20;
/// SKUs asked for by name in one request.
const SKUS_MAX: usize = 100;

const EXAMPLE: &str = r#"{"sku":"85123A","title":"Lantern","price":{"amount":255,"currency":"GBP"},"available":true,"revision":7}
"#;

/// An item as it went in. What nobody said is left out.
#[derive(Debug, Serialize)]
struct ItemJson<'a> {
    sku: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<MoneyJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    available: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u32>,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    attributes: &'a Texts,
    revision: u64,
}

/// Lists the shop's items in the order in which they last changed, or those of `sku`; a line is what `PUT` takes.
#[utoipa::path(
    get, path = "/v1/catalog/items", tag = "service: catalogue", operation_id = "listItems",
    params(
        ("sku" = Option<Vec<NameText>>, Query, description = "Only these, at most 100; unknown ones are left out."),
        ("after" = Option<String>, Query, description = "Where the page before ended, as its `Link` says."),
        ("limit" = Option<u32>, Query, description = "Items of a page; 1,000 without.", minimum = 1, maximum = 1_000),
    ),
    responses(
        (
            status = 200,
            description = "An item a line. A page may be shorter than `limit`: `Link` leads on until there is no more.",
            body = String,
            content_type = "application/x-ndjson",
            example = json!(EXAMPLE),
        ),
    ),
)]
async fn list_items(
    State(state): State<AppState>,
    caller: Caller,
    asked: Asked,
) -> Result<Response, Problem> {
    caller.require(Scope::Catalog)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if asked.one("sku").is_some() {
        return Ok((headers, of_skus(&state, &asked).await?).into_response());
    }
    let limit = asked.limit(LIMIT, LIMIT)?;
    let (text, next) = page(&state, asked.after(read_cursor)?, limit).await?;
    if let Some(next) = next {
        page::next(&mut headers, "/v1/catalog/items", &format!("limit={limit}&after={next}"));
    }
    Ok((headers, text).into_response())
}

async fn of_skus(state: &AppState, asked: &Asked) -> Result<String, Problem> {
    let not_a_sku = || Problem::bad_header("sku", "1 to 128 bytes without control characters");
    let skus: Vec<Sku> =
        asked.all("sku").map(|sku| Sku::parse(sku).ok_or_else(not_a_sku)).collect::<Result<_, _>>()?;
    if skus.len() > SKUS_MAX {
        return Err(Problem::bad_header("sku", &format!("at most {SKUS_MAX} at once")));
    }
    let found = state.service.catalog().get(&skus).await.map_err(|error| Problem::from(&error))?;
    let mut text = String::new();
    for (sku, item) in skus.iter().zip(&found) {
        item.iter().for_each(|item| write(&mut text, sku, item));
    }
    Ok(text)
}

/// A page, and the cursor of the next one.
async fn page(
    state: &AppState,
    mut after: Option<(u64, Sku)>,
    limit: usize,
) -> Result<(String, Option<String>), Problem> {
    let (mut text, mut count) = (String::new(), 0);
    while count < limit && text.len() < PAGE_BYTES {
        let wanted = AT_ONCE.min(limit - count);
        let found = state.service.catalog().list(after.clone(), wanted).await;
        let found = found.map_err(|error| Problem::from(&error))?;
        found.iter().for_each(|(sku, item)| write(&mut text, sku, item));
        count += found.len();
        let is_last = found.len() < wanted;
        after = found.into_iter().last().map(|(sku, item)| (item.snapshot.stamp, sku)).or(after);
        if is_last {
            return Ok((text, None));
        }
    }
    Ok((text, after.map(|(revision, sku)| cursor(revision, &sku))))
}

fn write(text: &mut String, sku: &Sku, found: &CatalogItem) {
    let item = &found.snapshot.item;
    let line = ItemJson {
        sku,
        title: &item.title,
        price: item.price.as_ref().map(MoneyJson::from),
        image: item.image.as_deref(),
        url: item.url.as_deref(),
        available: item.available,
        min: item.quantity_min,
        max: item.quantity_max,
        attributes: &found.attributes,
        revision: found.snapshot.stamp,
    };
    // Texts and numbers: nothing that JSON cannot say.
    text.push_str(&serde_json::to_string(&line).unwrap_or_default());
    text.push('\n');
}

fn cursor(revision: u64, sku: &Sku) -> String {
    BASE64URL_NOPAD.encode(&[&revision.to_be_bytes(), sku.as_bytes()].concat())
}

fn read_cursor(text: &str) -> Option<(u64, Sku)> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    let (revision, sku) = bytes.split_first_chunk()?;
    Some((u64::from_be_bytes(*revision), Sku::parse(std::str::from_utf8(sku).ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        let sku = Sku::parse("¼ \"x\"").unwrap();
        assert_eq!(read_cursor(&cursor(7, &sku)), Some((7, sku)));
        for wrong in ["", "x", "AAAA", "AAAAAAAAAAA"] {
            assert_eq!(read_cursor(wrong), None, "{wrong}");
        }
    }
}
