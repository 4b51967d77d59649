//! The declaration against the sources of all crates, and against the page.

use super::{ALL, reference};
use std::{collections::BTreeSet, fs, path::Path};

/// What begins like a metric and is none.
const NOT_METRICS: [&str; 1] = ["evercart_session"];

/// Literals of a source that look like the name of a metric of ours.
fn names(source: &str) -> impl Iterator<Item = &str> {
    let is_plain = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let is_name = move |text: &&str| {
        text.strip_prefix("evercart_").is_some_and(|rest| !rest.is_empty() && is_plain(rest))
    };
    source.split('"').filter(is_name)
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("declared.rs")
        {
            found.extend(names(&fs::read_to_string(&path).unwrap()).map(str::to_owned));
        }
    }
}

#[test]
fn every_name_that_a_served_crate_counts_under_is_declared_and_no_other() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut used = BTreeSet::new();
    for entry in fs::read_dir(crates).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("storage")
            || ["server", "service", "journal", "cart", "checkout"].contains(&&*name)
        {
            collect(&entry.path().join("src"), &mut used);
        }
    }
    used.retain(|name| !NOT_METRICS.contains(&name.as_str()));
    let declared = ALL.iter().map(|metric| metric.name.to_owned());
    let declared: BTreeSet<String> = declared.filter(|name| name.starts_with("evercart_")).collect();
    assert_eq!(used, declared);
}

#[test]
fn no_metric_is_declared_twice() {
    let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), ALL.len());
}

#[test]
fn metrics_page_is_what_the_declaration_says() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/metrics.md");
    if std::env::var_os("EVERCART_BLESS").is_some() {
        fs::write(page, reference()).unwrap();
    }
    let committed = fs::read_to_string(page).unwrap();
    assert!(committed == reference(), "run: EVERCART_BLESS=1 cargo test -p server metrics_page");
}
