//! `cargo xtask bench`: evercart beside the yardsticks of this machine, in `target/bench/report.md` and `report.json`.
//!
//! The work is the command `bench report`, which is built here beside the server. It is no test: it never fails because
//! a machine is slow. As a step of `ci` it runs in seconds, to show that measuring still works; without redis that says
//! nothing and is said loudly, and fails where `CI` is set.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::invocation::Invocation;
use crate::tools;

const OUT: &str = "target/bench";
/// Apart, so that a smoke run does not write over figures.
const SMOKE_OUT: &str = "target/bench/smoke";
const BINARY: &str = "target/release/evercart";

/// The short form, as a step of `ci`.
pub(crate) fn smoke(root: &Path) -> Result<()> {
    let redis = redis(root);
    let found = redis.as_ref().ok().cloned();
    run_with(root, found.as_deref(), true, &[])?;
    tools::skip_where_missing(redis.map(drop))
}

/// Builds the server and measures, with further words for `bench report`.
pub(crate) fn run(root: &Path, is_smoke: bool, words: &[String]) -> Result<()> {
    let redis = redis(root);
    if let Err(why) = &redis {
        println!("NOT compared with redis: {why:#}");
    }
    run_with(root, redis.ok().as_deref(), is_smoke, words)
}

/// `redis-server`, with `redis-benchmark` beside it. Debian's package of tools has both: the server is `redis-check-rdb`
/// by another name.
fn redis(root: &Path) -> Result<PathBuf> {
    let benchmark = tools::debian(root, "redis-tools", "redis-benchmark")?;
    let server = benchmark.with_file_name("redis-server");
    if benchmark.is_absolute() && !server.exists() {
        symlink("redis-check-rdb", &server)?;
    }
    tools::require(&server.display().to_string(), "install it, for example with the package redis-server")?;
    Ok(server)
}

fn run_with(root: &Path, redis: Option<&Path>, is_smoke: bool, words: &[String]) -> Result<()> {
    Invocation::cargo("build --quiet --release --locked -p server --bin evercart").run(root)?;
    command(redis, is_smoke, words).run(root)
}

fn command(redis: Option<&Path>, is_smoke: bool, words: &[String]) -> Invocation {
    let run = Invocation::cargo("run --quiet --release --locked -p bench --bin bench -- report --evercart");
    let run = run.arg(BINARY).arg("--out").arg(if is_smoke { SMOKE_OUT } else { OUT });
    let run = match redis {
        Some(redis) => run.arg("--redis").arg(redis.display().to_string()),
        None => run,
    };
    let smoke = is_smoke.then(|| "--smoke".to_owned());
    smoke.iter().chain(words).fold(run, |run, word| run.arg(word.as_str()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::command;

    #[test]
    fn a_smoke_run_writes_beside_the_figures_and_not_over_them() {
        let shown = |is_smoke| command(None, is_smoke, &[]).to_string();
        assert!(shown(false).ends_with("--out target/bench"), "{}", shown(false));
        assert!(shown(true).ends_with("--out target/bench/smoke --smoke"), "{}", shown(true));
    }

    #[test]
    fn redis_and_further_words_reach_the_command() {
        let words = ["--carts".to_owned(), "7".to_owned()];
        let shown = command(Some(Path::new("redis-server")), false, &words).to_string();
        assert!(shown.ends_with("--redis redis-server --carts 7"), "{shown}");
    }
}
