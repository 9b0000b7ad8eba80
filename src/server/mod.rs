//! Thin, safe wrappers over what the redis-module crate lacks: the floor on which the keyspace and
//! the commands stand. All raw calls of the module API are here and in the types' callbacks.

pub mod alloc;
pub mod argument;
pub mod call;
pub mod defrag;
pub mod guard;
pub mod info;
pub mod io;
pub mod key;
pub mod log;
pub mod options;
pub mod register;
pub mod rights;
pub mod scan;
pub mod setting;

/// Calls a function of the module API that every supported server has.
macro_rules! api {
    ($function:ident($($argument:expr),* $(,)?)) => {{
        // SAFETY: the server fills the table of functions before it calls the module, and never
        // changes it; each caller passes what the function's documentation asks for.
        #[allow(clippy::macro_metavars_in_unsafe)]
        match unsafe { redis_module::raw::$function } {
            Some(function) => unsafe { function($($argument),*) },
            None => panic!("the server has no {}", stringify!($function)),
        }
    }};
}
pub(crate) use api;
