#!/bin/sh
# Installs the packages that a package.json names into a directory, which is made for them. Touches nothing outside of it.
#
#     scripts/install-node-packages.sh target/clients/node examples/node/package.json
#
# Quick if exactly these packages are installed there already.
set -eu
cd "$(dirname "$0")/.."
directory=$1 manifest=$2

fail() {
    printf 'install-node-packages: %s\n' "$*" >&2
    exit 1
}

wanted=$(cksum <"$manifest")
[ "$(cat "$directory/.installed" 2>/dev/null)" = "$wanted" ] && exit 0
{ command -v node && command -v npm; } >/dev/null ||
    fail "node or npm is missing; install Node 20 or newer, on Debian with: sudo apt-get install -y nodejs npm"
rm -rf "$directory"
mkdir -p "$directory"
cp "$manifest" "$directory"
(cd "$directory" && npm install --silent --no-audit --no-fund --no-package-lock) ||
    fail "could not install the packages of $manifest with npm"
echo "$wanted" >"$directory/.installed" # last: an interrupted install is no install
