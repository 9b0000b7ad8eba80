//! Bad input: one table of commands and their exact errors. None of them changes anything.

use testkit::{Client, Server, on_each_server, words};

/// Groups of commands, and after each group, indented, the error that all of them must get.
///
/// In a command `<64KB>`, `<64KB+1>`, `<1MB>` and `<1MB+1>` stand for that many letters `x`, `<4096>` and `<4097>`
/// for that many features, `<chunk>` for the name of a chunk, and in an error `<oldest>` for the first second of the
/// window. `s` is a scope of two bands with an item, `wide` one of 4096 slots of MURMUR3, `kept` one of two bands
/// that keeps sketches, `text` a plain string, and a new scope has 16 bands.
const TABLE: &str = r#"
# SIM.CREATE: its syntax
SIM.CREATE
    ERR wrong number of arguments for 'SIM.CREATE' command
SIM.CREATE n NONSENSE
    ERR unknown option 'NONSENSE': expected BANDS, ROWS, THRESHOLD, RECALL, SLOTS, INTERVAL, RETENTION, HASH, SEED, MODULUS, SHINGLE, LOWERCASE, MASK, SKETCH or SCORE
SIM.CREATE n BANDS
    ERR BANDS must be an integer between 1 and 1024
SIM.CREATE n BANDS 4 ROWS
    ERR ROWS must be an integer between 1 and 64
SIM.CREATE n BANDS 4 BANDS 4
    ERR BANDS is given twice

# its limits
SIM.CREATE n BANDS 0
SIM.CREATE n BANDS 1025
SIM.CREATE n BANDS -1
SIM.CREATE n BANDS many
SIM.CREATE n BANDS 1.5
SIM.CREATE n BANDS ""
SIM.CREATE n BANDS " 4"
SIM.CREATE n BANDS "4\x00"
SIM.CREATE n BANDS 99999999999999999999999
SIM.CREATE n BANDS <1MB>
    ERR BANDS must be an integer between 1 and 1024
SIM.CREATE n ROWS 0
SIM.CREATE n ROWS 65
    ERR ROWS must be an integer between 1 and 64
SIM.CREATE n BANDS 1024 ROWS 5
    ERR BANDS times ROWS must be at most 4096, not 5120
SIM.CREATE n INTERVAL -1
SIM.CREATE n INTERVAL 4294967297
SIM.CREATE n INTERVAL 1h
    ERR INTERVAL must be an integer between 0 and 4294967296
SIM.CREATE n RETENTION -1
SIM.CREATE n RETENTION 1001
    ERR RETENTION must be an integer between 0 and 1000
SIM.CREATE n HASH SHA1
    ERR HASH must be FSS or MURMUR3
SIM.CREATE n SEED -1
SIM.CREATE n SEED 18446744073709551616
    ERR SEED must be an integer between 0 and 4294967295
SIM.CREATE n MODULUS 65535
SIM.CREATE n HASH FSS MODULUS 65535
    ERR MODULUS needs HASH MURMUR3
SIM.CREATE n HASH MURMUR3 MODULUS 0
SIM.CREATE n HASH MURMUR3 MODULUS 2147483649
    ERR MODULUS must be an integer between 1 and 2147483648
SIM.CREATE n SHINGLE CHARS
    ERR SHINGLE length must be an integer between 1 and 64
SIM.CREATE n SHINGLE BYTES 3
    ERR SHINGLE must be CHARS n or WORDS n
SIM.CREATE n SHINGLE CHARS 0
SIM.CREATE n SHINGLE WORDS 65
    ERR SHINGLE length must be an integer between 1 and 64
SIM.CREATE n LOWERCASE perhaps
    ERR LOWERCASE must be yes or no
SIM.CREATE n MASK 1
    ERR MASK must be yes or no

# its threshold
SIM.CREATE n THRESHOLD 0
SIM.CREATE n THRESHOLD 1.01
SIM.CREATE n THRESHOLD -0.5
SIM.CREATE n THRESHOLD nan
SIM.CREATE n THRESHOLD inf
SIM.CREATE n THRESHOLD half
    ERR THRESHOLD must be a number above 0 and at most 1
SIM.CREATE n THRESHOLD 0.5 RECALL 1.5
SIM.CREATE n THRESHOLD 0.5 RECALL nan
    ERR RECALL must be a number above 0 and below 1
SIM.CREATE n THRESHOLD 0.5 SLOTS 0
SIM.CREATE n THRESHOLD 0.5 SLOTS 4097
    ERR SLOTS must be an integer between 1 and 4096
SIM.CREATE n THRESHOLD 0.01 SLOTS 8
    ERR THRESHOLD must be high enough for 8 SLOTS to reach a RECALL of 0.95: raise THRESHOLD or SLOTS
SIM.CREATE n BANDS 8 THRESHOLD 0.5
SIM.CREATE n THRESHOLD 0.5 ROWS 2
    ERR THRESHOLD chooses BANDS and ROWS: give either THRESHOLD, or BANDS and ROWS
SIM.CREATE n RECALL 0.9
SIM.CREATE n SLOTS 64
    ERR RECALL and SLOTS need THRESHOLD

