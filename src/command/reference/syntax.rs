//! Parses a syntax line into the tree of arguments that COMMAND DOCS gives, and that redis-cli shows
//! hints from.
//!
//! So a command is described once: by its line in [`crate::command::table`]. The lines are parsed when
//! the module is loaded, and a test parses all of them, so an error never reaches a user.
//!
//! The notation is that of Redis's own reference:
//!
//! | written | meaning |
//! | --- | --- |
//! | `item` | an argument; [`VALUES`] has its type |
//! | `LIMIT limit` | a word in capitals precedes its argument |
//! | `NOSELF` | or is all of it |
//! | `[...]` | optional |
//! | `<a \| b>`, `[a \| b]` | one of these |
//! | `item [item ...]` | one or more; also of several words, `index item [index item ...]` |
//! | `clause`, `options` | short for what [`GROUPS`] and [`SEQUENCES`] have under this name |
//!
//! The algorithm is recursive descent, with a method for each rule of the grammar:
//!
//! ```text
//! sequence     = { argument | "[" alternatives "]" | "[" sequence "..." "]" }
//! alternatives = sequence { "|" sequence }
//! argument     = value | TOKEN | TOKEN value | "<" alternatives ">" | TOKEN "<" alternatives ">"
//! ```
//!
//! One rule is unusual: `[index ...]` is not an argument of its own. It says that what precedes it may
//! be repeated, so it changes the argument that was parsed last.

use crate::server::argument::{Argument, Kind};

/// The types of all arguments, by their names.
const VALUES: [(Kind, &str); 6] = [
    (Kind::Key, "scope key"),
    (Kind::String, "item destination source other index bucket feature text sketch blob piece name"),
    (
        Kind::Integer,
        "bands rows slots seconds intervals seed modulus characters words count numindexes numitems band limit cursor",
    ),
    (Kind::Double, "jaccard recall score"),
    (Kind::Pattern, "pattern"),
    (Kind::UnixTime, "unix-time-seconds"),
];

/// Names for an argument of several words, which COMMAND DOCS gives as one argument of this name.
const GROUPS: [(&str, &str); 2] = [
    (
        "clause",
        "<SIGNATURE index count bucket [bucket ...] [SKETCH index sketch] \
         | FEATURES index count [feature [feature ...]] | TEXT index text>",
    ),
    (
        "query-clause",
        "<SIGNATURE index count bucket [bucket ...] [SKETCH index sketch] \
         | FEATURES index count [feature [feature ...]] | TEXT index text | PROFILE index blob>",
    ),
];

/// Names for arguments in a row, which COMMAND DOCS gives as if the line had them all.
const SEQUENCES: [(&str, &str); 3] = [
    ("when", "[TIMESTAMP unix-time-seconds] [WINDOW intervals]"),
    ("mode", "[SCORE <OVERLAP | COVERAGE | SIGNIFICANCE | JACCARD>]"),
    (
        "options",
        "when [LIMIT limit] [MINSCORE score] [MINBANDS count bands [bands ...]] mode \
         [MATCH pattern] [COMBINE] [WITHCOUNTS]",
    ),
];

/// Parses a syntax line.
///
/// # Errors
/// It breaks the notation, or has a word that is not in the tables.
pub fn parse(line: &str) -> Result<Vec<Argument>, String> {
    // Every sign becomes a word of its own, so that words are all there is to read.
    let spaced = line.replace('[', " [ ").replace(']', " ] ").replace('<', " < ").replace('>', " > ");
    let mut words = Words { all: spaced.split_whitespace().collect(), next: 0 };
    let arguments = words.sequence().map_err(|error| format!("{error} in {line:?}"))?;
    match words.take() {
        None => Ok(arguments),
        Some(word) => Err(format!("{word:?} is too much in {line:?}")),
    }
}

/// A cursor over the words of a line.
struct Words<'a> {
    all: Vec<&'a str>,
    /// The position of the next word.
    next: usize,
}

