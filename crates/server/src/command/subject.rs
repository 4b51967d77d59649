//! `evercart subject export` and `evercart subject erase`: what a person may ask a shop for.

use super::{
    confirmation::{self, Deed},
    remote::RemoteArgs,
};
use anyhow::Context;
use bytes::Bytes;
use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use reqwest::Method;
use serde_json::Value;
use std::process::ExitCode;

/// Arguments of `evercart subject`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  evercart subject export ann > ann.json\n  evercart subject erase ann")]
pub(super) struct SubjectArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print all that is stored of a subject, as JSON.
    #[command(after_help = "Example: evercart subject export ann > ann.json")]
    Export(ExportArgs),
    /// Erase all that is stored of a subject. It cannot be undone; the subject can shop again.
    #[command(
        after_help = "Example: evercart subject erase ann --yes\n\nExit status: 0 erased, also where there was \
            nothing; 1 not erased; 2 wrong usage."
    )]
    Erase(EraseArgs),
}

#[derive(Debug, Args)]
struct ExportArgs {
    /// The subject, as the identity provider names it.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    subject: String,
    #[command(flatten)]
    remote: RemoteArgs,
}

#[derive(Debug, Args)]
struct EraseArgs {
    /// The subject, as the identity provider names it.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    subject: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    remote: RemoteArgs,
}

const SCOPE: &str = "subjects";

pub(super) async fn run(args: SubjectArgs) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Export(args) => export(&args).await,
        Action::Erase(args) => erase(&args).await,
    }
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
async fn export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let (_, exported) = args.remote.connect(SCOPE)?.get(&path(&args.subject)).await?;
    if args.remote.json {
        println!("{exported}");
    } else {
        println!("{exported:#}");
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
async fn erase(args: &EraseArgs) -> anyhow::Result<ExitCode> {
    let remote = args.remote.connect(SCOPE)?;
    let question = "Erase all that is stored of this subject? ".to_owned();
    let deed = Deed { doing: "erasing", done: "erased", question };
    if let Some(ends) = confirmation::refused(args.yes, &deed)? {
        return Ok(ends);
    }
    let answer = remote.send(Method::DELETE, &path(&args.subject), Bytes::new()).await?;
    let erased: Value = serde_json::from_slice(&answer).context("the server's answer cannot be read")?;
    if args.remote.json {
        println!("{erased}");
    } else {
        let count = |name: &str| erased[name].as_array().map_or(0, Vec::len);
        let (carts, guests, merges) = (count("carts"), count("guests"), &erased["merges"]);
        println!(
            "erased: carts {carts}, guests\u{2019} carts merged into them {guests}, merge records {merges}"
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The path of a subject, whatever characters it has.
fn path(subject: &str) -> String {
    let escaped = subject.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    format!("/v1/subjects/{}", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn every_subject_is_one_segment_of_a_path() {
        assert_eq!(path("ann-1_~"), "/v1/subjects/ann-1_~");
        assert_eq!(path("a/b|c.d ü?"), "/v1/subjects/a%2Fb%7Cc%2Ed%20%C3%BC%3F");
    }
}
