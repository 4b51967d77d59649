//! The configuration as people read it: what is in force and where it comes from, and the reference of all keys.

use super::{
    Config,
    declared::{Declared, keys},
    secret::HIDDEN,
};
use serde_json::Value;
use std::fmt::Write;

/// A key with the value in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The key with its tables.
    pub key: String,
    /// The value as TOML and JSON both write it.
    pub value: Value,
    /// `default`, or the file or variable that said so.
    pub source: String,
}

/// The leaves of a table, each by its whole key.
pub(super) fn leaves(value: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    walk(String::new(), value, &mut found);
    found
}

fn walk(key: String, value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                walk(key, value, found);
            }
        }
        leaf => found.push((key, leaf.clone())),
    }
}

/// Settings as a TOML file that means the same, each with its source; but for secrets, which stay where they are.
pub fn to_toml(settings: &[Setting]) -> String {
    let (mut text, mut table) = (String::new(), "");
    for setting in settings {
        let (own, name) = setting.key.rsplit_once('.').unwrap_or(("", &setting.key));
        if own != table {
            table = own;
            let _ = writeln!(text, "\n[{table}]"); // writing to a `String` cannot fail
        }
        let is_left_out = setting.value.is_null() || hides(&setting.value);
        let absent = if is_left_out { "# " } else { "" };
        let _ = writeln!(text, "{absent}{name} = {}  # {}", setting.value, setting.source);
    }
    text
}

/// True of a secret, and of a list that has one in it.
fn hides(value: &Value) -> bool {
    match value {
        Value::Array(members) => members.iter().any(hides),
        value => value == HIDDEN,
    }
}

/// The reference of all keys, as Markdown: what stands in `docs/reference/configuration.md`.
pub fn reference() -> String {
    let defaults = leaves(&serde_json::to_value(Config::default()).unwrap_or_default());
    let mut text = String::from(HEAD);
    let mut table = None;
    for Declared { key, meaning, bound } in keys() {
        let (own, _) = key.rsplit_once('.').unwrap_or(("", key));
        if table != Some(own) {
            table = Some(own);
            let title = if own.is_empty() { "At the top".to_owned() } else { format!("`[{own}]`") };
            let _ = write!(
                text,
                "\n## {title}\n\n| key | default | bound | what it decides |\n|---|---|---|---|\n"
            );
        }
        let default = defaults.iter().find(|(known, _)| known == key).map(|(_, value)| value.to_string());
        let default = default.unwrap_or_else(|| "none".to_owned());
        let _ = writeln!(text, "| `{key}` | `{default}` | {bound} | {meaning} |");
    }
    text
}

const HEAD: &str = "# Configuration

Made by `evercart config reference`; a test compares it with the code.

One TOML file, named with `--config FILE`. Every key can be set by the environment as well, which wins over the file:
`EVERCART_`, then the key in capitals with `__` between table and name, such as `EVERCART_LIMITS__LINES_MAX=500`.
Options of the command line win over both. A key that does not exist is refused, and the message names the nearest one
that does. `evercart config check` says whether a file is fine, `evercart config show` what is in force and why.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_declared_once_and_no_other() {
        let mut real: Vec<String> = leaves(&serde_json::to_value(Config::default()).unwrap())
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        let mut declared: Vec<String> = keys().map(|declared| declared.key.to_owned()).collect();
        real.sort_unstable();
        declared.sort_unstable();
        assert_eq!(declared, real, "config/declared.rs and the structs differ");
    }

    #[test]
    fn the_committed_reference_is_what_the_code_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/configuration.md");
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(
            committed == reference(),
            "run: cargo run -p server -- config reference > docs/reference/configuration.md"
        );
    }
}