impl<'a> Words<'a> {
    /// The next word, which stays the next one.
    fn peek(&self) -> Option<&'a str> {
        self.all.get(self.next).copied()
    }

    /// Takes the next word.
    fn take(&mut self) -> Option<&'a str> {
        self.next += 1;
        self.all.get(self.next - 1).copied()
    }

    /// Takes the next word if it is this one, and returns whether it was.
    fn take_if(&mut self, word: &str) -> bool {
        let is_next = self.peek() == Some(word);
        self.next += usize::from(is_next);
        is_next
    }

    /// Arguments in a row, up to a sign that ends them.
    fn sequence(&mut self) -> Result<Vec<Argument>, String> {
        let mut arguments = Vec::new();
        while let Some(word) = self.peek().filter(|word| !["]", ">", "|", "..."].contains(word)) {
            self.next += 1;
            let named_sequence = SEQUENCES.iter().find(|(name, _)| *name == word);
            match (word, named_sequence) {
                ("[", _) => self.bracket(&mut arguments)?,
                (_, Some((_, sequence))) => arguments.extend(parse(sequence)?),
                _ => arguments.push(self.argument(word)?),
            }
        }
        Ok(arguments)
    }

    /// A required argument. Its first word has been taken.
    fn argument(&mut self, word: &str) -> Result<Argument, String> {
        if word == "<" {
            let inside = self.alternatives()?;
            return if self.take_if(">") { Ok(inside) } else { Err("a > is missing".into()) };
        }
        if word.starts_with(|first: char| first.is_ascii_lowercase()) {
            return value(word);
        }
        // A word in capitals: a token. It takes the value that follows it; by itself, it is the
        // argument.
        let token = Some(word.to_string());
        let name = word.to_ascii_lowercase();
        match self.peek() {
            Some("<") => {
                self.next += 1;
                Ok(Argument { token, name, ..self.argument("<")? })
            }
            Some(next) if next.starts_with(|first: char| first.is_ascii_lowercase()) => {
                self.next += 1;
                Ok(Argument { token, ..value(next)? })
            }
            _ => Ok(Argument { token, ..plain_argument(&name, Kind::Token) }),
        }
    }

    /// A bracket, whose `[` has been taken: an optional argument, or a sign that the arguments before
    /// it may be repeated. Which of both shows only at its end, so it is read as a sequence first, and
    /// again if it was not a repetition.
    fn bracket(&mut self, before: &mut Vec<Argument>) -> Result<(), String> {
        let begin = self.next;
        let inside = self.sequence()?;
        if self.take_if("...") {
            repeat(before, &inside)?;
        } else {
            self.next = begin;
            before.push(Argument { is_optional: true, ..self.alternatives()? });
        }
        if self.take_if("]") { Ok(()) } else { Err("a ] is missing".into()) }
    }

    /// The inside of brackets: one argument or, with bars, one of several.
    fn alternatives(&mut self) -> Result<Argument, String> {
        let mut all = vec![block(self.sequence()?)?];
        while self.take_if("|") {
            all.push(block(self.sequence()?)?);
        }
        Ok(if all.len() == 1 {
            all.remove(0)
        } else {
            plain_argument(&names(&all, "-or-"), Kind::OneOf(all))
        })
    }
}

/// Marks the last arguments as multiple. They must be those inside the brackets, of the same name and
/// type.
fn repeat(before: &mut Vec<Argument>, inside: &[Argument]) -> Result<(), String> {
    let begin = before.len().checked_sub(inside.len()).filter(|_| !inside.is_empty());
    let begin = begin.ok_or("nothing precedes '...'")?;
    let mut last = block(before.split_off(begin))?;
    let repeated = block(inside.to_vec())?;
    if (&last.name, &last.kind) != (&repeated.name, &repeated.kind) {
        return Err(format!("{:?} is repeated as {:?}", last.name, repeated.name));
    }
    last.is_multiple = true;
    before.push(last);
    Ok(())
}

/// Several arguments as one: a block named after its members. One argument stays as it is.
fn block(mut arguments: Vec<Argument>) -> Result<Argument, String> {
    match arguments.len() {
        0 => Err("there is nothing between two signs".into()),
        1 => Ok(arguments.remove(0)),
        _ => Ok(plain_argument(&names(&arguments, "-"), Kind::Block(arguments))),
    }
}

/// The names of arguments, joined to one.
fn names(arguments: &[Argument], between: &str) -> String {
    arguments.iter().map(|argument| argument.name.as_str()).collect::<Vec<_>>().join(between)
}

/// The argument that a word in small letters stands for.
fn value(word: &str) -> Result<Argument, String> {
    if let Some((_, group)) = GROUPS.iter().find(|(name, _)| *name == word) {
        let mut arguments = parse(group)?;
        let argument = arguments.pop().ok_or_else(|| format!("{word:?} stands for nothing"))?;
        return Ok(Argument { name: word.into(), ..argument });
    }
    let known = VALUES.iter().find(|(_, words)| words.split(' ').any(|known| known == word));
    known.map(|(kind, _)| plain_argument(word, kind.clone())).ok_or_else(|| format!("{word:?} is not known"))
}

/// An argument that is neither optional nor multiple and has no token.
fn plain_argument(name: &str, kind: Kind) -> Argument {
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
                "clause<index-count-bucket-index-sketch(SIGNATURE:index count bucket* \
                 index-sketch(SKETCH:index sketch)?) \
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
