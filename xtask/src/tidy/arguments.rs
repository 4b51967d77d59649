//! Time, chance and tasks come in as arguments where the simulator must drive them.
//!
//! The layer rules keep whole crates away from the core; this one keeps away what the standard library and allowed
//! crates would let in by a path. Tests may do as they like.

use super::Report;
use super::rust::reads;
use super::tree::{SourceFile, Tree};

/// What the code of some crates must not call, as the last names of a path.
struct Ban {
    crates: &'static [&'static str],
    path: [&'static str; 2],
    instead: &'static str,
}

const PURE: &[&str] = &["cart", "checkout"];
const DRIVEN: &[&str] = &["cart", "checkout", "service"];

const BANS: &[Ban] = &[
    Ban { crates: DRIVEN, path: ["SystemTime", "now"], instead: "take `now` as an argument, or the clock" },
    Ban { crates: DRIVEN, path: ["Instant", "now"], instead: "take `now` as an argument, or the clock" },
    Ban { crates: DRIVEN, path: ["Timestamp", "now"], instead: "take `now` as an argument, or the clock" },
    Ban { crates: DRIVEN, path: ["rand", "rng"], instead: "take the random source as an argument" },
    Ban { crates: DRIVEN, path: ["rand", "random"], instead: "take the random source as an argument" },
    Ban { crates: DRIVEN, path: ["tokio", "spawn"], instead: "take what starts tasks as an argument" },
    Ban { crates: DRIVEN, path: ["thread", "spawn"], instead: "take what starts tasks as an argument" },
    Ban { crates: PURE, path: ["std", "env"], instead: "take the value as an argument" },
    Ban { crates: PURE, path: ["std", "fs"], instead: "take and return bytes" },
    Ban { crates: PURE, path: ["std", "net"], instead: "return what is to be sent as a value" },
    Ban { crates: PURE, path: ["std", "process"], instead: "return what is to happen as a value" },
    Ban { crates: PURE, path: ["std", "thread"], instead: "return what is to happen as a value" },
];

/// Rule: the core and the use cases know no clock, no chance and no runtime of their own.
pub(super) fn arguments(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    let Some((name, _)) = file.path.strip_prefix("crates/").and_then(|path| path.split_once("/src/")) else {
        return;
    };
    let Some(rust) = &file.rust else { return };
    let bans: Vec<&Ban> = BANS.iter().filter(|ban| ban.crates.contains(&name)).collect();
    for start in 0..rust.tokens.len() {
        let here = &rust.tokens[start..];
        for ban in &bans {
            if !here[0].in_test && reads(here, &[ban.path[0], ":", ":", ban.path[1]]) {
                report.fail(here[0].line, format!("`{}`: {}", ban.path.join("::"), ban.instead));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_finds, check_rust};

    #[test]
    fn a_clock_or_a_random_source_in_the_core_is_found() {
        check_rust("fn f() { let t = std::time::SystemTime::now(); }", &["2: arguments"]);
        check_rust("fn f() { let r = rand::rng(); }\nuse std::fs::File;", &["2: arguments", "3: arguments"]);
    }

    #[test]
    fn use_cases_may_read_no_clock_either_but_the_server_does() {
        let code = "//! A.\nfn f() { tokio::spawn(g()); }\n";
        check_finds(&[("crates/service/src/a.rs", code)], &["crates/service/src/a.rs:2: arguments"]);
        check_finds(&[("crates/server/src/a.rs", code)], &[]);
    }

    #[test]
    fn tests_may_use_all_of_it() {
        check_rust("#[test]\nfn f() { let t = Instant::now(); }", &[]);
    }
}
