//! What several commands do once their arguments are read.
//!
//! | file | what it does |
//! | --- | --- |
//! | `cost` | charges the command's budget for what it is about to do |
//! | `observe` | signs what a clause observes |
//! | `recording` | adds observations to a scope, which it makes if it has to |
//! | `creation` | replicates the creation of a scope |
//! | `blob` | reads a blob, and checks that it suits a scope |
//! | `window` | opens the chunks of a window |
//! | `query` | searches and replies |
//! | `search_account` | gives a search its budget, and accounts for it |
//! | `changes` | walks over the chunks that have some items, to change them |
//! | `stats` | the section `simile` of INFO |

pub mod blob;
pub mod changes;
pub mod cost;
pub mod creation;
pub mod observe;
pub mod query;
pub mod recording;
pub mod search_account;
pub mod stats;
pub mod window;
