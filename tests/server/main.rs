//! What a user of the module sees, tried on real servers: Redis 7.0, Redis 8.2 and Valkey 9.1.
//!
//! `make test` installs the servers, builds the module and runs this; `SERVERS=redis-7.0` narrows it.

mod harness;

mod alter;
mod assign;
mod bad_input;
mod churn;
mod clients;
mod cluster;
mod config;
mod crash;
mod differential;
mod explain;
mod export;
mod hostile;
mod lifecycle;
mod memory;
mod merge_delete;
mod moves;
mod persistence;
mod query;
mod random_commands;
mod readme;
mod record;
mod reference;
mod replicas;
mod replication;
mod resp;
mod rights;
mod scan;
mod score;
mod sentry;
mod signature;
mod significant;
mod stall;
mod statistics;
mod window;
