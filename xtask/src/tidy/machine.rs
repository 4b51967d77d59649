//! What is true on one machine only: absolute paths into somebody's folders, and the registry that packages came from.

use super::Report;
use super::tree::{SourceFile, Tree};

/// Folders of a person or a build machine. Split, so that this file does not hold them.
const FOLDERS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// What stands before the address of a package registry in a manifest, a lock file or a client's settings.
const REGISTRY_MARKS: &[&str] = &[
    concat!("regi", "stry+"),
    concat!("spar", "se+"),
    concat!("replace", "-with"),
    concat!("index", "-url"),
    concat!("GO", "PROXY="),
];

/// Registries by name: packages come from wherever the reader's client is set up to look.
const REGISTRY_HOSTS: &[&str] = &[
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("registry.npmjs", ".org"),
    concat!("files.pythonhosted", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("repo1.maven", ".org"),
    concat!("repo.maven", ".apache.org"),
];

/// How Cargo itself names its default registry in every lock file.
const CARGO_DEFAULT: &str = concat!("regi", "stry+https://github.com/rust-lang/crates.io-index");

/// Rule: a path that exists on one machine is wrong on every other.
pub(super) fn machine_path(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    for (line, text) in file.numbered_lines() {
        if let Some(folder) = FOLDERS.iter().find(|folder| names_folder(text, folder)) {
            report.fail(line, format!("`{folder}…` is on one machine only: make it relative, or a setting"));
        }
    }
}

/// Rule: the repository does not say where packages are downloaded from.
pub(super) fn registry(_: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    for (line, text) in file.numbered_lines() {
        let text = text.replace(CARGO_DEFAULT, "");
        if let Some(mark) = REGISTRY_MARKS.iter().chain(REGISTRY_HOSTS).find(|mark| text.contains(**mark)) {
            report.fail(
                line,
                format!("`{mark}` names a package registry: leave that to the client's own settings"),
            );
        }
    }
}

/// A folder at the root, and something in it; not the middle of a longer path or of a URL.
fn names_folder(text: &str, folder: &str) -> bool {
    let follows_word = |c: char| c.is_alphanumeric() || "._-~}$)".contains(c);
    text.match_indices(folder).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + folder.len()..].chars().next();
        !before.is_some_and(follows_word)
            && after.is_some_and(|c| c.is_alphanumeric() || c == '.' || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_finds;

    #[test]
    fn paths_of_one_machine_are_found_in_any_text() {
        let text = concat!("data = \"/wo", "rk/data\"\nsee file:///ro", "ot/x\ncd /ho", "me/ann\n");
        check_finds(
            &[("deploy/a.toml", text)],
            &[
                "deploy/a.toml:1: machine-path",
                "deploy/a.toml:2: machine-path",
                "deploy/a.toml:3: machine-path",
            ],
        );
    }

    #[test]
    fn relative_paths_and_addresses_are_not_found() {
        let text = concat!(
            "./wo",
            "rk/data\n$BASE/ro",
            "ot/x\nhttps://shop.example/ho",
            "me/ann\n/ho",
            "me/ or a page\n"
        );
        check_finds(&[("a.md", text)], &[]);
    }

    #[test]
    fn a_registry_is_found_and_the_default_of_cargo_is_not() {
        let lock = |source: &str| format!("[[package]]\nsource = \"{source}\"\n");
        check_finds(
            &[("Cargo.lock", &lock(concat!("regi", "stry+https://github.com/rust-lang/crates.io-index")))],
            &[],
        );
        let mirror = concat!("spar", "se+https://mirror.example/");
        check_finds(&[("Cargo.lock", &lock(mirror))], &["Cargo.lock:2: registry"]);
        let host = concat!("curl https://static.crates", ".io/x\n");
        check_finds(&[("a.sh", host)], &["a.sh:1: registry"]);
    }
}
