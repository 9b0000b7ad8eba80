#!/bin/sh
# Builds a program with cargo and installs it into target/tools. Touches nothing outside target/.
#
#     scripts/install-cargo-tool.sh mdbook 0.5.4
#
# Quick if it is installed already; building it takes minutes. Prints nothing if it succeeds.
set -eu
cd "$(dirname "$0")/.."
tool=$1 version=$2
tools=target/tools

[ "$(cat "$tools/$tool.version" 2>/dev/null)" = "$version" ] && exit 0
command -v cargo >/dev/null || {
    echo "install-cargo-tool: cargo is missing: Rust comes from your package manager or from rustup" >&2
    exit 1
}
echo "Building $tool $version, once ..." >&2
cargo install --quiet --locked --root "$tools" --version "$version" "$tool" || {
    echo "install-cargo-tool: could not build $tool $version" >&2
    exit 1
}
echo "$version" >"$tools/$tool.version" # last: an interrupted install is no install
