#!/usr/bin/env bash
# make eval: replays real sets of events through a server, and makes docs/choosing.md of what comes out.
# The environment variable DATA names the directory of the sets, which are no part of the repository.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."
data=${DATA:-../shared/data}

if [[ ! -d $data ]]; then
    cat >&2 <<END
simile: there is no directory $data. Name the directory of the sets:

    make eval DATA=path

eval/README.md says what they are, and where they come from.
END
    exit 1
fi
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
cargo build --release --lib
SIMILE_MODULE=$target/release/libsimile.so cargo run --release --package eval -- \
    --data "$data" --output "$target/eval.json"
eval/report.py "$target/eval.json"
