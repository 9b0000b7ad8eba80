//! Checks of the documentation that need no server:
//!
//! - every link between its pages leads to a file, and to a heading, that exists;
//! - a page of the site links to no file outside it, since mdBook copies only `docs/`;
//! - every page is in the table of contents, `docs/SUMMARY.md`, under the name that it has as its heading;
//! - the recipes use settings that were measured;
//! - the pages about the code name only files and directories that exist;
//! - the README asks for the same Rust as the manifest (`rust-version`), and claims no more than the page of the
//!   benchmarks reached.
//!
//! The examples and the command reference are compared with servers in `tests/server/concerns/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

fn project() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

fn pages_in(directory: &Path) -> Vec<PathBuf> {
    let entries =
        walkdir::WalkDir::new(directory).into_iter().map(|entry| entry.expect("an entry").into_path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// The pages of the site, and those in the project's own directory.
fn pages() -> Vec<PathBuf> {
    let names = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"];
    let mut pages: Vec<PathBuf> = names.iter().map(|name| project().join(name)).collect();
    pages.extend(pages_in(&project().join("docs")));
    pages
}

fn read(page: &Path) -> String {
    fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

/// The lines of a page outside code blocks.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    page.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The targets of a page's links.
fn links(page: &str) -> Vec<&str> {
    let ends = prose(page).flat_map(|line| line.split("](").skip(1));
    ends.filter_map(|rest| rest.split_once(')').map(|(target, _)| target)).collect()
}

/// The anchors of a page's headings, as mdBook and GitHub make them.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = prose(page).filter_map(|line| line.strip_prefix('#'));
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    headings
        .map(|heading| heading.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| heading.chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect())
        .collect()
}

/// The path with its `..` resolved.
fn normalized(path: &Path) -> PathBuf {
    let mut normalized = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normalized.pop()),
            part => normalized.push(part),
        }
    }
    normalized
}

#[test]
fn every_link_leads_somewhere() {
    let mut checked = 0;
    for page in pages() {
        let text = read(&page);
        for target in links(&text).into_iter().filter(|target| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let linked = match file {
                "" => page.clone(),
                file => normalized(&page.parent().expect("a directory").join(file)),
            };
            assert!(linked.exists(), "{} links to {target}, which does not exist", page.display());
            let docs = project().join("docs");
            assert!(
                !page.starts_with(&docs) || linked.starts_with(&docs),
                "{} links to {target}, which is not part of the site",
                page.display()
            );
            if !anchor.is_empty() {
                let anchors = anchors(&read(&linked));
                assert!(
                    anchors.contains(anchor),
                    "{} links to {target}; there are {anchors:?}",
                    page.display()
                );
            }
            checked += 1;
        }
    }
    assert!(checked > 50, "only {checked} links were found");
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let docs = project().join("docs");
    let summary = docs.join("SUMMARY.md");
    let text = read(&summary);
    let listed: BTreeSet<PathBuf> = links(&text).into_iter().map(|link| docs.join(link)).collect();
    let existing: BTreeSet<PathBuf> = pages_in(&docs).into_iter().filter(|page| *page != summary).collect();
    let missing: Vec<&PathBuf> = existing.difference(&listed).collect();
    assert!(missing.is_empty(), "docs/SUMMARY.md needs a line for each of {missing:?}");
}

/// What the menu of the site calls a page is what the page calls itself.
#[test]
fn the_menu_has_the_headings_of_the_pages() {
    let docs = project().join("docs");
    let summary = read(&docs.join("SUMMARY.md"));
    let entries =
        summary.lines().filter_map(|line| line.split_once('[')?.1.strip_suffix(')')?.split_once("]("));
    let mut checked = 0;
    for (name, page) in entries {
        let text = read(&docs.join(page));
        let heading = prose(&text).find_map(|line| line.strip_prefix("# ")).expect("a heading");
        assert_eq!(name, heading, "the name of {page} in docs/SUMMARY.md, and its heading");
        assert_ne!(name, "Simile", "the site is called Simile already");
        checked += 1;
    }
    assert!(checked > 30, "only {checked} entries were found");
}

/// The parameters of a scope and the MINSCORE of a recipe are those that the page about settings recommends.
#[test]
fn the_recipes_use_settings_that_were_measured() {
    let choosing = read(&project().join("docs/choosing.md"));
    let recipes = read(&project().join("docs/recipes.md"));
    for settings in [
        "BANDS 64 ROWS 2 SHINGLE WORDS 1 MASK yes SCORE COVERAGE",
        "MINSCORE 0.55",
        "THRESHOLD 0.8 SHINGLE WORDS 3",
        "MINSCORE 0.8",
        "BANDS 64 ROWS 1",
        "BANDS 32 ROWS 2 MASK yes SCORE COVERAGE",
    ] {
        assert!(recipes.contains(settings), "docs/recipes.md does not use {settings}");
        assert!(choosing.contains(settings), "docs/choosing.md does not recommend {settings}");
    }
}

