//! Every command with arguments of all kinds, as a careless or a malicious client may send them.

use testkit::{Client, Kind, Random, Reply, Server, amount, figure, on_each_server, words};

/// Correct commands. `$` stands for words that are drawn: `$s` a scope, `$x` an index, `$i` an
/// item, `$b` a bucket, `$n` a small number, `$N` a number, `$t` a moment, `$f` a fraction, `$w` text,
/// `$k` a signature with its count, `$S` the slots of a sketch, `$F` a set of features with its count, `$q` query options.
const SKELETONS: [&str; 55] = [
    "SIM.CREATE $s BANDS 3 ROWS 2 INTERVAL 3600 RETENTION 4",
    "SIM.CREATE $s BANDS $N ROWS $n HASH MURMUR3 SEED $N MODULUS $N",
    "SIM.CREATE $s THRESHOLD $f RECALL $f SLOTS $N",
    "SIM.CREATE $s INTERVAL $N RETENTION $n SHINGLE WORDS $n LOWERCASE yes MASK no",
    "SIM.CREATE $s HASH FSS SHINGLE CHARS $n UID 0123456789abcdef TAG $s",
    "SIM.CREATE $s BANDS 3 ROWS 2 INTERVAL 3600 RETENTION 4 SKETCH 16 SCORE JACCARD",
    "SIM.CREATE $s BANDS 3 SKETCH $N SCORE JACCARD",
    "SIM.RECORD $s $i SIGNATURE m $k SKETCH m $S",
    "SIM.RECORD $s $i TIMESTAMP $t SIGNATURE m $k SKETCH n $S SIGNATURE n $k",
    "SIM.CLASSIFY $s SIGNATURE m $k SKETCH m $S SCORE JACCARD $q",
    "SIM.ASSIGN $s $i MINSCORE $f SCORE JACCARD TEXT $x $w",
    "SIM.EXPLAIN $s $x $i $i SCORE JACCARD",
    "SIM.SIGNATURE $s TEXT $w WITHSKETCH",
    "SIM.ALTER $s SCORE JACCARD",
    "SIM.RECORD $s $i SIGNATURE $x $k",
    "SIM.RECORD $s $i TIMESTAMP $t SIGNATURE $x $k SIGNATURE $x $k",
    "SIM.RECORD $s $i TEXT $x $w FEATURES $x $F",
    "SIM.RECORD $s $i FEATURES $x $F TIMESTAMP $t",
    "SIM.RECORD $s $i TEXT $x $w",
    "SIM.CLASSIFY $s SIGNATURE $x $k $q",
    "SIM.CLASSIFY $s $q TEXT $x $w FEATURES $x $F",
    "SIM.CLASSIFY $s COMBINE TEXT $x $w SIGNATURE $x $k LIMIT $N",
    "SIM.CLASSIFY $s PROFILE $x $w",
    "SIM.COMPARE $s $i 1 $x $q",
    "SIM.COMPARE $s $i 2 $x $x COMBINE MINBANDS 2 $n $n NOSELF",
    "SIM.COMPARE $s $i $N $x TIMESTAMP $t WINDOW $N",
    "SIM.MERGE $s $i $x $i $x $i",
    "SIM.MERGE $s $i * $i",
    "SIM.DELETE $s $x $i * $i",
    "SIM.COUNT $s $x 2 $i $i TIMESTAMP $t WINDOW $n",
    "SIM.COUNT $s $x $N $i",
    "SIM.EXPORT $s $x $i TIMESTAMP $t",
    "SIM.FREQUENCIES $s $x $i TIMESTAMP $t WINDOW $n",
    "SIM.MEMBERS $s $x $n $b WINDOW $N",
    "SIM.SIGNATURE $s FEATURES $F",
    "SIM.SIGNATURE $s TEXT $w",
    "SIM.INFO $s",
    "SIM.DROP $s $x",
    "SIM.DROP $s",
    "SIM.ASSIGN $s $i MINSCORE $f SIGNATURE $x $k TEXT $x $w",
    "SIM.ASSIGN $s $i MINSCORE $f TIMESTAMP $t SCORE COVERAGE SIGNATURE $x $k",
    "SIM.EXPLAIN $s $x $i $i SCORE SIGNIFICANCE WINDOW $n",
    "SIM.SIGNIFICANT $s $x $i LIMIT $N TIMESTAMP $t",
    "SIM.SCAN $s $x $N MATCH *$n* COUNT $N",
    "SIM.SCAN $s $x 0 COUNT $n",
    "SIM.EXPORT $s $x $i $x $i",
    "SIM.IMPORT $s $x $i $w",
    "SIM.ALTER $s RETENTION $n",
    "SIM.SWEEP 0 COUNT $n",
    "INFO simile",
    "SIM.LOAD $s $w",
    "COPY $s $s",
    "MOVE $s 1",
    "RENAME $s $s",
    "DEL $s",
];

