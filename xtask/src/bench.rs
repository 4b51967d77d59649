//! `cargo xtask bench`: evercart beside the yardsticks of this machine, in `target/bench/report.md` and `report.json`.
//!
//! The work is the command `bench report`, which is built here beside the server. It is no test: it never fails because
//! a machine is slow. As a step of `ci` it runs in seconds, to show that measuring still works; without redis that says
//! nothing and is said loudly, and fails where `CI` is set.

use std::path::Path;

use anyhow::Result;
use engines::Folder;
use engines::debian::{self, Program};

use crate::invocation::Invocation;
use crate::release::{self, Profile};
use crate::tools;

const OUT: &str = "target/bench";
/// Apart, so that a smoke run does not write over figures.
const SMOKE_OUT: &str = "target/bench/smoke";

/// The short form, as a step of `ci`.
pub(crate) fn smoke(root: &Path) -> Result<()> {
    let redis = redis(root);
    run_with(root, redis.as_ref().ok(), true, &[])?;
    tools::skip_where_missing(redis.map(drop))
}

/// Builds the server and measures, with further words for `bench report`.
pub(crate) fn run(root: &Path, is_smoke: bool, words: &[String]) -> Result<()> {
    let redis = redis(root);
    if let Err(why) = &redis {
        println!("NOT compared with redis: {why:#}");
    }
    run_with(root, redis.as_ref().ok(), is_smoke, words)
}

/// `redis-server`, whose package brings `redis-benchmark` along.
fn redis(root: &Path) -> Result<Program> {
    let redis = debian::program(&Folder::at(root)?, "Redis", "redis-server", "redis-server")?;
    let version = Invocation::program(redis.path.display().to_string()).arg("--version");
    tools::with_libraries(version, &redis).run(root)?;
    Ok(redis)
}

fn run_with(root: &Path, redis: Option<&Program>, is_smoke: bool, words: &[String]) -> Result<()> {
    // A smoke run judges no speed, and takes what other checks have built.
    let profile = if is_smoke { Profile::Release } else { Profile::Dist };
    let [server, bench] = release::server_and(root, profile, release::Program::Bench)?;
    let run = Invocation::program(bench.display().to_string()).arg("report");
    let run = run.arg("--evercart").arg(server.display().to_string());
    with_words(run, redis, is_smoke, words).run(root)
}

fn with_words(run: Invocation, redis: Option<&Program>, is_smoke: bool, words: &[String]) -> Invocation {
    let run = run.arg("--out").arg(if is_smoke { SMOKE_OUT } else { OUT });
    let run = match redis {
        Some(redis) => tools::with_libraries(run, redis).arg("--redis").arg(redis.path.display().to_string()),
        None => run,
    };
    let smoke = is_smoke.then(|| "--smoke".to_owned());
    smoke.iter().chain(words).fold(run, |run, word| run.arg(word.as_str()))
}

#[cfg(test)]
mod tests {
    use engines::debian::Program;

    use super::{Invocation, with_words};

    #[test]
    fn a_smoke_run_writes_beside_the_figures_and_not_over_them() {
        let run = || Invocation::program("bench");
        let shown = |is_smoke| with_words(run(), None, is_smoke, &[]).to_string();
        assert!(shown(false).ends_with("--out target/bench"), "{}", shown(false));
        assert!(shown(true).ends_with("--out target/bench/smoke --smoke"), "{}", shown(true));
    }

    #[test]
    fn redis_and_further_words_reach_the_command() {
        let words = ["--carts".to_owned(), "7".to_owned()];
        let variable = Some(("LD_LIBRARY_PATH", "lib".into()));
        let redis = Program { path: "redis-server".into(), variable };
        let shown = with_words(Invocation::program("bench"), Some(&redis), false, &words).to_string();
        assert!(shown.starts_with("LD_LIBRARY_PATH=lib bench "), "{shown}");
        assert!(shown.ends_with("--redis redis-server --carts 7"), "{shown}");
    }
}
