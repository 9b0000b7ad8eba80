//! The pages of the documentation, as tests compare them with what is real.

use crate::kind::root;
use std::fs;
use std::path::PathBuf;

/// A page of the documentation.
pub struct Page {
    pub path: PathBuf,
    pub text: String,
}

impl Page {
    /// Reads a page, at its path in the project.
    #[track_caller]
    pub fn read(path: &str) -> Page {
        let path = root().join(path);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Page { path, text }
    }

    /// Checks that the page has this text; if the environment variable WRITE_DOCS is set, writes the text instead.
    #[track_caller]
    pub fn assert_is(&self, right: &str) {
        if std::env::var_os("WRITE_DOCS").is_some() {
            fs::write(&self.path, right).expect("the page can be written");
            return;
        }
        for (number, (there, right)) in self.text.lines().zip(right.lines()).enumerate() {
            assert_eq!(
                there,
                right,
                "{}, line {} (left), and what is right",
                self.path.display(),
                number + 1
            );
        }
        assert_eq!(self.text, right, "{}, and what is right", self.path.display());
    }

    /// The title with what precedes the first section, and then the sections, each with its heading.
    pub fn sections(&self) -> Vec<&str> {
        let starts = self.text.match_indices("\n## ").map(|(at, _)| at + 1);
        let bounds: Vec<usize> = std::iter::once(0).chain(starts).chain([self.text.len()]).collect();
        bounds.windows(2).map(|pair| &self.text[pair[0]..pair[1]]).collect()
    }
}