# its sketch and its score
SIM.CREATE n SKETCH 1
SIM.CREATE n SKETCH 15
SIM.CREATE n SKETCH 4097
SIM.CREATE n SKETCH -1
SIM.CREATE n SKETCH 16.0
SIM.CREATE n SKETCH 65552
SIM.CREATE n SKETCH 18446744073709551632
SIM.CREATE n SKETCH many
SIM.CREATE n SKETCH ""
SIM.CREATE n BANDS 2 SKETCH
    ERR SKETCH must be 0, or an integer between 16 and 4096
SIM.CREATE n SCORE best
SIM.CREATE n SCORE ""
SIM.CREATE n BANDS 2 SCORE
    ERR SCORE must be OVERLAP, COVERAGE, SIGNIFICANCE or JACCARD
SIM.CREATE n SKETCH 16 BANDS 2 SKETCH 16
    ERR SKETCH is given twice
SIM.CREATE n SCORE OVERLAP SCORE COVERAGE
    ERR SCORE is given twice
SIM.CREATE n SCORE JACCARD
SIM.CREATE n SCORE jaccard SKETCH 0
SIM.CREATE n THRESHOLD 0.8 SKETCH 0 SCORE JACCARD
SIM.CREATE s SCORE JACCARD
    ERR SCORE JACCARD needs a SKETCH: give SKETCH 256, or another SCORE

# a scope that is there already: the first parameter that differs
SIM.CREATE s SKETCH 16
SIM.CREATE s SKETCH 16 SCORE JACCARD
    ERR the scope exists with SKETCH 0, not 16
SIM.CREATE kept SKETCH 0
    ERR the scope exists with SKETCH 16, not 0
SIM.CREATE kept SCORE JACCARD
    ERR the scope exists with SCORE OVERLAP, not JACCARD
SIM.CREATE s BANDS 3
    ERR the scope exists with BANDS 2, not 3
SIM.CREATE s BANDS 2 ROWS 2 RETENTION 4
    ERR the scope exists with ROWS 1, not 2
SIM.CREATE s RETENTION 4
    ERR the scope exists with RETENTION 3, not 4
SIM.CREATE s SHINGLE WORDS 5
    ERR the scope exists with SHINGLE CHARS 5, not WORDS 5
SIM.CREATE s THRESHOLD 0.5
    ERR the scope exists with BANDS 2, not 23

# names
SIM.CREATE ""
SIM.RECORD "" item TEXT i words
    ERR scope name must not be empty
SIM.CREATE a}b
SIM.CREATE a{b
SIM.CREATE {}x
SIM.RECORD {}x item TEXT i words
SIM.COMPARE a}b item 1 i
SIM.INFO {}x
    ERR scope name must hold a hash tag, as in 'issues:{7}', or neither '{' nor '}'
SIM.CREATE <64KB+1>
SIM.RECORD <1MB> item TEXT i words
    ERR scope must be at most 65536 bytes long (simile.max-name)
SIM.RECORD s <64KB+1> SIGNATURE i 2 a b
SIM.RECORD s <1MB> SIGNATURE i 2 a b
    ERR item must be at most 65536 bytes long (simile.max-name)
SIM.RECORD s item SIGNATURE <1MB> 2 a b
    ERR index must be at most 65536 bytes long (simile.max-name)
SIM.RECORD s item SIGNATURE i 2 a <1MB>
    ERR bucket must be at most 65536 bytes long (simile.max-name)
SIM.RECORD s item SIGNATURE * 2 a b
SIM.RECORD s item TEXT * words
SIM.COMPARE s item 1 *
SIM.CLASSIFY s SIGNATURE * 2 a b
SIM.FREQUENCIES s * item
SIM.COUNT s * 1 item
SIM.MEMBERS s * 0 a
SIM.DROP s *
SIM.DROP s i *
SIM.ASSIGN s item MINSCORE 1 TEXT * words
SIM.EXPLAIN s * item other
SIM.SIGNIFICANT s * item
SIM.SCAN s * 0
    ERR index must be a name: '*' means every index, and only in MERGE and DELETE
SIM.MERGE s <1MB> i item
    ERR destination must be at most 65536 bytes long (simile.max-name)
SIM.RECORD s "" SIGNATURE i 2 a b
    ERR item must be a non-empty name
SIM.RECORD s item SIGNATURE "" 2 a b
SIM.DELETE s "" item
SIM.COMPARE s item 1 ""
    ERR index must be a non-empty name
SIM.MERGE s "" i item
    ERR destination must be a non-empty name
SIM.MERGE s other i ""
    ERR source must be a non-empty name
SIM.CREATE n "BANDS\x00" 4
    ERR unknown option 'BANDS\x00': expected BANDS, ROWS, THRESHOLD, RECALL, SLOTS, INTERVAL, RETENTION, HASH, SEED, MODULUS, SHINGLE, LOWERCASE, MASK, SKETCH or SCORE
SIM.CREATE n <1MB>
    ERR unknown option 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...': expected BANDS, ROWS, THRESHOLD, RECALL, SLOTS, INTERVAL, RETENTION, HASH, SEED, MODULUS, SHINGLE, LOWERCASE, MASK, SKETCH or SCORE
SIM.RECORD s item "\x00\xff\n%s%n" i 2 a b
    ERR unknown option '\x00\xff\n%s%n': expected TIMESTAMP, COUNT, NX, REPLACE, SIGNATURE, FEATURES, TEXT or SKETCH

