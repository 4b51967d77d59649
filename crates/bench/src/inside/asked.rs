//! The parent's end of `bench inside`: a turn is asked for by a line, and answered by one.

use super::{Done, What};
use crate::{
    process::Side,
    row::{Row, Work, rate},
};
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use std::{
    cell::RefCell,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

/// A process that waits for its turns.
pub(crate) struct Asked {
    side: Side,
    pipes: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Asked {
    /// Starts it, and waits until its data is open.
    pub(crate) fn start(what: What, data: &Path, carts: u64) -> Result<Self> {
        let value = what.to_possible_value().context("no such thing")?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["inside", value.get_name(), "--carts", &carts.to_string(), "--data"]).arg(data);
        command.stdin(Stdio::piped());
        let name = if what == What::Whole { "whole" } else { "engine" };
        let (mut side, line, output) = Side::announced(name, &mut command)?;
        ensure!(line == "ready", "`{name}` did not open: {line}");
        let input = side.input().context("standard input is not a pipe")?;
        Ok(Self { side, pipes: RefCell::new((input, output)) })
    }

    /// The process.
    pub(crate) fn side(&self) -> &Side {
        &self.side
    }

    /// One turn.
    pub(crate) fn turn(&self, work: Work, round: u32, duration: Duration) -> Result<Row> {
        let (input, output) = &mut *self.pipes.borrow_mut();
        writeln!(input, "{}", duration.as_millis())?;
        let mut line = String::new();
        output.read_line(&mut line)?;
        let done: Done =
            serde_json::from_str(&line).with_context(|| format!("a turn of `{}`", work.name()))?;
        let elapsed = Duration::from_secs_f64(done.seconds);
        let cleared_per_second = rate(done.cleared, elapsed);
        Ok(Row { cleared_per_second, ..Row::bare(work, round, rate(done.done, elapsed)) })
    }
}
