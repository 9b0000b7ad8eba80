//! Payloads that no DUMP made: damaged, or forged with a good checksum. RESTORE gives an error or a value that
//! satisfies the invariants, and the server stays up.

use testkit::{Kind, Random, Reply, Server, amount, figure, on_each_server, varint};

/// The checksum of DUMP: CRC-64 by Jones, reflected.
fn crc64(bytes: &[u8]) -> u64 {
    const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5;
    static TABLE: std::sync::OnceLock<[u64; 256]> = std::sync::OnceLock::new();
    let table = TABLE.get_or_init(|| {
        std::array::from_fn(|byte| {
            (0..8).fold(byte as u64, |crc, _| crc >> 1 ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 })
        })
    });
    bytes.iter().fold(0, |crc, byte| crc >> 8 ^ table[usize::from(crc as u8 ^ byte)])
}

/// The parts of a DUMP payload.
#[derive(Clone)]
struct Payload {
    /// The sort of value and the module type's id with the version of its encoding.
    head: Vec<u8>,
    /// The byte strings that the module wrote; the last one is empty.
    parts: Vec<Vec<u8>>,
    /// The version of the server's RDB.
    version: Vec<u8>,
}

const STRING: u8 = 5;

/// A length in the server's RDB, which is made long so that every length has one form.
fn length(length: usize) -> Vec<u8> {
    [&[0x80][..], &(length as u32).to_be_bytes()].concat()
}

impl Payload {
    fn new(dump: &[u8]) -> Payload {
        let (body, footer) = dump.split_at(dump.len() - 10);
        assert_eq!(footer[2..], crc64(&dump[..dump.len() - 8]).to_le_bytes(), "the checksum is understood");
        let (head, mut rest) = body.split_at(10);
        assert_eq!(head[..2], [7, 0x81], "a module's value and its id");
        let mut parts = Vec::new();
        while rest[0] == STRING {
            let (start, length) = match rest[1] >> 6 {
                0 => (2, usize::from(rest[1])),
                1 => (3, usize::from(rest[1] & 0x3f) << 8 | usize::from(rest[2])),
                _ => (6, u32::from_be_bytes(rest[2..6].try_into().expect("four bytes")) as usize),
            };
            parts.push(rest[start..start + length].to_vec());
            rest = &rest[start + length..];
        }
        assert_eq!(rest, [0], "the end of the module's value");
        Payload { head: head.to_vec(), parts, version: footer[..2].to_vec() }
    }

    fn body(&self) -> Vec<u8> {
        let parts = self.parts.iter().flat_map(|part| [&[STRING][..], &length(part.len()), part].concat());
        self.head.iter().copied().chain(parts).chain([0]).collect()
    }

    /// A body with its footer and the right checksum.
    fn seal(&self, body: &[u8]) -> Vec<u8> {
        let sealed = [body, &self.version].concat();
        let checksum = crc64(&sealed).to_le_bytes();
        [sealed, checksum.to_vec()].concat()
    }
}

/// Numbers at the edges of ranges.
const EDGES: [u64; 12] = [
    0,
    1,
    2,
    127,
    128,
    1_024,
    65_536,
    1 << 20,
    u32::MAX as u64 - 1,
    u32::MAX as u64,
    u32::MAX as u64 + 1,
    u64::MAX,
];

