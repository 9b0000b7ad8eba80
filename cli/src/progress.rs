//! The progress of a long run: a bar on a terminal; in a pipe or a log a plain line now and then.

use crate::display;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// The option of every long run.
#[derive(clap::Args)]
pub struct ProgressOptions {
    /// Seconds between reports if standard error is not a terminal
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    report_every: Duration,
}

fn parse_seconds(text: &str) -> std::result::Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "must be a number of seconds, 0 or more".into())
}

/// The progress of a run, printed to standard error. It is counted in any unit: bytes, items, keys.
pub struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    /// The amount of work of all runs together, if it is known.
    total: Option<u64>,
    started: Instant,
    last_report: Instant,
    report_interval: Duration,
}

impl Progress {
    /// Begins to show the progress of a run with this amount of work, if it is known.
    pub fn start(total: Option<u64>, options: &ProgressOptions) -> Progress {
        let is_terminal = stderr().is_terminal();
        let target = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let template = match total {
            Some(_) => "{wide_bar:.green} {percent:>3} %  {msg}",
            None => "{spinner} {msg}",
        };
        let bar = ProgressBar::with_draw_target(total, target);
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        let (now, report_interval) = (Instant::now(), options.report_every);
        Progress { bar, is_terminal, total, started: now, last_report: now, report_interval }
    }

    /// Sets what was done before this run: the bar begins there, and the time left is not computed from it.
    pub fn set_done_before(&mut self, done: u64) {
        self.bar.set_position(done);
        self.bar.reset_eta();
    }

    /// The amount of work that is done in a second, at present, when this much is done; 0 if the run is too young
    /// to tell.
    pub fn rate(&self, done: u64) -> f64 {
        self.bar.set_position(done);
        self.bar.per_sec()
    }

    /// The seconds that this run has taken so far.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Shows how much is done and a description of it, which is built only if it is shown.
    pub fn report(&mut self, done: u64, describe: impl FnOnce() -> String) {
        self.bar.set_position(done);
        if !self.is_terminal && self.last_report.elapsed() < self.report_interval {
            return;
        }
        // Nothing if the total is unknown, or the run too young to tell.
        let time_left = match self.bar.eta() {
            Duration::ZERO => String::new(),
            time_left => format!(", {} left", HumanDuration(time_left)),
        };
        let message = display::printable(&(describe() + &time_left));
        self.bar.set_message(message.clone());
        if !self.is_terminal {
            let percent = self.total.filter(|total| *total > 0);
            let percent =
                percent.map_or_else(String::new, |total| format!(" ({} %)", done.min(total) * 100 / total));
            eprintln!("simile: {message}{percent}");
            self.last_report = Instant::now();
        }
    }

    /// Prints a line, above the bar if there is one.
    pub fn print_line(&self, line: &str) {
        self.bar.suspend(|| eprintln!("simile: {}", display::printable(line)));
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Prints the last line of a run that another thread ends.
    pub fn printer(&self) -> Printer {
        Printer { bar: self.bar.clone() }
    }
}

/// Prints the last line of a run.
#[derive(Clone)]
pub struct Printer {
    bar: ProgressBar,
}

impl Printer {
    /// Removes the bar, and prints a line in its place.
    pub fn print_last_line(&self, line: &str) {
        self.bar.finish_and_clear();
        eprintln!("simile: {}", display::printable(line));
    }
}

impl Drop for Progress {
    /// Removes the bar of a run that ends in an error.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
