//! Links between the pages of the repository.
//!
//! Links to other sites are not followed: whether they answer today says nothing about the change at hand.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::Report;
use super::tree::{SourceFile, Tree};

/// Rule: a relative link leads to a file or folder of the repository, and to a heading that is there.
pub(super) fn link(tree: &Tree, file: &SourceFile, report: &mut Report<'_>) {
    if !file.path.ends_with(".md") {
        return;
    }
    for (event, range) in Parser::new(&file.text).into_offset_iter() {
        let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event else {
            continue;
        };
        let line = file.text[..range.start].matches('\n').count() + 1;
        if let Some(trouble) = trouble(tree, file, &dest_url) {
            report.fail(line, format!("`{dest_url}` {trouble}"));
        }
    }
}

/// What is wrong with the link, if anything is.
fn trouble(tree: &Tree, file: &SourceFile, url: &str) -> Option<&'static str> {
    let scheme = url.split(['/', '#', '?']).next().unwrap_or_default();
    if scheme.contains(':') || url.starts_with("//") {
        return None;
    }
    let (target, fragment) = url.split_once('#').unwrap_or((url, ""));
    let path = if target.is_empty() { Some(file.path.clone()) } else { resolved(file.folder(), target) };
    let Some(path) = path else { return Some("leads out of the repository") };
    if !tree.contains(&path) {
        return Some("leads to nothing that is committed: correct it, or remove it");
    }
    let page = tree.find(&path).filter(|page| page.path.ends_with(".md"))?;
    let is_missing = !fragment.is_empty() && !anchors(&page.text).iter().any(|anchor| anchor == fragment);
    is_missing.then_some("leads to a heading that is not there")
}

/// `target` as seen from `folder`, or from the root when it starts with a slash.
fn resolved(folder: &str, target: &str) -> Option<String> {
    let folder = if target.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The names under which the headings of a page can be linked to: lower case, hyphens for spaces, no punctuation, and a
/// number on a heading that is there again.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors = Vec::new();
    let mut times = BTreeMap::<String, usize>::new();
    let mut heading: Option<String> = None;
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(words) | Event::Code(words) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&words);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
                let name: String =
                    heading.take().unwrap_or_default().to_lowercase().chars().filter(kept).collect();
                let name = name.replace(' ', "-");
                let seen = times.entry(name.clone()).or_default();
                anchors.push(if *seen == 0 { name } else { format!("{name}-{seen}") });
                *seen += 1;
            }
            _ => {}
        }
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_finds;

    const PAGE: (&str, &str) =
        ("docs/page.md", "# The page\n\n## What holds, always\n\n## What holds, always\n");

    #[track_caller]
    fn check_link(link: &str, expected: &[&str]) {
        let text = format!("# Start\n\nSee [it]({link}).\n");
        check_finds(&[("docs/guides/start.md", &text), PAGE, ("src/a.rs", "//! A.\n")], expected);
    }

    #[test]
    fn a_link_to_nothing_is_found() {
        for link in ["../gone.md", "page.md", "/gone.md", "../../../outside.md", "![image](gone.png)"] {
            check_link(link, &["docs/guides/start.md:3: link"]);
        }
    }

    #[test]
    fn links_to_files_folders_and_headings_are_fine() {
        for link in
            ["../page.md", "../../src", "../../src/a.rs", "/docs/page.md", "start.md", "#start", "../.."]
        {
            check_link(link, &[]);
        }
        for link in
            ["../page.md#what-holds-always", "../page.md#what-holds-always-1", "https://gone.example/x"]
        {
            check_link(link, &[]);
        }
    }

    #[test]
    fn a_link_to_a_heading_that_is_not_there_is_found() {
        check_link("../page.md#what-held", &["docs/guides/start.md:3: link"]);
        check_link("#the-end", &["docs/guides/start.md:3: link"]);
    }

    #[test]
    fn links_in_code_are_not_links() {
        check_finds(&[("a.md", "`[a](gone.md)`\n\n```\n[a](gone.md)\n```\n")], &[]);
    }
}