/// Changes a part in some way after which the rest of it can usually still be read.
fn damage(part: &mut Vec<u8>, random: &mut Random) {
    if part.is_empty() {
        part.extend(varint(*random.pick(&EDGES)));
        return;
    }
    let offset = random.below(part.len());
    let other = random.below(part.len());
    let (from, to) = (offset.min(other), offset.max(other));
    match random.below(10) {
        0 | 1 => part[offset] ^= 1 << random.below(8),
        2 => part[offset] = *random.pick(&[0, 1, 2, 0x7f, 0x80, 0xff]),
        3 => part[offset] = part[offset].wrapping_add(1),
        4 => part.truncate(offset),
        5 => drop(part.drain(from..to)),
        // a name or an item that comes twice
        6 => {
            let slice = part[from..to].to_vec();
            part.splice(to..to, slice);
        }
        // a count that is larger or smaller than what follows
        7 => drop(part.splice(offset..=offset, varint(*random.pick(&EDGES)))),
        8 => {
            let number = if random.one_in(2) { *random.pick(&EDGES) } else { random.number() };
            part.splice(offset..offset, varint(number));
        }
        _ => {
            let slice: Vec<u8> = part.drain(from..to).collect();
            let offset = random.below(part.len() + 1);
            part.splice(offset..offset, slice);
        }
    }
}

/// A payload, damaged or forged in some way.
fn mutated(whole: &Payload, other: &Payload, random: &mut Random) -> Vec<u8> {
    let mut payload = whole.clone();
    match random.below(20) {
        // The server's own encoding, anywhere after the type of the value, which the module does not read.
        0 => {
            let mut body = payload.body();
            let offset = 1 + random.below(body.len() - 1);
            body[offset] ^= 1 << random.below(8);
            return whole.seal(&body);
        }
        1 => {
            let mut body = payload.body();
            body.truncate(1 + random.below(body.len() - 1));
            return whole.seal(&body);
        }
        // The version of the encoding: the low ten bits of the id.
        2 => {
            let version = random.below(1_024) as u16;
            payload.head[8] = payload.head[8] & 0xfc | (version >> 8) as u8;
            payload.head[9] = version as u8;
        }
        3 => drop(payload.parts.pop()),
        4 => payload.parts.push(random.bytes(5)),
        5 => {
            let part = random.below(payload.parts.len());
            let again = payload.parts[part].clone();
            payload.parts.insert(part, again);
        }
        // The parts of the other type.
        6 => payload.parts.clone_from(&other.parts),
        7 => payload.parts.swap(0, 1),
        _ => {
            for _ in 0..1 + random.below(3) {
                let part = random.below(payload.parts.len().saturating_sub(1).max(1));
                damage(&mut payload.parts[part], random);
            }
        }
    }
    whole.seal(&payload.body())
}

fn command(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}

/// Commands on a value that was restored.
const QUESTIONS: [&str; 13] = [
    "SIM.INFO s",
    "SIM.COMPARE s item1 2 i j LIMIT 0 SCORE JACCARD",
    "SIM.EXPLAIN s i item1 item2 SCORE JACCARD",
    "SIM.RECORD s item2 SIGNATURE i 2 a2 b2 SKETCH i abcdefghijklmnop",
    "SIM.COMPARE s item1 2 i j LIMIT 0",
    "SIM.COMPARE s item2 2 i j COMBINE",
    "SIM.COMPARE s item1 1 i MATCH *[1-5] WITHCOUNTS",
    "SIM.FREQUENCIES s i item1",
    "SIM.COUNT s i 2 item1 item2",
    "SIM.MEMBERS s i 0 a1",
    "SIM.RECORD s item1 SIGNATURE i 2 a1 new",
    "SIM.MERGE s item1 * item2",
    "SIM.DELETE s * item1 * item3",
];

/// Restores a batch of payloads, checking each value at once. Returns how many were accepted.
fn restore(server: &Server, key: &str, payloads: &[Vec<u8>], ask: bool) -> usize {
    let key = key.as_bytes();
    let mut commands = Vec::new();
    for payload in payloads {
        commands.push(command(&[b"RESTORE", key, b"0", payload, b"REPLACE"]));
        commands.push(command(&[b"SIM.DEBUG", b"VALIDATE", key]));
        if ask {
            commands.extend(QUESTIONS.iter().map(|question| testkit::words(question)));
            commands.push(command(&[b"SIM.DEBUG", b"VALIDATE", key]));
        }
    }
    commands.push(command(&[b"PING"]));
    let replies = server.pipeline(&commands);
    for (command, reply) in commands.iter().zip(&replies) {
        let is_well = match (&command[0][..], reply) {
            (b"SIM.DEBUG", reply) => *reply == Reply::Status("OK".into()),
            (b"PING", reply) => *reply == Reply::Status("PONG".into()),
            (_, Reply::Error(error)) => !error.contains("internal error"),
            _ => true,
        };
        let words: Vec<String> = command.iter().map(|word| word.escape_ascii().to_string()).collect();
        assert!(is_well, "{}: {reply}", words.join(" "));
    }
    let taken = commands
        .iter()
        .zip(&replies)
        .filter(|(command, reply)| command[0] == b"RESTORE" && **reply == Reply::Status("OK".into()));
    taken.count()
}

