//! The entry of the module, which the server calls to load it: registers two types, the settings, a section
//! of INFO, and the commands of one table.

use crate::command::reference::syntax;
use crate::command::run::stats;
use crate::command::table;
use crate::config;
use crate::keyspace::{chunk::CHUNK, deleted_scopes, scope::SCOPE};
use crate::server::{alloc::ModuleAlloc, events, info, log, options, register, setting};
use redis_module::{Context, RedisString, Status, redis_module};

redis_module! {
    name: "simile",
    version: VERSION,
    allocator: (ModuleAlloc, ModuleAlloc),
    data_types: [SCOPE, CHUNK],
    init: init,
    commands: [], // `set_up` registers them, from the one table in `command::table`
}

/// The release as modules count it, which MODULE LIST shows: 100 for 0.1.0, 10203 for 1.2.3.
const VERSION: u32 = parse_number(env!("CARGO_PKG_VERSION_MAJOR")) * 10_000
    + parse_number(env!("CARGO_PKG_VERSION_MINOR")) * 100
    + parse_number(env!("CARGO_PKG_VERSION_PATCH"));

const fn parse_number(digits: &str) -> u32 {
    match u32::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => panic!("a version has numbers"),
    }
}

/// The server calls this when it loads the module. If something is wrong, the server's log has the error, and
/// the module is not loaded.
fn init(ctx: &Context, arguments: &[RedisString]) -> Status {
    let arguments: Vec<String> = arguments.iter().map(RedisString::to_string_lossy).collect();
    match set_up(ctx, &arguments) {
        Ok(()) => Status::Ok,
        Err(error) => {
            log::warning(ctx, &format!("simile: {error}"));
            Status::Err
        }
    }
}

/// Registers everything but the types: options, settings, INFO, commands. The settings come before the
/// commands, because `debug` decides if SIM.DEBUG is one of them.
fn set_up(ctx: &Context, arguments: &[String]) -> Result<(), String> {
    options::set(ctx)?;
    setting::take_arguments(&config::ALL, arguments)?;
    setting::register(ctx, &config::ALL, &config::FIXED, config::check)?;
    info::register(ctx, stats::write)?;
    events::subscribe(
        ctx,
        events::Handlers { key_event: deleted_scopes::on_key_event, timer: deleted_scopes::on_timer },
    )?;
    register::category(ctx);
    let debug = config::DEBUG.is_yes().then_some(&table::DEBUG);
    let mut commands = table::COMMANDS.iter().chain([&table::LOAD]).chain(debug);
    commands.try_for_each(|command| register::command(ctx, command, &syntax::parse(command.syntax)?))
}
