#!/usr/bin/env bash
# make serve: runs a server with the module, to play with, until Ctrl-C.
# The environment variable PORT may choose its port.
set -euo pipefail
# shellcheck source=scripts/server.sh
source "${BASH_SOURCE[0]%/*}/server.sh"

scripts/install-packages.sh build serve
cargo build --release --lib
start_server "${PORT:-}"
trap 'echo; exit 0' INT # Ctrl-C is how this ends
cat <<END

A Redis with Simile listens on port $port of this machine. Ctrl-C stops it and
discards its data.

Talk to it from another terminal:

    redis-cli -p $port

and type, for a start:

    SIM.CREATE fruit SHINGLE WORDS 1 BANDS 32 ROWS 1
    SIM.RECORD fruit apple TEXT looks "round, red or green, with a stalk"
    SIM.RECORD fruit banana TEXT looks "long, yellow, and bent like a boat"
    SIM.CLASSIFY fruit TEXT looks "round and red, with a green stalk"
END
wait "$server"
