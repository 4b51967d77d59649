//! `evercart serve`.

use super::GlobalArgs;
use crate::{auth, demo, server::Server, telemetry};
use clap::Args;
use std::{net::SocketAddr, path::PathBuf, process::ExitCode};
use tokio::signal::unix::{SignalKind, signal};

/// Arguments of `evercart serve`.
#[derive(Debug, Args)]
#[command(after_help = "Example: evercart serve --demo")]
pub(super) struct ServeArgs {
    #[command(flatten)]
    global: GlobalArgs,
    /// Load a small catalogue, accept local shopper tokens, and print a first session to paste.
    #[arg(long)]
    demo: bool,
    /// Where data and key files are.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where to listen.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Say where the server listens as one JSON line on standard output.
    #[arg(long)]
    json: bool,
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(super) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    telemetry::log();
    let mut config = args.global.load()?;
    config.data = args.data.unwrap_or(config.data);
    config.listen = args.listen.unwrap_or(config.listen);
    config.auth.local_issuer |= args.demo;
    let data = config.data.clone();
    let mut terminate = signal(SignalKind::terminate())?;
    let server = Server::start(config).await?;
    let url = format!("http://{}", server.address);
    if args.demo {
        demo::load(&server.state().service).await?;
    }
    if args.json {
        println!("{}", serde_json::json!({"url": url, "data": data}));
    } else {
        println!("evercart serves {url}, data in {}", data.display());
        if args.demo {
            let shopper = auth::issue_shopper(&data, "ann")?;
            println!("{}", demo::first_session(&url, &shopper));
        }
    }
    let failed = tokio::select! {
        _ = terminate.recv() => None,
        _ = tokio::signal::ctrl_c() => None,
        why = server.store_failed() => Some(why),
    };
    tracing::info!("draining");
    server.stop().await;
    tokio::task::spawn_blocking(telemetry::flush).await?;
    match failed {
        None => Ok(ExitCode::SUCCESS),
        Some(why) => Err(anyhow::anyhow!("the store failed and must be opened anew: {why}")),
    }
}
