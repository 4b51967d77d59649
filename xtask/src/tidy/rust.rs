//! A Rust file as a flat list of tokens that know whether they are test code.
//!
//! Tokens, not a syntax tree: rules must see into macro bodies (`assert!`, `proptest!`), which a syntax tree keeps as
//! tokens anyway. Comments are not among them; rules that need them read the lines.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::Report;
use super::tree::{SourceFile, Tree};

/// The tokens of one file.
#[derive(Debug)]
pub(super) struct RustFile {
    pub(super) tokens: Vec<Token>,
    /// Names declared as `#[cfg(test)] mod name;`.
    pub(super) test_modules: Vec<String>,
}

/// An identifier, a literal, one character of punctuation, or one bracket.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) text: String,
    /// Counted from 1.
    pub(super) line: usize,
    /// In a test function, a module for tests, or a file of tests.
    pub(super) in_test: bool,
    /// Under an `#[expect(clippy::…, reason = "…")]` for `unwrap` or `expect`.
    pub(super) excused: bool,
}

impl RustFile {
    /// Nothing when the text is not Rust, down to its quotes and brackets.
    pub(super) fn lex(path: &str, text: &str) -> Option<Self> {
        let stream: TokenStream = text.parse().ok()?;
        let mut file = Self { tokens: Vec::new(), test_modules: Vec::new() };
        file.walk(stream, Marks { in_test: is_test_path(path), excused: false });
        Some(file)
    }

    pub(super) fn mark_all_as_test(&mut self) {
        self.tokens.iter_mut().for_each(|token| token.in_test = true);
    }

    fn walk(&mut self, stream: TokenStream, outer: Marks) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut around = outer;
        // What the attributes before an item say holds until the item ends.
        let mut item = Item::default();
        for (index, tree) in trees.iter().enumerate() {
            if let Some((attribute, is_inner)) = attribute_at(&trees, index) {
                let marks = Marks::of_attribute(attribute);
                if is_inner { around = around.with(marks) } else { item.marks = item.marks.with(marks) }
            }
            let marks = around.with(item.marks);
            match tree {
                TokenTree::Group(group) => {
                    self.walk_group(group, marks);
                    if group.delimiter() == Delimiter::Brace && !item.ends_at_semicolon {
                        item = Item::default();
                    }
                }
                TokenTree::Ident(ident) => {
                    let word = ident.to_string();
                    if item.marks.in_test && word == "mod" && is_punct(trees.get(index + 2), ';') {
                        self.test_modules.extend(trees.get(index + 1).map(ToString::to_string));
                    }
                    // `const fn` ends at its body, a constant at its semicolon.
                    item.ends_at_semicolon |=
                        matches!(word.as_str(), "let" | "const" | "static" | "use" | "type");
                    item.ends_at_semicolon &= word != "fn";
                    self.push(word, tree, marks);
                }
                TokenTree::Punct(punct) => {
                    self.push(punct.as_char().to_string(), tree, marks);
                    if punct.as_char() == ';' {
                        item = Item::default();
                    }
                }
                TokenTree::Literal(literal) => self.push(literal.to_string(), tree, marks),
            }
        }
    }

    fn walk_group(&mut self, group: &Group, marks: Marks) {
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => ("", ""),
        };
        let bracket = |file: &mut Self, text: &str, line| {
            file.tokens.push(Token {
                text: text.to_owned(),
                line,
                in_test: marks.in_test,
                excused: marks.excused,
            });
        };
        bracket(self, open, group.span_open().start().line);
        self.walk(group.stream(), marks);
        bracket(self, close, group.span_close().start().line);
    }

    fn push(&mut self, text: String, tree: &TokenTree, marks: Marks) {
        let line = tree.span().start().line;
        self.tokens.push(Token { text, line, in_test: marks.in_test, excused: marks.excused });
    }
}

/// Whether the tokens begin with `pattern`.
pub(super) fn reads(tokens: &[Token], pattern: &[&str]) -> bool {
    tokens.len() >= pattern.len() && tokens.iter().zip(pattern).all(|(token, word)| token.text == *word)
}

/// Rule: a file named `.rs` holds Rust. Every other rule about code is blind to one that does not.
pub(super) fn lexable(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    if file.path.ends_with(".rs") && file.rust.is_none() {
        report.fail(1, "cannot be split into tokens: close its quotes and brackets");
    }
}

