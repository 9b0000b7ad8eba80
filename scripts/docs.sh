#!/usr/bin/env bash
# make docs: builds the documentation as a site, target/book/index.html. A warning is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-cargo-tool.sh mdbook 0.5.4
said=$(target/tools/bin/mdbook build 2>&1) || { printf '%s\n' "$said" >&2; exit 1; }
if grep -E 'WARN|ERROR' <<<"$said"; then exit 1; fi
echo "$PWD/target/book/index.html"
