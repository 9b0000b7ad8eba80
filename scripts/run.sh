#!/usr/bin/env bash
# make run: groups of near-duplicates in real text, found by a server that this starts and stops.
# The environment variable INPUT may name a directory of text files, or a file of JSON lines.
set -euo pipefail
input=${INPUT:+$(realpath -m -- "$INPUT")}
# shellcheck source=scripts/server.sh
source "${BASH_SOURCE[0]%/*}/server.sh"

# Before minutes of building.
[[ -z $input || -e $input ]] || fail "INPUT=$INPUT: there is no such file or directory"
[[ -z $input || -s $input ]] || fail "INPUT=$INPUT: the file is empty"

scripts/install-packages.sh build serve
cargo build --release --lib --example near_duplicates
start_server ''
# In the background, so that a signal is heard at once.
"$release/examples/near_duplicates" --port "$port" ${input:+"$input"} &
client=$!
wait "$client"
