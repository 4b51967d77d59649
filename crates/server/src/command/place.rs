//! Where a server keeps its data: the arguments of commands that use its key files and need no server to run.

use super::GlobalArgs;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Place {
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    /// The data directory of the server.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON: of a token also its id and its end.
    #[arg(long)]
    pub(super) json: bool,
}

impl Place {
    /// As named here, else as the configuration says.
    pub(super) fn data(&self) -> anyhow::Result<PathBuf> {
        match &self.data {
            Some(data) => Ok(data.clone()),
            None => Ok(self.global.load()?.data),
        }
    }
}
