#!/usr/bin/env bash
# make run: finds groups of near-duplicates in real text, with a server that it starts and stops.
# The environment variable INPUT may name a directory of text files, or a file of JSON lines.
set -euo pipefail
input=${INPUT:+$(realpath -m -- "$INPUT")}
# shellcheck source=scripts/server.sh
source "${BASH_SOURCE[0]%/*}/server.sh"

# Checked first: building takes minutes.
[[ -z $input || -e $input ]] || fail "INPUT=$INPUT: no such file or directory"
[[ -z $input || -s $input ]] || fail "INPUT=$INPUT: the file is empty"

scripts/install-packages.sh build serve
cargo build --release --lib --example near_duplicates
start_server ''
# In the background, so that the script handles a signal at once.
"$release/examples/near_duplicates" --port "$port" ${input:+"$input"} &
client=$!
wait "$client"
