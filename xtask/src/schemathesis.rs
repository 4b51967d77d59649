//! `cargo xtask schemathesis`: the server and its OpenAPI document hold each other to their word.
//!
//! Schemathesis asks a running server what the document allows and what it does not, and walks along its links. What
//! it asks with, and how its answers are judged, stands in `xtask/schemathesis`; the seed is fixed, so that what passes
//! changes with a commit. What a server remembers differs between runs, and a failure names requests to repeat.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::json;

use crate::live_server::LiveServer;
use crate::tools;

const OWN: &str = "xtask/schemathesis";
const PHASES: &str = "examples,coverage,fuzzing,stateful";
const DAY_S: u64 = 86_400;

/// Runs every phase and every check.
pub(crate) fn run(root: &Path) -> Result<()> {
    tools::skip_where_missing(check(root))
}

fn check(root: &Path) -> Result<()> {
    let own = root.join(OWN);
    let python = tools::python(root, "schemathesis", &own.join("requirements.txt"))?;
    // Which total a made-up cart comes to, no made-up request can say.
    let server = LiveServer::start(root, &[("EVERCART_CHECKOUT__NEEDS_CONSENT", "false")])?;
    let schemathesis = ["-m", "schemathesis.cli", "--no-color", "--config-file"]
        .iter()
        .fold(python, |command, word| command.arg(*word))
        .arg(own.join("schemathesis.toml").display().to_string())
        .arg("run")
        .arg(format!("{}/openapi.json", server.url));
    let schemathesis = ["--phases", PHASES].iter().fold(schemathesis, |it, word| it.arg(*word));
    let variables = variables(&server)?;
    let schemathesis = variables.iter().fold(schemathesis, |it, (name, value)| it.variable(name, value));
    let schemathesis = schemathesis
        .variable("SCHEMATHESIS_HOOKS", &own.join("hooks.py").display().to_string())
        .variable("PYTHONDONTWRITEBYTECODE", "1");
    schemathesis
        .run(&server.folder)
        .map_err(|_| anyhow::anyhow!("schemathesis is not content, see above"))?;
    server.stop()
}

/// Tokens for `schemathesis.toml` and `hooks.py`: what only a running server can say.
fn variables(server: &LiveServer) -> Result<Vec<(&'static str, String)>> {
    let guest = server.guest("MUG-BLUE")?;
    let claimed = server.guest("MUG-WHITE")?;
    let undone = server.guest("MUG-WHITE")?;
    let shopper = server.shopper("ann")?;
    // Each of another shopper: what was bought cannot be undone.
    let merger = server.shopper("cat")?;
    let claim = server.post("/v1/sessions/claim").bearer(&merger).json(&json!({"guest_token": undone.token}));
    let undone_merge = claim.send()?.is(200)?.text("/merge/id")?;
    let buyer = server.shopper("bea")?;
    let line = json!({"sku": "MUG-WHITE", "quantity": 1});
    server.post("/v1/cart/lines").bearer(&buyer).json(&line).send()?.is(200)?;
    let bought = server.post("/v1/cart/checkout").bearer(&buyer).json(&json!({})).send()?.is(201)?;
    Ok(vec![
        ("EVERCART_ORDER", bought.text("/id")?),
        ("EVERCART_BUYER", buyer),
        ("EVERCART_CART", guest.shown.text("/id")?),
        ("EVERCART_SEEN", guest.shown.text("/seen")?),
        ("EVERCART_CONTEXT", guest.shown.header("evercart-context")?),
        ("EVERCART_RECEIPT", guest.shown.header("evercart-receipt")?),
        ("EVERCART_GUEST", guest.token),
        ("EVERCART_CLAIMED_GUEST", claimed.token),
        ("EVERCART_MERGE", undone_merge),
        ("EVERCART_MERGER", merger),
        ("EVERCART_SHOPPER", shopper),
        ("EVERCART_SERVICE", server.service()?),
        ("EVERCART_DAY", day()?),
    ])
}

/// Days since 1970, as a writer of `Evercart-Op` begins.
fn day() -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    Ok(format!("{:04x}", now.as_secs() / DAY_S))
}
