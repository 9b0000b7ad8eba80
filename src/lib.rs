//! Simile: a similarity index inside Redis and Valkey.
//!
//! Three floors; an import only ever points down:
//!
//! - `command`: arguments, core, reply, replication; one file for each command.
//! - `keyspace`: the two native types, the names of chunks, the live chunks of a window. Beside it
//!   `server`: thin, safe wrappers over the module API.
//! - [`index`] and [`signature`]: the core, without Redis, which tests and benches reach.

#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]

mod command;
mod config;
pub mod index;
mod keyspace;
mod server;
pub mod signature;

/// What the server loads: the table of types, and of commands.
mod module {
    use crate::command::reference::syntax;
    use crate::command::run::stats;
    use crate::command::table;
    use crate::config;
    use crate::keyspace::{chunk::CHUNK, scope::SCOPE};
    use crate::server::{alloc::ModuleAlloc, info, log, options, register, setting};
    use redis_module::{Context, RedisString, Status, redis_module};

    /// The release as modules count it, 100 for 0.1.0 and 10203 for 1.2.3: MODULE LIST shows it.
    const VERSION: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) * 10_000
        + number(env!("CARGO_PKG_VERSION_MINOR")) * 100
        + number(env!("CARGO_PKG_VERSION_PATCH"));

    const fn number(digits: &str) -> u32 {
        match u32::from_str_radix(digits, 10) {
            Ok(number) => number,
            Err(_) => panic!("a version has numbers"),
        }
    }

    redis_module! {
        name: "simile",
        version: VERSION,
        allocator: (ModuleAlloc, ModuleAlloc),
        data_types: [SCOPE, CHUNK],
        init: init,
        commands: [], // all of them come from the one table in `table`
    }

    /// Tells the server of all that the module has. It refuses to load where something is wrong.
    fn init(ctx: &Context, arguments: &[RedisString]) -> Status {
        let arguments: Vec<String> = arguments.iter().map(RedisString::to_string_lossy).collect();
        set_up(ctx, &arguments).map_or_else(
            |error| {
                log::warning(ctx.ctx, &format!("simile: {error}"));
                Status::Err
            },
            |()| Status::Ok,
        )
    }

    fn set_up(ctx: &Context, arguments: &[String]) -> Result<(), String> {
        options::set(ctx.ctx)?;
        setting::take_arguments(&config::ALL, arguments)?;
        setting::register(ctx.ctx, &config::ALL, &config::FIXED, config::check)?;
        info::register(ctx.ctx, stats::write)?;
        register::category(ctx.ctx);
        let debug = config::DEBUG.is_yes().then_some(&table::DEBUG);
        let mut commands = table::COMMANDS.iter().chain([&table::LOAD]).chain(debug);
        commands.try_for_each(|command| register::command(ctx.ctx, command, &syntax::parse(command.syntax)?))
    }
}
