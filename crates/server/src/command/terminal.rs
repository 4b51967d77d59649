//! Text for people at a terminal: what is quiet, what is strong, and nothing that somebody else wrote as a command.

use std::io::IsTerminal;

/// Whether text is marked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paint(bool);

impl Paint {
    /// Standard output is marked up where it is a terminal, unless `NO_COLOR` is set.
    pub(super) fn of_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(std::io::stdout().is_terminal() && !refused)
    }

    pub(super) fn strong(self, text: &str) -> String {
        self.mark("1", text)
    }

    pub(super) fn quiet(self, text: &str) -> String {
        self.mark("2", text)
    }

    pub(super) fn warning(self, text: &str) -> String {
        self.mark("33", text)
    }

    fn mark(self, code: &str, text: &str) -> String {
        if self.0 && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A text that somebody wrote, on one line: control characters and those that turn the reading direction could make
/// a terminal show what is not there.
pub(super) fn one_line(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}

/// At most so many characters, the last of them … where it is cut.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect()
}

/// Minor units as people write them: 255 GBP is 2.55, 255 JPY is 255.
pub(super) fn amount(minor: i64, currency: &str) -> String {
    let decimals = decimals(currency);
    let sign = if minor < 0 { "-" } else { "" };
    let unit = 10u64.pow(decimals);
    let (whole, rest) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
    match decimals {
        0 => format!("{sign}{}", grouped(whole)),
        _ => format!("{sign}{}.{rest:0width$}", grouped(whole), width = decimals as usize),
    }
}

/// 1234567 as 1,234,567.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for three in digits.as_bytes()[first..].chunks(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.extend(three.iter().map(|byte| char::from(*byte)));
    }
    text
}

/// Decimals of a currency, by ISO 4217.
fn decimals(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_their_currency_is() {
        let cases = [(255, "GBP", "2.55"), (5, "GBP", "0.05"), (-1_234_567, "EUR", "-12,345.67")];
        let others = [(1_000, "JPY", "1,000"), (1_234, "KWD", "1.234"), (0, "GBP", "0.00")];
        for (minor, currency, text) in cases.into_iter().chain(others) {
            assert_eq!(amount(minor, currency), text);
        }
    }

    #[test]
    fn a_note_cannot_speak_to_the_terminal() {
        assert_eq!(one_line("a\x1b[2Jb\nc\u{202e}d"), "a\u{fffd}[2Jb c\u{fffd}d");
        assert_eq!(cut("abcdef", 4), "abc…");
    }
}
