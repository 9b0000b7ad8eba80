//! The steps that several commands share, from when their arguments are read.
//!
//! Some files add methods to types of `parse`. Parsing knows only the arguments; these methods also need
//! the scope, the server or the budget, so they are here.
//!
//! | file | what it does |
//! | --- | --- |
//! | `cost` | the budget of a command, and the weights of all that is charged to it |
//! | `window` | opens the chunks of a window |
//! | `observe` | signs what a clause observes |
//! | `recording` | adds observations to a scope: RECORD, ASSIGN, and the chunks of IMPORT |
//! | `creation` | replicates the creation of a scope: CREATE, and a RECORD that creates one |
//! | `query` | searches and replies: CLASSIFY and COMPARE |
//! | `search_account` | gives a search its budget, and accounts for what it used |
//! | `changes` | changes items in all chunks of an index: MERGE and DELETE |
//! | `blob` | reads a blob, and checks that it fits a scope: IMPORT and CLASSIFY |
//! | `stats` | the section `simile` of INFO |

pub mod blob;
pub mod changes;
pub mod cost;
pub mod creation;
pub mod observe;
pub mod option_words;
pub mod query;
pub mod recording;
pub mod search_account;
pub mod stats;
pub mod window;
