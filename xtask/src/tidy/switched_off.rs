//! Code that is not there yet and tests that do not run: each is a defect that looks like work done.

use super::Report;
use super::rust::reads;
use super::tree::{SourceFile, Tree};

/// Marks people leave for later. Split, so that this file does not hold them.
const LEFT_OVER: &[&str] = &[concat!("FIX", "ME"), concat!("XX", "X")];

/// Rule: no placeholder, no test that is skipped or that passes by panicking somewhere.
pub(super) fn switched_off(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    let Some(rust) = &file.rust else { return };
    for start in 0..rust.tokens.len() {
        let here = &rust.tokens[start..];
        let line = here[0].line;
        if reads(here, &["todo", "!"]) || reads(here, &["unimplemented", "!"]) {
            report.fail(line, "write it, or leave out what would call it");
        } else if reads(here, &["#", "[", "ignore"]) {
            report.fail(line, "let the test run, or delete it: nobody reads a test that does not run");
        } else if reads(here, &["#", "[", "should_panic"]) {
            report.fail(line, "return the error and assert which one: any panic passes this test");
        }
    }
}

/// Rule: what is left to do is done now, or described as absent, and not marked in the code.
///
/// In quotes it is data: the ISO code of "no currency" is one of the marks.
pub(super) fn left_over(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    if file.rust.is_none() {
        return;
    }
    for (line, text) in file.numbered_lines() {
        if let Some(mark) = LEFT_OVER.iter().find(|mark| is_marked(text, mark)) {
            report.fail(line, format!("`{mark}`: do it now, or say in a sentence what is absent and why"));
        }
    }
}

fn is_marked(text: &str, mark: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "_\"'`".contains(c);
    text.match_indices(mark).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + mark.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_rust, check_rust_test};

    #[test]
    fn placeholders_are_found() {
        check_rust(
            concat!("fn f() { to", "do!() }\nfn g() { unimple", "mented!(\"x\") }"),
            &["2: switched-off", "3: switched-off"],
        );
    }

    #[test]
    fn tests_that_do_not_run_or_cannot_tell_are_found() {
        check_rust_test(concat!("#[ig", "nore]\n#[te", "st]\nfn f() {}"), &["2: switched-off"]);
        check_rust_test(concat!("#[ig", "nore = \"slow\"]\nfn f() {}"), &["2: switched-off"]);
        check_rust_test(concat!("#[should", "_panic(expected = \"x\")]\nfn f() {}"), &["2: switched-off"]);
    }

    #[test]
    fn marks_for_later_are_found_in_comments_too() {
        check_rust(concat!("// FIX", "ME: later\n// XX", "X\nfn f() {}"), &["2: left-over", "3: left-over"]);
    }

    #[test]
    fn words_that_only_look_alike_are_not_found() {
        check_rust(concat!("const NO_CURRENCY: &str = \"XX", "X\";"), &[]);
        check_rust("/// Lists every todo! of a list.\nfn ignore(todo: u8) -> &'static str { \"XXXL\" }", &[]);
    }
}
