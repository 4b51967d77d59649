//! Paths as text: one whose bytes are not UTF-8 names nothing, whatever route it matches.

/// True where routes can take their parameters for texts.
pub(super) fn is_text(path: &str) -> bool {
    if !path.contains('%') {
        return true;
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, others @ ..] = rest {
        let decoded = others.get(..2).filter(|_| *first == b'%').and_then(decoded);
        bytes.push(decoded.unwrap_or(*first));
        rest = &others[if decoded.is_some() { 2 } else { 0 }..];
    }
    std::str::from_utf8(&bytes).is_ok()
}

/// The byte that two hexadecimal digits say.
fn decoded(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_text_when_its_bytes_are() {
        for path in ["/", "/a%20b", "/%F0%9F%98%80", "/100%", "/%zz", "/%+1", "/%", "/%00"] {
            assert!(is_text(path), "{path}");
        }
        for path in ["/%ff", "/%F0%9F", "/a%c0%80"] {
            assert!(!is_text(path), "{path}");
        }
    }
}
