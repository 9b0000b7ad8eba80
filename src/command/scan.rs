//! `SIM.SCAN scope index cursor [MATCH pattern] [COUNT count]`
//!
//! The guarantees are those of [`crate::index::scan()`]: an item that is there from the beginning to
//! the end is returned, and no state is kept between calls. MATCH filters the items that a call looked
//! at, so a call may return none and still not be the last one.

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::query::take_pattern;
use super::run::cost;
use crate::index::{Chunk, Glob, ScanPosition, scan};
use crate::keyspace::scope::ScopeKey;
use crate::keyspace::window::Window;
use crate::server::call::Call;

/// The default of COUNT, the number of items that a call looks at.
const DEFAULT_COUNT: u64 = 10;

/// Carries the command out.
pub fn run(call: &Call) -> Result<(), Error> {
    let mut args = Args::new(call);
    let name = args.scope()?;
    let index = args.index()?;
    let cursor = args.number("cursor", 0..=u64::MAX)?;
    let (glob, count) = take_options(&mut args)?;
    let Some(key) = ScopeKey::open(call, name)? else {
        reply(call, 0, &[]);
        return Ok(());
    };
    let scope = key.scope()?;
    cost::charge_all_chunks(call, scope, index, 1)?;
    let window = Window::open_all(call, scope, index)?;
    let chunks: Vec<(u64, &Chunk)> = window.starts().zip(window.chunks()).collect();
    // Look at no more items than the budget allows, since each is looked up in every chunk; but at one at
    // least, so that a scan always gets to its end.
    let affordable = call.budget_left() / (cost::SCANNED * (1 + chunks.len() as u64));
    let count = count.min(usize::try_from(affordable).unwrap_or(usize::MAX)).max(1);
    let interval = scope.definition.interval;
    let (mut items, next) = scan(&chunks, position_of(cursor, interval), count);
    items.retain(|(item, _)| glob.as_ref().is_none_or(|glob| glob.matches(item)));
    reply(call, next.map_or(0, |next| cursor_of(next, interval)), &items);
    Ok(())
}

fn take_options(args: &mut Args) -> Result<(Option<Glob>, usize), Error> {
    let (mut glob, mut count) = (None, None);
    while let Some(keyword) = args.keyword(&["MATCH", "COUNT"])? {
        match keyword {
            "MATCH" => set_once(&mut glob, keyword, take_pattern(args)?)?,
            _ => set_once(&mut count, keyword, args.number(keyword, 1..=u32::MAX.into())?)?,
        }
    }
    Ok((glob, count.unwrap_or(DEFAULT_COUNT) as usize))
}

/// The cursor of a position: the number of the interval and the id of the item, in 32 bits each,
/// because clients read cursors as integers of 64 bits. With intervals of one second, 32 bits last
/// until 2106.
fn cursor_of(next: ScanPosition, interval: u64) -> u64 {
    let interval_number = next.chunk_start.checked_div(interval).unwrap_or(0);
    interval_number.min(u32::MAX.into()) << 32 | u64::from(next.id)
}

/// The position of a cursor. 0 is the beginning.
fn position_of(cursor: u64, interval: u64) -> ScanPosition {
    ScanPosition { chunk_start: (cursor >> 32).saturating_mul(interval), id: cursor as u32 }
}

/// The next cursor, 0 at the end, and items with their observations.
fn reply(call: &Call, cursor: u64, items: &[(&[u8], u64)]) {
    call.reply_array(2);
    call.reply_bytes(cursor.to_string().as_bytes());
    call.reply_array(items.len() * 2);
    for (item, observations) in items {
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
            let position = ScanPosition { chunk_start: start, id };
            assert_eq!(position_of(cursor_of(position, interval), interval), position);
            assert_ne!(cursor_of(position, interval), 0);
        }
        assert_eq!(position_of(0, 60), ScanPosition::default());
    }
}
