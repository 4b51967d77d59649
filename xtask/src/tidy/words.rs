//! One word, one meaning: the words of the glossary that must not be used as names in code.
//!
//! Only words that are wrong wherever they stand. What the glossary allows in some places (`merge`, `amount`, `lock`)
//! needs a reader.

use super::Report;
use super::tree::{SourceFile, Tree};

struct Word {
    /// Where it is wrong: the start of a path. Empty for everywhere.
    within: &'static str,
    /// In snake case.
    not: &'static str,
    say: &'static str,
}

const fn ban(within: &'static str, not: &'static str, say: &'static str) -> Word {
    Word { within, not, say }
}

const WORDS: &[Word] = &[
    ban("crates/cart/", "combine", "join"),
    ban("crates/cart/", "conflict", "concurrent"),
    ban("crates/cart/", "version_info", "context, or seen"),
    ban("", "resync", "anti_entropy"),
    ban("", "backup_copy", "hinted_handoff"),
    ban("", "product_row", "line"),
    ban("", "reservation", "hold"),
    ban("", "master", "coordinator, or ledger"),
    ban("", "monkey", "fault"),
    ban("", "test_script", "workload, or scenario"),
];

/// Rule: a thing has one name, the one in the glossary.
pub(super) fn word(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    let Some(rust) = &file.rust else { return };
    for token in rust.tokens.iter().filter(|token| token.text.starts_with(|c: char| c.is_alphabetic())) {
        let name = framed_snake_case(&token.text);
        for word in WORDS.iter().filter(|word| file.path.starts_with(word.within)) {
            if name.contains(&format!("_{}_", word.not)) || name.contains(&format!("_{}s_", word.not)) {
                report.fail(token.line, format!("`{}`: here we say {}", token.text, word.say));
            }
        }
    }
}

/// `HoldToken` and `hold_token` both as `_hold_token_`.
fn framed_snake_case(name: &str) -> String {
    let mut framed = String::from("_");
    let mut after_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && after_lower {
            framed.push('_');
        }
        after_lower = c.is_lowercase() || c.is_ascii_digit();
        framed.extend(c.to_lowercase());
    }
    framed.push('_');
    framed
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_finds, check_rust};
    use super::framed_snake_case;

    #[test]
    fn words_of_the_wrong_column_are_found_in_names() {
        check_rust("struct Reservation;\nfn open(reservations: u8) {}", &["2: word", "3: word"]);
        check_rust("fn on_conflict() {}\nfn f() { let x = dots.combine(y); }", &["2: word", "3: word"]);
    }

    #[test]
    fn a_word_that_is_wrong_in_one_crate_is_right_in_another() {
        check_finds(&[("crates/storage/src/a.rs", "//! A.\nenum Outcome { Conflict }\n")], &[]);
    }

    #[test]
    fn text_and_longer_words_are_not_names() {
        check_rust("/// A conflict.\nfn f() -> &'static str { \"conflict\" }\nfn conflicting() {}", &[]);
    }

    #[test]
    fn both_cases_read_the_same() {
        assert_eq!(framed_snake_case("HoldToken"), "_hold_token_");
        assert_eq!(framed_snake_case("hold_token"), "_hold_token_");
        assert_eq!(framed_snake_case("HOLD_TOKEN"), "_hold_token_");
    }
}
