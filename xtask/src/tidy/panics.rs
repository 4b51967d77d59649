//! Panics outside tests: each `unwrap` and `expect` says why it cannot happen.

use super::Report;
use super::rust::Token;
use super::tree::{SourceFile, Tree};

const CALLS: &[&str] = &["unwrap", "unwrap_err", "expect", "expect_err"];

/// Rule: a panic that was thought about has its reason beside it.
///
/// A reason is `#[expect(clippy::…, reason = "…")]` around it, or a comment on the same line or the line before.
/// `self.expect(…)` is some parser's own method and is not meant.
pub(super) fn panic_reason(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    let Some(rust) = &file.rust else { return };
    let lines: Vec<&str> = file.text.lines().collect();
    let mut before = "";
    for tokens in rust.tokens.windows(3) {
        if is_panic(tokens) && before != "self" && !has_comment(&lines, tokens[1].line) {
            let call = &tokens[1].text;
            report.fail(
                tokens[1].line,
                format!("`{call}` outside tests: return an error, or say why it cannot fail"),
            );
        }
        before = &tokens[0].text;
    }
}

fn is_panic(tokens: &[Token]) -> bool {
    let [dot, name, open] = tokens else { return false };
    let is_call = dot.text == "." && CALLS.contains(&name.text.as_str()) && open.text == "(";
    is_call && !name.in_test && !name.excused
}

/// A comment with words in it; documentation says what a thing is, not why a panic cannot happen.
fn has_comment(lines: &[&str], line: usize) -> bool {
    let is_reason = |after: &str| !after.starts_with(['/', '!']) && !after.trim().is_empty();
    let above = line.checked_sub(2).and_then(|index| lines.get(index));
    let is_above = above.and_then(|text| text.trim_start().strip_prefix("//")).is_some_and(is_reason);
    let is_beside = lines
        .get(line - 1)
        .and_then(|text| text.split_once(" //"))
        .is_some_and(|(_, after)| is_reason(after));
    is_above || is_beside
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_rust, check_rust_test};

    #[test]
    fn a_panic_without_a_reason_is_found() {
        check_rust(
            "fn f() { a.unwrap(); }\nfn g() { b\n.expect(\"x\"); }",
            &["2: panic-reason", "4: panic-reason"],
        );
        check_rust("fn f() { assert!(a.unwrap()); }", &["2: panic-reason"]);
    }

    #[test]
    fn a_comment_is_a_reason() {
        check_rust("fn f() { a.unwrap(); } // never empty\nfn g() {\n// never empty\nb.unwrap(); }", &[]);
        check_rust("fn f() {\n//\na.unwrap(); } //", &["4: panic-reason"]);
        check_rust("/// Docs.\nfn f() { a.unwrap(); }", &["3: panic-reason"]);
    }

    #[test]
    fn an_expectation_with_a_reason_is_one_and_ends_with_its_item() {
        let with = |attribute| {
            format!("#[expect({attribute})]\nfn f() {{ a.expect(\"x\"); }}\nfn g() {{ b.unwrap(); }}")
        };
        check_rust(&with("clippy::expect_used, reason = \"y\""), &["4: panic-reason"]);
        check_rust(&with("clippy::expect_used"), &["3: panic-reason", "4: panic-reason"]);
        check_rust(&with("clippy::panic, reason = \"y\""), &["3: panic-reason", "4: panic-reason"]);
    }

    #[test]
    fn tests_may_panic() {
        check_rust_test("fn f() { a.unwrap(); }", &[]);
        check_rust("#[test]\nfn f() { a.unwrap(); }", &[]);
    }

    #[test]
    fn what_is_no_panic_is_not_found() {
        check_rust("fn f() { a.unwrap_or(1); self.expect(b'{'); \"a.unwrap()\"; }\nfn expect() {}", &[]);
    }
}
