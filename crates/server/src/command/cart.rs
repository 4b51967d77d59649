//! `evercart cart show`: a cart as support reads it, with where each unit came from.

mod shown;

use super::{
    remote::{Remote, RemoteArgs},
    terminal::Paint,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Arguments of `evercart cart`.
#[derive(Debug, Args)]
#[command(after_help = "Example: evercart cart show c_Ba9cVHbrt6Pw4Zkr1Xk3Sg")]
pub(super) struct CartArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a cart: lines, prices, notices, and where each unit came from.
    #[command(after_help = "Example: evercart cart show c_Ba9cVHbrt6Pw4Zkr1Xk3Sg\n\n\
        The id is the `id` of any answer that shows the cart. --json prints the cart and its entries as the API\n\
        gives them.")]
    Show(ShowArgs),
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The cart's id.
    id: String,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// Readings of a cart that changes between its two halves.
const READINGS_MAX: usize = 5;

pub(super) async fn run(args: CartArgs) -> anyhow::Result<ExitCode> {
    let Action::Show(args) = args.action;
    show(&args).await
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
async fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    if cart::CartId::parse(&args.id).is_none() {
        anyhow::bail!("`{}` is not the id of a cart: one is `c_` and 22 letters, digits, - and _", args.id);
    }
    let remote = args.remote.connect("carts")?;
    let (cart, provenance) = read(&remote, &args.id).await?;
    if args.remote.json {
        println!("{}", json!({"cart": cart, "provenance": provenance}));
    } else if let Some(account) = provenance["merged_into"].as_str() {
        println!("This cart was merged into another: evercart cart show {account}");
    } else {
        print!("{}", shown::cart(&cart, &provenance, Paint::of_stdout()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The cart and where it came from, of one state where it holds still. A cart that was merged is not shown any more.
async fn read(remote: &Remote, id: &str) -> anyhow::Result<(Value, Value)> {
    let mut readings = 1;
    loop {
        let (before, provenance) = remote.get(&format!("/v1/carts/{id}/entries")).await?;
        if provenance["merged_into"].is_string() {
            return Ok((Value::Null, provenance));
        }
        let (after, cart) = remote.get(&format!("/v1/carts/{id}")).await?;
        if before == after || readings == READINGS_MAX {
            return Ok((cart, provenance));
        }
        readings += 1;
    }
}