const NUMBERS: [&str; 24] = [
    "0",
    "1",
    "2",
    "3",
    "4",
    "16",
    "64",
    "65",
    "1000",
    "1001",
    "1024",
    "1025",
    "4096",
    "65535",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9007199254740991",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-1",
];

const ODD: [&[u8]; 26] = [
    b"",
    b"\0",
    b"*",
    b"%s%n%s%n",
    b"{",
    b"}",
    b"{}",
    b"{a}",
    b"a}b{c}",
    b"\xff\xfe\xfd",
    b"1e309",
    b"nan",
    b"inf",
    b"-0",
    b"0x10",
    b"1.5",
    b" 1",
    b"+1",
    b"01",
    b"\r\n",
    b"LIMIT",
    b"TIMESTAMP",
    b"COMBINE",
    b"MATCH",
    b"WITHCOUNTS",
    b"SIGNATURE",
];

struct Writer<'r> {
    random: &'r mut Random,
    now: u64,
}

impl Writer<'_> {
    fn number(&mut self) -> Vec<u8> {
        self.random.pick(&NUMBERS).as_bytes().to_vec()
    }

    fn small(&mut self) -> Vec<u8> {
        self.random.below(5).to_string().into()
    }

    fn text(&mut self) -> Vec<u8> {
        let words = self.random.below(30);
        (0..words).flat_map(|_| format!("word{} ", self.random.below(50)).into_bytes()).collect()
    }

    /// Bytes of a length at the edge of a range.
    fn long(&mut self) -> Vec<u8> {
        let length = *self.random.pick(&[63, 64, 255, 4_096, 65_535, 65_536, 65_537]);
        match self.random.below(3) {
            0 => vec![b'a'; length],
            1 => self.random.bytes(length),
            _ => "ab c\u{e9}12 ".bytes().cycle().take(length).collect(),
        }
    }

    fn odd(&mut self) -> Vec<u8> {
        match self.random.below(30) {
            0 => self.long(),
            1..15 => self.random.pick(&ODD).to_vec(),
            15..25 => self.number(),
            _ => {
                let length = self.random.below(20);
                self.random.bytes(length)
            }
        }
    }

    fn several(&mut self, count: usize, word: fn(&mut Self) -> Vec<u8>) -> Vec<Vec<u8>> {
        let said = if self.random.one_in(15) { self.number() } else { count.to_string().into() };
        std::iter::once(said).chain((0..count).map(|_| word(self)).collect::<Vec<_>>()).collect()
    }

    fn bucket(&mut self) -> Vec<u8> {
        format!("b{}", self.random.below(4)).into()
    }

    fn draw(&mut self, sign: &str) -> Vec<Vec<u8>> {
        let word = match sign {
            // Scopes with similar names: in the same slot, or one within another.
            "$s" => self
                .random
                .pick(&["s", "s", "s", "t", "{s}", "x{t}", "{t}:m:0", "wide", "u"])
                .as_bytes()
                .to_vec(),
            "$x" => self.random.pick(&["m", "n", "m:0", "\0"]).as_bytes().to_vec(),
            "$i" => format!("item{}", self.random.below(12)).into(),
            "$b" => self.bucket(),
            "$n" => self.small(),
            "$N" => self.number(),
            "$f" => self.random.pick(&["0.5", "0.95", "0.01", "1", "0.999999", "1e-9"]).as_bytes().to_vec(),
            "$t" => (self.now as i64 + self.random.below(40_000) as i64 - 20_000).to_string().into(),
            "$w" if self.random.one_in(200) => self.long(),
            "$w" => self.text(),
            "$S" => {
                let length = *self.random.pick(&[16, 16, 16, 16, 15, 0, 17, 4096]);
                self.random.bytes(length)
            }
            "$k" => {
                let count = *self.random.pick(&[3, 3, 3, 3, 2, 16]);
                return self.several(count, Self::bucket);
            }
            "$F" => {
                let count = self.random.below(9);
                return self.several(count, |writer| format!("f{}", writer.random.below(30)).into());
            }
            "$q" => {
                let options = [
                    "LIMIT 0",
                    "MINSCORE 0.3",
                    "MINBANDS 1 2",
                    "SCORE OVERLAP",
                    "SCORE JACCARD",
                    "COMBINE",
                    "WINDOW 2",
                    "WITHCOUNTS",
                    "MATCH *1*",
                    "MATCH item[^0-4]",
                ];
                let count = self.random.below(4);
                return (0..count).flat_map(|_| words(self.random.pick::<&str>(&options))).collect();
            }
            other => other.as_bytes().to_vec(),
        };
        vec![word]
    }

    fn command(&mut self) -> Vec<Vec<u8>> {
        let skeleton = *self.random.pick(&SKELETONS);
        let mut command: Vec<Vec<u8>> = skeleton.split(' ').flat_map(|word| self.draw(word)).collect();
        let damages = *self.random.pick(&[0, 0, 0, 0, 0, 1, 1, 2, 4]);
        for _ in 0..damages {
            let position = 1 + self.random.below(command.len());
            match self.random.below(6) {
                0 if position < command.len() => drop(command.remove(position)),
                1 => {
                    let again = command[position.min(command.len() - 1)].clone();
                    command.insert(position, again);
                }
                2 => {
                    let odd = self.odd();
                    command.insert(position, odd);
                }
                3 => command.truncate(position),
                _ if position < command.len() => command[position] = self.odd(),
                _ => {}
            }
        }
        // RENAME and DEL are the server's own, and sent for the state that they leave.
        command
    }
}

