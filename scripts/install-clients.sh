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

scripts/install-python-packages.sh "$clients/python" "$redis_py"
scripts/install-node-packages.sh "$clients/node" examples/node/package.json
