//! The judgement of the crash test finds what is planted in a real server's way: else `cargo xtask crash-test` proves
//! nothing. That it finds nothing in the release build is shown there.

#![allow(clippy::unwrap_used, reason = "a test")]

use gameday::durability::{Ground, planted};
use std::path::{Path, PathBuf};

fn ground(folder: &Path) -> Ground {
    Ground::new(PathBuf::from(env!("CARGO_BIN_EXE_evercart")), folder.to_owned(), 7)
}

#[tokio::test]
async fn an_acknowledged_add_that_was_never_sent_is_reported_lost() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(planted::never_sent(&ground(folder.path())).await.unwrap(), 1);
}

#[tokio::test]
async fn adds_that_an_older_copy_of_the_data_does_not_hold_are_reported_lost() {
    let folder = tempfile::tempdir().unwrap();
    assert!(planted::older_copy(&ground(folder.path())).await.unwrap() > 0);
}
