//! `evercart token`: prints the token alone, so that it can be put into a variable.

use super::place::Place;
use crate::auth::{self, IssuedToken};
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use std::process::ExitCode;

/// Arguments of `evercart token`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  TOKEN=$(evercart token shopper ann)\n  SERVICE=$(evercart token service --scope catalog --scope carts)\n  evercart token service --scope catalog --days 7 --json\n  evercart token revoke 4f1c09a27be35d68"
)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// A token of a shopper who is logged in, good for a day, where the server accepts local ones.
    #[command(after_help = "Example: TOKEN=$(evercart token shopper ann)")]
    Shopper {
        /// The subject, as an identity provider would name it.
        subject: String,
        #[command(flatten)]
        place: Place,
    },
    /// A token of a service of the shop.
    #[command(after_help = "Example: SERVICE=$(evercart token service --scope catalog --scope carts)")]
    Service {
        /// What it may do; can be given several times.
        #[arg(long, required = true, value_name = "SCOPE")]
        scope: Vec<ScopeName>,
        /// Days for which it is good.
        #[arg(long, value_name = "DAYS", default_value_t = auth::SERVICE_DAYS, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
        #[command(flatten)]
        place: Place,
    },
    /// Revoke a service token at a running server: within seconds no node accepts it.
    #[command(after_help = "Example: evercart token revoke 4f1c09a27be35d68")]
    Revoke {
        /// The token's id, as `evercart token service --json` says it.
        id: String,
        /// Where the server listens, if not where configuration says.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScopeName {
    /// Read and change any cart.
    Carts,
    /// Change the shop's items.
    Catalog,
    /// Change stock.
    Inventory,
    /// Read any order, and take units back.
    Orders,
    /// Read and erase what is stored of a subject.
    Subjects,
    /// Administer the shop: revoke tokens.
    Admin,
}

pub(super) async fn run(args: &TokenArgs) -> anyhow::Result<ExitCode> {
    match &args.kind {
        Kind::Shopper { subject, place } => {
            print(&auth::shopper_token(&place.data()?, subject)?, place);
        }
        Kind::Service { scope, days, place } => {
            let names: Vec<String> = scope
                .iter()
                .filter_map(|scope| Some(scope.to_possible_value()?.get_name().to_owned()))
                .collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            print(&auth::service_token(&place.data()?, &names, *days)?, place);
        }
        Kind::Revoke { id, url, place } => revoke(id, url.as_deref(), place).await?,
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn print(issued: &IssuedToken, place: &Place) {
    let IssuedToken { token, id, expires_at } = issued;
    if place.json {
        let end = i64::try_from(*expires_at).ok().and_then(|end| jiff::Timestamp::from_second(end).ok());
        let end = end.map(|end| end.to_string());
        println!("{}", serde_json::json!({"token": token, "id": id, "expires_at": end}));
    } else {
        println!("{token}");
    }
}

/// Asks a running server, with a token of the data directory's own making.
#[expect(clippy::print_stdout, reason = "the output of the command")]
async fn revoke(id: &str, url: Option<&str>, place: &Place) -> anyhow::Result<()> {
    let url = match url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", place.global.load()?.listen),
    };
    let token = auth::service_token(&place.data()?, &["admin"], 1)?.token;
    let answer = reqwest::Client::builder()
        .no_proxy()
        .build()?
        .post(format!("{url}/v1/admin/tokens/{id}/revocation"))
        .bearer_auth(token)
        .send()
        .await
        .with_context(|| format!("no server answers at {url}: name it with --url"))?;
    let status = answer.status();
    let body: serde_json::Value = answer.json().await.unwrap_or_default();
    if !status.is_success() {
        let why = body["detail"].as_str().unwrap_or("no explanation");
        anyhow::bail!("{url} refused ({}): {why}", status.as_u16());
    }
    if place.json {
        println!("{body}");
    } else {
        println!("{id} is revoked since {}", body["revoked_at"].as_str().unwrap_or("now"));
    }
    Ok(())
}
