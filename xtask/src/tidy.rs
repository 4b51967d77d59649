//! The house rules that a machine can check, one small function each.
//!
//! Looks at every file that is committed or could be (`git ls-files`, tracked and untracked, not the ignored ones).
//! A finding names the place, the rule and what to do. There is no list of exceptions: a rule that is wrong somewhere
//! is the wrong rule, and is changed for everybody.

mod arguments;
mod layout;
mod links;
mod machine;
mod manifests;
mod panics;
mod rust;
mod switched_off;
mod testing;
mod tree;
mod words;

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use tree::{SourceFile, Tree};

/// A rule looks at one file, and at the tree around it where it must.
type Rule = fn(&Tree, &SourceFile, &mut Report<'_>);

const RULES: &[(&str, Rule)] = &[
    ("lexable", rust::lexable),
    ("header", layout::header),
    ("module-file", layout::module_file),
    ("module-name", layout::module_name),
    ("file-length", layout::file_length),
    ("switched-off", switched_off::switched_off),
    ("left-over", switched_off::left_over),
    ("sleep", testing::sleep),
    ("test-name", testing::test_name),
    ("panic-reason", panics::panic_reason),
    ("arguments", arguments::arguments),
    ("word", words::word),
    ("machine-path", machine::machine_path),
    ("registry", machine::registry),
    ("link", links::link),
    ("lints", manifests::lints),
    ("one-version", manifests::one_version),
];

/// One place that breaks one rule.
#[derive(Debug)]
struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    advice: String,
    fatal: bool,
}

/// What a rule says about one file.
struct Report<'a> {
    file: &'a SourceFile,
    rule: &'static str,
    findings: &'a mut Vec<Finding>,
}

impl Report<'_> {
    /// The rule is broken at `line`, counted from 1.
    fn fail(&mut self, line: usize, advice: impl Into<String>) {
        self.add(line, advice.into(), true);
    }

    /// Worth a look, but nothing to stop for.
    fn warn(&mut self, line: usize, advice: impl Into<String>) {
        self.add(line, advice.into(), false);
    }

    fn add(&mut self, line: usize, advice: String, fatal: bool) {
        self.findings.push(Finding { path: self.file.path.clone(), line, rule: self.rule, advice, fatal });
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = if self.fatal { "" } else { "warning: " };
        write!(f, "{}:{}: {weight}{}: {}", self.path, self.line, self.rule, self.advice)
    }
}

/// Checks the working tree at `root`.
pub(crate) fn run(root: &Path) -> Result<()> {
    let tree = Tree::read(root)?;
    let findings = check(&tree);
    findings.iter().for_each(|finding| println!("{finding}"));
    let fatal = findings.iter().filter(|finding| finding.fatal).count();
    if fatal > 0 {
        bail!("tidy: {fatal} findings");
    }
    println!("tidy: {} files keep {} rules, {} warnings", tree.files.len(), RULES.len(), findings.len());
    Ok(())
}

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (rule, look) in RULES {
            look(tree, file, &mut Report { file, rule, findings: &mut findings });
        }
    }
    findings
}

#[cfg(test)]
mod tests;