# keys of another type
SIM.CREATE text
SIM.CREATE <chunk>
SIM.RECORD text item TEXT i words
SIM.RECORD <chunk> item TEXT i words
SIM.CLASSIFY text TEXT i words
SIM.COMPARE text item 1 i
SIM.COMPARE <chunk> item 1 i
SIM.MERGE text a i b
SIM.DELETE text i item
SIM.FREQUENCIES text i item
SIM.COUNT text i 1 item
SIM.EXPORT text i item TIMESTAMP 1
SIM.MEMBERS text i 0 a
SIM.SIGNATURE text TEXT words
SIM.INFO text
SIM.DROP text
SIM.DROP <chunk>
SIM.ASSIGN text item MINSCORE 1 TEXT i words
SIM.EXPLAIN text i item other
SIM.SIGNIFICANT text i item
SIM.SCAN <chunk> i 0
SIM.ALTER text RETENTION 1
    WRONGTYPE Operation against a key holding the wrong kind of value

# SIM.RECORD: its syntax
SIM.RECORD
SIM.RECORD s
SIM.RECORD s item
SIM.RECORD s item SIGNATURE
    ERR wrong number of arguments for 'SIM.RECORD' command
SIM.RECORD s item NONSENSE i 2 a b
    ERR unknown option 'NONSENSE': expected TIMESTAMP, COUNT, NX, REPLACE, SIGNATURE, FEATURES, TEXT or SKETCH
SIM.RECORD s item TIMESTAMP 5
    ERR clause (SIGNATURE, FEATURES or TEXT) is missing
SIM.RECORD s item SIGNATURE i
    ERR count must be an integer between 0 and 4294967295
SIM.RECORD s item SIGNATURE i 2 a b c
    ERR unknown option 'c': expected TIMESTAMP, COUNT, NX, REPLACE, SIGNATURE, FEATURES, TEXT or SKETCH
SIM.RECORD s item SIGNATURE i 2 a b LIMIT 5
    ERR unknown option 'LIMIT': expected TIMESTAMP, COUNT, NX, REPLACE, SIGNATURE, FEATURES, TEXT or SKETCH
SIM.RECORD s item PROFILE i blob
    ERR unknown option 'PROFILE': expected TIMESTAMP, COUNT, NX, REPLACE, SIGNATURE, FEATURES, TEXT or SKETCH
SIM.RECORD s item SIGNATURE i 2 a b TIMESTAMP
    ERR TIMESTAMP must be an integer between 0 and 9007199254740991, in seconds since 1970

# its numbers
SIM.RECORD s item SIGNATURE i 0
SIM.RECORD s item SIGNATURE i 1 a
SIM.RECORD s item SIGNATURE i 3 a b c
SIM.RECORD s item SIGNATURE i 2 a b SIGNATURE j 1 a
    ERR count must be 2, the scope's BANDS: a signature has one bucket for each band
SIM.RECORD s item SIGNATURE i 2 a
    ERR bucket is missing
SIM.RECORD s item SIGNATURE i -2 a b
SIM.RECORD s item SIGNATURE i two a b
SIM.RECORD s item SIGNATURE i 18446744073709551618 a b
SIM.RECORD s item FEATURES i -1
SIM.RECORD s item FEATURES i 9223372036854775807 a
    ERR count must be an integer between 0 and 4294967295
SIM.RECORD new item SIGNATURE i 2 a b
    ERR count must be 16, the scope's BANDS: a signature has one bucket for each band
SIM.RECORD s item FEATURES i 3 a b
    ERR feature is missing
SIM.RECORD wide item FEATURES i 4097 <4097>
    ERR features must be at most 4096 distinct features of 4096 slots (simile.max-feature-slots)
SIM.RECORD s item TEXT i
    ERR text is missing
SIM.RECORD s item TEXT i "\xff\xfe"
    ERR text must be valid UTF-8
SIM.RECORD s item TEXT i <1MB+1>
    ERR text must be at most 1048576 bytes long (simile.max-text)
SIM.RECORD s item TIMESTAMP soon SIGNATURE i 2 a b
SIM.RECORD s item TIMESTAMP 1.5 SIGNATURE i 2 a b
SIM.RECORD s item TIMESTAMP 9223372036854775808 SIGNATURE i 2 a b
SIM.RECORD s item TIMESTAMP 9223372036854775807 SIGNATURE i 2 a b
SIM.RECORD s item TIMESTAMP -9223372036854775808 SIGNATURE i 2 a b
    ERR TIMESTAMP must be an integer between 0 and 9007199254740991, in seconds since 1970
SIM.RECORD s item TIMESTAMP 1 SIGNATURE i 2 a b
    ERR TIMESTAMP 1 is older than the window: it must be in seconds since 1970, and not before <oldest>

# SKETCH: `kept` is a scope that keeps 16 slots
SIM.RECORD kept item SKETCH i aaaaaaaaaaaaaaaa
    ERR clause (SIGNATURE, FEATURES or TEXT) is missing
SIM.RECORD kept item SIGNATURE i 2 a b SKETCH
    ERR index is missing
SIM.RECORD kept item SIGNATURE i 2 a b SKETCH i
    ERR slots is missing
