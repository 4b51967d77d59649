//! The command line of `evercart replay`.
//!
//! Always holds: numbers that make no sense (no shoppers, no speed) are refused here, not later.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Url;

/// Arguments of `evercart replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// What to replay.
    #[command(subcommand)]
    pub source: Source,
}

impl ReplayArgs {
    /// True when the report is wanted as JSON.
    pub fn wants_json(&self) -> bool {
        let Source::OnlineRetail(args) = &self.source;
        args.json
    }
}

/// What can be replayed.
#[derive(Debug, Clone, Subcommand)]
pub enum Source {
    /// A shop's year of invoices (Online Retail, CSV or CSV in gzip).
    #[command(
        after_help = "Example: evercart replay online-retail online-retail.csv.gz --concurrency 64\n\n\
        Before, each item is restocked with exactly what the file sells. Each invoice becomes a guest's cart, filled line \
        by line and read back; with a customer number it is claimed by the account and verified; then it is checked out. \
        Cancellations bring units back to the customer's earlier orders. Afterwards every cart, every order, the sums of \
        orders by item, by country and in total, and the stock are compared with the file. With --no-checkout accounts' \
        carts are cleared and guests' stay. Exit status 0: nothing differs; 1: something differs, or the replay ended \
        early."
    )]
    OnlineRetail(OnlineRetailArgs),
}

/// Arguments of `evercart replay online-retail`.
#[derive(Debug, Clone, Args)]
pub struct OnlineRetailArgs {
    /// The file, as it is or in gzip.
    pub file: PathBuf,
    /// The server to replay against; without it, one is started on a temporary directory.
    #[arg(long, value_name = "URL")]
    pub url: Option<Url>,
    /// The data directory of that server, for its key files.
    #[arg(long, value_name = "DIR", requires = "url", default_value = "evercart-data")]
    pub data: PathBuf,
    /// How many invoices are shopped at once.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = at_least_one)]
    pub concurrency: usize,
    /// Keep the file's own timing, this many times faster; without it, as fast as possible.
    #[arg(long, value_name = "X", value_parser = above_zero)]
    pub speed: Option<f64>,
    /// Replay only the first N invoices that buy something.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub invoices: Option<usize>,
    /// Check nothing out: no stock, no orders, no returns; accounts' carts are cleared.
    #[arg(long)]
    pub no_checkout: bool,
    /// Print the report as JSON, and no progress.
    #[arg(long)]
    pub json: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "must be a whole number above 0".to_owned())
}

fn above_zero(text: &str) -> Result<f64, String> {
    let above_zero = |speed: &f64| speed.is_finite() && *speed > 0.0;
    text.parse().ok().filter(above_zero).ok_or_else(|| "must be a number above 0".to_owned())
}
