//! The errors of a server and of the way to it, in words that say what to do.
//!
//! The client and the server report what happened (`NOAUTH ...`, a refused connection). The user needs
//! the next step: the option to change, or the setting of the server. Errors that this file does not
//! know, such as those of the SIM commands, are passed on as they are.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Describes an error from the server at this address: what is wrong, and what to do about it.
pub fn describe(error: &RedisError, address: &str) -> String {
    let text = match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    };
    let lowercase = text.to_lowercase();
    let mentions = |phrase: &str| lowercase.contains(phrase);
    // These two are known by their words only: their code is plain ERR.
    if mentions("unknown command") && mentions("sim.") {
        return format!(
            "the server at {address} has not loaded Simile: load it with MODULE LOAD /path/to/libsimile.so, or put \
             `loadmodule /path/to/libsimile.so` into its redis.conf and restart it"
        );
    }
    if mentions("cluster support disabled") {
        return format!("the server at {address} is not a cluster: leave out --cluster");
    }
    match error.kind() {
        ErrorKind::Io if mentions("certificate") || mentions("fatal alert") => format!(
            "the connection with TLS to {address} failed ({}): name the file of its authority's certificates with \
             --cacert and, if the server asks for a certificate of the client, --cert and --key",
            detail(error)
        ),
        ErrorKind::Io => {
            format!("{}: is the server running, and is --url its address?", describe_silence(error, address))
        }
        ErrorKind::InvalidClientConfig if mentions("tls") => describe_bad_certificates(error),
        ErrorKind::AuthenticationFailed => describe_login_failure(address, &text),
        ErrorKind::Server(ServerErrorKind::Moved) => format!(
            "the server at {address} is one node of a cluster, and the scope is on another ({text}): add \
             --cluster 1, or --cluster PARTS if the scope is split. If --cluster is given already, a slot has \
             just moved: run the same command again"
        ),
        ErrorKind::Server(ServerErrorKind::TryAgain | ServerErrorKind::Ask) => {
            format!(
                "the scope is moving to another node ({text}): run the same command again once it is there"
            )
        }
        _ if mentions("noauth") || mentions("wrongpass") => describe_login_failure(address, &text),
        _ if text.starts_with("OOM") => format!(
            "the server at {address} is out of memory and refuses to add ({text}): raise its maxmemory, or \
             free some memory, and then run the same command again"
        ),
        _ if text.starts_with("READONLY") => {
            format!(
                "the server at {address} is a replica and accepts no writes: give --url its primary, or ask a Sentinel for \
                 it with --sentinel and --master"
            )
        }
        _ if text.starts_with("NOPERM")
            || mentions("acl failure in script")
            || mentions("the user executing the script") =>
        {
            format!(
                "the user may not do this ({text}): choose another user with --user, or ask for the permission"
            )
        }
        _ => text,
    }
}

/// Describes why the Sentinels at these addresses did not give the primary of this name.
pub fn describe_sentinels(error: &RedisError, sentinels: &[String], master: &str) -> String {
    let sentinels = sentinels.join(", ");
    match error.kind() {
        ErrorKind::MasterNameNotFoundBySentinel => format!(
            "no Sentinel at {sentinels} knows a primary '{master}' that is up: is --master its name? During a \
             failover, run the same command again in a moment"
        ),
        _ => format!(
            "no answer from the Sentinel at {sentinels}, or from the primary that it names ({}): are they running, and \
             is --sentinel the address? During a failover, run the same command again in a moment. The password of a \
             Sentinel is read from SIMILE_SENTINEL_PASSWORD",
            detail(error)
        ),
    }
}

/// Describes that a node of a cluster, at this address, does not answer.
pub fn describe_dead_node(error: &RedisError, address: &str) -> String {
    format!(
        "{}, a node of the cluster: is it running? Run the same command again once it is, or once a replica has \
         taken its place",
        describe_silence(error, address)
    )
}

/// Describes that the files of the options hold no certificates that can be used.
pub fn describe_bad_certificates(error: &RedisError) -> String {
    format!(
        "the files of --cacert, --cert and --key are not certificates and a key in PEM ({})",
        detail(error)
    )
}

fn describe_silence(error: &RedisError, address: &str) -> String {
    format!("no answer from {address} ({})", detail(error))
}

/// True if a server refused a command because it would cost more than its limit of a command, which the error
/// names.
pub fn is_over_cost(error: &str) -> bool {
    error.contains("simile.max-postings")
}

fn describe_login_failure(address: &str, text: &str) -> String {
    format!(
        "the server at {address} rejects the user or the password ({text}): put the password into the \
         environment variable SIMILE_PASSWORD, and give the name of the user, if there is one, with --user"
    )
}

fn detail(error: &RedisError) -> String {
    error.detail().map_or_else(|| error.to_string(), String::from)
}
