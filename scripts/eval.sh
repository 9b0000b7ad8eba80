#!/usr/bin/env bash
# make eval: replays real sets of events through a server, and makes docs/choosing.md from the results.
# The environment variable DATA names the directory of the sets, which are not part of the repository.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."
data=${DATA:-../shared/data}

if [[ ! -d $data ]]; then
    cat >&2 <<END
simile: the directory $data does not exist. Name the directory of the sets:

    make eval DATA=path

eval/README.md says what the sets are and where they come from.
END
    exit 1
fi
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
scripts/install-python-packages.sh target/eval/python drain3==0.9.11 datasketch==2.0.0 rensa==0.5.0
cargo build --release --lib
EVAL_PYTHON=$PWD/target/eval/python SIMILE_MODULE=$target/release/libsimile.so cargo run --release --package eval -- \
    --data "$data" --output "$target/eval.json"
eval/report.py "$target/eval.json"
