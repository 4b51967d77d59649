//! `evercart completions`: what a shell needs to complete the command line.

use super::Cli;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::{io::Write, process::ExitCode};

/// Arguments of `evercart completions`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: evercart completions bash > ~/.local/share/bash-completion/completions/evercart"
)]
pub(super) struct CompletionsArgs {
    /// Which shell.
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "evercart", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