/// What is known about a stretch of tokens.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    in_test: bool,
    excused: bool,
}

#[derive(Default)]
struct Item {
    marks: Marks,
    ends_at_semicolon: bool,
}

impl Marks {
    fn with(self, other: Self) -> Self {
        Self { in_test: self.in_test || other.in_test, excused: self.excused || other.excused }
    }

    fn of_attribute(attribute: &Group) -> Self {
        let text = attribute.stream().to_string().replace(char::is_whitespace, "");
        let path = text.split('(').next().unwrap_or_default();
        let for_tests = text == "cfg(test)" || text.starts_with("cfg(all(test,");
        let about_panics = text.contains("clippy::unwrap_used") || text.contains("clippy::expect_used");
        Self {
            in_test: for_tests || path == "test" || path.ends_with("::test"),
            excused: path == "expect" && about_panics && text.contains("reason="),
        }
    }
}

/// The attribute whose `#` stands at `index`, and whether it is an inner one (`#!`).
fn attribute_at(trees: &[TokenTree], index: usize) -> Option<(&Group, bool)> {
    if !is_punct(trees.get(index), '#') {
        return None;
    }
    let is_inner = is_punct(trees.get(index + 1), '!');
    match trees.get(index + 1 + usize::from(is_inner)) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => Some((group, is_inner)),
        _ => None,
    }
}

fn is_punct(tree: Option<&TokenTree>, expected: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == expected)
}

/// Tests by their place: `tests`, `benches`, and what engines are tested with from elsewhere: the suite that each expands
/// into its own tests, and the proof of a checkout.
fn is_test_path(path: &str) -> bool {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    stem.split('/').any(|part| matches!(part, "tests" | "benches" | "conformance" | "proof"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_finds, check_rust};
    use super::RustFile;

    /// The identifiers that are test code, in order.
    #[track_caller]
    fn check_test_code(code: &str, expected: &str) {
        let file = RustFile::lex("src/planted.rs", code).unwrap();
        let of_interest = |text: &str| text.len() == 1 && text.chars().all(|c| c.is_ascii_lowercase());
        let found: Vec<_> = file
            .tokens
            .iter()
            .filter(|token| token.in_test && of_interest(&token.text))
            .map(|token| token.text.as_str())
            .collect();
        assert_eq!(found.join(" "), expected);
    }

    #[test]
    fn a_test_function_is_test_code_and_its_neighbours_are_not() {
        check_test_code("fn a() {}\n#[test]\nfn b<c, d>(e: f) { g }\nfn h() {}", "b c d e f g");
        check_test_code("#[tokio::test(flavor = \"multi_thread\")]\nasync fn a() {}\nfn b() {}", "a");
    }

    #[test]
    fn a_module_for_tests_is_test_code_to_its_end() {
        check_test_code("#[cfg(test)]\nmod t { mod u { fn a() {} } fn b() {} }\nfn c() {}", "t u a b");
        check_test_code("#[cfg(all(test, unix))]\nmod t { fn a() {} }", "t a");
        check_test_code("mod t { #![cfg(test)] fn a() {} }\nfn b() {}", "a");
    }

    #[test]
    fn code_that_also_exists_outside_tests_is_not_test_code() {
        check_test_code("#[cfg(not(test))]\nfn a() {}\n#[cfg(any(test, feature = \"x\"))]\nfn b() {}", "");
    }

    #[test]
    fn a_marked_statement_ends_at_its_semicolon() {
        check_test_code("#[cfg(test)]\nuse a::{b, c};\nfn d() {}", "a b c");
        check_test_code("#[cfg(test)]\nconst fn a() { b }\nfn c() { d; }", "a b");
    }

    #[test]
    fn tests_within_macros_are_seen() {
        check_test_code("proptest! { #[test] fn a(b in 0..9) { c } }\nfn d() {}", "a b c");
    }

    #[test]
    fn a_file_with_an_open_quote_is_a_finding() {
        check_finds(&[("a.rs", "//! A.\nfn f() { \"")], &["a.rs:1: lexable"]);
        check_rust("fn f() {}", &[]);
    }
}
