//! SIM.SIGNATURE: how features and text become buckets. The vectors were computed without the
//! module, by a few lines of Python after the papers' definition of MurmurHash3.

use testkit::{Server, on_each_server};

/// Checks that both lines give the same signature in scope `s`.
#[track_caller]
fn same(server: &Server, one: &str, other: &str) {
    let one = server.does(format!("SIM.SIGNATURE s {one}"));
    let other = server.does(format!("SIM.SIGNATURE s {other}"));
    assert_eq!(one.to_string(), other.to_string());
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

on_each_server! {
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
        ] {
            let error = server.refusal(format!("SIM.CREATE s {parameters}"));
            assert!(error.contains(name), "{parameters}: {error}");
        }
    }
}
