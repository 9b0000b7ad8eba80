#!/bin/sh
# Installs the packages of the clients in examples/ into target/clients. Touches nothing outside target/.
#
#     scripts/install-clients.sh
#
# Quick if everything is installed already.
#   python   target/clients/python              redis-py, for PYTHONPATH
#   node     target/clients/node/node_modules   node-redis
set -eu
cd "$(dirname "$0")/.."
clients=target/clients
redis_py=redis==8.1.0

fail() {
    printf 'install-clients: %s\n' "$*" >&2
    exit 1
}

install_node() {
    wanted=$(cksum <examples/node/package.json)
    [ "$(cat "$clients/node/.installed" 2>/dev/null)" = "$wanted" ] && return
    { command -v node && command -v npm; } >/dev/null ||
        fail "node or npm is missing; install Node 20 or newer, on Debian with: sudo apt-get install -y nodejs npm"
    rm -rf "$clients/node"
    mkdir -p "$clients/node"
    cp examples/node/package.json "$clients/node"
    (cd "$clients/node" && npm install --silent --no-audit --no-fund --no-package-lock) ||
        fail "could not install the packages of examples/node with npm"
    echo "$wanted" >"$clients/node/.installed"
}

scripts/install-python-packages.sh "$clients/python" "$redis_py"
install_node