SIM.RECORD kept item SKETCH i aaaaaaaaaaaaaaa SIGNATURE i 2 a b
SIM.RECORD kept item SIGNATURE i 2 a b SKETCH i aaaaaaaaaaaaaaaaa
SIM.RECORD kept item SIGNATURE i 2 a b SKETCH i ""
SIM.RECORD kept item SIGNATURE i 2 a b SKETCH i <1MB>
SIM.CLASSIFY kept SIGNATURE i 2 a b SKETCH i a
SIM.ASSIGN kept item MINSCORE 0 SKETCH i a SIGNATURE i 2 a b
    ERR SKETCH must be 16 bytes long, the scope's SKETCH: a byte for each slot
SIM.RECORD kept item SIGNATURE i 2 a b SKETCH i aaaaaaaaaaaaaaaa SKETCH i aaaaaaaaaaaaaaaa
SIM.RECORD kept item SKETCH i a SKETCH i a SIGNATURE i 2 a b
SIM.CLASSIFY kept SKETCH i aaaaaaaaaaaaaaaa SIGNATURE i 2 a b SKETCH i aaaaaaaaaaaaaaaa
    ERR SKETCH of an index is given twice
SIM.RECORD kept item SKETCH j aaaaaaaaaaaaaaaa SIGNATURE i 2 a b
SIM.RECORD kept item SIGNATURE i 2 a b SKETCH i aaaaaaaaaaaaaaaa SKETCH j aaaaaaaaaaaaaaaa
SIM.CLASSIFY kept SIGNATURE i 2 a b SKETCH j aaaaaaaaaaaaaaaa
SIM.ASSIGN kept item MINSCORE 1 TEXT i words SKETCH j aaaaaaaaaaaaaaaa
    ERR SKETCH needs a SIGNATURE clause of its index
SIM.RECORD kept item TEXT i words SKETCH i aaaaaaaaaaaaaaaa
SIM.RECORD kept item SKETCH i aaaaaaaaaaaaaaaa FEATURES i 1 a
SIM.RECORD kept item SKETCH i aaaaaaaaaaaaaaaa FEATURES i 0
SIM.RECORD kept item SIGNATURE i 2 a b SKETCH i aaaaaaaaaaaaaaaa TEXT i words
SIM.CLASSIFY kept SKETCH i aaaaaaaaaaaaaaaa TEXT i words
SIM.ASSIGN kept item MINSCORE 1 TEXT i words SKETCH i aaaaaaaaaaaaaaaa
    ERR SKETCH is for SIGNATURE: the server makes the sketch of FEATURES and TEXT itself
SIM.RECORD kept item SIGNATURE i 2 a b SKETCH * aaaaaaaaaaaaaaaa
    ERR index must be a name: '*' means every index, and only in MERGE and DELETE
SIM.RECORD kept item SIGNATURE i 2 a b SKETCH "" aaaaaaaaaaaaaaaa
    ERR index must be a non-empty name
SIM.RECORD s item SIGNATURE i 2 a b SKETCH i aaaaaaaaaaaaaaaa
SIM.RECORD s item SKETCH i "" SIGNATURE i 2 a b
SIM.RECORD new item SKETCH i aaaaaaaaaaaaaaaa SIGNATURE i 16 a b c d e f g h i j k l m n o p
SIM.CLASSIFY s SIGNATURE i 2 a b SKETCH i aaaaaaaaaaaaaaaa
SIM.ASSIGN s item MINSCORE 1 SIGNATURE i 2 a b SKETCH i aaaaaaaaaaaaaaaa
    ERR SKETCH needs a scope with a SKETCH: this one keeps no slots

# SIM.RECORD with options, and SIM.FORGET
SIM.RECORD s item COUNT 0 SIGNATURE i 2 a b
SIM.RECORD s item COUNT 4294967296 SIGNATURE i 2 a b
SIM.RECORD s item COUNT -1 SIGNATURE i 2 a b
SIM.RECORD s item SIGNATURE i 2 a b COUNT
SIM.FORGET s item COUNT many SIGNATURE i 2 a b
    ERR COUNT must be an integer between 1 and 4294967295
SIM.RECORD s item COUNT 1 COUNT 1 SIGNATURE i 2 a b
SIM.FORGET s item COUNT 1 COUNT 1 SIGNATURE i 2 a b
    ERR COUNT is given twice
SIM.RECORD s item NX NX SIGNATURE i 2 a b
SIM.RECORD s item NX REPLACE SIGNATURE i 2 a b
    ERR NX or REPLACE is given twice
SIM.FORGET s item
    ERR wrong number of arguments for 'SIM.FORGET' command
SIM.FORGET s item COUNT 1
    ERR clause (SIGNATURE, FEATURES or TEXT) is missing
SIM.FORGET s item NX SIGNATURE i 2 a b
    ERR unknown option 'NX': expected TIMESTAMP, COUNT, SIGNATURE, FEATURES, TEXT or SKETCH
SIM.FORGET s item SIGNATURE i 1 a
    ERR count must be 2, the scope's BANDS: a signature has one bucket for each band
SIM.FORGET s item SIGNATURE i 2 a c
SIM.FORGET s item COUNT 2 SIGNATURE i 2 a b
SIM.FORGET s other SIGNATURE i 2 a b
SIM.FORGET new item TEXT i words
    ERR clause 1 cannot be forgotten: the item was not seen in each of its buckets so often at that time
SIM.FORGET text item SIGNATURE i 2 a b
    WRONGTYPE Operation against a key holding the wrong kind of value

# SIM.CLASSIFY and SIM.COMPARE
SIM.CLASSIFY s
    ERR wrong number of arguments for 'SIM.CLASSIFY' command
