//! docs/recipes.md: redis-cli and the tool print what it shows, line by line. Each recipe has a server of its own, and the
//! one that splits a scope a cluster.
//!
//! `WRITE_DOCS=1 SERVERS=redis-8.2 cargo test -p simile-cli recipes` writes what they print into the page.

use crate::cluster::Cluster;
use crate::documentation::without_times;
use std::path::Path;
use std::process::Command;
use testkit::{Kind, Page, Server, on_each_server, transcript};

/// What a command prints in a shell that finds the tool and a server; as the page shows it if only times differ.
fn typed(server: &Server, command: &str, shown: &str) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_simile")).parent().expect("a directory");
    let ran = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .current_dir(server.directory())
        .env("PATH", format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default()))
        .env("SIMILE_URL", format!("redis://127.0.0.1:{}", server.port()))
        .output()
        .expect("a shell");
    let printed = String::from_utf8(ran.stdout).expect("text");
    if without_times(&printed) == without_times(shown) { shown.into() } else { printed }
}

fn replayed(server: &Server, recipe: &str) -> String {
    transcript::replayed_with(server, recipe, |command, shown| typed(server, command, shown))
}

on_each_server! {
    fn each_recipe_prints_what_it_shows(kind: Kind) {
        let page = Page::read("docs/recipes.md");
        let sections = page.sections();
        assert!(sections.len() > 5, "docs/recipes.md has five recipes");
        let right = sections.into_iter().map(|recipe| match recipe.contains("--cluster") {
            true => replayed(&Cluster::start(kind).0[0], recipe),
            false => replayed(&kind.start(), recipe),
        });
        page.assert_is(&right.collect::<String>());
    }
}