/// The code spans of a page that are paths in the project: `src/lib.rs`, `rank.rs`, `src/index/`. What a build makes,
/// in `target/`, is not part of it.
fn named_paths(page: &str) -> Vec<&str> {
    let spans = prose(page).flat_map(|line| line.split('`').skip(1).step_by(2));
    let is_path = |span: &&str| {
        let is_source =
            [".rs", ".md", ".sh", ".py", ".toml"].iter().any(|extension| span.ends_with(extension));
        let is_plain = span.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
        is_plain && (is_source || span.contains('/')) && !span.starts_with("target/")
    };
    spans.filter(is_path).collect()
}

/// The paths of all files and directories of the project, relative to its own.
fn project_paths() -> BTreeSet<PathBuf> {
    let is_source = |name: &str| !["target", ".git", "node_modules"].contains(&name);
    walkdir::WalkDir::new(project())
        .into_iter()
        .filter_entry(|entry| entry.file_name().to_str().is_some_and(is_source))
        .map(|entry| entry.expect("an entry").path().strip_prefix(project()).expect("a prefix").to_path_buf())
        .collect()
}

/// A path that begins with a directory of the project's root is relative to the root; any other may be the end of a
/// path, as in "`keyspace/scope.rs`, `window.rs`".
#[test]
fn every_file_that_is_named_exists() {
    let paths = project_paths();
    let exists = |named: &str| {
        let is_from_root =
            Path::new(named).iter().next().is_some_and(|first| paths.contains(Path::new(first)));
        if is_from_root {
            paths.contains(Path::new(named))
        } else {
            paths.iter().any(|path| path.ends_with(named))
        }
    };
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/design.md"] {
        let text = read(&project().join(page));
        let named = named_paths(&text);
        assert!(!named.is_empty(), "no path was found in {page}");
        let missing: Vec<&str> = named.into_iter().filter(|path| !exists(path)).collect();
        assert!(missing.is_empty(), "{page} names files that do not exist: {missing:?}");
    }
}

/// Anyone who follows the README has a Rust that builds the module.
#[test]
fn the_readme_says_which_rust_is_wanted() {
    let said = format!("with Rust ({} or newer)", env!("CARGO_PKG_RUST_VERSION"));
    assert!(read(&project().join("README.md")).contains(&said), "{said}");
}

/// The ratio in a row of the benchmarks' page: `| name | work | compared with | this module | ratio | ...`.
fn measured_ratio(name: &str) -> f64 {
    let page = read(&project().join("docs/benchmarks.md"));
    let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).expect("a row");
    let ratio = row.split(" | ").nth(4).expect("a ratio").trim_end_matches(" x");
    ratio.replace(',', "").parse().expect("a number")
}

/// The table that the page of the benchmarks opens with has no figure that the tables below it do not have.
#[test]
fn the_benchmarks_open_with_figures_that_are_below() {
    let page = read(&project().join("docs/benchmarks.md"));
    let (opening, below) = page.split_once("\n## ").expect("a section");
    let is_part = |c: char| c.is_ascii_digit() || c == ',' || c == '.';
    let answers = opening.lines().filter_map(|line| line.strip_prefix("| ")?.split_once('|'));
    let numbers = answers.flat_map(|(_, answer)| answer.split(|c| !is_part(c)).map(str::to_string));
    let numbers: BTreeSet<String> = numbers
        .map(|number| number.trim_matches([',', '.']).into())
        .filter(|number: &String| !number.is_empty())
        .collect();
    assert!(numbers.len() > 15, "{numbers:?}");
    let missing: Vec<&String> = numbers.iter().filter(|number| !below.contains(number.as_str())).collect();
    assert!(missing.is_empty(), "the tables do not have {missing:?}");
}

#[test]
fn the_readme_claims_no_more_than_was_measured() {
    let readme = read(&project().join("README.md")).split_whitespace().collect::<Vec<_>>().join(" ");
    let claims = [
        ("record-8", "[20 times as long to record"),
        ("compare-8", "160 times as long to compare"),
        ("memory-distinct-8", "11 times the memory"),
    ];
    for (name, claim) in claims {
        assert!(readme.contains(claim), "the README does not say: {claim}");
        let digits: String = claim.chars().filter(char::is_ascii_digit).collect();
        let claimed: f64 = digits.parse().expect("a number");
        assert!(claimed <= measured_ratio(name), "{claim}: measured {}", measured_ratio(name));
    }
}
