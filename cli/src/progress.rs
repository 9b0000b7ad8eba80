//! How far a long run has come: a bar on a terminal, and in a pipe or a log a plain line now and then.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// The progress of a run, on standard error.
pub struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    /// What there is to do, where that is known.
    total: Option<u64>,
    /// What had been done before this run.
    before: u64,
    started: Instant,
    reported: Instant,
    every: Duration,
}

impl Progress {
    /// Of so much to do; reports in a pipe come after so many seconds each.
    pub fn new(total: Option<u64>, every: f64) -> Progress {
        let is_terminal = stderr().is_terminal();
        let target = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let template = match total {
            Some(_) => "{wide_bar:.green} {percent:>3} %  {msg}",
            None => "{spinner} {msg}",
        };
        let bar = ProgressBar::with_draw_target(total, target);
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        let every = Duration::try_from_secs_f64(every).unwrap_or(Duration::MAX);
        let now = Instant::now();
        Progress { bar, is_terminal, total, before: 0, started: now, reported: now, every }
    }

    /// Says what was done before this run: it does not count for the rate.
    pub fn resume(&mut self, done: u64) {
        self.before = done;
        self.bar.set_position(done);
    }

    /// How long this run has taken, in seconds.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Says how much is done, and in words.
    pub fn at(&mut self, done: u64, words: impl FnOnce() -> String) {
        if !self.is_terminal && self.reported.elapsed() < self.every {
            return;
        }
        let left = self.left(done).map_or_else(String::new, |left| format!(", {left} left"));
        let words = words() + &left;
        self.bar.set_position(done);
        self.bar.set_message(words.clone());
        if !self.is_terminal {
            let percent = self.total.filter(|total| *total > 0);
            let percent =
                percent.map_or_else(String::new, |total| format!(" ({} %)", done.min(total) * 100 / total));
            eprintln!("simile: {words}{percent}");
            self.reported = Instant::now();
        }
    }

    /// Prints a line, above the bar where there is one.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("simile: {line}"));
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// The time that is left if all goes on as it did in this run.
    fn left(&self, done: u64) -> Option<String> {
        let (seconds, in_this_run) = (self.seconds(), done.saturating_sub(self.before));
        if in_this_run == 0 || seconds < 0.5 {
            return None;
        }
        let left = self.total?.saturating_sub(done) as f64 * seconds / in_this_run as f64;
        Some(duration(left.round() as u64))
    }
}

/// Seconds as one says them: `41 s`, `3 min 20 s`, `2 h 5 min`.
fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

impl Drop for Progress {
    /// A run that ends in an error leaves no half bar behind.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_in_two_units() {
        assert_eq!([41, 200, 7_500].map(duration), ["41 s", "3 min 20 s", "2 h 5 min"]);
    }
}