SIM.CLASSIFY s LIMIT 5
    ERR clause (SIGNATURE, FEATURES, TEXT or PROFILE) is missing
SIM.CLASSIFY s NONSENSE i 2 a b
    ERR unknown option 'NONSENSE': expected SIGNATURE, FEATURES, TEXT, SKETCH, PROFILE, TIMESTAMP, WINDOW, LIMIT, MINSCORE, MINBANDS, SCORE, MATCH, COMBINE or WITHCOUNTS
SIM.CLASSIFY s SIGNATURE i 3 a b c
    ERR count must be 2, the scope's BANDS: a signature has one bucket for each band
SIM.CLASSIFY s SIGNATURE i 2 a
    ERR bucket is missing
SIM.CLASSIFY s TEXT i "\xff"
    ERR text must be valid UTF-8
SIM.CLASSIFY s NOSELF SIGNATURE i 2 a b
    ERR unknown option 'NOSELF': expected SIGNATURE, FEATURES, TEXT, SKETCH, PROFILE, TIMESTAMP, WINDOW, LIMIT, MINSCORE, MINBANDS, SCORE, MATCH, COMBINE or WITHCOUNTS
SIM.CLASSIFY s PROFILE i
    ERR blob is missing
SIM.CLASSIFY s PROFILE i blob
SIM.CLASSIFY missing PROFILE i ""
    ERR blob is not what SIM.EXPORT gave
SIM.COMPARE s item
SIM.COMPARE s item 0
    ERR wrong number of arguments for 'SIM.COMPARE' command
SIM.COMPARE s item -1 i
SIM.COMPARE s item one i
SIM.COMPARE s item 9223372036854775807 i
    ERR numindexes must be an integer between 1 and 4294967295
SIM.COMPARE s item 2 i
    ERR index is missing
SIM.COMPARE s item 1 i NONSENSE
    ERR unknown option 'NONSENSE': expected TIMESTAMP, WINDOW, LIMIT, MINSCORE, MINBANDS, SCORE, MATCH, COMBINE, WITHCOUNTS or NOSELF
SIM.COMPARE s item 1 i LIMIT
    ERR LIMIT must be an integer between 0 and 4294967295
SIM.COMPARE s item 1 i LIMIT -1
SIM.COMPARE s item 1 i LIMIT few
SIM.COMPARE s item 1 i LIMIT 99999999999999999999
    ERR LIMIT must be an integer between 0 and 4294967295
SIM.COMPARE s item 1 i MINSCORE much
SIM.COMPARE s item 1 i MINSCORE nan
SIM.COMPARE s item 1 i MINSCORE inf
SIM.COMPARE s item 1 i MINSCORE -0.1
    ERR MINSCORE must be a number, 0 or more
SIM.COMPARE s item 1 i MINBANDS
    ERR MINBANDS count must be an integer between 1 and 4294967295
SIM.COMPARE s item 1 i MINBANDS 2 1
    ERR MINBANDS must be an integer between 1 and 1024
SIM.COMPARE s item 1 i MINBANDS 0
    ERR MINBANDS count must be an integer between 1 and 4294967295
SIM.COMPARE s item 1 i MINBANDS 1 0
    ERR MINBANDS must be an integer between 1 and 1024
SIM.COMPARE s item 1 i MINBANDS 1 3
    ERR MINBANDS must be between 1 and 2, the scope's BANDS
SIM.COMPARE s item 1 i MINBANDS 2 1 1
    ERR MINBANDS count must be 1
SIM.COMPARE s item 3 i j k MINBANDS 2 1 1
    ERR MINBANDS count must be 1, or 3, one for each clause or index
SIM.COMPARE s item 1 i WINDOW 0
SIM.COMPARE s item 1 i WINDOW -1
SIM.COMPARE s item 1 i WINDOW all
    ERR WINDOW must be an integer between 1 and 1001
SIM.COMPARE s item 1 i SCORE jaccard
SIM.COMPARE s item 2 i j COMBINE SCORE JACCARD
SIM.CLASSIFY s SCORE JACCARD SIGNATURE i 2 a b
SIM.CLASSIFY s SCORE JACCARD TEXT i ""
SIM.ASSIGN s item MINSCORE 1 SCORE JACCARD SIGNATURE i 2 a b
SIM.EXPLAIN s i item other SCORE JACCARD
SIM.ALTER s SCORE JACCARD
SIM.ALTER s RETENTION 2 SCORE JACCARD
    ERR SCORE JACCARD needs a scope with a SKETCH, and this one has none: name another SCORE, or create a scope with SIM.CREATE ... SKETCH 256
SIM.COMPARE s item 1 i TIMESTAMP now
    ERR TIMESTAMP must be an integer between 0 and 9007199254740991, in seconds since 1970
SIM.COMPARE s item 1 i LIMIT 1 LIMIT 1
    ERR LIMIT is given twice
SIM.COMPARE s item 1 i NOSELF NOSELF
    ERR NOSELF is given twice
SIM.COMPARE s item 1 i MATCH
SIM.CLASSIFY s SIGNATURE i 2 a b MATCH
    ERR MATCH is missing
SIM.COMPARE s item 1 i MATCH <64KB>
SIM.CLASSIFY s MATCH <64KB> SIGNATURE i 2 a b
    ERR MATCH must be at most 1024 bytes long
SIM.COMPARE s item 1 i MATCH * MATCH *
    ERR MATCH is given twice
