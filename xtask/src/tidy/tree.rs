//! The files that are committed or could be, read once for all rules.
//!
//! Files that are not text are left out; files deleted but not yet committed as such are, too.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::rust::RustFile;

/// All text files, by path.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) files: Vec<SourceFile>,
    /// Every path, also of files that are not text, and every folder of one.
    paths: BTreeSet<String>,
}

/// One text file; `path` is relative to the root, with slashes.
#[derive(Debug)]
pub(super) struct SourceFile {
    pub(super) path: String,
    pub(super) text: String,
    /// Its tokens, for a file of Rust code that can be lexed.
    pub(super) rust: Option<RustFile>,
}

impl Tree {
    /// Reads the working tree at `root` as git sees it.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let listing = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("git cannot be started")?;
        ensure!(
            listing.status.success(),
            "git ls-files: {}",
            String::from_utf8_lossy(&listing.stderr).trim()
        );
        let listing = String::from_utf8(listing.stdout).context("a path is not UTF-8")?;
        let present = listing.split_terminator('\0').filter(|path| root.join(path).is_file());
        let mut tree = Self::default();
        for path in present.collect::<BTreeSet<_>>() {
            let bytes = fs::read(root.join(path)).with_context(|| format!("cannot read `{path}`"))?;
            tree.add(path, String::from_utf8(bytes).ok());
        }
        tree.mark_test_modules();
        Ok(tree)
    }

    #[cfg(test)]
    pub(super) fn planted(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        files.iter().for_each(|(path, text)| tree.add(path, Some((*text).to_owned())));
        tree.mark_test_modules();
        tree
    }

    /// Whether `path` is a file or a folder of the tree. The root is the empty path.
    pub(super) fn contains(&self, path: &str) -> bool {
        path.is_empty() || self.paths.contains(path)
    }

    /// The text file at `path`.
    pub(super) fn find(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    fn add(&mut self, path: &str, text: Option<String>) {
        self.paths.insert(path.to_owned());
        self.paths.extend(path.match_indices('/').map(|(end, _)| path[..end].to_owned()));
        if let Some(text) = text {
            let rust = if path.ends_with(".rs") { RustFile::lex(path, &text) } else { None };
            self.files.push(SourceFile { path: path.to_owned(), text, rust });
        }
    }

    /// A module declared under `#[cfg(test)]` in one file is test code in another.
    fn mark_test_modules(&mut self) {
        let modules: Vec<String> = self.files.iter().flat_map(SourceFile::test_modules).collect();
        for file in &mut self.files {
            let stem = file.path.strip_suffix(".rs").unwrap_or(&file.path);
            let inside = |module: &String| {
                stem.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if let Some(rust) = file.rust.as_mut().filter(|_| modules.iter().any(inside)) {
                rust.mark_all_as_test();
            }
        }
    }
}

impl SourceFile {
    /// Folder of the file, without a slash at its end; empty at the root.
    pub(super) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The lines, numbered from 1.
    pub(super) fn numbered_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Paths, without `.rs`, of the modules that this file declares for tests only.
    fn test_modules(&self) -> Vec<String> {
        let Some(rust) = &self.rust else { return Vec::new() };
        let stem = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        let is_crate_root = matches!(stem.rsplit('/').next(), Some("lib" | "main"));
        let parent = if is_crate_root { self.folder() } else { stem };
        rust.test_modules.iter().map(|module| format!("{parent}/{module}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Tree;

    #[track_caller]
    fn check_is_test(files: &[(&str, &str)], path: &str, expected: bool) {
        let tree = Tree::planted(files);
        let rust = tree.find(path).unwrap().rust.as_ref().unwrap();
        assert!(rust.tokens.iter().all(|token| token.in_test == expected), "{:?}", rust.tokens);
    }

    #[test]
    fn a_module_declared_for_tests_is_test_code_with_all_below_it() {
        let declared = ("src/lib.rs", "#[cfg(test)]\nmod laws;\nmod lawsuit;");
        check_is_test(&[declared, ("src/laws.rs", "fn f() {}")], "src/laws.rs", true);
        check_is_test(&[declared, ("src/laws/join.rs", "fn f() {}")], "src/laws/join.rs", true);
        check_is_test(&[declared, ("src/lawsuit.rs", "fn f() {}")], "src/lawsuit.rs", false);
    }

    #[test]
    fn a_test_module_of_a_module_lies_in_the_folder_of_that_name() {
        let files = [
            ("src/a.rs", "#[cfg(test)]\nmod cases;"),
            ("src/a/cases.rs", "fn f() {}"),
            ("src/cases.rs", "fn f() {}"),
        ];
        check_is_test(&files, "src/a/cases.rs", true);
        check_is_test(&files, "src/cases.rs", false);
    }

    #[test]
    fn folders_are_part_of_the_tree() {
        let tree = Tree::planted(&[("docs/adr/one.md", "")]);
        assert!(
            tree.contains("")
                && tree.contains("docs")
                && tree.contains("docs/adr")
                && !tree.contains("docs/a")
        );
    }
}
