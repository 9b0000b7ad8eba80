#!/usr/bin/env bash
# The long forms of the tests, on every server of SERVERS: kills, replicas, moving slots, damaged payloads,
# random commands, expiry, memory, the worst time of each command; then a short run under valgrind.
# Less than half an hour. At the end it prints what was tried.
#
#     tests/soak/run.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
limit=${SOAK_SECONDS:-1500} # of the tests; the rest is valgrind's

export SIMILE_SOAK=1 SIMILE_MODULE=${SIMILE_MODULE:-$PWD/target/release/libsimile.so}
begin=$SECONDS
soak() {
    local left=$((limit - SECONDS + begin))
    ((left > 0)) || left=1 # for timeout, 0 is no limit
    if ! timeout "$left" cargo test --quiet --test server -- --nocapture "$@" 2>&1 | tee -a "$log" | sed '/figure: /d'; then
        echo "soak: failed, or not done after $limit seconds: $*" >&2
        exit 1
    fi
}

soak --test-threads=1 the_worst_of_each_command # by itself, since it measures times
# The names in full: there are tests of clients in a cluster, too, and they need packages that `make test` installs.
soak concerns::{crash,random_commands,hostile,replicas,memory,statistics,cluster,churn}:: random_commands_agree
# By itself, too, and on one server only: the search is the same on each, and filling takes long.
first=${SERVERS:-redis-7.0}
SERVERS=${first%%[ ,]*} soak --test-threads=1 copies_do_not_close_a_scope
tests/soak/valgrind.sh 180 | tee -a "$log"

echo
echo "What was tried, in $((SECONDS - begin)) seconds:"
grep -o 'figure: .*' "$log" | awk '{ number = $2; sub(/^figure: [0-9]+ /, ""); sum[$0] += number }
    END { for (what in sum) printf "%12d %s\n", sum[what], what }' | sort -k2