/// The slowest commands that took more than 50 ms.
fn slow(client: &Client) -> Vec<String> {
    let log = client.does("SLOWLOG GET 128");
    let shown = log.array().iter().map(|entry| format!("{} us: {}", entry.array()[2], entry.array()[3]));
    shown.filter(|entry| entry.contains("SIM.")).collect()
}

/// Sends 50,000 commands, and removes the keys that they created.
fn random_round(server: &Server, round: u64) {
    let total = 50_000;
    let mut random = Random::new(41 + round);
    let now = server.now() as u64;
    let (mut done, mut errors) = (0, 0);
    while done < total {
        let batch: Vec<Vec<Vec<u8>>> =
            (0..500).map(|_| Writer { random: &mut random, now }.command()).collect();
        let replies = server.pipeline(&batch);
        for (command, reply) in batch.iter().zip(&replies) {
            if let Reply::Error(error) = reply {
                errors += 1;
                let words: Vec<String> = command.iter().map(|word| word.escape_ascii().to_string()).collect();
                assert!(!error.contains("internal error"), "{}: {error}", words.join(" "));
                assert!(error.len() < 1_000 && error.is_ascii(), "{}: {error}", words.join(" "));
            }
        }
        done += batch.len();
        server.expect("PING", "PONG");
        if done % 10_000 == 0 {
            server.validate_all();
        }
        // A busy machine may stop a server for a while: only a command that is slow again and again counts.
        let mut repeats = 0;
        while !slow(server).is_empty() {
            assert!(repeats < 3, "slow each time: {:?}", slow(server));
            repeats += 1;
            server.does("SLOWLOG RESET");
            server.pipeline(&batch);
        }
    }
    figure(done, "random commands");
    figure(errors, "errors among them");
    assert!(errors > total / 10 && errors < total * 9 / 10, "{errors} of {total} are errors");
    for scope in server.keys_of_type("sim-scope") {
        // RENAME gives names that a scope cannot have: only DEL removes those.
        if matches!(server.call(&[b"SIM.DROP".to_vec(), scope.clone()]), Reply::Error(_)) {
            server.call(&[b"DEL".to_vec(), scope]);
        }
    }
    assert!(server.keys_of_type("sim-scope").is_empty());
    server.does("FLUSHALL");
}

