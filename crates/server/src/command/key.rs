//! `evercart key`: new keys in the place of old ones, while the server runs.

use super::place::Place;
use crate::keys::{KeyFile, KeyKind, Keys, SETTLE_S};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Arguments of `evercart key`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evercart key rotate\n  evercart key list\n  evercart key retire tokens-1764000000"
)]
pub(super) struct KeyArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make new keys. A running server uses them a minute later; what was made with the old ones stays good.
    #[command(after_help = "Example: evercart key rotate issuer")]
    Rotate {
        /// Which key; both without.
        kind: Option<KindName>,
        #[command(flatten)]
        place: Place,
    },
    /// List the keys: which are used, which are only honoured, and since when.
    #[command(after_help = "Example: evercart key list --json")]
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Delete a key that is no longer used: what was made with it is refused from then on, a service token too that was
    /// made for longer.
    #[command(after_help = "Example: evercart key retire tokens-1764000000")]
    Retire {
        /// As `evercart key list` names it.
        name: String,
        /// Also if what was made with it may still be in use: guests lose their carts, services their access.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindName {
    /// Seals guests' tokens and what callers carry.
    Tokens,
    /// Signs tokens of services and of local shoppers.
    Issuer,
}

pub(super) fn run(args: &KeyArgs) -> anyhow::Result<ExitCode> {
    match &args.what {
        What::Rotate { kind, place } => {
            let kinds: &[KeyKind] = match kind {
                None => &[KeyKind::Tokens, KeyKind::Issuer],
                Some(KindName::Tokens) => &[KeyKind::Tokens],
                Some(KindName::Issuer) => &[KeyKind::Issuer],
            };
            let data = place.data()?;
            let made = kinds.iter().map(|kind| Keys::rotate(&data, *kind)).collect::<Result<Vec<_>, _>>()?;
            let said = format!(
                "made {}; used from {SETTLE_S} s after now. With several nodes, copy the files to all of them before.",
                made.join(" and ")
            );
            print(place, &json!({"made": made, "used_after_seconds": SETTLE_S}), &said);
        }
        What::List { place } => {
            let files = Keys::list(&place.data()?)?;
            let text: Vec<String> = files.iter().map(line).collect();
            print(place, &files.iter().map(value).collect(), &text.join("\n"));
        }
        What::Retire { name, force, place } => {
            Keys::retire(&place.data()?, name, *force)?;
            print(place, &json!({"retired": name}), &format!("{name} is gone"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn made_at(file: &KeyFile) -> String {
    let at = jiff::Timestamp::from_second(i64::from(file.id));
    at.map(|at| at.to_string()).unwrap_or_default()
}

fn line(file: &KeyFile) -> String {
    let use_of = if file.is_used { "used" } else { "honoured" };
    format!("{:<24} {use_of:<9} made {}", file.name, made_at(file))
}

fn value(file: &KeyFile) -> Value {
    json!({"name": file.name, "used": file.is_used, "made_at": made_at(file)})
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn print(place: &Place, value: &Value, text: &str) {
    if place.json { println!("{value}") } else { println!("{text}") }
}
