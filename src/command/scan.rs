//! `SIM.SCAN scope index cursor [MATCH pattern] [COUNT count]`
//!
//! The guarantees are those of [`crate::index::scan()`]: an item that is there from the beginning to
//! the end is returned, and no state is kept between calls. MATCH filters the items that a call looked
//! at, so a call may return none and still not be the last one.

use super::error::Error;
use super::parse::args::{Args, set_once};
use super::parse::query::take_pattern;
use super::run::cost;
use crate::index::{Chunk, Glob, ScanPosition, ScanStep, scan};
use crate::keyspace::scope::ScopeKey;
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
    let window = cost::open_all_charged(call, scope, index, 1)?;
    let chunks: Vec<(u64, &Chunk)> = window.starts().zip(window.chunks()).collect();
    // Look at no more items than the budget allows, since each is looked up in every chunk; but at one at
    // least, so that a scan always gets to its end.
    let affordable = call.budget_left() / (cost::SCANNED * (1 + chunks.len() as u64));
    let count = count.min(usize::try_from(affordable).unwrap_or(usize::MAX)).max(1);
    let interval = scope.definition.interval;
    let (items, next) =
        scan_within_budget(call, &chunks, position_of(cursor, interval), count, glob.as_ref());
    reply(call, next.map_or(0, |next| cursor_of(next, interval)), &items);
    Ok(())
}

/// Items that are looked at before the length of their names is asked for.
const BATCH: usize = 16;

/// A step of a scan, without the items that do not match. It ends early if the names are long: by replying with them, or
/// by matching them, it would exceed the budget.
fn scan_within_budget<'a>(
    call: &Call,
    chunks: &[(u64, &'a Chunk)],
    from: ScanPosition,
    mut count: usize,
    glob: Option<&Glob>,
) -> ScanStep<'a> {
    let (mut items, mut position) = (Vec::new(), Some(from));
    while let Some(from) = position.filter(|_| count > 0) {
        let (found, next) = scan(chunks, from, count.min(BATCH));
        (position, count) = (next, count.saturating_sub(BATCH));
        let cost_of = |name: &[u8]| {
            let cost = name.len() as u64 / cost::NAME_BYTES_PER_POSTING;
            glob.map_or(cost, |glob| cost + glob.cost(name))
        };
        let is_affordable = call.spend(found.iter().map(|(name, _)| cost_of(name)).sum());
        items.extend(found.into_iter().filter(|(name, _)| glob.is_none_or(|glob| glob.matches(name))));
        if !is_affordable {
            break;
        }
    }
    (items, position)
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
