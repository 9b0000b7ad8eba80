//! The reference: COMMAND DOCS, and the pages of docs/commands/, which are compared with it and whose examples are
//! replayed.
//!
//! `WRITE_DOCS=1 SERVERS=redis-8.2 cargo test --test server reference:: -- --test-threads=1` writes the
//! server's side into the pages instead of comparing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use testkit::{Kind, Page, Reply, Server, on_each_server, transcript};

/// The page of a command.
#[track_caller]
fn page_of(command: &str) -> Page {
    Page::read(&format!("docs/commands/{}.md", command.to_lowercase()))
}

/// The entries of COMMAND DOCS and COMMAND INFO for each command that users see.
fn documented(server: &Server) -> Vec<(String, Reply)> {
    let docs = server.client_resp3().does("COMMAND DOCS");
    let named = docs.pairs().into_iter().map(|(name, docs)| (name.text().to_uppercase(), docs.clone()));
    let is_ours = |name: &str| name.starts_with("SIM.") && name != "SIM.LOAD" && name != "SIM.DEBUG";
    let mut ours: Vec<(String, Reply)> = named.filter(|(name, _)| is_ours(name)).collect();
    ours.sort_by(|(a, _), (b, _)| a.cmp(b));
    ours
}

/// An optional field of a map.
fn field<'a>(map: &'a Reply, name: &str) -> Option<&'a Reply> {
    map.pairs().into_iter().find(|(key, _)| key.bytes() == name.as_bytes()).map(|(_, value)| value)
}

fn has_flag(argument: &Reply, flag: &str) -> bool {
    field(argument, "flags").is_some_and(|flags| flags.array().iter().any(|f| f.text() == flag))
}

fn arguments(entry: &Reply) -> &[Reply] {
    field(entry, "arguments").map_or(&[], Reply::array)
}

/// True for a clause, which the pages show by its name under the syntax line.
fn is_clause(argument: &Reply) -> bool {
    argument.get("name").text().ends_with("clause")
}

/// An argument in the notation of Redis's reference.
fn shown(argument: &Reply) -> String {
    let members = |between: &str| arguments(argument).iter().map(shown).collect::<Vec<_>>().join(between);
    let (name, token) = (argument.get("name").text(), field(argument, "token").map(Reply::text));
    let is_optional = has_flag(argument, "optional");
    let one = match argument.get("type").text().as_str() {
        "pure-token" => return if is_optional { format!("[{}]", token.unwrap()) } else { token.unwrap() },
        "oneof" if is_clause(argument) => name,
        "oneof" if is_optional && token.is_none() => members(" | "),
        "oneof" => format!("<{}>", members(" | ")),
        "block" => members(" "),
        _ => name,
    };
    let many = if has_flag(argument, "multiple") { format!("{one} [{one} ...]") } else { one };
    let with_token = token.map_or(many.clone(), |token| format!("{token} {many}"));
    if is_optional { format!("[{with_token}]") } else { with_token }
}

/// The syntax of a command: its line, folded, and under it its clauses.
fn syntax(name: &str, docs: &Reply) -> String {
    const WIDTH: usize = 92;
    let (mut text, mut width) = (name.to_string(), name.len());
    for word in arguments(docs).iter().map(shown) {
        if width + 1 + word.len() > WIDTH {
            text.push_str("\n    ");
            width = 4;
        } else {
            text.push(' ');
            width += 1;
        }
        width += word.len();
        text.push_str(&word);
    }
    for clause in arguments(docs).iter().filter(|argument| is_clause(argument)) {
        let name = clause.get("name").text();
        let between = format!("\n{} | ", " ".repeat(name.len()));
        let members = arguments(clause).iter().map(shown).collect::<Vec<_>>().join(&between);
        text.push_str(&format!("\n\n{name} = {members}"));
    }
    text
}

/// The words of a list of COMMAND INFO.
fn words(list: &Reply, between: &str) -> String {
    let mut words: Vec<String> = list.array().iter().map(Reply::text).collect();
    words.sort();
    words.join(between)
}

/// The head of a command's page, which follows from COMMAND DOCS and COMMAND INFO.
fn head(server: &Server, name: &str, docs: &Reply, page: &str) -> String {
    let all = server.does(format!("COMMAND INFO {name}"));
    let info = all.array()[0].array();
    // Redis 7.0 has no categories for the commands of modules: the page keeps those of the others.
    let listed = page.lines().find(|line| line.starts_with("| Categories |")).unwrap_or_default();
    let categories = match info[6].array() {
        [] => listed.to_string(),
        _ => format!("| Categories | {} |", words(&info[6], ", ")),
    };
    let key = info[8]
        .array()
        .first()
        .map_or("none".into(), |spec| format!("the first argument: {}", words(spec.get("flags"), ", ")));
    let tips = match info[7].array() {
        [] => String::new(),
        _ => format!("| Tips | {} |\n", words(&info[7], ", ")),
    };
    let arity = match info[1].integer() {
        arity @ ..0 => format!("{arity} (at least {} words, the command's name included)", -arity),
        arity => format!("{arity} (exactly {arity} words, the command's name included)"),
    };
    format!(
        "# {name}\n\n{}\n\n```text\n{}\n```\n\n| | |\n| --- | --- |\n| Available since | {} |\n\
         | Time complexity | {} |\n| Arity | {arity} |\n\
         {categories}\n| Flags | {} |\n{tips}| Key | {key} |\n",
        docs.get("summary").text(),
        syntax(name, docs),
        docs.get("since").text(),
        docs.get("complexity").text(),
        words(&info[2], ", "),
    )
}

