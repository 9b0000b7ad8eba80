//! `SIM.SCAN scope index cursor [MATCH glob] [COUNT n]`
//!
//! What is guaranteed: see [`crate::index::scan()`].

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::glob::Glob;
use super::run::cost;
use crate::index::{Chunk, ScanPosition, scan};
use crate::keyspace::scope::ScopeKey;
use crate::keyspace::window::Window;
use crate::server::call::Call;

/// Items that are looked at where the command does not say.
const COUNT: u64 = 10;

/// Carries the command out.
///
/// # Errors
/// An argument is not what it should be.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let (name, index) = (args.scope()?, args.index()?);
    let cursor = args.number("cursor", 0..=u64::MAX)?;
    let (glob, count) = take(&mut args)?;
    let Some(key) = ScopeKey::open(call, name)? else {
        reply(call, 0, &[]);
        return Ok(());
    };
    let scope = key.scope()?;
    cost::all_chunks(call, scope, index, 1)?;
    let window = Window::open_all(call, scope, index)?;
    let chunks: Vec<(u64, &Chunk)> = window.starts().zip(window.chunks()).collect();
    // A step may be smaller than COUNT asks for: each item is looked for in all chunks.
    let most = call.left() / (cost::SCANNED * (1 + chunks.len() as u64));
    let count = count.min(usize::try_from(most).unwrap_or(usize::MAX)).max(1);
    let interval = scope.definition.interval;
    let (mut found, next) = scan(&chunks, position(cursor, interval), count);
    found.retain(|(item, _)| glob.as_ref().is_none_or(|glob| glob.matches(item)));
    reply(call, next.map_or(0, |next| self::cursor(next, interval)), &found);
    Ok(())
}

fn take(args: &mut Args) -> Result<(Option<Glob>, usize), Error> {
    let (mut glob, mut count) = (None, None);
    while let Some(keyword) = args.keyword(&["MATCH", "COUNT"], "MATCH or COUNT")? {
        match keyword {
            "MATCH" => set_once(&mut glob, keyword, take_glob(args)?)?,
            _ => set_once(&mut count, keyword, args.number(keyword, 1..=u32::MAX.into())?)?,
        }
    }
    Ok((glob, count.unwrap_or(COUNT) as usize))
}

fn take_glob(args: &mut Args) -> Result<Glob, Error> {
    let too_long = || Error::Expected("MATCH", format!("at most {} bytes long", Glob::LONGEST));
    Glob::new(args.bytes("MATCH")?).ok_or_else(too_long)
}

/// A cursor: the number of the interval, and the id, in 32 bits each. Clients take cursors for
/// integers of 64 bits; with intervals of one second these last until 2106.
fn cursor(next: ScanPosition, interval: u64) -> u64 {
    let number = next.chunk_start.checked_div(interval).unwrap_or(0);
    number.min(u32::MAX.into()) << 32 | u64::from(next.id)
}

/// The position that a cursor stands for. 0 is the beginning.
fn position(cursor: u64, interval: u64) -> ScanPosition {
    ScanPosition { chunk_start: (cursor >> 32).saturating_mul(interval), id: cursor as u32 }
}

fn reply(call: &Call, cursor: u64, found: &[(&[u8], u64)]) {
    call.reply_array(2);
    call.reply_bytes(cursor.to_string().as_bytes());
    call.reply_array(found.len() * 2);
    for (item, observations) in found {
        call.reply_bytes(item);
        call.reply_integer(*observations);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_stands_for_a_position() {
        for (start, id, interval) in [(0, 1, 0), (0, 7, 60), (60, 0, 60), (1 << 32, u32::MAX, 1 << 32)] {
            let there = ScanPosition { chunk_start: start, id };
            assert_eq!(position(cursor(there, interval), interval), there);
            assert_ne!(cursor(there, interval), 0);
        }
        assert_eq!(position(0, 60), ScanPosition::default());
    }
}
