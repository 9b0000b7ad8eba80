//! What COMMAND DOCS says of a command.
//!
//! | file | what it does |
//! | --- | --- |
//! | `syntax` | reads a syntax line into the tree of its arguments |

pub mod syntax;
