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

# done_with DIRECTORY WHAT: true if exactly WHAT was installed in DIRECTORY
done_with() {
    [ "$(cat "$1/.installed" 2>/dev/null)" = "$2" ]
}

install_python() {
    done_with "$clients/python" "$redis_py" && return
    command -v python3 >/dev/null ||
        fail "python3 is missing; install it with: sudo apt-get install -y python3 python3-pip"
    python3 -m pip --version >/dev/null 2>&1 ||
        fail "pip is missing; install it with: sudo apt-get install -y python3-pip"
    rm -rf "$clients/python"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
        --target "$clients/python" "$redis_py" || fail "could not install $redis_py with pip"
    echo "$redis_py" >"$clients/python/.installed" # last: an interrupted install is no install
}

install_node() {
    wanted=$(cksum <examples/node/package.json)
    done_with "$clients/node" "$wanted" && return
    { command -v node && command -v npm; } >/dev/null ||
        fail "node or npm is missing; install Node 20 or newer, on Debian with: sudo apt-get install -y nodejs npm"
    rm -rf "$clients/node"
    mkdir -p "$clients/node"
    cp examples/node/package.json "$clients/node"
    (cd "$clients/node" && npm install --silent --no-audit --no-fund --no-package-lock) ||
        fail "could not install the packages of examples/node with npm"
    echo "$wanted" >"$clients/node/.installed"
}

install_python
install_node
