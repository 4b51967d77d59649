//! `evercart config`: whether a configuration is fine, what is in force, and what there is.

use super::GlobalArgs;
use crate::config::shown::{reference, to_toml};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::process::ExitCode;

/// Arguments of `evercart config`.
#[derive(Debug, Args)]
#[command(after_help = "Example: evercart config check --config evercart.toml")]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say whether the file and the environment are fine.
    #[command(after_help = "Example: evercart config check --config evercart.toml")]
    Check(Output),
    /// Print every key with the value in force and where it comes from, as a TOML file.
    #[command(after_help = "Example: EVERCART_LISTEN=0.0.0.0:80 evercart config show")]
    Show(Output),
    /// Print the reference of all keys, as Markdown.
    #[command(hide = true)]
    Reference,
}

#[derive(Debug, Args)]
struct Output {
    #[command(flatten)]
    global: GlobalArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(super) fn run(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        Action::Check(output) => return Ok(check(output)?),
        Action::Show(output) => {
            let (_, settings) = output.global.load_shown()?;
            if output.json {
                let member = |setting: crate::config::shown::Setting| {
                    (setting.key, json!({"value": setting.value, "source": setting.source}))
                };
                println!("{}", Value::Object(settings.into_iter().map(member).collect::<Map<_, _>>()));
            } else {
                print!("{}", to_toml(&settings));
            }
        }
        Action::Reference => print!("{}", reference()),
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn check(output: &Output) -> Result<ExitCode, crate::config::ConfigError> {
    let checked = output.global.load();
    if output.json {
        let problem = checked.as_ref().err().map(ToString::to_string);
        println!("{}", json!({"ok": checked.is_ok(), "problem": problem}));
        return Ok(if checked.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    checked?;
    println!("the configuration is fine");
    Ok(ExitCode::SUCCESS)
}
