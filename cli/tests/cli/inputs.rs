//! What people load: the formats, encodings and compressions that they have, and what is wrong with their files.
//! Each is right, or an error that says so: nothing is loaded wrong in silence.

use crate::load::{PLAIN, counts, lines};
use crate::program::{Ran, run, run_with, write};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::{Server, on_each_server};

/// Writes a file into the directory of a server.
fn file(server: &Server, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = server.directory().join(name);
    write(&path, content);
    path
}

fn append(path: &Path, content: impl AsRef<[u8]>) {
    let mut file = File::options().append(true).open(path).expect("a file");
    file.write_all(content.as_ref()).expect("it can be written");
}

/// Loads a file into the scope `s`.
fn load(server: &Server, path: &Path, options: &str) -> Ran {
    run(server, &format!("load s {} {PLAIN} {options}", path.display()))
}

/// Loads a file that is to be right, and returns the items and their counts.
#[track_caller]
fn load_all(server: &Server, path: &Path, options: &str) -> Vec<String> {
    load(server, path, options).fine();
    let items = items(server);
    server.does("SIM.DROP s");
    items
}

/// The items of the scope `s`, each of which has one observation.
#[track_caller]
fn items(server: &Server) -> Vec<String> {
    let counts: BTreeMap<String, i64> = counts(server, "s", "text");
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    counts.into_keys().collect()
}

/// Checks that a text is the one of this item.
#[track_caller]
fn finds(server: &Server, text: &str, item: &str) {
    let reply = server.call(&["SIM.CLASSIFY", "s", "TEXT", "text", text]);
    let best = &reply.array()[0].array()[0].array();
    assert_eq!((best[0].text(), best[1].text()), (item.into(), "1".into()), "{reply}");
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 1).expect("memory")
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
}

/// The names `i0`, `i1` and so on, in the order of a map.
fn names(numbers: std::ops::Range<u64>) -> Vec<String> {
    let names: std::collections::BTreeSet<String> = numbers.map(|n| format!("i{n}")).collect();
    names.into_iter().collect()
}

/// Writes a file and gives it back the time of its last change.
fn write_unseen(path: &Path, content: &str) {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).expect("a time");
    write(path, content);
    File::options().write(true).open(path).and_then(|file| file.set_modified(modified)).expect("a file");
}

