//! How files are laid out: what opens them, what they are called, how long they are.

use super::Report;
use super::tree::{SourceFile, Tree};

const LINES_WARN: usize = 500;
const LINES_MAX: usize = 800;

/// Names that say nothing about what is inside, so everything ends up there.
pub(super) const EMPTY_NAMES: &[&str] = &["common", "errors", "helpers", "types", "util", "utils"];

/// Rule: a file says what it is before anything else.
pub(super) fn header(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    if is_rust(file) && !file.text.starts_with("//!") {
        report
            .fail(1, "open the file with `//!`: what it is, what always holds, what is deliberately absent");
    }
}

/// Rule: `foo.rs` and `foo/`, so that an editor shows ten names and not ten times the same one.
pub(super) fn module_file(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    if let Some(folder) = file.path.strip_suffix("/mod.rs") {
        report.fail(1, format!("move it to `{folder}.rs`"));
    }
}

/// Rule: a file, folder or module is called after what it holds.
pub(super) fn module_name(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    if !is_rust(file) {
        return;
    }
    let advice =
        |name: &str| format!("`{name}` says nothing: name it after what it holds, or move that to its user");
    let stem = file.path.strip_suffix(".rs").unwrap_or(&file.path);
    if let Some(name) = stem.split('/').find(|part| EMPTY_NAMES.contains(part)) {
        report.fail(1, advice(name));
    }
    let inline = file.rust.iter().flat_map(|rust| rust.tokens.windows(3));
    for tokens in inline.filter(|tokens| tokens[0].text == "mod" && tokens[2].text == "{") {
        if EMPTY_NAMES.contains(&tokens[1].text.as_str()) {
            report.fail(tokens[1].line, advice(&tokens[1].text));
        }
    }
}

/// Rule: codebases decay through long files.
pub(super) fn file_length(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    let lines = file.text.lines().count();
    if is_rust(file) && lines > LINES_MAX {
        report.fail(LINES_MAX, format!("{lines} lines: split it; {LINES_MAX} is the most"));
    } else if is_rust(file) && lines > LINES_WARN {
        report.warn(
            LINES_WARN,
            format!("{lines} lines: does its header need an \"and\"? Then there are two files"),
        );
    }
}

fn is_rust(file: &SourceFile) -> bool {
    file.path.ends_with(".rs")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_finds, check_rust};

    #[test]
    fn a_file_without_a_header_is_found() {
        check_finds(&[("crates/cart/src/a.rs", "\n//! Too late.\n")], &["crates/cart/src/a.rs:1: header"]);
        check_finds(&[("build.sh", "echo\n")], &[]);
    }

    #[test]
    fn a_module_file_in_its_own_folder_is_found() {
        check_finds(&[("src/a/mod.rs", "//! A.\n")], &["src/a/mod.rs:1: module-file"]);
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        check_finds(&[("src/utils.rs", "//! A.\n")], &["src/utils.rs:1: module-name"]);
        check_finds(&[("src/common/a.rs", "//! A.\n")], &["src/common/a.rs:1: module-name"]);
        check_rust("mod errors { fn f() {} }\n", &["2: module-name"]);
        check_finds(&[("src/error.rs", "//! A.\n"), ("docs/common/a.md", "")], &[]);
    }

    #[test]
    fn a_long_file_is_warned_of_and_a_very_long_one_fails() {
        let lines = |count: usize| format!("//! A.\n{}", "\n".repeat(count - 1));
        check_finds(&[("a.rs", &lines(500))], &[]);
        check_finds(&[("a.rs", &lines(501))], &["a.rs:500: file-length"]);
        check_finds(&[("a.rs", &lines(801))], &["a.rs:800: file-length"]);
        let findings = |count| super::super::check(&super::Tree::planted(&[("a.rs", &lines(count))]));
        assert!(!findings(800)[0].fatal && findings(801)[0].fatal);
    }
}
