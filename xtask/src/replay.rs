//! `evercart replay` run as a check: over real HTTP, every cart and every order compared with the file.
//!
//! An exit code of 0 alone proves nothing: it must come with a report that says how many carts were compared.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::invocation::Invocation;

/// The release build of the server, replaying `file` to a server that it starts for itself.
pub(crate) fn command(file: &str) -> Invocation {
    Invocation::cargo("run --release --locked -p server --bin evercart -- replay online-retail")
        .arg(file)
        .arg("--json")
}

/// Runs the replay, shows its report as it comes, and reads it.
pub(crate) fn run(command: &Invocation, root: &Path) -> Result<()> {
    let mut output = Vec::new();
    command.run_shown(root, |piece| output.extend_from_slice(piece))?;
    told(&output)
}

/// Says what a report compared. Fails when it did not pass, or compared nothing.
pub(crate) fn told(report: &[u8]) -> Result<()> {
    let (carts, orders) = compared(report)?;
    println!("{carts} carts and {orders} orders compared, none differs");
    Ok(())
}

/// How many carts and orders a report compared. Fails when it did not pass, or compared nothing.
fn compared(report: &[u8]) -> Result<(u64, u64)> {
    let report: Value = serde_json::from_slice(report).context("the replay printed no report")?;
    let count = |at: &str| report.pointer(at).and_then(Value::as_u64);
    let carts = count("/replay/carts").context("the report does not say how many carts were replayed")?;
    ensure!(report.get("passed") == Some(&Value::Bool(true)), "the report says that the replay did not pass");
    ensure!(count("/differing_carts") == Some(0), "the report names carts that differ");
    ensure!(carts > 0, "the replay compared no cart");
    let orders = count("/orders/listed").context("the report does not say how many orders were listed")?;
    ensure!(count("/orders/differences_count") == Some(0), "the report names orders that differ");
    ensure!(orders == carts, "{carts} carts became {orders} orders");
    Ok((carts, orders))
}

#[cfg(test)]
mod tests {
    use super::compared;

    #[track_caller]
    fn check(passed: &str, differing: u64, carts: u64, orders: &str, expected: &str) {
        let report = format!(
            r#"{{"passed":{passed},"differing_carts":{differing},"replay":{{"carts":{carts}}},"orders":{orders}}}"#
        );
        let outcome = compared(report.as_bytes());
        assert_eq!(
            outcome.map_or_else(|error| error.to_string(), |compared| format!("{compared:?}")),
            expected
        );
    }

    const SEVEN: &str = r#"{"listed":7,"differences_count":0}"#;

    #[test]
    fn a_report_of_equal_carts_passes() {
        check("true", 0, 7, SEVEN, "(7, 7)");
    }

    #[test]
    fn a_report_that_did_not_pass_or_compared_nothing_fails() {
        check("false", 0, 7, SEVEN, "the report says that the replay did not pass");
        check("true", 1, 7, SEVEN, "the report names carts that differ");
        check("true", 0, 0, SEVEN, "the replay compared no cart");
    }

    #[test]
    fn a_report_without_orders_or_with_some_that_differ_fails() {
        check("true", 0, 7, "null", "the report does not say how many orders were listed");
        check("true", 0, 8, SEVEN, "8 carts became 7 orders");
        check("true", 0, 7, r#"{"listed":7,"differences_count":1}"#, "the report names orders that differ");
    }

    #[test]
    fn a_program_that_exits_without_a_report_fails() {
        assert!(compared(b"").is_err());
        assert!(compared(b"{}").is_err());
    }
}