/// A scope `s` with a handful of items in two indexes, and the keys of it and of its chunk of `i`. Some items
/// have sketches in `i`, and none has one in `j`.
fn sample(server: &Server) -> [String; 2] {
    server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 0 SKETCH 16");
    for n in 0..12 {
        let sketch = if n % 3 == 0 { "SKETCH i abcdefghijklmnop" } else { "" };
        server.does(format!(
            "SIM.RECORD s item{} SIGNATURE i 2 a{} b{} SIGNATURE j 2 x y {sketch}",
            n % 7,
            n % 3,
            n % 4
        ));
    }
    let chunk = server.chunks().into_iter().find(|chunk| chunk.ends_with(":i")).expect("a chunk of i");
    ["s".to_string(), chunk]
}

on_each_server! {
    fn no_payload_breaks_anything(kind: Kind) {
        let server = kind.launch().options("--rdbcompression no").start();
        let keys = sample(&server);
        let wholes = keys.clone().map(|key| Payload::new(server.does(format!("DUMP {key}")).bytes()));
        let before = server.used_memory();
        let mut random = Random::new(4);
        let (mut tried, mut taken) = (0, 0);
        for (this, key) in keys.iter().enumerate() {
            let (whole, other) = (&wholes[this], &wholes[1 - this]);
            let body = whole.body();
            assert_eq!(restore(&server, key, &[whole.seal(&body)], false), 1, "taken apart and put together");

            let cut: Vec<Vec<u8>> = (1..body.len()).map(|length| whole.seal(&body[..length])).collect();
            assert_eq!(restore(&server, key, &cut, false), 0, "cut short at any length");
            tried += cut.len();

            for part in 0..whole.parts.len() {
                for length in 0..whole.parts[part].len() {
                    let mut short = whole.clone();
                    short.parts[part].truncate(length);
                    taken += restore(&server, key, &[whole.seal(&short.body())], true);
                    tried += 1;
                }
            }
            let flipped = (8..body.len() * 8).map(|bit| {
                let mut body = body.clone();
                body[bit / 8] ^= 1 << (bit % 8);
                whole.seal(&body)
            });
            let flipped: Vec<Vec<u8>> = flipped.collect();
            taken += restore(&server, key, &flipped, false);
            tried += flipped.len();

            for batch in 0..amount(50_000, 300_000) / 500 {
                let payloads: Vec<Vec<u8>> = (0..500).map(|_| mutated(whole, other, &mut random)).collect();
                taken += restore(&server, key, &payloads, batch % 8 == 0);
                tried += payloads.len();
            }
            restore(&server, key, &[whole.seal(&body)], false);
        }
        figure(tried, "mutated payloads");
        figure(taken, "payloads that were taken");
        assert!(tried > 100_000 && taken > tried / 100 && taken < tried * 9 / 10, "{taken} of {tried} taken");
        server.validate_all();
        server.memory_returns_to(before);
        let peak = server.info("used_memory_peak").parse::<i64>().expect("bytes");
        assert!(peak < before + (64 << 20), "no count made the server allocate: {peak} bytes");
        server.does("FLUSHALL");
    }

    fn a_chunk_with_a_sketch_of_another_length_is_refused_or_foreign(kind: Kind) {
        let server = kind.launch().options("--rdbcompression no").start();
        let [_, chunk] = sample(&server);
        let dump = |key: &str| Payload::new(server.does(format!("DUMP {key}")).bytes());
        let before = server.digest();
        let restored = |key: &str, payload: &Payload| server.call(&[b"RESTORE", key.as_bytes(), b"0", &payload.seal(&payload.body()), b"REPLACE"]);
        // The header ends with the number of slots; the slots of the items come after it.
        let with = |payload: &Payload, slots: u64| {
            let mut payload = payload.clone();
            assert_eq!(payload.parts[0].pop(), Some(16));
            payload.parts[0].extend(varint(slots));
            payload
        };
        let whole = dump(&chunk);
        for slots in [0, 1, 15, 17, 32, 4_097, 65_552, u64::from(u32::MAX), u64::MAX] {
            let reply = restored(&chunk, &with(&whole, slots)).to_string();
            assert!(reply.starts_with("!ERR"), "{slots} slots: {reply}");
        }
        assert_eq!(server.digest(), before, "what was refused has changed nothing");

        // Without any slots it is a chunk that is well formed, but not of this scope: it is as good as not there.
        let bare = server.chunks().into_iter().find(|chunk| chunk.ends_with(":j")).expect("a chunk of j");
        let whole = dump(&bare);
        assert_eq!(restored(&bare, &with(&whole, 32)).to_string(), "OK");
        server.validate_all();
        for score in ["OVERLAP", "JACCARD"] {
            server.expect(format!("SIM.COMPARE s item1 1 j SCORE {score}"), "[[]]");
        }
        // Its name says that it belongs here, so RECORD replaces it.
        server.expect("SIM.RECORD s item1 SIGNATURE j 2 x y SKETCH j abcdefghijklmnop", "[[1, 1]]");
        server.expect("SIM.COMPARE s item1 1 j SCORE JACCARD", "[[['item1', '1']]]");
        assert_eq!(restored(&bare, &whole).to_string(), "OK");
        assert_eq!(server.digest(), before);
    }

    fn a_scope_with_an_impossible_sketch_is_refused(kind: Kind) {
        let server = kind.launch().options("--rdbcompression no").start();
        sample(&server);
        server.expect("SIM.ALTER s SCORE JACCARD", "OK");
        let whole = Payload::new(server.does("DUMP s").bytes());
        let mask_sketch_score = [0, 16, 3];
        let (part, at) = (0..whole.parts.len())
            .find_map(|part| Some((part, whole.parts[part].windows(3).position(|bytes| bytes == mask_sketch_score)?)))
            .expect("the end of the definition");
        let with = |sketch: u64, score: u64| {
            let mut payload = whole.clone();
            payload.parts[part].splice(at + 1..at + 3, [varint(sketch), varint(score)].concat());
            payload.seal(&payload.body())
        };
        assert_eq!(restore(&server, "s", &[with(16, 3)], true), 1, "taken apart and put together");
        for (sketch, score) in [(0, 3), (1, 0), (15, 3), (4_097, 3), (65_552, 3), (u64::MAX, 3), (16, 4), (16, 259), (16, u64::MAX)] {
            assert_eq!(restore(&server, "s", &[with(sketch, score)], false), 0, "SKETCH {sketch}, SCORE {score}");
        }
        for (sketch, score) in [(0, 0), (4_096, 3), (17, 1)] {
            assert_eq!(restore(&server, "s", &[with(sketch, score)], true), 1, "SKETCH {sketch}, SCORE {score}");
        }
    }

    fn a_later_encoding_is_refused(kind: Kind) {
        let server = kind.launch().options("--rdbcompression no").start();
        for key in sample(&server) {
            let mut payload = Payload::new(server.does(format!("DUMP {key}")).bytes());
            payload.head[9] += 1;
            assert_eq!(restore(&server, &key, &[payload.seal(&payload.body())], false), 0);
        }
    }
}
