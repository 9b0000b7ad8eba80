#!/bin/sh
# A short run of the server tests that are hardest on memory, with the server under valgrind: any error
# that has the module in its stack fails it. Redis 7.0 of the system.
#
#     tests/soak/valgrind.sh [seconds]
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-300}
module=$(realpath "${SIMILE_MODULE:-target/release/libsimile.so}") # the server asks for an absolute path
command -v valgrind >/dev/null || { echo "valgrind is missing" >&2; exit 1; }
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
port=${PORT:-27379}

valgrind --quiet --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=none \
    --log-file="$work/valgrind.log" \
    redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$work" --activedefrag no \
    --loadmodule "$module" debug yes >"$work/server.log" 2>&1 &
server=$!
tries=0
until redis-cli -p "$port" ping >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 120 ] || { cat "$work/server.log"; exit 1; }
    kill -0 "$server" || { cat "$work/server.log"; exit 1; }
    sleep 0.5
done

# Commands of all kinds, good and bad, from awk's seeded random numbers; redis-cli reads them line by line.
awk -v seed=7 -v lines=200000 'BEGIN {
    srand(seed)
    split("0 1 2 3 16 1024 4096 65536 4294967296 18446744073709551616 -1 x", number, " ")
    for (n = 0; n < lines; n++) {
        s = "s" int(rand() * 4); i = "item" int(rand() * 30); x = "i" int(rand() * 3); b = "b" int(rand() * 5)
        k = number[1 + int(rand() * 12)]
        r = int(rand() * 25)
        if (r == 0) print "SIM.CREATE", s, "BANDS 3 ROWS 2 INTERVAL", k
        else if (r <= 4) print "SIM.RECORD", s, i, "TEXT", x, "\"some text " int(rand() * 90) " of " k "\""
        else if (r == 5) print "SIM.RECORD", s, i, "FEATURES", x, k, "a b"
        else if (r == 6) print "SIM.RECORD", s, i, "SIGNATURE", x, 3, b, b, "c"
        else if (r == 7) print "SIM.COMPARE", s, i, 2, x, "i1 COMBINE LIMIT", k
        else if (r == 8) print "SIM.CLASSIFY", s, "TEXT", x, "\"some text\" MINBANDS 1", k
        else if (r == 9) print "SIM.MERGE", s, i, "* item" int(rand() * 30)
        else if (r == 10) print "SIM.DELETE", s, x, i, "*", "item1"
        else if (r == 11) print "SIM.FREQUENCIES", s, x, i, "WINDOW", k
        else if (r == 12) print "SIM.MEMBERS", s, x, 1, b
        else if (r == 13) print "SIM.INFO", s
        else if (r == 14 && rand() < 0.1) print "SIM.DROP", s
        else if (r == 15 && rand() < 0.02) print "DEBUG RELOAD"
        else if (r == 16) print "SIM.ASSIGN", s, i, "MINSCORE 0.5 TEXT", x, "\"some text " int(rand() * 90) "\""
        else if (r == 17) print "SIM.EXPLAIN", s, x, i, "item" int(rand() * 30)
        else if (r == 18) print "SIM.SIGNIFICANT", s, x, i, "LIMIT", k
        else if (r == 19) print "SIM.SCAN", s, x, k, "COUNT", k
        else if (r == 20) print "SIM.EXPORT", s, x, i
        else if (r == 21) print "SIM.ALTER", s, "RETENTION", k
        else if (r == 22) print "INFO simile"
        else if (r == 23) print "SIM.COUNT", s, x, 2, i, "item1 WINDOW", k
        else if (r == 24) print "SIM.COMPARE", s, i, 1, x, "WITHCOUNTS MATCH *[1-" k "]?"
        else print "SIM.SIGNATURE", s, "FEATURES 2 a", k
    }
}' | timeout "$seconds" redis-cli -p "$port" >"$work/replies" 2>&1 || true
[ "$(redis-cli -p "$port" ping)" = PONG ] || { cat "$work/valgrind.log" "$work/server.log"; exit 1; }
redis-cli -p "$port" flushall >/dev/null
redis-cli -p "$port" shutdown nosave >/dev/null 2>&1 || true
wait "$server" || true
server=
echo "figure: $(wc -l <"$work/replies") lines of replies under valgrind"
if grep -q "internal error" "$work/replies"; then echo "a command panicked" >&2; exit 1; fi
if grep -q simile "$work/valgrind.log"; then cat "$work/valgrind.log"; exit 1; fi
echo "valgrind found nothing in the module"
