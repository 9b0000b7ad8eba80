//! The syntax lines of the table, as COMMAND DOCS gives them.
//!
//! | file | what it does |
//! | --- | --- |
//! | `syntax` | parses a syntax line into the tree of its arguments |

pub mod syntax;
