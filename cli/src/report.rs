//! Reports of `load` besides its progress: the records that failed, and the form of the summary.
//!
//! One bad record does not stop a run over millions. It is counted, the first few are shown with the
//! reason, and the run exits with [`INCOMPLETE`].

use crate::INCOMPLETE;
use crate::progress::{Progress, ProgressOptions};
use std::process::ExitCode;

/// The options of a run that may leave some records out.
#[derive(clap::Args)]
pub struct ReportOptions {
    /// The number of failures to show; all are counted
    #[arg(long, value_name = "N", default_value_t = 10)]
    show: u64,
    #[command(flatten)]
    pub progress: ProgressOptions,
    /// Print the summary as a JSON object
    #[arg(long)]
    pub json: bool,
}

/// The number of records that failed. The first of them are shown as they occur.
pub struct Failures {
    count: u64,
    /// The number of failures to show.
    shown: u64,
}

impl Failures {
    pub fn new(options: &ReportOptions) -> Failures {
        Failures { count: 0, shown: options.show }
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// Counts a failure, and prints its description if it is one of the first.
    pub fn add(&mut self, progress: &Progress, describe: impl FnOnce() -> String) {
        self.count += 1;
        if self.count <= self.shown {
            progress.print_line(&describe());
        }
        if self.count == self.shown + 1 {
            progress.print_line("further failures are counted but not shown (--show N shows more)");
        }
    }

    /// The status that the run exits with.
    pub fn exit_code(&self) -> ExitCode {
        if self.count > 0 { ExitCode::from(INCOMPLETE) } else { ExitCode::SUCCESS }
    }
}
