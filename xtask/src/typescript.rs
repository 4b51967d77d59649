//! `cargo xtask typescript`: a client generated from the API's own document type-checks, and works.
//!
//! The project of `clients/typescript` is built in `target/tools`, from the document that a running server serves, and
//! does a first cart with it: what the types promise is compared with what comes.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::invocation::Invocation;
use crate::live_server::LiveServer;
use crate::tools;

const PROJECT: &str = "clients/typescript";

/// What is copied beside the packages, with each run.
const SOURCES: &[&str] = &["tsconfig.json", "first-cart.ts"];

/// Generates, type-checks and runs.
pub(crate) fn run(root: &Path) -> Result<()> {
    tools::skip_where_missing(check(root))
}

fn check(root: &Path) -> Result<()> {
    let project = root.join(PROJECT);
    let folder = tools::npm(root, "typescript", &project)?;
    for file in SOURCES {
        fs::copy(project.join(file), folder.join(file))
            .with_context(|| format!("{file} cannot be copied"))?;
    }
    let server = LiveServer::start(root, &[])?;
    let shopper = server.shopper("typescript")?;
    for script in ["generate", "build", "first-cart"] {
        let npm = Invocation::program("npm").arg("run").arg("--silent").arg(script);
        npm.variable("EVERCART_URL", &server.url)
            .variable("EVERCART_SHOPPER", &shopper)
            .run(&folder)
            .with_context(|| format!("the script `{script}` of {PROJECT} failed, see above"))?;
    }
    server.stop()
}
