//! `simile assign`: groups a stream, and prints the group of each record.
//!
//! The records are sent in the order of the input, in a script that records a batch and saves the position after it
//! ([`crate::saved_positions`]), so that each is assigned once. The script also keeps the assignments of the batch at
//! the server, until the next batch or the end of the run says that they were printed: a run that is killed between the
//! two leaves them for the next run, which prints them before it goes on. So nothing is missing in the output, and only
//! the last batch of a run that was killed may be in it twice.

use crate::action::Action;
use crate::connection::ConnectionOptions;
use crate::load::{self, RunOptions};
use crate::saved_positions::GroupChoice;
use crate::search::{Score, parse_min_score};
use crate::{Result, display};
use serde_json::json;
use std::io::{BufWriter, Stdout, Write, stdout};
use std::process::ExitCode;

/// Groups a stream: assigns each text or set of features to the most similar group, or to a new one.
///
/// Prints a JSON object for each record: {"line": 1, "id": ..., "group": ..., "score": ..., "new": true}. A group has the
/// name of the record that began it. The score is the best that was found, null if nothing was; a record without any
/// feature has no group. The summary goes to standard error.
///
/// It may be stopped at any moment: the same command then continues from there, and nothing is assigned twice. What
/// was printed is not printed again, except for the last records (32 at most) of a run that was killed. Exits with 3 if some records could not be assigned; all are counted, and the first few are shown.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    #[command(flatten)]
    run: RunOptions,
    /// The lowest score at which a record joins the most similar group
    #[arg(long, value_name = "SCORE", value_parser = parse_min_score)]
    min_score: f64,
    /// The measure of similarity; default: the scope's own, its parameter SCORE
    #[arg(long, value_enum)]
    score: Option<Score>,
}

/// What `--help` shows at its end.
const EXAMPLES: &str = "\
Examples:
  simile assign errors errors.jsonl --min-score 0.55 \\
      --create 'BANDS 64 ROWS 2 SHINGLE WORDS 1 MASK yes SCORE COVERAGE'
  simile assign errors errors.jsonl --min-score 0.55 --grown >> groups.jsonl";

/// Runs the subcommand.
pub fn run(options: &Options, connection: &ConnectionOptions) -> Result<ExitCode> {
    let output = AssignmentOutput::new(options.min_score, options.score);
    load::run_action(&options.run, connection, Action::Assign(output))
}

/// The options of SIM.ASSIGN, and the output.
pub struct AssignmentOutput {
    min_score: f64,
    score: Option<Score>,
    out: BufWriter<Stdout>,
    /// True if nothing was printed since the last flush that succeeded.
    is_flushed: bool,
}

impl AssignmentOutput {
    fn new(min_score: f64, score: Option<Score>) -> AssignmentOutput {
        AssignmentOutput { min_score, score, out: BufWriter::new(stdout()), is_flushed: true }
    }

    /// The options of SIM.ASSIGN.
    pub fn words(&self) -> Vec<Vec<u8>> {
        assign_words(self.min_score, self.score)
    }

    /// Prints the group of a record; `None` if it has no feature.
    pub fn print(&mut self, number: u64, item: &[u8], choice: Option<&GroupChoice>) -> Result<()> {
        let line = json!({
            "line": number,
            "id": display::json_name(item),
            "group": choice.map(|choice| display::json_name(&choice.group)),
            "score": choice.and_then(|choice| choice.score),
            "new": choice.is_some_and(|choice| choice.is_new),
        });
        self.is_flushed = false;
        Ok(writeln!(self.out, "{line}")?)
    }

    pub fn flush(&mut self) -> Result<()> {
        self.out.flush()?;
        self.is_flushed = true;
        Ok(())
    }

    pub fn is_flushed(&self) -> bool {
        self.is_flushed
    }
}

/// The options of SIM.ASSIGN, in words.
pub fn assign_words(min_score: f64, score: Option<Score>) -> Vec<Vec<u8>> {
    let mut words = vec![b"MINSCORE".to_vec(), min_score.to_string().into_bytes()];
    if let Some(score) = score {
        words.extend([b"SCORE".to_vec(), score.mode().word().into()]);
    }
    words
}
