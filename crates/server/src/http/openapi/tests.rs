//! The document is whole: what the router has is in it, and nothing else.

use super::{api, around, served};
use serde_json::Value;
use std::collections::BTreeSet;

fn operations() -> Vec<(String, String, Value)> {
    let paths = served()["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        item.iter().map(|(method, operation)| (path.clone(), method.clone(), operation.clone()))
    });
    each.collect()
}

/// The router tells its paths only in its debug form: whatever is quoted there and begins with a slash, without the
/// two that every router has for its fallback.
fn paths_of_the_router() -> BTreeSet<String> {
    let (router, _) = api().merge(around()).split_for_parts();
    let shown = format!("{router:?}");
    let paths = shown.split('"').filter(|text| text.starts_with('/'));
    paths.filter(|path| *path != "/" && !path.contains("__private")).map(str::to_owned).collect()
}

#[test]
fn every_path_of_the_router_is_in_the_document_and_the_other_way_round() {
    let documented: BTreeSet<String> = operations().into_iter().map(|(path, ..)| path).collect();
    let routed = paths_of_the_router();
    assert!(routed.contains("/v1/cart/lines/{line}"), "the debug form of the router has changed: {routed:?}");
    assert_eq!(routed, documented);
}

#[test]
fn every_operation_has_a_name_of_its_own_and_a_summary() {
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations() {
        assert!(names.insert(operation["operationId"].to_string()), "{method} {path}: name used twice");
        assert!(operation["summary"].is_string(), "{method} {path} has no summary");
        assert!(operation["tags"][0].is_string(), "{method} {path} has no tag");
    }
}

#[test]
fn every_operation_of_the_api_has_examples() {
    for (path, method, operation) in operations().iter().filter(|(path, ..)| path.starts_with("/v1/")) {
        let bodies = operation["requestBody"]["content"].as_object().into_iter().flatten();
        let responses = operation["responses"].as_object().unwrap().values();
        let answers = responses.flat_map(|it| it["content"].as_object().into_iter().flatten());
        for (kind, content) in bodies.chain(answers) {
            let has_one = !content["example"].is_null() || !content["examples"].is_null();
            assert!(has_one, "{method} {path}: no example of {kind}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let text = served().to_string();
    for part in text.split("\"$ref\":\"#").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(served().pointer(pointer).is_some(), "{pointer}");
    }
}

#[test]
fn every_link_leads_to_an_operation_and_gives_parameters_that_it_has() {
    let named: Vec<Value> = operations().into_iter().map(|(.., operation)| operation).collect();
    let responses = named.iter().flat_map(|operation| operation["responses"].as_object().unwrap().values());
    let links: Vec<&Value> =
        responses.flat_map(|it| it["links"].as_object().into_iter().flatten()).map(|it| it.1).collect();
    assert!(!links.is_empty());
    for link in links {
        let target = named.iter().find(|operation| operation["operationId"] == link["operationId"]);
        let target = target.unwrap_or_else(|| panic!("{link}"));
        let known = |name: &str| target["parameters"].as_array().unwrap().iter().any(|it| it["name"] == name);
        for (name, _) in link["parameters"].as_object().into_iter().flatten() {
            assert!(known(name), "{name}: {link}");
        }
    }
}

#[test]
fn the_document_is_openapi_3_1() {
    assert_eq!(served()["openapi"], "3.1.0");
}
