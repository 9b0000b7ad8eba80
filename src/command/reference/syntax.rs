//! A syntax line, read into the tree of arguments that COMMAND DOCS gives and redis-cli shows hints from.
//!
//! The notation is that of Redis's own reference:
//!
//! | written | meaning |
//! | --- | --- |
//! | `item` | an argument; [`WORDS`] says what it is |
//! | `LIMIT limit` | a word in capitals stands before its argument |
//! | `NOSELF` | or by itself |
//! | `[...]` | may be left out |
//! | `<a \| b>`, `[a \| b]` | one of these |
//! | `item [item ...]` | one or more; also of several words, `index item [index item ...]` |
//! | `clause`, `options` | what [`GROUPS`] and [`ROWS`] have under this name |
//!
//! So there is one description of a command: its line in the table of `docs`.

use crate::server::argument::{Argument, Kind};

/// What the arguments of all commands are.
const WORDS: [(Kind, &str); 6] = [
    (Kind::Key, "scope key"),
    (Kind::String, "item destination source other index bucket feature text blob part name"),
    (
        Kind::Integer,
        "bands rows slots seconds intervals seed modulus characters words count numindexes band limit cursor",
    ),
    (Kind::Double, "jaccard recall score"),
    (Kind::Pattern, "pattern"),
    (Kind::UnixTime, "unix-time-seconds"),
];

/// Arguments with a name of their own, because more than one command takes them.
const GROUPS: [(&str, &str); 2] = [
    (
        "clause",
        "<SIGNATURE index count bucket [bucket ...] | FEATURES index count [feature [feature ...]] \
         | TEXT index text>",
    ),
    (
        "query-clause",
        "<SIGNATURE index count bucket [bucket ...] | FEATURES index count [feature [feature ...]] \
         | TEXT index text | PROFILE index blob>",
    ),
];

/// Several arguments in a row, written as one word.
const ROWS: [(&str, &str); 3] = [
    ("when", "[TIMESTAMP unix-time-seconds] [WINDOW intervals]"),
    ("mode", "[SCORE <OVERLAP | COVERAGE | SIGNIFICANCE>]"),
    ("options", "when [LIMIT limit] [MINSCORE score] [MINBANDS count bands [bands ...]] mode [COMBINE]"),
];

/// The arguments that a syntax line tells of.
///
/// # Errors
/// It breaks the notation, or has a word that is not in the tables.
pub fn parse(line: &str) -> Result<Vec<Argument>, String> {
    let spaced = line.replace('[', " [ ").replace(']', " ] ").replace('<', " < ").replace('>', " > ");
    let mut words = Words { all: spaced.split_whitespace().collect(), at: 0 };
    let arguments = words.sequence().map_err(|error| format!("{error} in {line:?}"))?;
    match words.next() {
        None => Ok(arguments),
        Some(word) => Err(format!("{word:?} is too much in {line:?}")),
    }
}

/// The words of a line, from the one at hand on.
struct Words<'a> {
    all: Vec<&'a str>,
    at: usize,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.all.get(self.at).copied()
    }

    fn next(&mut self) -> Option<&'a str> {
        self.at += 1;
        self.all.get(self.at - 1).copied()
    }

    /// Takes the word if it is the next one.
    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.peek() == Some(word);
        self.at += usize::from(is_next);
        is_next
    }

    /// Arguments that follow each other, up to a bracket that closes, or a bar.
    fn sequence(&mut self) -> Result<Vec<Argument>, String> {
        let mut arguments = Vec::new();
        while let Some(word) = self.peek().filter(|word| !["]", ">", "|", "..."].contains(word)) {
            self.at += 1;
            let row = ROWS.iter().find(|(name, _)| *name == word);
            match (word, row) {
                ("[", _) => self.bracket(&mut arguments)?,
                (_, Some((_, row))) => arguments.extend(parse(row)?),
                _ => arguments.push(self.argument(word)?),
            }
        }
        Ok(arguments)
    }

    /// An argument that must be there, whose first word has been taken.
    fn argument(&mut self, word: &str) -> Result<Argument, String> {
        if word == "<" {
            let inside = self.alternatives()?;
            return if self.takes(">") { Ok(inside) } else { Err("a > is missing".into()) };
        }
        if word.starts_with(|first: char| first.is_ascii_lowercase()) {
            return value(word);
        }
        let (token, name) = (Some(word.to_string()), word.to_ascii_lowercase());
        match self.peek() {
            Some("<") => {
                self.at += 1;
                Ok(Argument { token, name, ..self.argument("<")? })
            }
            Some(next) if next.starts_with(|first: char| first.is_ascii_lowercase()) => {
                self.at += 1;
                Ok(Argument { token, ..value(next)? })
            }
            _ => Ok(Argument { token, ..named(&name, Kind::Token) }),
        }
    }

    /// What a `[` opens: something optional, or a sign that what precedes it may be repeated.
    fn bracket(&mut self, before: &mut Vec<Argument>) -> Result<(), String> {
        let from = self.at;
        let inside = self.sequence()?;
        if self.takes("...") {
            repeat(before, &inside)?;
        } else {
            self.at = from;
            before.push(Argument { is_optional: true, ..self.alternatives()? });
        }
        if self.takes("]") { Ok(()) } else { Err("a ] is missing".into()) }
    }

    /// What stands between brackets: one thing, or one of several.
    fn alternatives(&mut self) -> Result<Argument, String> {
        let mut all = vec![block(self.sequence()?)?];
        while self.takes("|") {
            all.push(block(self.sequence()?)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { named(&names(&all, "-or-"), Kind::OneOf(all)) })
    }
}

