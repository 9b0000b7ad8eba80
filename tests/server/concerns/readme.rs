//! The README's example and the tour that continues it: redis-cli prints what they show, line by line.

use super::reference::{Page, assert_is};
use testkit::{Server, on_each_server, transcript};

on_each_server! {
    /// The tour begins with the scope that the README's example leaves.
    fn the_readme_and_the_tour_print_what_they_say(server: Server) {
        for (path, least) in [("README.md", 4), ("docs/tour.md", 9)] {
            let page = Page::read(path);
            let commands = transcript::count_commands(&page.text);
            assert!(commands >= least, "{path} has only {commands} commands");
            assert_is(&page, &transcript::replayed(&server, &page.text));
        }
    }
}
