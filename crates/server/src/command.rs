//! The command line: one file for each command.
//!
//! Exit status: 0 fine, 1 failed, 2 wrong usage.

mod backup;
mod cart;
mod carts;
mod catalog;
mod completions;
mod config;
mod confirmation;
mod engine;
mod inventory;
mod key;
mod place;
mod progress;
mod remote;
pub mod replay;
mod replaying;
mod restore;
mod serve;
mod subject;
mod terminal;
mod token;

use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

use crate::config::{Config, ConfigError, shown::Setting};

/// The shopping cart as a service you own.
#[derive(Debug, Parser)]
#[command(name = "evercart", version, about, after_help = "Start here: evercart serve --demo")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
enum Command {
    /// Serve carts over HTTP.
    Serve(serve::ServeArgs),
    /// Print a token, made with the key files of a data directory.
    Token(token::TokenArgs),
    /// Check and show the configuration.
    Config(config::ConfigArgs),
    /// Make and check the tables of the engine that the configuration names, and move what is in them between servers.
    Engine(engine::EngineArgs),
    /// Look at a cart.
    Cart(cart::CartArgs),
    /// Bring the shop's items in, and take them out.
    Catalog(catalog::CatalogArgs),
    /// Show and count the shop's stock.
    Inventory(inventory::InventoryArgs),
    /// Write all carts of a running shop to a file.
    Export(carts::export::ExportArgs),
    /// Join the carts of a file to those of a running shop.
    Import(carts::import::ImportArgs),
    /// Back up a shop, running or not, into a folder.
    Backup(backup::BackupArgs),
    /// Make a data directory of a backup.
    Restore(restore::RestoreArgs),
    /// Rotate, list and retire the keys of a shop.
    Key(key::KeyArgs),
    /// Show or erase what is stored of a subject.
    Subject(subject::SubjectArgs),
    /// Print the script that completes this command line in a shell.
    Completions(completions::CompletionsArgs),
    /// Replay real shopping against a server, and compare every cart with the file.
    #[command(after_help = "Example: evercart replay online-retail online-retail.csv.gz")]
    Replay(replay::ReplayArgs),
}

/// Arguments that every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct GlobalArgs {
    /// The configuration file, TOML.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl GlobalArgs {
    /// Defaults, file and environment.
    pub fn load(&self) -> Result<Config, ConfigError> {
        Config::load(self.config.as_deref())
    }

    /// The same, with the source of each value.
    pub fn load_shown(&self) -> Result<(Config, Vec<Setting>), ConfigError> {
        Config::load_shown(self.config.as_deref())
    }
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Clients of several engines bring providers of their own, and rustls does not choose. Set already: nothing to do.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => serve::run(args).await,
            Command::Token(args) => token::run(&args).await,
            Command::Config(args) => config::run(&args),
            Command::Engine(args) => Box::pin(engine::run(args)).await,
            Command::Cart(args) => cart::run(args).await,
            Command::Catalog(args) => catalog::run(args).await,
            Command::Inventory(args) => inventory::run(args).await,
            Command::Export(args) => carts::export::run(&args).await,
            Command::Import(args) => carts::import::run(&args).await,
            Command::Backup(args) => backup::run(args).await,
            Command::Restore(args) => restore::run(args).await,
            Command::Key(args) => key::run(&args),
            Command::Subject(args) => subject::run(args).await,
            Command::Completions(args) => completions::run(&args),
            Command::Replay(args) => replaying::run(args).await,
        }
    });
    outcome.unwrap_or_else(|error| failed(&error))
}

#[expect(clippy::print_stderr, reason = "the message for whoever called")]
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("evercart: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
    ExitCode::FAILURE
}