on_each_server! {
    fn random_commands_do_no_harm(kind: Kind) {
        let server = kind.launch().options("--slowlog-log-slower-than 50000 --slowlog-max-len 128").start();
        let before = server.used_memory();
        // Each round begins with nothing, and ends with it.
        for round in 0..amount(1, 7) {
            random_round(&server, round as u64);
            server.memory_returns_to(before);
        }
    }

    /// A chunk would need the name that the scope itself has.
    fn a_scope_renamed_to_the_name_of_its_own_chunk(server: Server) {
        server.does("SIM.CREATE x{t} BANDS 1 ROWS 1 INTERVAL 0");
        server.does("SIM.RECORD x{t} item SIGNATURE i 1 b SIGNATURE j 1 b");
        let chunk = server.chunks()[0].clone();
        server.expect(format!("RENAME x{{t}} {chunk}"), "OK");
        let error = &format!("ERR a chunk of the scope needs the key '{chunk}', which holds something else: rename it");
        server.refuses(format!("SIM.RECORD {chunk} item SIGNATURE j 1 b SIGNATURE i 1 b"), error);
        server.refuses(format!("SIM.RECORD {chunk} item SIGNATURE i 1 b"), error);
        server.expect(format!("SIM.COMPARE {chunk} item 2 i j"), "[[], [['item', '1']]]");
        server.expect(format!("RENAME {chunk} x{{t}}"), "OK");
        server.expect("SIM.RECORD x{t} item SIGNATURE i 1 b", "[[1]]");
        server.expect(format!("RENAME x{{t}} {chunk}"), "OK");
        server.expect(format!("SIM.DROP {chunk}"), "1");
        server.expect("DBSIZE", "0");
    }

    /// The hashing for a clause is bounded by its bytes, too, not only by the number of features. FSS hashes them once.
    fn long_features_do_not_stall_the_server(kind: Kind) {
        let server = kind.start();
        for hash in ["FSS", "MURMUR3"] {
            server.does(format!("SIM.CREATE {hash} BANDS 1024 ROWS 4 HASH {hash} SHINGLE WORDS 64"));
            let begin = std::time::Instant::now();
            let long = vec![b'x'; 16 << 20];
            let reply = server.call(&[b"SIM.SIGNATURE", hash.as_bytes(), b"FEATURES", b"1", &long]).to_string();
            assert_eq!(reply.contains("simile.max-postings"), hash == "MURMUR3", "{:.200}", reply);
            let text: Vec<u8> = (0..200_000).flat_map(|n: u32| format!("{n} ").into_bytes()).take(1 << 20).collect();
            let reply = server.call(&[b"SIM.SIGNATURE", hash.as_bytes(), b"TEXT", &text]).to_string();
            assert_eq!(reply.contains("simile.max-feature-slots"), hash == "MURMUR3", "{:.200}", reply);
            assert!(begin.elapsed() < std::time::Duration::from_secs(2), "{hash}: {:?}", begin.elapsed());
        }
    }
}
