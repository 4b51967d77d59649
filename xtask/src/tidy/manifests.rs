//! The manifests of the crates: what they must take over from the workspace.

use toml::{Table, Value};

use super::Report;
use super::layout::EMPTY_NAMES;
use super::tree::{SourceFile, Tree};

const TABLES: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

/// Rule: every crate is held to the lints of the workspace, and has a name that says something.
pub(super) fn lints(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    let Some(manifest) = crate_manifest(file) else { return };
    let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace")?.as_bool());
    if inherits != Some(true) {
        report.fail(1, "write `[lints]` with `workspace = true`");
    }
    let name = manifest.get("package").and_then(|package| package.get("name")?.as_str()).unwrap_or_default();
    if EMPTY_NAMES.contains(&name) {
        report.fail(1, format!("a crate called `{name}` would hold anything: name it after what it holds"));
    }
}

/// Rule: the version of a dependency stands once, in the manifest of the workspace.
///
/// A crate that its own tests need with more features (`path = "."`) has no version to repeat.
pub(super) fn one_version(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    let Some(manifest) = crate_manifest(file) else { return };
    for (name, dependency) in TABLES.iter().filter_map(|table| manifest.get(*table)?.as_table()).flatten() {
        let inherits = dependency.get("workspace").and_then(Value::as_bool) == Some(true);
        let is_itself = dependency.get("path").and_then(Value::as_str) == Some(".");
        if !inherits && !is_itself {
            let line =
                file.numbered_lines().find(|(_, text)| text.starts_with(name)).map_or(1, |(line, _)| line);
            report.fail(
                line,
                format!(
                    "name the version of `{name}` in the root Cargo.toml, and write `{name}.workspace = true`"
                ),
            );
        }
    }
}

/// The manifest of a member; nothing for the root's, nor for a workspace of its own (`fuzz`).
fn crate_manifest(file: &SourceFile) -> Option<Table> {
    let is_manifest = file.path.ends_with("/Cargo.toml");
    let manifest: Table = file.text.parse().ok().filter(|_| is_manifest)?;
    let is_member = manifest.contains_key("package") && !manifest.contains_key("workspace");
    is_member.then_some(manifest)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_finds;

    #[track_caller]
    fn check(manifest: &str, expected: &[&str]) {
        let expected: Vec<_> = expected.iter().map(|place| format!("crates/a/Cargo.toml:{place}")).collect();
        let expected: Vec<_> = expected.iter().map(String::as_str).collect();
        check_finds(&[("crates/a/Cargo.toml", manifest)], &expected);
    }

    #[test]
    fn a_crate_without_the_lints_of_the_workspace_is_found() {
        check("[package]\nname = \"a\"\n", &["1: lints"]);
        check("[package]\nname = \"a\"\n[lints]\nworkspace = false\n", &["1: lints"]);
        check("[package]\nname = \"a\"\n[lints]\nworkspace = true\n", &[]);
    }

    #[test]
    fn a_crate_with_an_empty_name_is_found() {
        check("[package]\nname = \"utils\"\n[lints]\nworkspace = true\n", &["1: lints"]);
    }

    #[test]
    fn a_version_of_its_own_is_found() {
        let with = |line| {
            format!("[package]\nname = \"a\"\n[dev-dependencies]\n{line}\n[lints]\nworkspace = true\n")
        };
        check(&with("bytes = \"1\""), &["4: one-version"]);
        check(&with("bytes = { version = \"1\" }"), &["4: one-version"]);
        check(&with("a = { path = \".\", features = [\"x\"] }"), &[]);
        check(&with("bytes.workspace = true"), &[]);
        check(&with("bytes = { workspace = true, features = [\"std\"] }"), &[]);
    }
}
