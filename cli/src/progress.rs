//! The progress of a long run: a bar on a terminal; in a pipe or a log a plain line now and then.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// The option of every long run.
#[derive(clap::Args)]
pub struct ProgressOptions {
    /// Seconds between reports if standard error is not a terminal
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    report_every: f64,
}

/// The progress of a run, printed to standard error. It is counted in any unit: bytes, items, keys.
pub struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    /// The amount of work of all runs together, if it is known.
    total: Option<u64>,
    /// The amount that was done before this run.
    done_before: u64,
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
        let report_interval = Duration::try_from_secs_f64(options.report_every).unwrap_or(Duration::MAX);
        let now = Instant::now();
        Progress { bar, is_terminal, total, done_before: 0, started: now, last_report: now, report_interval }
    }

    /// Sets what was done before this run: the bar begins there, and the time left is not computed from it.
    pub fn set_done_before(&mut self, done: u64) {
        self.done_before = done;
        self.bar.set_position(done);
    }

    /// The seconds that this run has taken so far.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Shows how much is done and a description of it, which is built only if it is shown.
    pub fn report(&mut self, done: u64, describe: impl FnOnce() -> String) {
        if !self.is_terminal && self.last_report.elapsed() < self.report_interval {
            return;
        }
        let time_left = self.time_left(done).map_or_else(String::new, |left| format!(", {left} left"));
        let message = describe() + &time_left;
        self.bar.set_position(done);
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
        self.bar.suspend(|| eprintln!("simile: {line}"));
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// The time left if the rest goes as fast as this run has gone so far; `None` if the total is unknown
    /// or the run is too young to tell.
    fn time_left(&self, done: u64) -> Option<String> {
        let (seconds, done_in_this_run) = (self.seconds(), done.saturating_sub(self.done_before));
        if done_in_this_run == 0 || seconds < 0.5 {
            return None;
        }
        let seconds_left = self.total?.saturating_sub(done) as f64 * seconds / done_in_this_run as f64;
        Some(format_duration(seconds_left.round() as u64))
    }
}

/// A duration in its two largest units: `41 s`, `3 min 20 s`, `2 h 5 min`.
fn format_duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

impl Drop for Progress {
    /// Removes the bar of a run that ends in an error.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_given_in_two_units() {
        assert_eq!([41, 200, 7_500].map(format_duration), ["41 s", "3 min 20 s", "2 h 5 min"]);
    }
}
