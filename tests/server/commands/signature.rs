//! SIM.SIGNATURE: how features and text become buckets. The vectors were computed without the
//! module, by a few lines of Python after the papers' definition of MurmurHash3.

use testkit::{Reply, Server, on_each_server};

/// Checks that both lines give the same signature in scope `s`.
#[track_caller]
fn same(server: &Server, one: &str, other: &str) {
    let [left, right] = [one, other].map(|source| server.does(format!("SIM.SIGNATURE s {source}")));
    assert!(left == right, "{one} and {other}: {left} and {right}");
}

/// Checks that both lines give signatures in scope `s` that differ in every band.
#[track_caller]
fn different(server: &Server, one: &str, other: &str) {
    let one = server.does(format!("SIM.SIGNATURE s {one}"));
    let other = server.does(format!("SIM.SIGNATURE s {other}"));
    for (left, right) in one.array().iter().zip(other.array()) {
        assert_ne!(left.to_string(), right.to_string());
    }
}

/// The words of this text as features.
const FOX: &str = "the quick brown fox jumps over the lazy dog";

/// Bytes in hexadecimal.
fn hex(bytes: &Reply) -> String {
    bytes.bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

on_each_server! {
    fn with_its_sketch_come_the_slots(server: Server) {
        // From a model in Python, after docs/design.md.
        for (parameters, slots) in [
            ("SKETCH 16", "77e29aef929634d7bad0fb75e76fb9a6"),
            ("SKETCH 20 SEED 7", "730b98c458a21ed30038256e94a37137d30fd239"),
            ("SKETCH 16 SEED 4294967295", "ac99b62dbe65bef45bd030031b42c86e"),
            // Neither the hash of the bands nor their number changes anything.
            ("SKETCH 16 HASH MURMUR3 MODULUS 65535 BANDS 3", "77e29aef929634d7bad0fb75e76fb9a6"),
        ] {
            server.does(format!("SIM.CREATE s SHINGLE WORDS 1 {parameters}"));
            let text = server.does(format!("SIM.SIGNATURE s TEXT \"{FOX}\" WITHSKETCH"));
            assert_eq!(hex(&text.array()[1]), slots, "{parameters}");
            assert_eq!(text.array()[0], server.does(format!("SIM.SIGNATURE s TEXT \"{FOX}\"")));
            let features = server.does(format!("SIM.SIGNATURE s WITHSKETCH FEATURES 9 {FOX}"));
            assert_eq!(features, text);
            assert_eq!(server.client_resp3().does(format!("SIM.SIGNATURE s FEATURES 9 {FOX} WITHSKETCH")), text);
            server.does("SIM.DROP s");
        }
    }

    fn a_sketch_without_slots_or_features_is_empty(server: Server) {
        server.does("SIM.CREATE s BANDS 1 HASH MURMUR3 MODULUS 65535");
        let reply = server.does("SIM.SIGNATURE s TEXT words WITHSKETCH");
        assert_eq!((reply.array()[0].array().len(), reply.array()[1].bytes()), (1, &b""[..]));
        server.does("SIM.CREATE t SKETCH 16");
        server.expect("SIM.SIGNATURE t TEXT \"\" WITHSKETCH", "[[], '']");
        server.expect("SIM.SIGNATURE t FEATURES 0 WITHSKETCH", "[[], '']");
        server.refuses("SIM.SIGNATURE t WITHSKETCH TEXT words WITHSKETCH", "ERR WITHSKETCH is given twice");
        server.refuses("SIM.SIGNATURE t WITHSKETCH WITHSKETCH", "ERR WITHSKETCH is given twice");
        server.refuses("SIM.SIGNATURE t TEXT one TEXT two", "ERR FEATURES or TEXT is given twice");
    }

    fn a_missing_scope_has_the_sketch_of_the_settings(server: Server) {
        let slots = || server.does("SIM.SIGNATURE nowhere TEXT words WITHSKETCH").array()[1].bytes().len();
        assert_eq!(slots(), 0);
        server.does("CONFIG SET simile.sketch 48");
        assert_eq!(slots(), 48);
    }

    fn murmur3_with_a_modulus_gives_sentrys_buckets(server: Server) {
        server.does("SIM.CREATE s HASH MURMUR3 MODULUS 65535 BANDS 4 ROWS 2 SHINGLE CHARS 1");
        let buckets = "['6797,1984', '3949,658', '12904,12593', '16992,9441']";
        server.expect("SIM.SIGNATURE s TEXT \"hello world\"", buckets);
        server.expect("SIM.SIGNATURE s FEATURES 8 h e l o \" \" w r d", buckets);
    }

    fn the_seed_of_the_last_slots_wraps_around(server: Server) {
        server.does("SIM.CREATE s HASH MURMUR3 MODULUS 65535 SEED 4294967295 BANDS 2 ROWS 2 SHINGLE CHARS 1");
        server.expect("SIM.SIGNATURE s TEXT \"hello world\"", "['8676,6797', '1984,3949']");
    }

    fn murmur3_without_a_modulus_gives_eight_bytes(server: Server) {
        server.does("SIM.CREATE s HASH MURMUR3 BANDS 2 ROWS 2 SHINGLE CHARS 1");
        server.expect("SIM.SIGNATURE s TEXT \"hello world\"", r"['\x00\xdf\xe0\xe4\xd1\xa6\x7f\x0f', '![H|l\xb8\xc2A']");
    }

    fn fss_gives_eight_bytes_a_band(server: Server) {
        let reply = server.does("SIM.SIGNATURE nowhere TEXT \"the module's defaults\"");
        assert_eq!(reply.array().iter().map(|bucket| bucket.bytes().len()).collect::<Vec<_>>(), [8; 16]);
        server.does("SIM.CREATE s SEED 1");
        let other = server.does("SIM.SIGNATURE s TEXT \"the module's defaults\"");
        assert_ne!(reply, other, "SEED changes the buckets");
        server.expect("EXISTS nowhere", "0");
    }

    fn a_ready_signature_is_as_good_as_its_features(server: Server) {
        server.does("SIM.CREATE s BANDS 4 ROWS 3");
        server.does("SIM.RECORD s item TEXT i \"some words\"");
        let signature = server.does("SIM.SIGNATURE s TEXT \"some words\"");
        let mut command: Vec<&[u8]> = vec![b"SIM.CLASSIFY", b"s", b"SIGNATURE", b"i", b"4"];
        command.extend(signature.array().iter().map(|bucket| bucket.bytes()));
        assert_eq!(server.call(&command).to_string(), "[[['item', '1']]]");
    }

    fn a_mebibyte_of_text_is_signed_whatever_the_number_of_slots(server: Server) {
        let long: String = (0..90_000).map(|word| format!("word{word:06} ")).collect();
        for parameters in ["", "THRESHOLD 0.8", "THRESHOLD 0.5 SKETCH 512 SHINGLE WORDS 3", "BANDS 128 ROWS 2", "BANDS 64 ROWS 64"] {
            server.does("DEL s");
            server.does(format!("SIM.CREATE s {parameters}"));
            let reply = server.call(&[b"SIM.SIGNATURE" as &[u8], b"s", b"TEXT", long.as_bytes()]);
            assert!(!reply.array().is_empty(), "{parameters}");
        }
    }

    fn features_count_once_however_often_a_text_has_them(server: Server) {
        let lines = "the first line of the text\nand the second, which follows it\n";
        for parameters in ["HASH MURMUR3 BANDS 128 ROWS 2", "THRESHOLD 0.8"] {
            server.does("DEL s");
            server.does(format!("SIM.CREATE s {parameters}"));
            let signature = |times| server.call(&[b"SIM.SIGNATURE" as &[u8], b"s", b"TEXT", lines.repeat(times).as_bytes()]);
            assert_eq!(signature(16_000), signature(2), "{parameters}");
        }
    }

    fn a_set_has_no_order_and_no_repeats(server: Server) {
        server.does("SIM.CREATE s");
        same(&server, "FEATURES 3 a b c", "FEATURES 5 c a a b c");
        different(&server, "FEATURES 2 a b", "FEATURES 2 c d");
    }

    fn text_is_cut_into_characters_not_bytes(server: Server) {
        server.does("SIM.CREATE s SHINGLE CHARS 2");
        same(&server, "TEXT aé漢b", "FEATURES 3 aé é漢 漢b");
        same(&server, "TEXT é", "FEATURES 1 é"); // fewer than two: one feature of all there is
        same(&server, "TEXT \"a b\"", "FEATURES 2 \"a \" \" b\"");
    }

    fn text_is_cut_into_words(server: Server) {
        server.does("SIM.CREATE s SHINGLE WORDS 2");
        same(&server, "TEXT \"(one,two)  three_3!\"", "FEATURES 2 \"one two\" \"two three_3\"");
        same(&server, "TEXT \"été 漢字-3\"", "FEATURES 3 \"été 漢\" \"漢 字\" \"字 3\"");
        same(&server, "TEXT \"हिन्दी में\"", "FEATURES 1 \"हिन्दी में\"");
        same(&server, "TEXT \" alone.\"", "FEATURES 1 alone");
        server.expect("SIM.SIGNATURE s TEXT \" ... \"", "[]");
    }

    fn nothing_has_no_signature(server: Server) {
        server.does("SIM.CREATE s");
        server.expect("SIM.SIGNATURE s TEXT \"\"", "[]");
        server.expect("SIM.SIGNATURE s FEATURES 0", "[]");
    }

    fn lowercase_follows_unicode(server: Server) {
        server.does("SIM.CREATE s LOWERCASE yes SHINGLE CHARS 64");
        same(&server, "TEXT \"Straße ÉTÉ ΣΊΣΥΦΟΣ\"", "FEATURES 1 \"straße été σίσυφος\"");
        server.does("DEL s");
        server.does("SIM.CREATE s SHINGLE CHARS 64");
        different(&server, "TEXT ABC", "TEXT abc");
    }

    fn a_text_has_one_normal_form(server: Server) {
        server.does("SIM.CREATE s SHINGLE CHARS 64");
        same(&server, "TEXT \" cafe\u{301}\u{a0}\u{ff11}\u{200b} \"", "FEATURES 1 \"caf\u{e9} 1\"");
        same(&server, "TEXT \"one\\x0d\\x0atwo\"", "FEATURES 1 \"one two\"");
    }

    fn mask_hides_numbers_and_identifiers(server: Server) {
        server.does("SIM.CREATE s MASK yes SHINGLE CHARS 64");
        for (text, masked) in [
            ("at 0x7ffe12 and 0XDEADbeef", "at 0 and 0"),
            ("id 550e8400 of cafebabe", "id 0 of cafebabe"), // eight hex digits, one of them decimal at least
            ("commit da39a3ee5e6b4b0d3255bfef95601890afd80709", "commit 0"),
            ("line 17, char 4711", "line 0, char 0"),
            ("user_8f3a21c0 (10.0.0.1)", "user_0 (0)"),
            ("a1b2 utf8", "a0b0 utf0"), // no identifiers: digits only
            ("v1.20.3", "v0"),
        ] {
            same(&server, &format!("TEXT \"{text}\""), &format!("FEATURES 1 \"{masked}\""));
        }
    }

    fn mask_comes_before_the_words_and_lowercase_before_the_mask(server: Server) {
        server.does("SIM.CREATE s MASK yes LOWERCASE yes SHINGLE WORDS 1");
        same(&server, "TEXT \"Error 0XFF in Worker-12\"", "FEATURES 4 error 0 in worker");
    }

    fn texts_that_say_the_same_are_equal_and_others_are_not(server: Server) {
        let pairs = [
            // an identifier differs
            ("SHINGLE WORDS 1 MASK yes", "order 7f1b6c1e-0c5d-4a52-9d2f-3f0f6f1f9a10 could not be paid", "order 0b9d7c2a-93f4-4f1e-8a77-5d2ec81f60b3 could not be paid"),
            ("SHINGLE WORDS 1 MASK yes", "user_8f3a21c0 logged in", "user_77120e4b logged in"),
            ("SHINGLE WORDS 1 MASK yes", "core::fn::h2b7f0c94e1d3a658", "core::fn::h81d0c3f2a5b64e97"),
            ("SHINGLE CHARS 5 MASK yes", "order 7f1b6c1e-0c5d-4a52-9d2f-3f0f6f1f9a10 could not be paid", "order 0b9d7c2a-93f4-4f1e-8a77-5d2ec81f60b3 could not be paid"),
            ("SHINGLE CHARS 5 MASK yes", "user_8f3a21c0 logged in", "user_77120e4b logged in"),
            ("SHINGLE CHARS 5 MASK yes", "core::fn::h2b7f0c94e1d3a658", "core::fn::h81d0c3f2a5b64e97"),
            // another form of the same
            ("SHINGLE WORDS 1", "a caf\u{e9} here", "a cafe\u{301} here"),
            ("SHINGLE CHARS 3", "a caf\u{e9} here", "a cafe\u{301} here"),
            ("SHINGLE WORDS 1", "two lines\nhere", "two lines\\x0d\\x0ahere"),
            ("SHINGLE CHARS 3", "two lines\nhere", "two lines\\x0d\\x0ahere"),
            ("SHINGLE CHARS 3", "two lines\nhere", "two lines here"),
            ("SHINGLE CHARS 3", "\u{feff}of\u{fb01}ce\u{a0}\u{ff11}\u{ff12}", " offi\u{ad}ce  12\u{200b} "),
        ];
        for (parameters, one, other) in pairs {
            server.does(format!("SIM.CREATE s {parameters} BANDS 64 ROWS 1 SKETCH 16"));
            same(&server, &format!("TEXT \"{one}\" WITHSKETCH"), &format!("TEXT \"{other}\" WITHSKETCH"));
            server.does("SIM.DROP s");
        }
        for (parameters, one, other) in [
            ("SHINGLE WORDS 1", "\u{926}\u{93f}\u{932}\u{94d}\u{932}\u{940}", "\u{926}\u{93f}\u{932} \u{932}\u{940}"),
            ("SHINGLE WORDS 1 MASK yes", "cat 1", "dog 1"),
            ("SHINGLE CHARS 5 MASK yes", "cat 1", "dog 1"),
        ] {
            server.does(format!("SIM.CREATE s {parameters} BANDS 64 ROWS 1"));
            let [one, other] = [one, other].map(|text| server.does(format!("SIM.SIGNATURE s TEXT \"{text}\"")));
            assert_ne!(one, other, "{parameters}");
            server.does("SIM.DROP s");
        }
    }

    fn a_clause_without_spaces_is_found_though_a_character_was_replaced(server: Server) {
        server.does("SIM.CREATE s SHINGLE WORDS 1 BANDS 64 ROWS 1 INTERVAL 0");
        for (index, one, other) in [
            ("chinese", "服务器无法连接到数据库了", "服务器无法连接到数据源了"),
            ("japanese", "明日は東京で雨が降ります", "明日は東京で雪が降ります"),
        ] {
            assert_eq!([one, other].map(|text| text.chars().count()), [12, 12]);
            server.does(format!("SIM.RECORD s item TEXT {index} {one}"));
            let found = server.does(format!("SIM.CLASSIFY s TEXT {index} {other}"));
            assert!(found.array()[0].array()[0].array()[1].double() >= 0.6, "{index}: {found}");
        }
    }

    fn a_threshold_chooses_bands_and_rows(server: Server) {
        for (threshold, bands, rows) in [("0.5", 23, 3), ("0.7", 17, 5), ("0.8", 13, 7), ("0.9", 10, 12)] {
            let scope = format!("t{threshold}");
            server.expect(format!("SIM.CREATE {scope} THRESHOLD {threshold}"), "OK");
            server.expect(format!("SIM.CREATE {scope} BANDS {bands} ROWS {rows}"), "OK");
            server.expect(format!("SIM.CREATE {scope} RECALL 0.95 SLOTS 128 THRESHOLD {threshold}"), "OK");
        }
        // One slot a band and as many bands as needed; more slots allow more rows.
        server.expect("SIM.CREATE exact THRESHOLD 1 SLOTS 64 RECALL 0.99", "OK");
        server.expect("SIM.CREATE exact BANDS 1 ROWS 64", "OK");
        server.refusal("SIM.CREATE none THRESHOLD 0.01 SLOTS 8");
        server.expect("EXISTS none", "0");
    }

    fn create_accepts_what_the_scope_is_and_names_what_it_is_not(server: Server) {
        server.expect("SIM.CREATE s BANDS 8 ROWS 4 INTERVAL 60 RETENTION 9", "OK");
        for parameters in ["", "BANDS 8", "RETENTION 9 BANDS 8", "HASH FSS SEED 0", "ROWS 4 INTERVAL 60", "lowercase NO"] {
            server.expect(format!("SIM.CREATE s {parameters}"), "OK");
        }
        for (parameters, name) in [
            ("BANDS 9", "BANDS"),
            ("BANDS 8 ROWS 5", "ROWS"),
            ("INTERVAL 61 RETENTION 9", "INTERVAL"),
            ("RETENTION 8", "RETENTION"),
            ("HASH MURMUR3", "HASH"),
            ("SEED 1", "SEED"),
            ("SHINGLE WORDS 5", "SHINGLE"),
            ("SHINGLE CHARS 4", "SHINGLE"),
            ("LOWERCASE yes", "LOWERCASE"),
            ("MASK yes", "MASK"),
            ("THRESHOLD 0.5", "BANDS"),
            ("SKETCH 16", "SKETCH"),
            ("SCORE COVERAGE", "SCORE"),
        ] {
            let error = server.refusal(format!("SIM.CREATE s {parameters}"));
            assert!(error.contains(name), "{parameters}: {error}");
        }
    }
}
