//! The pages with redis-cli sessions: it prints what they show, line by line. (The tool's tests replay the recipes.)

use testkit::{Kind, Page, Server, on_each_server, transcript};

/// Replays the sessions of a page, at least this many commands.
#[track_caller]
fn replay(server: &Server, path: &str, least: usize) {
    let page = Page::read(path);
    let commands = transcript::count_commands(&page.text);
    assert!(commands >= least, "{path} has only {commands} commands");
    page.assert_is(&transcript::replayed(server, &page.text));
}

on_each_server! {
    /// The tour begins with the scope that the README's example leaves.
    fn the_readme_and_the_tour_print_what_they_say(server: Server) {
        replay(&server, "README.md", 4);
        replay(&server, "docs/tour.md", 9);
    }

    fn other_pages_print_what_they_say(server: Server) {
        for (path, least) in [("docs/index.md", 3), ("docs/install.md", 2), ("docs/events.md", 1)] {
            server.does("FLUSHALL");
            replay(&server, path, least);
        }
    }

    /// The page names the version of each server that the tests run on.
    fn the_page_about_installing_names_this_server(kind: Kind) {
        let server = kind.start();
        let (name, release) = kind.name().split_once('-').expect("a name and a release");
        let version = server.info(if name == "valkey" { "valkey_version" } else { "redis_version" });
        let title = name[..1].to_uppercase() + &name[1..];
        let row = format!("| {title} {release} | {version} |");
        assert!(Page::read("docs/install.md").text.contains(&row), "docs/install.md should have {row}");
    }
}
