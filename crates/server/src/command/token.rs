//! `evercart token`: prints the token alone, so that it can be put into a variable.

use super::GlobalArgs;
use crate::auth;
use clap::{Args, Subcommand, ValueEnum};
use std::{path::PathBuf, process::ExitCode};

/// Arguments of `evercart token`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  TOKEN=$(evercart token shopper ann)\n  SERVICE=$(evercart token service --scope catalog --scope carts)"
)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// A token of a shopper who is logged in, good for a day, where the server accepts local ones.
    Shopper {
        /// The subject, as an identity provider would name it.
        subject: String,
        #[command(flatten)]
        place: Place,
    },
    /// A token of a service of the shop, good for 90 days.
    Service {
        /// What it may do; can be given several times.
        #[arg(long, required = true, value_name = "SCOPE")]
        scope: Vec<ScopeName>,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
struct Place {
    #[command(flatten)]
    global: GlobalArgs,
    /// The data directory of the server.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print `{"token": …}`.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScopeName {
    /// Read and change any cart.
    Carts,
    /// Change the shop's items.
    Catalog,
    /// Change stock.
    Inventory,
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(super) fn run(args: &TokenArgs) -> anyhow::Result<ExitCode> {
    let place = match &args.kind {
        Kind::Shopper { place, .. } | Kind::Service { place, .. } => place,
    };
    let data = match &place.data {
        Some(data) => data.clone(),
        None => place.global.load()?.data,
    };
    let token = match &args.kind {
        Kind::Shopper { subject, .. } => auth::issue_shopper(&data, subject)?,
        Kind::Service { scope, .. } => {
            let names: Vec<String> = scope
                .iter()
                .filter_map(|scope| Some(scope.to_possible_value()?.get_name().to_owned()))
                .collect();
            auth::issue_service(&data, &names.iter().map(String::as_str).collect::<Vec<_>>())?
        }
    };
    if place.json {
        println!("{}", serde_json::json!({"token": token}));
    } else {
        println!("{token}");
    }
    Ok(ExitCode::SUCCESS)
}