SIM.COMPARE s item 1 i WITHCOUNTS WITHCOUNTS
    ERR WITHCOUNTS is given twice
SIM.COMPARE s item 1 i WITHCOUNTS yes
    ERR unknown option 'yes': expected TIMESTAMP, WINDOW, LIMIT, MINSCORE, MINBANDS, SCORE, MATCH, COMBINE, WITHCOUNTS or NOSELF
SIM.RECORD s item TIMESTAMP 1 SIGNATURE i 2 a b TIMESTAMP 1
    ERR TIMESTAMP is given twice

# the others
SIM.MERGE s one
SIM.MERGE s one i
    ERR wrong number of arguments for 'SIM.MERGE' command
SIM.MERGE s one i item j
    ERR source is missing
SIM.MERGE s other i item TIMESTAMP 1
SIM.MERGE s other timestamp 1
SIM.DELETE s i item TIMESTAMP 1
SIM.EXPORT s i item TIMESTAMP 1
SIM.EXPORT missing i item timestamp 1
    ERR the command takes no options, and the scope has no index TIMESTAMP
SIM.DELETE s i nobody WINDOW 1
    ERR the command takes no options, and the scope has no index WINDOW
SIM.EXPORT s i item COUNT 1
    ERR the command takes no options, and the scope has no index COUNT
SIM.DELETE s i item MATCH *
    ERR the command takes no options, and the scope has no index MATCH
SIM.EXPORT s i item NOSELF
    ERR item is missing
SIM.MERGE s item i item
SIM.MERGE s item i other * item
    ERR source must be an item other than the destination
SIM.DELETE s i
    ERR wrong number of arguments for 'SIM.DELETE' command
SIM.DELETE s i item j
    ERR item is missing
SIM.FREQUENCIES s i
    ERR wrong number of arguments for 'SIM.FREQUENCIES' command
SIM.FREQUENCIES s i item NONSENSE
    ERR unknown option 'NONSENSE': expected TIMESTAMP or WINDOW
SIM.FREQUENCIES s i item TIMESTAMP x
    ERR TIMESTAMP must be an integer between 0 and 9007199254740991, in seconds since 1970
SIM.COUNT s i 1
    ERR wrong number of arguments for 'SIM.COUNT' command
SIM.COUNT s i 0 item
SIM.COUNT s i -1 item
SIM.COUNT s i item item
SIM.COUNT s i 4294967296 item
    ERR numitems must be an integer between 1 and 4294967295
SIM.COUNT s i 2 item
SIM.COUNT missing i 4294967295 item
    ERR item is missing
SIM.COUNT s i 1 item other
    ERR unknown option 'other': expected TIMESTAMP or WINDOW
SIM.COUNT s i 1 ""
    ERR item must be a non-empty name
SIM.COUNT s i 1 item WINDOW 0
    ERR WINDOW must be an integer between 1 and 1001
SIM.COUNT s i 1 item TIMESTAMP x
    ERR TIMESTAMP must be an integer between 0 and 9007199254740991, in seconds since 1970
SIM.MEMBERS s i 0
    ERR wrong number of arguments for 'SIM.MEMBERS' command
SIM.MEMBERS s i 2 a
    ERR band must be between 0 and 1: the scope has 2 BANDS
SIM.MEMBERS s i -1 a
SIM.MEMBERS s i first a
    ERR band must be an integer between 0 and 1023
SIM.MEMBERS s i 0 a WINDOW 0
    ERR WINDOW must be an integer between 1 and 1001
SIM.SIGNATURE s
SIM.SIGNATURE s TEXT
    ERR wrong number of arguments for 'SIM.SIGNATURE' command
SIM.SIGNATURE s NONSENSE x
    ERR unknown option 'NONSENSE': expected FEATURES, TEXT or WITHSKETCH
SIM.SIGNATURE s TEXT "\xc3"
    ERR text must be valid UTF-8
SIM.SIGNATURE s TEXT <1MB+1>
    ERR text must be at most 1048576 bytes long (simile.max-text)
SIM.SIGNATURE s TEXT one two
    ERR unknown option 'two': expected FEATURES, TEXT or WITHSKETCH
SIM.SIGNATURE s FEATURES 2 a
    ERR feature is missing
SIM.SIGNATURE s FEATURES -1
    ERR count must be an integer between 0 and 4294967295
SIM.SIGNATURE wide FEATURES 4097 <4097>
    ERR features must be at most 4096 distinct features of 4096 slots (simile.max-feature-slots)
SIM.INFO
SIM.INFO s i
    ERR wrong number of arguments for 'SIM.INFO' command
SIM.DROP
    ERR wrong number of arguments for 'SIM.DROP' command
SIM.ASSIGN s item MINSCORE 1
    ERR wrong number of arguments for 'SIM.ASSIGN' command
SIM.ASSIGN s item SIGNATURE i 2 a b
    ERR MINSCORE is missing
SIM.ASSIGN s item MINSCORE 0.5 TIMESTAMP 1 SCORE OVERLAP
    ERR clause (SIGNATURE, FEATURES or TEXT) is missing
SIM.ASSIGN s item MINSCORE high SIGNATURE i 2 a b
SIM.ASSIGN s item MINSCORE -1 SIGNATURE i 2 a b
SIM.ASSIGN s item MINSCORE nan SIGNATURE i 2 a b
    ERR MINSCORE must be a number, 0 or more
