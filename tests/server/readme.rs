//! The README's tour, line by line: what it shows is what redis-cli prints.

use crate::harness::{Server, on_each_server, transcript};
use crate::reference::{Page, assert_is};

on_each_server! {
    fn the_tour_of_the_readme_prints_what_it_says(server: Server) {
        let readme = Page::read("README.md");
        assert!(transcript::commands(&readme.text) > 10, "README.md has no tour");
        assert_is(&readme, &transcript::replayed(&server, &readme.text));
    }
}
