#!/bin/sh
# Installs packages of Python into a directory, for PYTHONPATH. Touches nothing outside of it.
#
#     scripts/install-python-packages.sh target/clients/python redis==8.1.0
#
# Quick if exactly these packages are installed there already.
set -eu
cd "$(dirname "$0")/.."
directory=$1
shift

fail() {
    printf 'install-python-packages: %s\n' "$*" >&2
    exit 1
}

[ "$(cat "$directory/.installed" 2>/dev/null)" = "$*" ] && exit 0
command -v python3 >/dev/null ||
    fail "python3 is missing; install it with: sudo apt-get install -y python3 python3-pip"
python3 -m pip --version >/dev/null 2>&1 ||
    fail "pip is missing; install it with: sudo apt-get install -y python3-pip"
rm -rf "$directory"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
    --target "$directory" "$@" || fail "could not install $* with pip"
echo "$*" >"$directory/.installed" # last: an interrupted install is no install
