//! Opening the chunks of the window that TIMESTAMP and WINDOW name.

use super::cost;
use crate::command::error::Error;
use crate::command::parse::window::WindowOptions;
use crate::index::Chunk;
use crate::keyspace::scope::Scope;
use crate::keyspace::window::Window;
use crate::server::call::Call;
use smallvec::SmallVec;
use std::ops::RangeInclusive;

impl WindowOptions {
    /// Opens the live chunks of an index in the window.
    ///
    /// # Errors
    /// A chunk is on its way to another node of the cluster, or there are more than the budget allows.
    pub fn open<'c>(&self, call: &'c Call, scope: &Scope, index: &[u8]) -> Result<Window<'c>, Error> {
        let window = scope.definition.window(self.moment(call), self.intervals);
        cost::spend(call, cost::NAME + scope.starts(index, window.clone()).count() as u64 * cost::CHUNK)?;
        Ok(Window::open(call, scope, index, scope.starts(index, window))?)
    }

    /// The seconds of the window: from the first of its oldest interval to the last of its newest.
    pub fn seconds(&self, call: &Call, scope: &Scope) -> RangeInclusive<u64> {
        scope.definition.seconds(self.moment(call), self.intervals)
    }

    /// TIMESTAMP, or now.
    fn moment(&self, call: &Call) -> u64 {
        self.timestamp.unwrap_or(call.now_seconds())
    }
}

/// The chunks of each window, which the caller keeps open.
pub fn chunks_of<'c>(windows: &'c [Window]) -> SmallVec<[SmallVec<[&'c Chunk; 16]>; 2]> {
    windows.iter().map(Window::chunks).collect()
}
