//! The help of every subcommand, as it is printed. After a change: SNAPSHOTS=overwrite cargo test -p simile-cli help

use snapbox::{Data, assert_data_eq};
use std::path::Path;
use std::process::Command;

const SUBCOMMANDS: [&str; 11] =
    ["load", "assign", "dedup", "groups", "query", "explain", "info", "drop", "sweep", "completions", "man"];

/// What the program prints; it must succeed.
fn print(words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simile"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SIMILE_")) {
        command.env_remove(name);
    }
    let ran = command.args(words).output().expect("the program runs");
    assert!(ran.status.success() && ran.stderr.is_empty(), "{words:?}");
    String::from_utf8(ran.stdout).expect("text")
}

#[test]
fn the_help_is_what_it_was() {
    let file = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/help").join(name);
        Data::read_from(&path, None).raw()
    };
    assert_data_eq!(print(&["--help"]), file("simile.txt"));
    for subcommand in SUBCOMMANDS {
        assert_data_eq!(print(&[subcommand, "--help"]), file(&format!("{subcommand}.txt")));
    }
}

#[test]
fn the_help_of_the_program_names_every_subcommand_and_each_shows_examples() {
    let help = print(&["--help"]);
    let commands = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let named: Vec<&str> = commands
        .expect("a list")
        .lines()
        .filter(|line| !line.starts_with("    "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert_eq!(named, SUBCOMMANDS);
    for subcommand in SUBCOMMANDS {
        let help = print(&[subcommand, "--help"]);
        assert!(help.contains(&format!("\nExamples:\n  simile {subcommand}")), "{help}");
    }
}

#[test]
fn completions_and_pages_of_the_manual_know_every_subcommand() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let completions = print(&["completions", shell]);
        assert!(completions.contains("min-score") && completions.contains("sentinel"), "{shell}");
    }
    // The shell itself takes them, and knows the subcommands.
    let script =
        format!("{}\ndeclare -p COMP_WORDS 2>/dev/null; complete -p simile", print(&["completions", "bash"]));
    let bash = Command::new("bash").args(["-c", &script]).output().expect("bash");
    assert!(bash.status.success() && bash.stderr.is_empty(), "{}", String::from_utf8_lossy(&bash.stderr));

    assert!(print(&["man"]).contains(".TH simile 1"));
    let directory = tempfile::tempdir().expect("a directory");
    print(&["man", &directory.path().display().to_string()]);
    let page = |name: String| std::fs::read_to_string(directory.path().join(name)).expect("a page");
    for subcommand in SUBCOMMANDS {
        assert!(page(format!("simile-{subcommand}.1")).contains("Examples"), "{subcommand}");
    }
    assert!(page("simile.1".into()).contains("simile\\-load(1)"));
}
