//! `evercart replay` within the binary: its tokens, a server of its own, and the report on the screen.

use super::replay::{self, OwnServer, ReplayArgs, Surroundings};
use crate::{auth, config::Config, server::Server};
use std::{net::SocketAddr, path::Path, process::ExitCode, sync::Arc};

struct Binary;

impl Surroundings for Binary {
    fn shopper_token(&self, data: &Path, subject: &str) -> anyhow::Result<String> {
        Ok(auth::issue_shopper(data, subject)?)
    }

    fn service_token(&self, data: &Path, scopes: &[&str]) -> anyhow::Result<String> {
        Ok(auth::issue_service(data, scopes)?)
    }

    async fn start_server(&self, data: &Path) -> anyhow::Result<OwnServer> {
        let mut config = Config::load(None)?;
        config.data = data.to_owned();
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.auth.local_issuer = true;
        let server = Server::start(config).await?;
        let url = format!("http://{}", server.address).parse()?;
        Ok(OwnServer { url, stop: Box::pin(server.stop()) })
    }
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(super) async fn run(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    crate::telemetry::log();
    let json = args.wants_json();
    let report = replay::run(args, Arc::new(Binary)).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
