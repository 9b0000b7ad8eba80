//! One file for each concern that commands share.

// What a client may send, and what it gets back.
mod bad_input; // every command with bad arguments: the exact errors, and no change
mod differential; // random commands, compared with a plain model that has exact scores
mod random_commands; // random arguments for every command: no harm is done
mod resp; // replies in RESP2 and RESP3; transactions and scripts
mod sentry; // the test cases of the index that Sentry built in 2017
mod stall; // the time of the slowest commands is bounded

// Time and the life of keys.
mod churn; // chunks that expire under load
mod lifecycle; // scopes and chunks that are renamed, dropped, deleted or evicted
mod memory; // memory that is given back
mod window; // the chunk of a moment, its name and its expiry

// Servers that stop, follow and move keys.
mod cluster; // a real cluster: slots that move, primaries that fail
mod crash; // kill -9 under load
mod hostile; // damaged and forged DUMP payloads
mod moves; // keys that move to another server or database
mod persistence; // RDB, AOF, DUMP and RESTORE
mod replicas; // replicas under load
mod replication; // what is replicated, and the keyspace events
mod sketches; // what is replicated of sketches, and that they survive as all data do

// What an operator sees.
mod config; // the settings of the module
mod rights; // access control by command, category and key
mod statistics; // the section `simile` of INFO

// The documentation.
mod clients; // the clients of examples/ print what docs/clients.md shows
mod events; // docs/events.md lists what the server sends
mod monitoring; // the script, the alerts and the dashboard of docs/monitoring/
mod node; // node-redis in either protocol and in a cluster, as docs/clients.md says
mod python; // the package in clients/python, and the examples of its page
mod python_split; // the package: split scopes, and MinHashLSH
mod readme; // the README, the tour, and the other pages with redis-cli sessions
mod reference; // COMMAND DOCS, and the pages of docs/commands/
