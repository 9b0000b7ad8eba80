//! The options TIMESTAMP and WINDOW: a moment, and how many intervals up to it a command looks at.
//!
//! ```text
//! [TIMESTAMP unix-time-seconds] [WINDOW intervals]
//! ```

use super::args::{Args, set_once};
use crate::command::error::Error;
use crate::index::Definition;
use std::ops::RangeInclusive;

/// The words that these options begin with.
pub const KEYWORDS: [&str; 2] = ["TIMESTAMP", "WINDOW"];

/// Limits of WINDOW. The largest is the most intervals that a scope can keep, the current one included.
const WINDOW: RangeInclusive<u64> = 1..=*Definition::RETENTION.end() + 1;

/// A moment, and how many intervals up to it a command looks at.
#[derive(Default)]
pub struct WindowOptions {
    /// Seconds since the epoch; `None` for now.
    pub timestamp: Option<u64>,
    /// Intervals, the current one included; `None` for all that the scope keeps.
    pub intervals: Option<u32>,
}

impl WindowOptions {
    /// The whole window at a moment.
    pub fn whole_at(timestamp: u64) -> WindowOptions {
        WindowOptions { timestamp: Some(timestamp), intervals: None }
    }

    /// Takes the value of one of [`KEYWORDS`].
    pub fn take(&mut self, keyword: &'static str, args: &mut Args) -> Result<(), Error> {
        match keyword {
            "TIMESTAMP" => set_once(&mut self.timestamp, keyword, args.timestamp()?),
            _ => set_once(&mut self.intervals, keyword, args.number(keyword, WINDOW)? as u32),
        }
    }

    /// Takes all arguments that are left, in a command that has no other options.
    pub fn take_rest(args: &mut Args) -> Result<WindowOptions, Error> {
        let mut options = WindowOptions::default();
        while let Some(keyword) = args.keyword(&KEYWORDS)? {
            options.take(keyword, args)?;
        }
        Ok(options)
    }
}
