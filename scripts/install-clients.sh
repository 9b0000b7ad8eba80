#!/bin/sh
# Installs the packages that the clients in clients/ and examples/ need, and their tests, into target/clients. Touches
# nothing outside target/.
#
#     scripts/install-clients.sh [check]
#
# Quick if everything is installed already. With `check`, only what `make check` needs.
#   python          target/clients/python          the libraries of clients that are served, for PYTHONPATH
#   python-oldest   target/clients/python-oldest   the same, in their oldest versions that are served
#   python-parsers  target/clients/python-parsers  the parsers in C that both libraries use if they find them
#   python-tools    target/clients/python-tools    what checks the package's types, and what builds it
#   datasketch      target/clients/datasketch      whose MinHashLSH the package's own is compared with
#   node            target/clients/node/node_modules   node-redis
set -eu
cd "$(dirname "$0")/.."
clients=target/clients

install_python() {
    directory=$1
    shift
    scripts/install-python-packages.sh "$clients/$directory" "$@"
}

# fakeredis: a client that looks as if it could be served, and is refused.
install_python python redis==8.1.0 valkey==6.2.0 fakeredis==2.41.0
install_python python-tools mypy==2.4.1 hatchling==1.33.0
[ "${1-}" != check ] || exit 0
install_python python-oldest redis==5.0.1 valkey==6.0.0
install_python python-parsers hiredis==3.5.0 libvalkey==4.2.1
install_python datasketch datasketch==2.0.0
scripts/install-node-packages.sh "$clients/node" examples/node/package.json