/// Notes that the last arguments, which are `inside`, may be repeated.
fn repeat(before: &mut Vec<Argument>, inside: &[Argument]) -> Result<(), String> {
    let from = before.len().checked_sub(inside.len()).filter(|_| !inside.is_empty());
    let from = from.ok_or("nothing precedes '...'")?;
    let mut last = block(before.split_off(from))?;
    let repeated = block(inside.to_vec())?;
    if (&last.name, &last.kind) != (&repeated.name, &repeated.kind) {
        return Err(format!("{:?} is repeated as {:?}", last.name, repeated.name));
    }
    last.is_multiple = true;
    before.push(last);
    Ok(())
}

/// One argument as it is, several as a group.
fn block(mut arguments: Vec<Argument>) -> Result<Argument, String> {
    match arguments.len() {
        0 => Err("there is nothing between two signs".into()),
        1 => Ok(arguments.remove(0)),
        _ => Ok(named(&names(&arguments, "-"), Kind::Block(arguments))),
    }
}

fn names(arguments: &[Argument], between: &str) -> String {
    arguments.iter().map(|argument| argument.name.as_str()).collect::<Vec<_>>().join(between)
}

/// A word in small letters.
fn value(word: &str) -> Result<Argument, String> {
    if let Some((_, group)) = GROUPS.iter().find(|(name, _)| *name == word) {
        let mut arguments = parse(group)?;
        let argument = arguments.pop().ok_or_else(|| format!("{word:?} stands for nothing"))?;
        return Ok(Argument { name: word.into(), ..argument });
    }
    let known = WORDS.iter().find(|(_, words)| words.split(' ').any(|known| known == word));
    known.map(|(kind, _)| named(word, kind.clone())).ok_or_else(|| format!("{word:?} is not known"))
}

fn named(name: &str, kind: Kind) -> Argument {
    Argument { name: name.into(), token: None, kind, is_optional: false, is_multiple: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table::{COMMANDS, DEBUG, LOAD};

    /// A tree in one line: `TOKEN:name`, `?` optional, `*` multiple, `(...)` a block, `<...>` one of.
    fn written(argument: &Argument) -> String {
        let all = |members: &[Argument]| members.iter().map(written).collect::<Vec<_>>().join(" ");
        let token = argument.token.as_ref().map(|token| format!("{token}:")).unwrap_or_default();
        let what = match &argument.kind {
            Kind::OneOf(members) => format!("<{}>", all(members)),
            Kind::Block(members) => format!("({})", all(members)),
            _ => String::new(),
        };
        let optional = if argument.is_optional { "?" } else { "" };
        let multiple = if argument.is_multiple { "*" } else { "" };
        format!("{token}{}{what}{optional}{multiple}", argument.name)
    }

    #[test]
    fn a_line_is_read_into_its_tree() {
        for (line, tree) in [
            ("scope item", "scope item"),
            ("scope [LIMIT limit] [NOSELF]", "scope LIMIT:limit? NOSELF:noself?"),
            ("index [index ...]", "index*"),
            ("[feature [feature ...]]", "feature?*"),
            ("index item [index item ...]", "index-item(index item)*"),
            ("[MINBANDS count bands [bands ...]]", "count-bands(MINBANDS:count bands*)?"),
            ("[HASH <FSS | MURMUR3>]", "HASH:hash<FSS:fss MURMUR3:murmur3>?"),
            (
                "[[BANDS bands] [ROWS rows] | THRESHOLD jaccard]",
                "bands-rows-or-jaccard<bands-rows(BANDS:bands? ROWS:rows?) THRESHOLD:jaccard>?",
            ),
            (
                "<FEATURES count [feature [feature ...]] | TEXT text>",
                "count-feature-or-text<count-feature(FEATURES:count feature?*) TEXT:text>",
            ),
            (
                "clause [clause ...]",
                "clause<index-count-bucket(SIGNATURE:index count bucket*) \
                 index-count-feature(FEATURES:index count feature?*) index-text(TEXT:index text)>*",
            ),
            ("scope when", "scope TIMESTAMP:unix-time-seconds? WINDOW:intervals?"),
        ] {
            let parsed = parse(line).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(parsed.iter().map(written).collect::<Vec<_>>().join(" "), tree);
        }
    }

    #[test]
    fn what_breaks_the_notation_is_refused() {
        for (line, error) in [
            ("scop", "\"scop\" is not known in \"scop\""),
            ("scope [LIMIT limit", "a ] is missing in \"scope [LIMIT limit\""),
            ("HASH <FSS | MURMUR3", "a > is missing in \"HASH <FSS | MURMUR3\""),
            ("scope ]", "\"]\" is too much in \"scope ]\""),
            ("[index ...]", "nothing precedes '...' in \"[index ...]\""),
            ("item [index ...]", "\"item\" is repeated as \"index\" in \"item [index ...]\""),
            ("[LIMIT limit | ]", "there is nothing between two signs in \"[LIMIT limit | ]\""),
        ] {
            assert_eq!(parse(line), Err(error.into()));
        }
    }

    /// The server would refuse to load a module whose lines it could not read.
    #[test]
    fn the_line_of_every_command_can_be_read() {
        for command in COMMANDS.iter().chain([&LOAD, &DEBUG]) {
            let arguments = parse(command.syntax).unwrap_or_else(|error| panic!("{error}"));
            let has_key = matches!(arguments[0].kind, Kind::Key);
            assert_eq!(has_key, command.key.is_some(), "{}", command.syntax);
        }
    }
}
