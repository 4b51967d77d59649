//! Planted violations, one for each rule, and the workspace as it stands.

use super::graph::{self, Graph};
use super::{check, run};

/// `members` by name; edges as `a -> b`, dev-dependencies as `a ~> b`.
fn planted(members: &str, edges: &[&str]) -> Graph {
    let mut graph = Graph::default();
    members.split(' ').for_each(|member| graph.add_member(member));
    for edge in edges {
        match (edge.split_once(" -> "), edge.split_once(" ~> ")) {
            (Some((from, to)), _) => graph.add_normal(from, to),
            (_, Some((from, to))) => graph.add_dev(from, to),
            _ => panic!("not an edge: {edge}"),
        }
    }
    graph
}

#[track_caller]
fn check_finds(members: &str, edges: &[&str], expected: &str) {
    let findings = check(&planted(members, edges));
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].contains(expected), "{findings:?}");
}

#[test]
fn the_workspace_keeps_its_layers() {
    run(&crate::workspace::root().unwrap()).unwrap();
}

#[test]
fn the_resolved_graph_holds_the_workspace_and_its_dependencies() {
    let graph = graph::resolved(&crate::workspace::root().unwrap()).unwrap();
    assert!(graph.is_member("xtask") && graph.is_member("server"));
    assert!(graph.normal("xtask").any(|name| name == "cargo_metadata"));
    assert!(graph.path("xtask", "serde_json").is_some(), "through cargo_metadata");
    assert!(graph.path("cart", "blake3").is_some());
    assert_eq!(graph.path("cart", "cc"), None, "what compiles the C of blake3 is in no program");
}

#[test]
fn what_the_table_allows_is_no_finding() {
    let edges = ["checkout -> cart", "storage -> cart", "storage-embedded -> journal", "server -> sim"];
    let findings = check(&planted("cart checkout journal server sim storage storage-embedded", &edges));
    assert_eq!(findings, Vec::<String>::new());
}

#[test]
fn a_lower_layer_must_not_use_a_higher_one() {
    check_finds("cart checkout", &["cart -> checkout"], "`cart` must not depend on `checkout`");
    check_finds("service server", &["service -> server"], "`service` must not depend on `server`");
    check_finds("gameday service", &["gameday -> service"], "`gameday` must not depend on `service`");
}

#[test]
fn engines_never_see_each_other() {
    let members = "storage-embedded storage-postgres";
    check_finds(members, &["storage-postgres -> storage-embedded"], "must not depend on `storage-embedded`");
}

#[test]
fn only_the_server_names_engines_even_in_tests() {
    let members = "server service storage-embedded";
    check_finds(
        members,
        &["service -> storage-embedded", "server -> storage-embedded"],
        "`service` must not depend",
    );
    check_finds(members, &["service ~> storage-embedded"], "tests of `service` must not depend");
}

#[test]
fn proof_crates_are_for_tests_and_the_server() {
    check_finds("service testkit", &["service -> testkit"], "`service` must not depend on `testkit`");
    assert!(
        check(&planted("service testkit server", &["service ~> testkit", "server -> testkit"])).is_empty()
    );
}

#[test]
fn a_pure_crate_must_not_reach_a_runtime_through_others() {
    let edges = ["cart -> innocent", "innocent -> tokio"];
    check_finds("cart", &edges, "must not reach `tokio`: cart -> innocent -> tokio");
    assert!(check(&planted("cart", &["cart ~> innocent", "innocent -> tokio"])).is_empty(), "tests may");
}

#[test]
fn a_crate_without_a_row_is_a_finding() {
    check_finds("cart surprise", &[], "`surprise` has no row");
}