SIM.ASSIGN s item MINSCORE 1 MINSCORE 1 SIGNATURE i 2 a b
    ERR MINSCORE is given twice
SIM.ASSIGN s item MINSCORE 1 LIMIT 1 SIGNATURE i 2 a b
    ERR unknown option 'LIMIT': expected MINSCORE, TIMESTAMP, SCORE, SIGNATURE, FEATURES, TEXT or SKETCH
SIM.ASSIGN s item MINSCORE 1 SCORE best SIGNATURE i 2 a b
    ERR SCORE must be OVERLAP, COVERAGE, SIGNIFICANCE or JACCARD
SIM.ASSIGN s item MINSCORE 1 SIGNATURE i 1 a b
    ERR unknown option 'b': expected MINSCORE, TIMESTAMP, SCORE, SIGNATURE, FEATURES, TEXT or SKETCH
SIM.ASSIGN s item MINSCORE 1 SIGNATURE i 3 a b c
    ERR count must be 2, the scope's BANDS: a signature has one bucket for each band
SIM.ASSIGN s "" MINSCORE 1 SIGNATURE i 2 a b
    ERR item must be a non-empty name
SIM.ASSIGN s item MINSCORE 1 TEXT i "\xff"
    ERR text must be valid UTF-8
SIM.ASSIGN s item MINSCORE 1 TIMESTAMP 1 SIGNATURE i 2 a b
    ERR TIMESTAMP 1 is older than the window: it must be in seconds since 1970, and not before <oldest>
SIM.EXPLAIN s i item
    ERR wrong number of arguments for 'SIM.EXPLAIN' command
SIM.EXPLAIN s i item ""
    ERR other must be a non-empty name
SIM.EXPLAIN s i item other LIMIT 1
    ERR unknown option 'LIMIT': expected SCORE, TIMESTAMP or WINDOW
SIM.EXPLAIN s i item other SCORE
    ERR SCORE must be OVERLAP, COVERAGE, SIGNIFICANCE or JACCARD
SIM.EXPLAIN s i item other SCORE coverage SCORE coverage
    ERR SCORE is given twice
SIM.EXPLAIN s i item other WINDOW 1002
    ERR WINDOW must be an integer between 1 and 1001
SIM.SIGNIFICANT s i
    ERR wrong number of arguments for 'SIM.SIGNIFICANT' command
SIM.SIGNIFICANT s i item SCORE OVERLAP
    ERR unknown option 'SCORE': expected LIMIT, TIMESTAMP or WINDOW
SIM.SIGNIFICANT s i item LIMIT -1
    ERR LIMIT must be an integer between 0 and 4294967295
SIM.SIGNIFICANT s i item LIMIT 1 LIMIT 1
    ERR LIMIT is given twice
SIM.SCAN s i
    ERR wrong number of arguments for 'SIM.SCAN' command
SIM.SCAN s i -1
SIM.SCAN s i start
SIM.SCAN s i 18446744073709551616
SIM.SCAN s i ""
    ERR cursor must be an integer between 0 and 18446744073709551615
SIM.SCAN s i 0 COUNT 0
SIM.SCAN s i 0 COUNT
SIM.SCAN s i 0 COUNT 4294967296
    ERR COUNT must be an integer between 1 and 4294967295
SIM.SCAN s i 0 MATCH
    ERR MATCH is missing
SIM.SCAN s i 0 MATCH <64KB>
    ERR MATCH must be at most 1024 bytes long
SIM.SCAN s i 0 COUNT 1 COUNT 1
    ERR COUNT is given twice
SIM.SCAN s i 0 NONSENSE
    ERR unknown option 'NONSENSE': expected MATCH or COUNT
SIM.ALTER s
SIM.ALTER s RETENTION
    ERR wrong number of arguments for 'SIM.ALTER' command
SIM.ALTER s RETENTION -1
SIM.ALTER s RETENTION 1001
SIM.ALTER s RETENTION long
    ERR RETENTION must be an integer between 0 and 1000
SIM.ALTER s RETENTION 1 INTERVAL 60
    ERR only RETENTION and SCORE can be altered: for any other change, create another scope
SIM.ALTER s BANDS 4
SIM.ALTER s INTERVAL 60
SIM.ALTER s SKETCH 16
SIM.ALTER s SCORE OVERLAP SKETCH 16
SIM.ALTER s UID 0123456789abcdef
    ERR only RETENTION and SCORE can be altered: for any other change, create another scope
SIM.ALTER s NONSENSE 1
    ERR unknown option 'NONSENSE': expected RETENTION or SCORE
SIM.ALTER s RETENTION 2 SCORE
SIM.ALTER s SCORE best
    ERR SCORE must be OVERLAP, COVERAGE, SIGNIFICANCE or JACCARD
SIM.ALTER missing SCORE OVERLAP
SIM.ALTER missing RETENTION 1
    ERR no such scope: make it with SIM.CREATE

# what only a primary or an append-only file may say
SIM.CREATE n UID 0123456789abcdef
SIM.CREATE n TAG {n}
SIM.CREATE n UID 0123456789abcdef TAG {n}
    ERR UID and TAG are only for replication and the AOF
SIM.LOAD n blob
SIM.LOAD s ""
    ERR SIM.LOAD is only for replication and the AOF
"#;

