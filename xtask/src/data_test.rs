//! `cargo xtask data-test`: the checks that need real data, which is too large, or not ours, to be committed.
//!
//! Without the data there is nothing to check: that is said loudly and passes on a developer's machine, and fails
//! where `CI=true`, because a check that silently stopped running is worse than none.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail};

use crate::invocation::Invocation;
use crate::replay;

mod kills;

const FOLDER_VARIABLE: &str = "EVERCART_TEST_DATA";
const FOLDER_DEFAULT: &str = "../shared/data";
const ONLINE_RETAIL: &str = "online-retail.csv.gz";

/// Invoices replayed one request at a time: enough to see that order matters, few enough to stay under a minute.
const INVOICES_ONE_BY_ONE: u32 = 1000;

/// Replays what is there: the first invoices one by one and again with a server that is killed, and the whole file. The
/// replay itself compares every cart and order, the sums and the stock, and exits 1 when something differs.
pub(crate) fn run(root: &Path) -> Result<()> {
    let file = folder(root, env::var_os(FOLDER_VARIABLE).map(PathBuf::from)).join(ONLINE_RETAIL);
    let required = env::var_os("CI").is_some_and(|value| value == "true");
    if !file.is_file() {
        return missing(&file, required);
    }
    for replay in replays(&file) {
        println!("\n==> data-test: {replay}");
        let start = Instant::now();
        if let Err(cause) = replay::run(&replay, root) {
            bail!("data test failed: {cause:#}\nto see it alone, run: {replay}");
        }
        println!("==> replay passed in {:.1} s", start.elapsed().as_secs_f64());
    }
    println!("\n==> data-test: the same to a server that is killed meanwhile");
    kills::run(root, &file)
}

fn folder(root: &Path, named: Option<PathBuf>) -> PathBuf {
    named.unwrap_or_else(|| root.join(FOLDER_DEFAULT))
}

fn missing(file: &Path, required: bool) -> Result<()> {
    let file = file.display();
    if required {
        bail!(
            "`{file}` is not there, and CI=true asks for it: set {FOLDER_VARIABLE} to the folder that holds it"
        );
    }
    println!(
        "skipped: `{file}` is not there, so NO real data was replayed (set {FOLDER_VARIABLE} to its folder)"
    );
    Ok(())
}

fn replays(file: &Path) -> [Invocation; 2] {
    let replay = replay::command(&file.display().to_string());
    let one_by_one = replay.clone().arg("--concurrency").arg("1");
    [one_by_one.arg("--invoices").arg(INVOICES_ONE_BY_ONE.to_string()), replay.arg("--concurrency").arg("64")]
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{folder, missing, replays};

    #[test]
    fn missing_data_fails_only_where_it_is_required() {
        assert!(missing(Path::new("nowhere"), false).is_ok());
        assert!(missing(Path::new("nowhere"), true).is_err());
    }

    #[test]
    fn a_named_folder_wins_over_the_default() {
        assert_eq!(folder(Path::new("a"), Some(PathBuf::from("b"))), Path::new("b"));
        assert_eq!(folder(Path::new("a"), None), Path::new("a/../shared/data"));
    }

    #[test]
    fn the_whole_file_is_replayed_with_many_shoppers_at_once() {
        let whole = replays(Path::new("x.csv.gz"))[1].to_string();
        assert!(whole.contains("--concurrency 64") && !whole.contains("--invoices"), "{whole}");
    }
}