on_each_server! {
    fn lines_of_plain_text_are_named_like_those_of_grep(server: Server) {
        let text = "red one\r\n\n  \ngreen two\nblue three";
        for name in ["app.log", "app.LOG.1", "notes.txt"] {
            let path = file(&server, name, text);
            let name = path.display();
            assert_eq!(load_all(&server, &path, ""), [1, 4, 5].map(|n| format!("{name}:{n}")));
        }
        let ran = run_with(&server, &format!("load s - --lines {PLAIN}"), text.as_bytes());
        assert!(ran.fine().starts_with("5 lines read"));
        assert_eq!(items(&server), ["stdin:1", "stdin:4", "stdin:5"]);
        finds(&server, "red one", "stdin:1");
        server.does("SIM.DROP s");
        // An index of its own; no other fields.
        let path = file(&server, "notes", "red\n");
        load(&server, &path, "--lines --text body=line").fine();
        assert_eq!(counts(&server, "s", "body").len(), 1);
        server.does("SIM.DROP s");
        assert_eq!(load_all(&server, &path, "--lines --item monday"), ["monday:1"]);
        let error = load(&server, &path, "--lines --time at").failed(1);
        assert_eq!(error, "simile: plain text has no fields: the only such option that it takes is --text INDEX=line, which names the index\n");
        let error = load(&server, &path, "--lines --format csv").failed(1);
        assert_eq!(error, "simile: --lines and --format name two formats: leave out one of them\n");
    }

    fn json_in_a_log_is_not_taken_for_plain_text(server: Server) {
        let path = file(&server, "app.log", lines(0..3));
        let error = load(&server, &path, "").failed(1);
        assert!(error.ends_with("app.log is plain text by its name and JSON lines by its content: --format jsonl reads the fields, --lines loads each line as a text\n"), "{error}");
        assert_eq!(load_all(&server, &path, "--format jsonl"), names(0..3));
        assert_eq!(load_all(&server, &path, "--lines").len(), 3);
    }

    fn compressed_inputs_are_recognized_by_their_content(server: Server) {
        for compress in [gzip, zstd] {
            let twice = [compress(&lines(0..600)), compress(&lines(600..1_000))].concat();
            let path = file(&server, "no-ending", &twice);
            assert_eq!(load_all(&server, &path, ""), names(0..1_000));
            run_with(&server, &format!("load s - {PLAIN}"), &twice).fine();
            assert_eq!(items(&server), names(0..1_000));
            server.does("SIM.DROP s");
            let path = file(&server, "table.CSV.gz", compress("id,text\na,red\nb,green\n"));
            assert_eq!(load_all(&server, &path, ""), ["a", "b"]);
            // A directory of compressed texts.
            let path = file(&server, "directory.log.gz", compress("red\n"));
            assert_eq!(load_all(&server, &path, ""), [format!("{}:1", path.display())]);
            let root = server.directory().join("texts");
            std::fs::create_dir_all(&root).expect("a directory");
            write(&root.join("a"), compress("red"));
            load(&server, &root, "").fine();
            finds(&server, "red", "a");
            server.does("SIM.DROP s");
        }
    }

    fn a_compressed_input_can_grow_or_be_incomplete(server: Server) {
        for (name, compress) in [("lines.gz", gzip as fn(&str) -> Vec<u8>), ("lines.zst", zstd)] {
            let path = file(&server, name, compress(&lines(0..700)));
            load(&server, &path, "").fine();
            append(&path, compress(&lines(700..1_000)));
            assert!(load(&server, &path, "--grown").out.ends_with(" (700 before): 300 recorded.\n"));
            assert_eq!(items(&server), names(0..1_000));
            // Half of a member: what is before it is loaded, and the error says where that ends.
            let whole = std::fs::read(&path).expect("a file");
            let half = compress(&lines(1_000..1_100));
            append(&path, &half[..half.len() - 9]);
            let error = load(&server, &path, "--grown").failed(1);
            assert!(error.contains(&format!("{name} ends in the middle of its compressed data, after line 1")), "{error}");
            write(&path, [whole, half].concat());
            let rest = load(&server, &path, "--grown");
            assert_eq!(rest.code, Some(0), "{}", rest.err);
            assert_eq!(items(&server), names(0..1_100));
            server.does("SIM.DROP s");
        }
        let path = file(&server, "cut.gz", &gzip(&lines(0..10))[..9]);
        let error = load(&server, &path, "").failed(1);
        assert!(error.ends_with("cut.gz ends in the middle of its compressed data: is the file complete?\n"), "{error}");
    }

    fn byte_order_marks_tell_the_encoding(server: Server) {
        let (json, table) = ("{\"id\": \"ä🌿\", \"text\": \"grün\"}\n", "id\ttext\nä🌿\tgrün\n");
        for encode in [|text: &str| utf16(text, u16::to_le_bytes), |text: &str| utf16(text, u16::to_be_bytes), |text: &str| format!("\u{feff}{text}").into_bytes()] {
            for (name, text) in [("a.jsonl", json), ("a.tsv", table)] {
                load(&server, &file(&server, name, encode(text)), "").fine();
                finds(&server, "grün", "ä🌿");
                server.does("SIM.DROP s");
            }
        }
        let without_mark = utf16(json, u16::to_le_bytes).split_off(2);
        let error = load(&server, &file(&server, "a", without_mark), "").failed(1);
        assert!(error.ends_with("a is not text: its first line has a byte of zero. Is it binary, or UTF-16 without a byte order mark?\n"), "{error}");
    }

    fn an_array_of_json_is_read_object_by_object(server: Server) {
        let objects: Vec<String> = lines(0..600).lines().map(String::from).collect();
        let pretty = objects.join(",\n").replace("{", "{\n  ").replace(", ", ",\n  ");
        for text in [format!("[{}]", objects.join(",")), format!(" [\n{pretty}\n]\n")] {
            for name in ["a.json", "a", "a.jsonl.txt.json"] {
                assert_eq!(load_all(&server, &file(&server, name, &text), ""), names(0..600));
            }
        }
        // Objects over several lines, as jq prints them.
        let sequence = pretty.replace("},", "}");
        assert_eq!(load_all(&server, &file(&server, "a.json", sequence), ""), names(0..600));
        let mixed = "[{\"id\": 1, \"text\": \"red\"}, 7, {\"id\": 2}]";
        let ran = load(&server, &file(&server, "a.json", mixed), "");
        assert!(ran.out.starts_with("3 objects read") && ran.out.ends_with(": 1 recorded, 2 NOT LOADED.\n"), "{}", ran.out);
        assert_eq!(ran.failed(3), "simile: object 2 is JSON, but not an object: expected {\"id\": ..., \"text\": ...}\nsimile: object 3 has nothing in 'text'\n");
        server.does("SIM.DROP s");
        // An array that is being written.
        let path = file(&server, "growing.json", format!("[{},\n{}", objects[0], objects[1]));
        let error = load(&server, &path, "").failed(1);
        assert!(error.ends_with("growing.json: line 2: the array is not closed: is the file complete?\n"), "{error}");
        append(&path, format!(",\n{}]", objects[2]));
        assert!(load(&server, &path, "--grown").out.ends_with(" (2 before): 1 recorded.\n"));
        assert_eq!(items(&server), names(0..3));
    }

    fn fields_can_be_within_others(server: Server) {
        let line = r#"{"event": {"id": "e1"}, "error": {"message": "red green"}, "a.b": "x", "a": {"b": "y"}}"#;
        let path = file(&server, "events.jsonl", line);
        load(&server, &path, "--item event.id --text error.message --text other=a.b").fine();
        finds(&server, "red green", "e1");
        server.expect("SIM.CLASSIFY s TEXT other x", "[[['e1', '1']]]");
    }

    fn links_are_followed_and_what_is_not_a_file_is_said(server: Server) {
        let root = server.directory().join("root");
        let elsewhere = server.directory().join("elsewhere");
        for directory in [&root.join("inside"), &elsewhere] {
            std::fs::create_dir_all(directory).expect("a directory");
        }
        write(&elsewhere.join("one"), "red");
        let link = |to: &Path, name: &str| symlink(to, root.join(name)).expect("a link");
        link(&elsewhere.join("one"), "link-to-file");
        link(&elsewhere, "link-to-directory");
        assert_eq!(load_all(&server, &root, ""), ["link-to-directory/one", "link-to-file"]);
        let through = server.directory().join("through.log");
        symlink(elsewhere.join("one"), &through).expect("a link");
        assert_eq!(load_all(&server, &through, ""), [format!("{}:1", through.display())]);

        link(&root, "inside/up");
        link(Path::new("nowhere"), "lost");
        link(Path::new("nowhere"), ".hidden");
        assert!(Command::new("mkfifo").arg(root.join("pipe")).status().expect("mkfifo runs").success());
        let ran = load(&server, &root, "--restart");
        assert!(ran.out.ends_with(": 2 recorded, 3 NOT LOADED.\n"), "{}", ran.out);
        assert_eq!(
            ran.failed(3),
            "simile: file 1 (inside/up) is a link to the directory that it is in: .\n\
             simile: file 4 (lost) cannot be read: No such file or directory (os error 2)\n\
             simile: file 5 (pipe) is not a regular file\n"
        );
        // A directory in which something has changed before the position.
        write(&root.join("a"), "green");
        let error = load(&server, &root, "--grown").failed(1);
        assert!(error.contains("root is not what was loaded before: up to file 5 something is different."), "{error}");
    }

    fn a_refused_file_is_named(server: Server) {
        let root = server.directory().join("texts");
        std::fs::create_dir_all(&root).expect("a directory");
        write(&root.join("long"), "x".repeat(2 << 20));
        write(&root.join("short"), "red");
        let error = load(&server, &root, "").failed(3);
        assert!(error.starts_with("simile: file 1 (long) was refused: ERR text must be at most"), "{error}");
        let error = load(&server, &root, "--restart --strict").failed(1);
        assert!(error.contains("file 1 (long) was refused: ERR"), "{error}");
    }

    fn what_is_not_utf8_is_loaded_if_one_says_so(server: Server) {
        let cases: [(&str, &[u8]); 3] = [
            ("a.jsonl", b"{\"id\": \"a\", \"text\": \"gr\xfcn\"}\n{\"id\": \"\xfc\", \"text\": \"red\"}\n{\"id\": \"b\", \"text\": \"red\"}"),
            ("a.csv", b"id,text\na,gr\xfcn\n\xfc,red\nb,red"),
            ("a.txt", b"gr\xfcn\nred\n"),
        ];
        for (name, content) in cases {
            let path = file(&server, name, content);
            let error = load(&server, &path, "").failed(3);
            assert!(error.contains(" 1 is not UTF-8 (--lossy loads it, with U+FFFD in place of what is wrong)"), "{error}");
            let lossy = load(&server, &path, "--restart --lossy");
            if name == "a.txt" {
                assert_eq!(lossy.code, Some(0), "{}", lossy.err);
                continue;
            }
            // Of two names with something wrong in them, each would become U+FFFD.
            assert!(lossy.out.ends_with(": 2 recorded, 1 NOT LOADED.\n"), "{}", lossy.out);
            assert!(lossy.failed(3).ends_with(" 2 is not UTF-8 in 'id', the name of the item\n"));
            finds(&server, "gr\u{fffd}n", "a");
            server.does("SIM.DROP s");
        }
        let lone = r#"{"id": "a", "text": "\ud800 red"}"#;
        server.does("SIM.DROP s");
        load(&server, &file(&server, "lone", lone), "").fine();
        finds(&server, "\u{fffd} red", "a");
    }

    fn what_is_not_understood_is_one_error(server: Server) {
        let error = |content: &[u8], options: &str| {
            let error = load(&server, &file(&server, "input", content), options).failed(1);
            assert_eq!(error.lines().count(), 1, "{error}");
            error
        };
        let text = "some text\n".repeat(1_000);
        assert!(error(text.as_bytes(), "").contains("expected objects of JSON, such as {\"id\": ..., \"text\": ...}, but it begins with something that is not JSON: expected value at column 1 (--lines loads each line as a text"));
        assert!(error(b"[1, 2, 3]", "").contains("is JSON, but not an object"));
        let other = "{\"key\": 1, \"message\": \"red\"}\n".repeat(1_000);
        assert!(error(other.as_bytes(), "").contains("none of the first objects (100) has a field 'id'; the first has 'key', 'message': name the fields with --item"));
        assert!(error(other.as_bytes(), "--item key").contains("has a field 'text'; the first has 'key', 'message'"));
        assert!(error(format!("[{}]", other.trim().replace('\n', ",")).as_bytes(), "--item key").contains("has a field 'text'"));
        assert!(error(b"\xfd7zXZ\0abc", "").ends_with("input is compressed with xz: pipe it through xz -dc\n"));
        assert!(error(b"PK\x03\x04abc", "").contains("input is a zip archive or a spreadsheet"));
        assert!(error(b"\x7fELF\0\0\0", "--lines").contains("input is not text"));
        let header = error(b"id;text\n1;2\n", "--format csv");
        assert!(header.ends_with("the first line has no field 'text'; it has 'id;text': name the fields with --item, --text, --features and --time (and --delimiter ';', if that is between them)\n"), "{header}");
        assert!(error(b"id,text,text\na,b,c\n", "--format csv").contains("the first line has two fields 'text'"));
        assert!(error(b"{}", "--delimiter ; --format jsonl").contains("--delimiter is an option of CSV, and the input is something else"));
        // The first objects are wrong, and another is not: then they are errors of their own.
        let ran = load(&server, &file(&server, "input", "x\n{\"id\": 1}\n{\"id\": 1, \"text\": \"t\"}"), "");
        assert!(ran.out.ends_with(": 1 recorded, 2 NOT LOADED.\n"), "{}{}", ran.out, ran.err);
    }

    fn names_are_what_is_written(server: Server) {
        let numbers = ["18446744073709551616", "18446744073709551617", "1.0", "1e0", "1", "-0"];
        let text: String = numbers.iter().map(|n| format!("{{\"id\": {n}, \"text\": \"t\"}}\n")).collect();
        let mut expected = numbers.map(String::from).to_vec();
        expected.sort();
        assert_eq!(load_all(&server, &file(&server, "numbers", text), ""), expected);
        let wrong = [("null", "has null in 'id'"), ("{}", "has neither a string nor a number in 'id'"), ("\"\"", "has nothing in 'id', the name of the item"), ("1, \"id\": 2", "has two fields 'id'")];
        for (id, reason) in wrong {
            let text = format!("{{\"id\": {id}, \"text\": \"t\"}}\n{}", lines(0..1));
            let error = load(&server, &file(&server, "wrong", text), "--restart").failed(3);
            assert_eq!(error, format!("simile: line 1 {reason}\n"));
        }
        server.does("SIM.DROP s");
        load(&server, &file(&server, "odd", r#"{"id": "a\nb\u0000c", "text": "red"}"#), "").fine();
        assert_eq!(items(&server), ["a\nb\0c"]);
    }

    fn an_open_quote_costs_one_record(server: Server) {
        for (ending, delimiter) in [("csv", ","), ("TSV", "\t")] {
            let table = "id,text\na,\"x\nb,y\nc,\"z\"\nd,\"two\nlines\"\ne,\"open\nf,w\n".replace(',', delimiter);
            let path = file(&server, &format!("table.{ending}"), &table);
            let ran = load(&server, &path, "");
            assert!(ran.out.ends_with(": 4 recorded, 2 NOT LOADED.\n"), "{}{}", ran.out, ran.err);
            assert_eq!(
                ran.failed(3),
                "simile: record 1 (line 2) has text after a closing quote, in line 4: is a quote before it not closed, or \
                 not doubled? (--no-quotes reads quotes as text)\n\
                 simile: record 5 (line 7) has a quote that is never closed (--no-quotes reads quotes as text)\n"
            );
            assert_eq!(items(&server), ["b", "c", "d", "f"]);
            finds(&server, "two lines", "d");
            server.does("SIM.DROP s");
            let path = file(&server, &format!("plain.{ending}"), "id,text\na,\"x\nb,5\" disk\n".replace(',', delimiter));
            assert_eq!(load_all(&server, &path, "--no-quotes"), ["a", "b"]);
        }
        // A delimiter in a text without quotes would cut the text off.
        let path = file(&server, "cut.csv", "id,text\na,hello, world\nb,red,\n");
        let error = load(&server, &path, "").failed(3);
        assert_eq!(error, "simile: record 1 has 3 fields, but the first line has 2: is there a text with a delimiter and without quotes?\n");
        server.does("SIM.DROP s");
        let path = file(&server, "semicolons", "id;text\r\na;red, blue\r\n");
        assert_eq!(load_all(&server, &path, "--delimiter ;"), ["a"]);
        let path = file(&server, "twice.csv", "id,text\na,red\n\u{feff}id,text\nb,green\n");
        let error = load(&server, &path, "").failed(3);
        assert_eq!(error, "simile: record 2 is the first line again: are these two files in one?\n");
        assert_eq!(items(&server), ["a", "b"]);
    }

    fn a_line_that_is_half_written_is_left_for_the_next_run(server: Server) {
        let cases = [
            ("a.jsonl", "", r#"{"id": "a", "text": "red"}"#, r#"{"id": "b", "te"#, r#"xt": "green blue"}"#),
            ("a.csv", "id,text\n", "a,red", "b,gre", "en blue"),
            ("b.csv", "id,text\n", "a,red", "b,\"green\n", "blue\""),
            ("a.log", "", "red", "gre", "en blue"),
        ];
        for (name, head, first, half, rest) in cases {
            let path = file(&server, name, format!("{head}{first}\n{half}"));
            let text = if name == "b.csv" { "green\nblue" } else { "green blue" };
            let item = |n: u64| if name == "a.log" { format!("{}:{n}", path.display()) } else { ["a", "b", "c"][n as usize - 1].into() };
            let ran = load(&server, &path, "--grown");
            assert!(ran.out.ends_with(": 1 recorded.\n"), "{name}: {}", ran.out);
            assert!(ran.err.ends_with(" 2 has no line break yet: it is left for the next run (without --grown it is loaded)\n"), "{}", ran.err);
            assert_eq!(ran.code, Some(0));
            append(&path, format!("{rest}\n"));
            let ran = load(&server, &path, "--grown");
            assert!(ran.out.ends_with(" (1 before): 1 recorded.\n"), "{name}: {}{}", ran.out, ran.err);
            assert_eq!(items(&server), [item(1), item(2)]);
            finds(&server, text, &item(2));
            server.does("SIM.DROP s");
        }
    }

    fn a_half_line_that_was_loaded_all_the_same_is_said(server: Server) {
        // Malformed: the position stays before it, and the next run has the whole line.
        let path = file(&server, "a.jsonl", lines(0..2) + "{\"id\": \"i2\", \"te");
        let ran = load(&server, &path, "");
        assert!(ran.out.starts_with("3 lines read") && ran.out.ends_with(": 2 recorded, 1 NOT LOADED.\n"), "{}", ran.out);
        assert_eq!(ran.code, Some(3));
        assert!(load(&server, &path, "").failed(3).contains("line 3 is not JSON"), "it is tried again");
        append(&path, "xt\": \"red\"}\n");
        assert!(load(&server, &path, "--grown").out.ends_with(" (2 before): 1 recorded.\n"));
        assert_eq!(items(&server), names(0..3));
        server.does("SIM.DROP s");
        // Well-formed: half of a text was loaded, and the next run says so.
        let path = file(&server, "a.csv", "id,text\na,red\nb,gre");
        load(&server, &path, "").fine();
        append(&path, "en blue\nc,d\n");
        let error = load(&server, &path, "--grown").failed(1);
        assert!(error.ends_with(
            "a.csv is not what was loaded before: up to record 2 something is different. Was the input replaced or \
             edited, or its last record not written to its end then? (--restart loads it from the beginning, in \
             addition to what the scope holds)\n"
        ), "{error}");
        assert_eq!(items(&server), ["a", "b"]);
        server.does("SIM.DROP s");
        // Only the line break was missing.
        let path = file(&server, "b.csv", "id,text\r\na,red\r\nb,green");
        load(&server, &path, "").fine();
        append(&path, "\r\nc,blue\r\n");
        assert!(load(&server, &path, "--grown").out.ends_with(" (2 before): 1 recorded.\n"));
        assert_eq!(items(&server), ["a", "b", "c"]);
    }

    fn an_input_that_is_another_one_is_not_continued(server: Server) {
        let other = "is not what was loaded before: up to line 600 something is different.";
        let path = file(&server, "a.jsonl", lines(0..600));
        load(&server, &path, "").fine();
        // Rotated: a new file under the name of the old one, longer or shorter.
        write(&path, lines(5_000..6_000));
        let error = load(&server, &path, "--grown").failed(1);
        assert!(error.contains(other), "{error}");
        write(&path, lines(5_000..5_100));
        let error = load(&server, &path, "--grown").failed(1);
        assert!(error.contains("a.jsonl ends after line 100, but 600 were loaded before"), "{error}");
        // Edited in its middle.
        write(&path, lines(0..600).replacen("w300 ", "w301 ", 1) + &lines(600..700));
        assert!(load(&server, &path, "--grown").failed(1).contains(other));
        assert_eq!(items(&server), names(0..600), "nothing of the other inputs was loaded");
        server.does("SIM.DROP s");
        // The same size and time: it is not seen in those.
        let path = file(&server, "c.jsonl", lines(0..600));
        load(&server, &path, "").fine();
        write_unseen(&path, &lines(0..600).replacen("w300 ", "w301 ", 1));
        let error = load(&server, &path, "").failed(1);
        assert!(error.contains(other), "{error}");
        server.does("SIM.DROP s");
        // Another header gives the same fields another meaning.
        let path = file(&server, "a.csv", "id,text,other\na,b,c\n");
        load(&server, &path, "").fine();
        write(&path, "id,other,text\na,b,c\nd,e,f\n");
        assert!(load(&server, &path, "--grown").failed(1).contains("up to record 1 something is different"));
        // The hashes of refused records are held too.
        server.does("SIM.DROP s");
        let long = format!("{{\"id\": \"{}\", \"text\": \"red\"}}\n", "x".repeat(70_000));
        let path = file(&server, "b.jsonl", lines(0..10) + &long + &lines(10..20));
        load(&server, &path, "").failed(3);
        server.does("CONFIG SET simile.max-name 100000");
        write(&path, lines(0..10) + &long.replace("red", "new") + &lines(10..20));
        assert!(load(&server, &path, "--grown").failed(1).contains("up to line 11 something is different"));
        assert_eq!(items(&server), names(0..20));
        write(&path, lines(0..10) + &long + &lines(10..21));
        assert!(load(&server, &path, "--grown").out.ends_with(" (21 before): 2 recorded.\n"));
    }

    fn an_empty_input_has_no_records(server: Server) {
        for (name, content) in [("a.csv", Vec::new()), ("a", Vec::new()), ("a.log", Vec::new()), ("a.json", b"[]".to_vec()), ("a.tsv", gzip(""))] {
            assert!(load(&server, &file(&server, name, content), "").fine().starts_with("0 "), "{name}");
        }
    }

    fn another_standard_input_under_the_same_name_is_not_continued(server: Server) {
        let load = |input: String| run_with(&server, &format!("load s - --id queue {PLAIN}"), input.as_bytes());
        load(lines(0..700)).fine();
        let error = load(lines(1..900)).failed(1);
        assert!(error.contains("standard input is not what was loaded before: up to line 700 something is different."), "{error}");
        assert_eq!(items(&server), names(0..700));
    }

    fn a_pipe_with_a_name_is_read_like_standard_input(server: Server) {
        let path = server.directory().join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo runs").success());
        for numbers in [0..600, 600..700] {
            let (path, content) = (path.clone(), lines(numbers));
            let writer = std::thread::spawn(move || std::fs::write(path, content).expect("it is read"));
            load(&server, &server.directory().join("pipe"), "").fine();
            writer.join().expect("no panic");
        }
        assert_eq!(items(&server), names(0..700));
        server.expect("KEYS *simile-load*", "[]");
        // As a shell makes it of <(...).
        server.does("SIM.DROP s");
        let script = format!("{} load s <(printf '%s' \"$LINES_OF_JSON\") {PLAIN}", env!("CARGO_BIN_EXE_simile"));
        let ran = Command::new("bash")
            .args(["-c", &script])
            .env("LINES_OF_JSON", lines(0..5))
            .env("SIMILE_URL", format!("redis://127.0.0.1:{}", server.port()))
            .output();
        Ran::from(ran.expect("bash runs")).fine();
        assert_eq!(items(&server), names(0..5));
    }

    fn a_line_without_end_does_not_stop_the_others(server: Server) {
        let long = "x".repeat(17 << 20);
        for name in ["a.jsonl", "a.csv", "a.log"] {
            let content = match name {
                "a.jsonl" => format!("{}{{\"id\": \"{long}\"}}\n{}", lines(0..1), lines(1..2)),
                "a.csv" => format!("id,text\ni0,x\ni9,{long}\ni1,y\n"),
                _ => format!("red\n{long}\ngreen\n"),
            };
            let ran = load(&server, &file(&server, name, content), "");
            assert!(ran.out.ends_with(": 2 recorded, 1 NOT LOADED.\n"), "{}{}", ran.out, ran.err);
            assert!(ran.failed(3).contains(" is longer than 16 MiB"));
            server.does("SIM.DROP s");
        }
    }
}
