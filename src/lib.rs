//! Simile: a similarity index inside Redis and Valkey.
#![deny(missing_docs)]
pub mod index;
pub mod signature;
