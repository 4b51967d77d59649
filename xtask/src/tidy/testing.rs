//! How tests are written: named after their claim, and waiting for a state instead of a time.

use super::Report;
use super::rust::reads;
use super::tree::{SourceFile, Tree};

/// Rule: a test that sleeps is slow on a fast machine and fails on a slow one.
///
/// A `sleep` of some simulated clock (`clock.sleep(…)`) costs no time and is not meant.
pub(super) fn sleep(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    let Some(rust) = &file.rust else { return };
    for start in 0..rust.tokens.len() {
        let here = &rust.tokens[start..];
        let is_path = ["thread", "time"].iter().any(|module| reads(here, &[module, ":", ":", "sleep"]));
        let follows = start.checked_sub(1).map_or("", |before| &rust.tokens[before].text);
        let is_call = reads(here, &["sleep", "("]) && !matches!(follows, "." | ":" | "fn");
        if here[0].in_test && (is_path || is_call) {
            report.fail(
                here[0].line,
                "wait for the state you need, with a deadline (poll through a helper outside the tests)",
            );
        }
    }
}

/// Rule: the name is the claim; that it is a test, its attribute says.
pub(super) fn test_name(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    let Some(rust) = &file.rust else { return };
    for name in rust.tokens.windows(2).filter(|pair| pair[0].text == "fn").map(|pair| &pair[1]) {
        if name.in_test && name.text.starts_with("test_") {
            report.fail(name.line, format!("`{}`: say what holds, without `test_`", name.text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_finds, check_rust, check_rust_test};

    #[test]
    fn sleeping_tests_are_found() {
        check_rust_test("fn f() { std::thread::sleep(d); }", &["2: sleep"]);
        check_rust_test(
            "use tokio::time::sleep;\nasync fn f() { sleep(d).await; }",
            &["2: sleep", "3: sleep"],
        );
        let suite = ("crates/storage/src/conformance/a.rs", "//! A.\nfn f() { thread::sleep(d); }\n");
        check_finds(&[suite], &["crates/storage/src/conformance/a.rs:2: sleep"]);
        check_rust("#[cfg(test)]\nmod tests { fn f() { thread::sleep(d); } }", &["3: sleep"]);
    }

    #[test]
    fn sleeping_outside_tests_and_on_a_simulated_clock_is_fine() {
        check_rust("async fn f() { tokio::time::sleep(d).await; }", &[]);
        check_rust_test("async fn f() { clock.sleep(d).await; }\nfn sleep(d: Duration) {}", &[]);
    }

    #[test]
    fn a_test_called_test_is_found() {
        check_rust("#[test]\nfn test_join() {}\nfn test_bench_of_sorts() {}", &["3: test-name"]);
        check_rust_test("#[test]\nfn tests_of_join_are_many() {}", &[]);
    }
}
