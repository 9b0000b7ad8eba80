//! Finds the near-duplicates among some texts: records them into a running Simile, compares each with
//! all the others, and prints the groups.
//!
//! ```text
//! near_duplicates --port PORT [INPUT]
//! ```
//!
//! INPUT is a directory of text files (hidden ones are left out), or a file of JSON lines, each an
//! object with `id` and `text`. Without it: the licences of the crates that Cargo has unpacked on
//! this machine. `make run` starts a server, runs this, and stops the server.

use indicatif::{ProgressBar, ProgressStyle};
use redis::{Connection, Pipeline, RedisResult, cmd, pipe};
use serde_json::Value as Json;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IsTerminal, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use walkdir::{DirEntry, WalkDir};

/// Texts of at least this Jaccard similarity should be found.
const THRESHOLD: f64 = 0.8;
/// The most that the server takes as one TEXT unless told otherwise, in bytes.
const TEXT_LIMIT: u64 = 1 << 20;
const TOO_LONG: &str = "longer than 1 MiB";
/// The number of commands that are sent in one go.
const BATCH: usize = 32;
/// The number of groups that are printed, and of names in each.
const GROUPS: usize = 12;
const NAMES: usize = 3;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["--port", port] => run(port, None),
        ["--port", port, input] => run(port, Some(Path::new(input))),
        _ => Err("usage: near_duplicates --port PORT [INPUT]".into()),
    };
    if let Err(error) = outcome {
        eprintln!("near_duplicates: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn run(port: &str, input: Option<&Path>) -> Result<()> {
    let (scope, source) = match input {
        None => ("licences", licences()?),
        Some(path) if path.is_dir() => ("texts", directory(path)?),
        Some(path) => ("texts", json_lines(path)?),
    };
    let mut server = redis::Client::open(format!("redis://127.0.0.1:{port}"))?.get_connection()?;
    create(&mut server, scope)?;
    let items = record(&mut server, scope, source)?;

    let groups = groups(items.len(), &links(&mut server, scope, &items)?);
    print_groups(&items, &groups)?;
    writeln!(
        stdout(),
        "A score is the Jaccard similarity of two texts, estimated: of the runs of three words\n\
         in either, the share that is in both. A pair of {THRESHOLD} or more counts as similar."
    )?;
    ask_yourself(port, scope, input, &items, &groups)
}

// ---- the commands ----

/// Makes the scope. THRESHOLD makes its scores Jaccard similarities.
fn create(server: &mut Connection, scope: &str) -> RedisResult<()> {
    let text = ["SHINGLE", "WORDS", "3", "LOWERCASE", "yes"];
    let mut create = cmd("SIM.CREATE");
    create.arg(scope).arg("THRESHOLD").arg(THRESHOLD).arg("INTERVAL").arg(0).arg(&text).exec(server)
}

/// Records the texts, prints which ones could not be recorded, and returns the ids of the others.
fn record(server: &mut Connection, scope: &str, source: Vec<(String, Text)>) -> Result<Vec<String>> {
    let bar = progress("recording", source.len());
    let mut recorded = BTreeSet::new();
    let mut left_out = BTreeMap::<String, Vec<String>>::new();
    let mut texts = source.into_iter().map(|(id, text)| (id, text.read()));
    loop {
        let batch: Vec<_> = texts.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let mut commands = pipe();
        for (id, text) in &batch {
            if let Ok(text) = text {
                commands.cmd("SIM.RECORD").arg(scope).arg(id).arg("TEXT").arg("text").arg(text);
            }
        }
        let mut replies = replies(server, &mut commands)?.into_iter();
        for (id, text) in batch {
            let outcome = text.and_then(|_| match replies.next() {
                Some(Ok(counts)) if counts.iter().all(Vec::is_empty) => Err("nothing in it".into()),
                Some(Ok(_)) => Ok(()),
                Some(Err(error)) => Err(error.detail().unwrap_or("refused by the server").into()),
                None => Err("no reply".into()),
            });
            match outcome {
                Ok(()) => _ = recorded.insert(id),
                Err(why) => left_out.entry(why).or_default().push(id),
            }
            bar.inc(1);
        }
    }
    finish(&bar);
    for (why, ids) in left_out {
        let more = if ids.len() > 1 { format!(" and {} more", ids.len() - 1) } else { String::new() };
        writeln!(stdout(), "Left out, {why}: {}{more}", shown(&ids[0], 48))?;
    }
    if recorded.is_empty() {
        return Err("there is nothing to compare".into());
    }
    Ok(recorded.into_iter().collect())
}

/// The counts that each RECORD replied with, or its error.
fn replies(server: &mut Connection, commands: &mut Pipeline) -> RedisResult<Vec<RedisResult<Vec<Vec<u32>>>>> {
    if commands.is_empty() { Ok(Vec::new()) } else { commands.ignore_errors().query(server) }
}

/// Two items, by their numbers, and their score.
struct Link {
    one: usize,
    other: usize,
    score: f64,
}

/// Compares every item with all others: the pairs that reach the threshold.
fn links(server: &mut Connection, scope: &str, items: &[String]) -> Result<Vec<Link>> {
    let number: HashMap<&str, usize> = items.iter().enumerate().map(|(n, id)| (id.as_str(), n)).collect();
    let bar = progress("comparing", items.len());
    let mut links = Vec::new();
    // An item that scores 1 is a copy, as far as its sketch tells: its neighbours are linked to this one already.
    let mut known = vec![false; items.len()];
    for (one, id) in items.iter().enumerate() {
        bar.inc(1);
        if known[one] {
            continue;
        }
        let mut command = cmd("SIM.COMPARE");
        command.arg(scope).arg(id).arg(1).arg("text").arg("NOSELF").arg("LIMIT").arg(0);
        let replies: Vec<Vec<(String, f64)>> = command.arg("MINSCORE").arg(THRESHOLD).query(server)?;
        for (name, score) in replies.into_iter().flatten() {
            let other = number[name.as_str()];
            known[other] |= score == 1.0;
            links.push(Link { one, other, score });
        }
    }
    finish(&bar);
    Ok(links)
}

// ---- groups ----

struct Group {
    members: Vec<usize>,
    /// The lowest and the highest score among the links that join it.
    weakest: f64,
    strongest: f64,
}

/// Items joined by links, directly or through others (union-find); the biggest group first.
fn groups(items: usize, links: &[Link]) -> Vec<Group> {
    fn root(parent: &mut [usize], mut item: usize) -> usize {
        while parent[item] != item {
            parent[item] = parent[parent[item]];
            item = parent[item];
        }
        item
    }
    let mut parent: Vec<usize> = (0..items).collect();
    for link in links {
        let (one, other) = (root(&mut parent, link.one), root(&mut parent, link.other));
        parent[one.max(other)] = one.min(other);
    }
    let mut groups = BTreeMap::new();
    for item in 0..items {
        let empty = || Group { members: Vec::new(), weakest: 1.0, strongest: 0.0 };
        groups.entry(root(&mut parent, item)).or_insert_with(empty).members.push(item);
    }
    for link in links {
        if let Some(group) = groups.get_mut(&root(&mut parent, link.one)) {
            group.weakest = group.weakest.min(link.score);
            group.strongest = group.strongest.max(link.score);
        }
    }
    let mut groups: Vec<Group> = groups.into_values().filter(|group| group.members.len() > 1).collect();
    groups.sort_by_key(|group| Reverse(group.members.len()));
    groups
}

fn print_groups(items: &[String], groups: &[Group]) -> Result<()> {
    let mut out = stdout().lock();
    let grouped: usize = groups.iter().map(|group| group.members.len()).sum();
    let (texts, others) = (counted(items.len(), "text"), items.len() - grouped);
    writeln!(out, "{texts} recorded: {grouped} in {}, {others} in none.\n", counted(groups.len(), "group"))?;
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(out, " texts   scores      which")?;
    for Group { members, weakest, strongest } in groups.iter().take(GROUPS) {
        for (line, &member) in members.iter().take(NAMES).enumerate() {
            match line {
                0 => write!(out, "{:6}   {weakest:.2}-{strongest:.2}   ", members.len())?,
                _ => write!(out, "{:21}", "")?,
            }
            writeln!(out, "{}", shown(&items[member], 58))?;
        }
        if members.len() > NAMES {
            writeln!(out, "{:21}... and {} more", "", members.len() - NAMES)?;
        }
    }
    if groups.len() > GROUPS {
        let (more, size) = (groups.len() - GROUPS, groups[GROUPS].members.len());
        writeln!(out, "   ... and {} more, of {size} texts or fewer each", counted(more, "group"))?;
    }
    Ok(writeln!(out)?)
}

// ---- questions, asked by redis-cli ----

fn ask_yourself(
    port: &str,
    scope: &str,
    input: Option<&Path>,
    items: &[String],
    groups: &[Group],
) -> Result<()> {
    // From the biggest group that does not consist of copies only.
    let group = groups.iter().find(|group| group.weakest < 1.0).or(groups.first());
    let item = &items[group.map_or(0, |group| group.members[0])];
    writeln!(stdout(), "\nWhat is similar to {}?", shown(item, 60))?;
    ask(port, &["SIM.COMPARE", scope, item, "1", "text", "NOSELF", "LIMIT", "3"], None)?;

    let (question, file) = match input {
        None => ("What is similar to Simile's own licence? It was never recorded.", "LICENSE-MIT".into()),
        Some(path) => ("What is similar to the text in this file?", path.join(item)),
    };
    if file.is_file() {
        writeln!(stdout(), "\n{question}")?;
        ask(port, &["SIM.CLASSIFY", scope, "LIMIT", "3", "TEXT", "text"], Some(&file))?;
    }
    writeln!(stdout(), "\nWhat does the index hold?")?;
    ask(port, &["SIM.INFO", scope], None)
}

/// Runs redis-cli, and prints the line to type before its output.
fn ask(port: &str, command: &[&str], last_argument: Option<&Path>) -> Result<()> {
    let mut words = vec!["-p", port];
    if !stdout().is_terminal() {
        words.push("--no-raw"); // what it prints on a terminal
    }
    if last_argument.is_some() {
        words.push("-x");
    }
    words.extend(command);
    let line: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    write!(stdout(), "$ redis-cli {}", line.join(" "))?;
    let mut cli = Command::new("redis-cli");
    if let Some(file) = last_argument {
        write!(stdout(), " < {}", quoted(&file.to_string_lossy()))?;
        cli.stdin(File::open(file)?);
    }
    writeln!(stdout())?;
    let status = cli.args(words).status().map_err(|error| format!("redis-cli: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("redis-cli: {status}").into()) }
}

/// The word, quoted for a shell if it has to be.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:+@%=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

// ---- reading the texts ----

enum Text {
    In(PathBuf),
    Here(String),
    Missing(&'static str),
}

impl Text {
    /// Reads the text; the error says why there is none.
    fn read(self) -> std::result::Result<String, String> {
        let text = match self {
            Text::In(file) => {
                let unreadable = |error: io::Error| error.to_string();
                if fs::metadata(&file).map_err(unreadable)?.len() > TEXT_LIMIT {
                    return Err(TOO_LONG.into()); // before it fills the memory
                }
                String::from_utf8(fs::read(&file).map_err(unreadable)?).map_err(|_| "not UTF-8")?
            }
            Text::Here(text) => text,
            Text::Missing(why) => return Err(why.into()),
        };
        if text.len() as u64 > TEXT_LIMIT { Err(TOO_LONG.into()) } else { Ok(text) }
    }
}

/// The licences of the crates that Cargo has unpacked: `crate/file`.
fn licences() -> Result<Vec<(String, Text)>> {
    let home = || Some(env::home_dir()?.join(".cargo"));
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home).ok_or("there is no CARGO_HOME")?;
    let crates = cargo.join("registry/src"); // one directory below it for each registry
    let licence = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy().to_uppercase();
        ["LICENSE", "LICENCE", "COPYING", "UNLICENSE"].iter().any(|start| name.starts_with(start))
    };
    let walk = WalkDir::new(&crates).min_depth(3).max_depth(3).into_iter();
    let texts = files(walk.filter_map(|entry| entry.ok()).filter(licence), 2);
    if texts.is_empty() {
        return Err(format!("no licences in {}; give it a directory of texts", crates.display()).into());
    }
    Ok(texts)
}

/// Every file below the directory, by its path from there.
fn directory(path: &Path) -> Result<Vec<(String, Text)>> {
    let visible =
        |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    let walk = WalkDir::new(path).into_iter().filter_entry(visible);
    let entries: Vec<DirEntry> = walk.collect::<walkdir::Result<_>>()?;
    let texts = files(entries.into_iter(), usize::MAX);
    if texts.is_empty() {
        return Err(format!("{} holds no files", path.display()).into());
    }
    Ok(texts)
}

/// The files among the entries; the id of each is the end of its path, at most `names` components of it.
fn files(entries: impl Iterator<Item = DirEntry>, names: usize) -> Vec<(String, Text)> {
    let id = |entry: &DirEntry| {
        let from_root = entry.path().components().count() - entry.depth().min(names);
        let path: PathBuf = entry.path().components().skip(from_root).collect();
        path.to_string_lossy().into_owned()
    };
    let entries = entries.filter(|entry| entry.file_type().is_file());
    entries.map(|entry| (id(&entry), Text::In(entry.into_path()))).collect()
}

/// A file of lines such as `{"id": "a", "text": "..."}`.
fn json_lines(path: &Path) -> Result<Vec<(String, Text)>> {
    let of_file = |error| format!("{}: {error}", path.display());
    let lines = BufReader::new(File::open(path).map_err(of_file)?).split(b'\n').enumerate();
    let mut texts = Vec::new();
    for (before, line) in lines {
        let line = line.map_err(of_file)?;
        if !line.trim_ascii().is_empty() {
            texts.push(
                json_text(&line).unwrap_or_else(|why| (format!("line {}", before + 1), Text::Missing(why))),
            );
        }
    }
    if texts.is_empty() {
        return Err(format!("{} is empty", path.display()).into());
    }
    Ok(texts)
}

fn json_text(line: &[u8]) -> std::result::Result<(String, Text), &'static str> {
    let mut json: Json = serde_json::from_slice(line).map_err(|_| "not JSON")?;
    let id = match json["id"].take() {
        Json::String(id) => id,
        Json::Number(id) => id.to_string(),
        _ => return Err("without an id"),
    };
    match json["text"].take() {
        Json::String(text) => Ok((id, Text::Here(text))),
        _ => Err("without a text"),
    }
}

// ---- printing ----

/// A progress bar on standard error; nothing if that is not a terminal.
fn progress(what: &'static str, length: usize) -> ProgressBar {
    let bar = ProgressBar::new(length as u64).with_message(what);
    bar.with_style(style("{msg} [{bar:40}] {pos} of {len}, {eta} left"))
}

fn finish(bar: &ProgressBar) {
    bar.set_style(style("{msg} [{bar:40}] {pos} of {len}"));
    bar.finish();
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ")
}

/// A name in at most `columns` columns, without control characters.
fn shown(name: &str, columns: usize) -> String {
    let name: Vec<char> = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    if name.len() <= columns {
        return name.into_iter().collect();
    }
    ['…'].iter().chain(&name[name.len() - columns + 1..]).collect()
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
