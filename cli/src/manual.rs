//! `simile completions` and `simile man`: what a package installs beside the program, made from its options.

use crate::{Cli, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

/// Prints the completions of a shell.
#[derive(clap::Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct CompletionsOptions {
    /// The shell
    shell: Shell,
}

/// What `--help` shows at its end.
const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  simile completions bash > ~/.local/share/bash-completion/completions/simile
  simile completions zsh > ~/.zfunc/_simile
  simile completions fish > ~/.config/fish/completions/simile.fish";

/// Prints the manual page, or writes a page for each subcommand into a directory.
#[derive(clap::Args)]
#[command(after_help = MAN_EXAMPLES)]
pub struct ManOptions {
    /// Directory for simile.1, simile-load.1 and so on; it must exist
    directory: Option<PathBuf>,
}

/// What `--help` shows at its end.
const MAN_EXAMPLES: &str = "\
Examples:
  simile man | man -l -
  simile man ~/.local/share/man/man1";

/// Runs `simile completions`.
pub fn print_completions(options: &CompletionsOptions) -> Result<ExitCode> {
    let mut completions = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "simile", &mut completions);
    stdout().write_all(&completions)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `simile man`.
pub fn write_manual(options: &ManOptions) -> Result<ExitCode> {
    match &options.directory {
        None => clap_mangen::Man::new(Cli::command()).render(&mut stdout())?,
        Some(directory) => clap_mangen::generate_to(Cli::command(), directory)
            .map_err(|error| format!("{}: {error}", directory.display()))?,
    }
    Ok(ExitCode::SUCCESS)
}
