//! The options TIMESTAMP and WINDOW: a moment, and how much of the window before it is looked at.

use super::args::{Args, set_once};
use crate::command::error::Error;
use crate::index::Definition;
use std::ops::RangeInclusive;

/// Intervals that WINDOW may name: as many as a scope can keep.
const WINDOW: RangeInclusive<u64> = 1..=*Definition::RETENTION.end() + 1;

/// A moment, and how much of the window before it is looked at.
#[derive(Default)]
pub struct WindowOptions {
    /// Seconds since the epoch; `None`: now.
    pub timestamp: Option<u64>,
    /// Intervals, the current one included; `None`: all that the scope keeps.
    pub intervals: Option<u32>,
}

impl WindowOptions {
    /// The whole window at a moment.
    pub fn at(timestamp: u64) -> WindowOptions {
        WindowOptions { timestamp: Some(timestamp), intervals: None }
    }

    /// Takes TIMESTAMP or WINDOW.
    ///
    /// # Errors
    /// The value is missing, wrong, or given twice.
    pub fn take(&mut self, keyword: &'static str, args: &mut Args) -> Result<(), Error> {
        match keyword {
            "TIMESTAMP" => set_once(&mut self.timestamp, keyword, args.timestamp()?),
            _ => set_once(&mut self.intervals, keyword, args.number(keyword, WINDOW)? as u32),
        }
    }

    /// Takes all that is left: TIMESTAMP and WINDOW, and nothing else.
    ///
    /// # Errors
    /// As [`Self::take`], and another word.
    pub fn take_rest(args: &mut Args) -> Result<WindowOptions, Error> {
        let mut when = WindowOptions::default();
        while let Some(keyword) = args.keyword(&["TIMESTAMP", "WINDOW"], "TIMESTAMP or WINDOW")? {
            when.take(keyword, args)?;
        }
        Ok(when)
    }
}