/// The arguments of a command of the table.
fn arguments(command: &str, chunk: &str) -> Vec<Vec<u8>> {
    let fill = |word: Vec<u8>| match word.as_slice() {
        b"<64KB>" => vec![vec![b'x'; 65_536]],
        b"<64KB+1>" => vec![vec![b'x'; 65_537]],
        b"<1MB>" => vec![vec![b'x'; 1 << 20]],
        b"<1MB+1>" => vec![vec![b'x'; (1 << 20) + 1]],
        b"<4096>" => (0..4096).map(|n: i32| n.to_string().into_bytes()).collect(),
        b"<4097>" => (0..4097).map(|n: i32| n.to_string().into_bytes()).collect(),
        b"<chunk>" => vec![chunk.into()],
        _ => vec![word],
    };
    words(command).into_iter().flat_map(fill).collect()
}

/// Each command of the table with its error; `now` is a time within the present interval of the scope `s`.
fn cases(now: i64) -> Vec<(&'static str, String)> {
    let oldest = (now - now % 3600 - 3 * 3600).to_string();
    let mut cases = Vec::new();
    let mut commands = Vec::new();
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("    ") {
            Some(error) => {
                cases.extend(commands.drain(..).map(|command| (command, error.replace("<oldest>", &oldest))))
            }
            None => commands.push(line),
        }
    }
    assert!(commands.is_empty(), "no error for {commands:?}");
    cases
}

/// Creates the scopes and keys that the table names, and gives the time.
fn populate(server: &Client) -> i64 {
    server.does("SIM.CREATE s BANDS 2 ROWS 1 INTERVAL 3600 RETENTION 3");
    server.does("SIM.CREATE wide BANDS 64 ROWS 64 HASH MURMUR3");
    server.does("SIM.CREATE kept BANDS 2 ROWS 1 SKETCH 16");
    server.does("SIM.RECORD s item SIGNATURE i 2 a b");
    server.does("SET text words");
    server.now_inside(3600)
}

on_each_server! {
    fn what_is_just_within_the_limits_is_taken(server: Server) {
        populate(&server);
        let chunk = server.only_chunk();
        for (line, reply) in [
            ("SIM.CREATE most BANDS 1024 ROWS 4 INTERVAL 4294967296 RETENTION 1000 SHINGLE WORDS 64", "OK"),
            ("SIM.CREATE rows BANDS 64 ROWS 64 HASH MURMUR3 MODULUS 2147483648 SEED 4294967295", "OK"),
            ("SIM.CREATE least BANDS 1 ROWS 1 INTERVAL 0 RETENTION 0 SHINGLE CHARS 1", "OK"),
            ("SIM.CREATE few BANDS 1 SKETCH 16 SCORE JACCARD", "OK"),
            ("SIM.CREATE many BANDS 1 SKETCH 4096", "OK"),
            ("SIM.CREATE <64KB> BANDS 1 ROWS 1", "OK"),
            ("SIM.RECORD <64KB> <64KB> SIGNATURE <64KB> 1 <64KB>", "[[1]]"),
            ("SIM.RECORD least item SIGNATURE i 1 \"\"", "[[1]]"),
            ("SIM.RECORD least item TEXT i <1MB>", "[[1]]"),
            ("SIM.RECORD least item TIMESTAMP 0 SIGNATURE i 1 \"\"", "[[2]]"),
            ("SIM.COMPARE s item 1 i MINBANDS 1 2 WINDOW 1001 LIMIT 4294967295 MINSCORE 0", "[[['item', '1']]]"),
        ] {
            assert_eq!(server.call(&arguments(line, &chunk)).to_string(), reply, "{line}");
        }
        let signature = server.call(&arguments("SIM.SIGNATURE wide FEATURES 4096 <4096>", &chunk));
        assert_eq!(signature.array().len(), 64);
        server.validate_all();
    }

    fn is_refused_with_a_clear_text_and_changes_nothing(server: Server) {
        let cases = cases(populate(&server));
        let chunk = server.only_chunk();
        let before = server.digest();
        let mut wrong = Vec::new();
        for (command, error) in &cases {
            let reply = server.call(&arguments(command, &chunk)).to_string();
            if reply != format!("!{error}") {
                wrong.push(format!("{command}\n    {reply}\n    instead of {error}"));
            }
            assert_eq!(server.digest(), before, "{command} has changed something");
        }
        assert!(wrong.is_empty(), "{} of {} are answered otherwise:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
        assert!(cases.len() >= 200, "the table is read whole");
        server.validate_all();
    }

    fn is_refused_in_a_script_and_a_transaction_too(server: Server) {
        let cases = cases(populate(&server));
        let before = server.digest();
        let plain = |command: &str, error: &str| !command.contains(['<', '"']) && !error.contains("number of arguments");
        for (command, _) in cases.iter().filter(|(command, error)| plain(command, error)) {
            let direct = server.refusal(command);
            server.does("MULTI");
            server.expect(command, "QUEUED");
            server.expect("EXEC", format!("[!{direct}]"));
            let words: Vec<String> = command.split(' ').map(|word| format!("'{word}'")).collect();
            let script = format!("return redis.pcall({}).err", words.join(", "));
            let scope = command.split(' ').nth(1).expect("a key");
            assert_eq!(server.does(format!("EVAL \"{script}\" 1 {scope}")).text(), direct, "{command}");
        }
        assert_eq!(server.digest(), before);
    }
}
