//! The README's tour: redis-cli prints what it shows, line by line.

use super::reference::{Page, assert_is};
use testkit::{Server, on_each_server, transcript};

on_each_server! {
    fn the_tour_of_the_readme_prints_what_it_says(server: Server) {
        let readme = Page::read("README.md");
        assert!(transcript::count_commands(&readme.text) > 10, "README.md has no tour");
        assert_is(&readme, &transcript::replayed(&server, &readme.text));
    }
}