/// The rest of a page, after its head.
fn prose(page: &str) -> &str {
    let key = page.find("\n| Key |").map(|at| at + 1);
    let end = key.and_then(|key| page[key..].find('\n').map(|length| key + length + 1));
    end.map_or("", |end| &page[end..])
}

on_each_server! {
    fn each_command_has_a_page_that_says_what_the_server_says(server: Server) {
        let documented = documented(&server);
        assert_eq!(documented.len(), 21);
        for (name, docs) in &documented {
            let page = page_of(name);
            let prose = prose(&page.text);
            for section in ["\n## Reply\n", "\n## Errors\n", "\n## Examples\n"] {
                assert!(prose.contains(section), "{} has no section{section}", page.path.display());
            }
            page.assert_is(&format!("{}{prose}", head(&server, name, docs, &page.text)));
        }
    }

    fn each_page_is_that_of_a_command(server: Server) {
        let documented = documented(&server);
        let expected: BTreeSet<String> = documented.iter().map(|(name, _)| format!("{}.md", name.to_lowercase())).collect();
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands");
        let files = fs::read_dir(directory).expect("docs/commands").map(|entry| entry.expect("an entry").file_name());
        let mut there: BTreeSet<String> = files.map(|name| name.into_string().expect("text")).collect();
        assert!(there.remove("index.md"), "docs/commands/index.md is missing");
        assert_eq!(there, expected);
        let index = Page::read("docs/commands/index.md").text;
        for (name, docs) in &documented {
            let line = format!("| [{name}]({}.md) | {} |", name.to_lowercase(), docs.get("summary").text());
            assert!(index.contains(&line), "docs/commands/index.md should have {line}");
        }
    }

    fn the_examples_of_each_page_print_what_it_says(kind: Kind) {
        let server = kind.start();
        for (name, _) in documented(&server) {
            server.does("FLUSHALL");
            let page = page_of(&name);
            let (_, examples) = page.text.split_once("\n## Examples\n").expect("examples");
            assert!(transcript::count_commands(examples) > 0, "{} has no example", page.path.display());
            page.assert_is(&transcript::replayed(&server, &page.text));
        }
    }

    fn command_docs_tells_of_each_argument(server: Server) {
        let docs = server.client_resp3().does("COMMAND DOCS sim.compare");
        let docs = docs.get("SIM.COMPARE");
        let told: Vec<String> = arguments(docs).iter().map(|argument| {
            let token = field(argument, "token").map_or(String::new(), |token| format!("{} ", token.text()));
            let flags = field(argument, "flags").map_or(String::new(), |flags| format!(" {}", words(flags, " ")));
            format!("{token}{} {}{flags}", argument.get("name").text(), argument.get("type").text())
        }).collect();
        assert_eq!(told, [
            "scope key", "item string", "numindexes integer", "index string multiple",
            "TIMESTAMP unix-time-seconds unix-time optional", "WINDOW intervals integer optional",
            "LIMIT limit integer optional", "MINSCORE score double optional", "count-bands block optional",
            "SCORE score oneof optional", "MATCH pattern pattern optional", "COMBINE combine pure-token optional",
            "WITHCOUNTS withcounts pure-token optional", "NOSELF noself pure-token optional",
        ]);
        assert_eq!(docs.get("group").text(), "module");
        assert_eq!(docs.get("module").text(), "simile");
    }

    fn command_getkeys_finds_the_scope_of_each_command(server: Server) {
        for (name, docs) in documented(&server) {
            let rest = " 1".repeat(7); // more than any command needs
            let keys = server.run(format!("COMMAND GETKEYS {name} issues{rest}"));
            let expected = match name.as_str() {
                "SIM.SWEEP" => "!ERR The command has no key arguments",
                "SIM.INFO" => "!ERR Invalid number of arguments specified for command",
                _ => "['issues']",
            };
            assert_eq!(keys.to_string(), expected, "{name}");
            let first = &arguments(&docs)[0];
            assert_eq!(first.get("type").text() == "key", name != "SIM.SWEEP", "{name}");
        }
        server.expect("COMMAND GETKEYS SIM.INFO issues", "['issues']");
    }

    fn redis_cli_shows_the_line_of_each_command(server: Server) {
        for (name, docs) in documented(&server) {
            let mut line = arguments(&docs).iter().map(shown).collect::<Vec<_>>().join(" ");
            for clause in arguments(&docs).iter().filter(|argument| is_clause(argument)) {
                let members = arguments(clause).iter().map(shown).collect::<Vec<_>>().join(" | ");
                line = line.replace(&clause.get("name").text(), &members);
            }
            // redis-cli 7.0 writes alternatives without blanks and brackets, later ones with them.
            let bare = |line: &str| line.replace(" | ", "|").replace(['<', '>'], "");
            let help = transcript::redis_cli(&server, &[], &format!("HELP {name}"));
            assert!(bare(&help).contains(&bare(&line)), "{help}\nshould have\n{line}");
        }
    }
    fn redis_cli_shows_hints_while_one_types(server: Server) {
        transcript::type_until(&server, "SIM.SCAN ", "scope index cursor [MATCH pattern] [COUNT count]");
        transcript::type_until(&server, "SIM.MERGE ", "scope destination index source [index source ...]");
    }
}
