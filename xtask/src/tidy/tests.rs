//! Planted files for the tests of the rules, and the working tree as it stands.

use super::tree::Tree;
use super::{check, run};

/// Asserts that the files break exactly `expected`, each as `path:line: rule`, in order.
#[track_caller]
pub(super) fn check_finds(files: &[(&str, &str)], expected: &[&str]) {
    let findings = check(&Tree::planted(files));
    let places: Vec<_> =
        findings.iter().map(|found| format!("{}:{}: {}", found.path, found.line, found.rule)).collect();
    assert_eq!(places, expected, "{findings:#?}");
}

/// Asserts what one Rust file breaks, as `line: rule`. It stands outside tests and opens as it must.
#[track_caller]
pub(super) fn check_rust(code: &str, expected: &[&str]) {
    check_finds_in("crates/cart/src/planted.rs", code, expected);
}

/// The same for a file of integration tests.
#[track_caller]
pub(super) fn check_rust_test(code: &str, expected: &[&str]) {
    check_finds_in("crates/cart/tests/planted.rs", code, expected);
}

#[track_caller]
fn check_finds_in(path: &str, code: &str, expected: &[&str]) {
    let expected: Vec<_> = expected.iter().map(|place| format!("{path}:{place}")).collect();
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    check_finds(&[(path, &format!("//! Planted.\n{code}"))], &expected);
}

#[test]
fn the_working_tree_is_tidy() {
    run(&crate::workspace::root().unwrap()).unwrap();
}

#[test]
fn a_finding_says_where_what_and_what_to_do() {
    let findings = check(&Tree::planted(&[("crates/cart/src/planted.rs", "fn lonely() {}\n")]));
    assert_eq!(
        findings[0].to_string(),
        "crates/cart/src/planted.rs:1: header: open the file with `//!`: what it is, what always holds, \
         what is deliberately absent"
    );
}
