//! What a person and a machine are shown of servers.

use std::fmt;
use std::path::Path;

use ::engines::standing::{Engine, Standing};
use anyhow::Result;
use serde_json::{Value, json};

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) engine: Engine,
    pub(super) state: State,
    pub(super) server: Option<Standing>,
}

/// How an engine is after what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Started,
    Running,
    /// It runs and does not answer.
    Silent,
    /// By us, just now.
    Stopped,
    NotRunning,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Started => "started",
            Self::Running => "running",
            Self::Silent => "silent",
            Self::Stopped => "stopped",
            Self::NotRunning => "not running",
        })
    }
}

/// Columns for a person; logs are shown from `root` where they lie in it.
pub(super) fn shown(root: &Path, rows: &[Row]) -> String {
    let head = ["engine", "state", "version", "address", "pid", "log"].map(str::to_owned);
    let lines: Vec<[String; 6]> = [head].into_iter().chain(rows.iter().map(|row| cells(root, row))).collect();
    let widths: Vec<usize> =
        (0..6).map(|column| lines.iter().map(|line| line[column].len()).max().unwrap_or(0)).collect();
    let padded = |line: &[String; 6]| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(padded).collect::<Vec<_>>().join("\n")
}

fn cells(root: &Path, row: &Row) -> [String; 6] {
    let of = |tell: fn(&Standing) -> String| row.server.as_ref().map_or_else(String::new, tell);
    let log = row.server.as_ref().map(|server| server.log.strip_prefix(root).unwrap_or(&server.log));
    [
        row.engine.name().to_owned(),
        row.state.to_string(),
        of(|server| server.version.clone()),
        of(|server| server.url.clone()),
        of(|server| server.pid().to_string()),
        log.map_or_else(String::new, |log| log.display().to_string()),
    ]
}

/// An array of objects; what a server has is there only where there is one.
pub(super) fn json(rows: &[Row]) -> Result<String> {
    let object = |row: &Row| {
        let mut object = match &row.server {
            Some(server) => serde_json::to_value(server)?,
            None => json!({ "engine": row.engine.name() }),
        };
        object["state"] = row.state.to_string().into();
        Ok(object)
    };
    let objects = rows.iter().map(object).collect::<Result<Vec<Value>>>()?;
    Ok(serde_json::to_string_pretty(&objects)?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ::engines::standing::Engine;

    use super::{Row, State, json, shown};

    #[test]
    fn what_does_not_run_is_shown_as_such_to_people_and_machines() {
        let rows = [Row { engine: Engine::Redis, state: State::NotRunning, server: None }];
        let table = shown(Path::new("."), &rows);
        assert!(table.ends_with("\nredis   not running"), "{table}");
        let object = &serde_json::from_str::<serde_json::Value>(&json(&rows).unwrap()).unwrap()[0];
        assert_eq!((&object["engine"], &object["state"]), (&"redis".into(), &"not running".into()));
    }
}
